/* SPDX-License-Identifier: MIT */
/*
 * The resize inode maps the reserved descriptor blocks through one double-indirect block, whose
 * slots name the reserved blocks of group 0; each of these in turn lists its copies in the other
 * groups. A wiped beginning of the disk takes them along with superblock and descriptors.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/copies.h>
#include <ext/inode.h>

#include "complain.h"
#include "exit.h"
#include "repairs/resize_inode.h"

enum { DOUBLE_INDIRECT_AT = 13 * 4 };

static uint32_t get_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static void put_u32(uint8_t *bytes, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* What reserved block `block` of group 0 must hold: the same block, in each group with a copy. */
static void list_copies(const struct ext_superblock *sb, ext_block block, uint8_t *bytes)
{
	uint32_t at = 0;

	memset(bytes, 0, sb->block_size);
	for (ext_group group = ext_copy_next_group(sb, 0);
	     group < sb->group_count && at < sb->block_size;
	     group = ext_copy_next_group(sb, group), at += 4)
		put_u32(bytes + at, (uint32_t)(block + (uint64_t)group * sb->blocks_per_group));
}

/* The double-indirect block of the resize inode; false when that is no use. */
static bool read_slots(const struct opened_image *image, uint8_t *slots)
{
	const struct ext_superblock *sb = image->superblock;
	struct ext_inode inode;
	uint32_t block;

	if (ext_inode_read(image->filesystem, EXT_INO_RESIZE, &inode, NULL, NULL) != EXT_OK ||
	    inode.flags & EXT_INODE_EXTENTS)
		return false;
	block = get_u32(inode.i_block + DOUBLE_INDIRECT_AT);
	return block > sb->first_data_block && block < sb->block_count &&
	       ext_filesystem_read_blocks(image->filesystem, block, 1, slots, NULL) == EXT_OK;
}

int resize_inode_plan(const struct opened_image *image, struct plan *plan)
{
	const struct ext_superblock *sb = image->superblock;
	struct ext_group_layout layout;
	uint8_t *slots, *before, *after;
	int status = EXIT_CLEAN;

	ext_group_layout(sb, 0, &layout);
	if (!ext_has_compat(sb, EXT_COMPAT_RESIZE_INODE) || layout.reserved_blocks == 0)
		return EXIT_CLEAN;
	slots = malloc((size_t)sb->block_size * 3);
	if (!slots) {
		complain("out of memory");
		return EXIT_CANNOT_RUN;
	}
	before = slots + sb->block_size;
	after = before + sb->block_size;
	for (uint32_t i = 0; i < layout.reserved_blocks && read_slots(image, slots); i++) {
		const ext_block block = layout.descriptors_start + layout.descriptor_blocks + i;
		const uint32_t slot = (layout.descriptor_blocks + i) % (sb->block_size / 4);
		const struct planned_write write = {.kind = PLANNED_RESERVED,
						    .phase = PHASE_PRIMARY_DESCRIPTORS,
						    .index = i,
						    .offset = block << sb->block_size_log2,
						    .length = sb->block_size,
						    .why = "a reserved descriptor block",
						    .before = before,
						    .after = after};

		if (get_u32(slots + (size_t)slot * 4) != block ||
		    ext_filesystem_read_blocks(image->filesystem, block, 1, before, NULL) !=
			    EXT_OK ||
		    !all_zero(before, sb->block_size))
			continue;
		list_copies(sb, block, after);
		if (!plan_add(plan, &write)) {
			complain("out of memory");
			status = EXIT_CANNOT_RUN;
			break;
		}
	}
	free(slots);
	return status;
}
