/* SPDX-License-Identifier: MIT */
/*
 * The map of most files: a few extents or direct pointers, in the inode itself, all of them in
 * order and in range. It needs no cursor. Whatever is odd about a map is left to the cursor
 * (mapping.c), which knows what to say of it; so this file must never be more lenient.
 * Doc: ext4/ifork.rst, "Extent Tree" and "Direct/Indirect Block Addressing".
 */
#include "config.h"

#include <ext/mapping.h>
#include <ext/extent_node.h>

#include "bytes/endian.h"
#include "layout/layout.h"
#include "walk/plain_extents.h"

enum {
	IN_INODE = 4, /* extents that i_block has room for */
	LEAST = 2,    /* that a header may claim; extent_tree.c says what else is wrong with it */
	DIRECT = 12,
	POINTERS = 15,
};

static const uint64_t logical_end = (uint64_t)1 << 32;

static bool small_tree(const struct ext_superblock *sb, const struct ext_inode *inode,
		       struct ext_run *runs, unsigned *count)
{
	const struct ext_raw_extent_header *header =
		(const struct ext_raw_extent_header *)(const void *)inode->i_block;
	struct plain_extents state = {.limit = logical_end, .budget = sb->block_count};
	const unsigned entries = get(header->eh_entries), max = get(header->eh_max);

	if (get(header->eh_magic) != EXT_EXTENT_HEADER_MAGIC || get(header->eh_depth) != 0 ||
	    max < LEAST || max > IN_INODE || entries > max)
		return false;
	*count = plain_extents(sb, (const uint8_t *)(header + 1), entries, &state, runs, IN_INODE);
	return *count == entries;
}

static bool direct_pointers(const struct ext_superblock *sb, const struct ext_inode *inode,
			    struct ext_run *runs, unsigned *count)
{
	const struct le32 *pointers = (const struct le32 *)(const void *)inode->i_block;
	struct ext_run *run = NULL;
	unsigned found = 0;

	for (unsigned i = DIRECT; i < POINTERS; i++)
		if (get(pointers[i]) != 0)
			return false;
	if (sb->block_count < DIRECT)
		return false;
	for (ext_logical i = 0; i < DIRECT; i++) {
		const ext_block block = get(pointers[i]);

		if (block == 0)
			continue;
		if (block < sb->first_data_block || block >= sb->block_count)
			return false;
		/* What follows on disk as in the file is one run. */
		if (run && run->logical + run->length == i &&
		    run->physical + run->length == block) {
			run->length++;
			continue;
		}
		run = &runs[found++];
		*run = (struct ext_run){EXT_RUN_DATA, i, 1, block, 0, false};
	}
	*count = found;
	return true;
}

bool ext_mapping_small(const struct ext_superblock *sb, const struct ext_inode *inode,
		       struct ext_run runs[EXT_SMALL_MAP], unsigned *count)
{
	if (!ext_inode_maps_blocks(inode)) {
		*count = 0;
		return true;
	}
	return inode->flags & EXT_INODE_EXTENTS ? small_tree(sb, inode, runs, count)
						: direct_pointers(sb, inode, runs, count);
}
