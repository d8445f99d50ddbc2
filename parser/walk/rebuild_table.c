/* SPDX-License-Identifier: MIT */
/*
 * A descriptor table names bitmaps and inode tables; the root inode must be the second of the first
 * table and its directory must name itself, which settles block size, descriptor size and inode
 * size at once.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "walk/rebuild_steps.h"

#include <ext/extent_node.h>

enum { GROUPS_MAX = 1 << 22 };

uint64_t rebuild_first_block(const struct rebuild *r, const uint8_t *raw)
{
	const uint32_t flags = u32(raw, 0x20);
	const uint8_t *node = raw + 0x28;

	if (!(flags & EXT_INODE_EXTENTS))
		return u32(node, 0);
	for (unsigned depth = 0; depth < 6; depth++) {
		if (u16(node, 0) != EXT_EXTENT_HEADER_MAGIC || u16(node, 2) == 0)
			return 0;
		if (u16(node, 6) == 0)
			return u32(node, 12 + 8) | (uint64_t)u16(node, 12 + 6) << 32;
		if (!is_inside(r, u32(node, 12 + 4)) || !read_block(r, u32(node, 12 + 4)))
			return 0;
		node = r->block;
	}
	return 0;
}

/* Is this the root inode: a directory whose first block names inode 2 twice? */
static bool is_root(struct rebuild *r, const uint8_t *raw)
{
	uint64_t block;

	if ((raw[1] & 0xf0) != 0x40 || u16(raw, 0x1a) < 2)
		return false;
	if (u32(raw, 0x20) & EXT_INODE_INLINE_DATA)
		return u32(raw, 0x28) == EXT_INO_ROOT;
	block = rebuild_first_block(r, raw);
	if (!is_inside(r, block) || !read_block(r, block))
		return false;
	r->has_filetype = r->block[7] == EXT_TYPE_DIRECTORY;
	return u32(r->block, 0) == EXT_INO_ROOT && u16(r->block, 4) == 12 && r->block[6] == 1 &&
	       r->block[8] == '.' && u32(r->block, 12) == EXT_INO_ROOT && r->block[18] == 2 &&
	       r->block[20] == '.' && r->block[21] == '.';
}

/* The inode size at which the second inode of the first table is the root. */
static bool find_root(struct rebuild *r)
{
	const uint64_t start = locations_at(r, 0).inode_table * r->block_size;
	static const uint32_t sizes[] = {256, 128, 512, 1024};

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (sizes[i] > r->block_size ||
		    ext_source_read(r->source, start + sizes[i], r->root, sizes[i], NULL) != EXT_OK)
			continue;
		r->inode_size = sizes[i];
		if (is_root(r, r->root))
			return true;
	}
	return false;
}

/* Reads the table as far as it looks like one. False when its first entry does not. */
static bool read_table(struct rebuild *r)
{
	const uint64_t most = min_u64(GROUPS_MAX, r->blocks / 8 + 1);
	const uint64_t left = r->size - r->table_offset;
	const uint64_t size = min_u64(most * r->descriptor_size, left);

	r->table_room = (uint32_t)(size / r->descriptor_size);
	/* One block first: nearly all places are none. */
	if (r->table_room == 0)
		return false;
	free(r->table);
	r->table = malloc((size_t)r->table_room * r->descriptor_size);
	if (!r->table ||
	    ext_source_read(r->source, r->table_offset, r->table,
			    (size_t)r->table_room * r->descriptor_size, NULL) != EXT_OK)
		return false;
	r->group_count = 0;
	while (r->group_count < r->table_room && can_be_descriptor(r, r->group_count))
		r->group_count++;
	return r->group_count > 0;
}

/* Tries one place as a table, in both sizes of descriptors. */
static bool try_table(struct rebuild *r, uint64_t offset)
{
	/* A descriptor of 32 bytes and nothing behind it looks like one of 64, but not the reverse.
	 */
	static const uint32_t sizes[] = {64, 32};
	uint8_t first[12];

	if (offset >= r->size ||
	    ext_source_read(r->source, offset, first, sizeof first, NULL) != EXT_OK ||
	    !is_inside(r, u32(first, 0)) || !is_inside(r, u32(first, 4)) ||
	    !is_inside(r, u32(first, 8)))
		return false;
	r->table_offset = offset;
	for (unsigned i = 0; i < 2; i++) {
		r->descriptor_size = sizes[i];
		if (!read_table(r) || !find_root(r))
			continue;
		/* What has no extents has no 64bit either, unless somebody asked for it. */
		if (r->group_count > 1 || r->descriptor_size == 32 ||
		    u32(r->root, 0x20) & EXT_INODE_EXTENTS)
			return true;
	}
	return false;
}

bool rebuild_find_table(struct rebuild *r, uint32_t block_size)
{
	static const uint32_t groups[] = {1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343, 625, 729};
	const uint64_t per_group = min_u64((uint64_t)8 * block_size, GROUP_BLOCKS_MOST);

	r->block_size = block_size;
	r->blocks = r->size / block_size;
	r->first_data_block = block_size == 1024;
	free(r->block);
	r->block = malloc(block_size);
	if (!r->block)
		return false;
	/* Behind the superblock: block 1, or 2 where block 0 is kept for booting. */
	if (try_table(r, (uint64_t)block_size * (block_size == 1024 ? 2 : 1)))
		return true;
	for (unsigned i = 0; i < sizeof groups / sizeof *groups; i++)
		if (try_table(r, (r->first_data_block + groups[i] * per_group + 1) * block_size))
			return true;
	return false;
}
