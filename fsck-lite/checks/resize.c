/* SPDX-License-Identifier: MIT */
/*
 * The resize inode, which holds blocks behind every descriptor table for a larger one: its double
 * indirect block lists those of the primary, and each of them those of the copies. Invariants: it
 * is so with the feature, and the inode is empty without it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "checks/checks.h"
#include "checks/report.h"

enum { DOUBLE_INDIRECT = 13, POINTERS = 15 };

static uint32_t pointer(const uint8_t *bytes, uint32_t index)
{
	bytes += (size_t)index * 4;
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static bool maps_only(const struct ext_inode *inode, unsigned slot)
{
	for (unsigned i = 0; i < POINTERS; i++)
		if (i != slot && pointer(inode->i_block, i) != 0)
			return false;
	return true;
}

/* Does one reserved block list its counterparts in all other groups with a superblock? */
static bool lists_copies(const struct checks *checks, const uint8_t *block, ext_block reserved)
{
	const struct ext_superblock *sb = checks->superblock;
	uint32_t index = 0;

	for (ext_group group = 1; group < sb->group_count && index < sb->block_size / 4; group++)
		if (ext_group_has_superblock(sb, group) &&
		    pointer(block, index++) != reserved + (uint64_t)group * sb->blocks_per_group)
			return false;
	return true;
}

static bool lists_reserve(const struct checks *checks, uint32_t from, uint32_t to,
			  const uint8_t *list, uint8_t *buffer)
{
	const struct ext_superblock *sb = checks->superblock;
	const uint32_t slots = sb->block_size / 4;
	struct ext_group_layout layout;

	ext_group_layout(sb, 0, &layout);
	for (uint32_t i = from; i < to; i++) {
		const ext_block reserved = layout.descriptors_start + layout.descriptor_blocks + i;

		if (pointer(list, (sb->descriptor_blocks + i) % slots) != reserved ||
		    ext_filesystem_read_blocks(checks->filesystem, reserved, 1, buffer, NULL) !=
			    EXT_OK ||
		    !lists_copies(checks, buffer, reserved))
			return false;
	}
	return true;
}

enum verdict { IS_VALID, IS_INCOMPLETE, IS_INVALID };

/* e2fsck looks at the first quarter of the list alone, and at no pointer but the one to it. */
static enum verdict judge(const struct checks *checks, const struct ext_inode *inode)
{
	const struct ext_superblock *sb = checks->superblock;
	const ext_block block = pointer(inode->i_block, DOUBLE_INDIRECT);
	const uint32_t count = sb->reserved_gdt_blocks, looked_at = count / 4;
	enum verdict verdict = IS_INVALID;
	uint8_t *buffers = NULL;

	if (inode->links == 0 || inode->type != EXT_TYPE_REGULAR || block <= sb->first_data_block ||
	    block >= sb->block_count || !(buffers = malloc((size_t)2 * sb->block_size)))
		return IS_INVALID;
	if (ext_filesystem_read_blocks(checks->filesystem, block, 1, buffers, NULL) == EXT_OK &&
	    lists_reserve(checks, 0, looked_at, buffers, buffers + sb->block_size))
		verdict = maps_only(inode, DOUBLE_INDIRECT) &&
					  lists_reserve(checks, looked_at, count, buffers,
							buffers + sb->block_size)
				  ? IS_VALID
				  : IS_INCOMPLETE;
	free(buffers);
	return verdict;
}

void check_resize_inode(struct checks *checks)
{
	const bool wanted = ext_has_compat(checks->superblock, EXT_COMPAT_RESIZE_INODE);
	struct ext_inode inode;
	enum verdict verdict;

	if (ext_inode_read(checks->filesystem, EXT_INO_RESIZE, &inode, NULL, NULL) != EXT_OK)
		return;
	verdict = wanted ? judge(checks, &inode) : IS_VALID;
	if (verdict != IS_VALID)
		report_inode(checks->sink,
			     verdict == IS_INVALID ? EXT_RESIZE_INODE_INVALID
						   : EXT_RESIZE_INODE_INCOMPLETE,
			     EXT_INO_RESIZE, NULL, 0, 0, 0);
	else if (!wanted && !maps_only(&inode, POINTERS))
		report_inode(checks->sink, EXT_RESIZE_INODE_IN_USE, EXT_INO_RESIZE, NULL, 0, 0, 0);
}
