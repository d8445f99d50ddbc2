/* SPDX-License-Identifier: MIT */
/*
 * What the steps of a rebuild share: what is known so far, and looks at the image through it. The
 * steps come in this order: the descriptor table, the sizes, the features, the checksums.
 */
#ifndef WALK_REBUILD_STEPS_H
#define WALK_REBUILD_STEPS_H

#include <ext/inode.h>

#include "layout/layout.h"
#include "walk/rebuild.h"

enum { GROUP_BLOCKS_MOST = 65528, INODE_SIZES_MAX = 1024, LOST_FOUND = 11 };

struct rebuild {
	struct ext_source *source;
	uint64_t size; /* bytes */
	uint32_t block_size, descriptor_size, inode_size;
	uint64_t table_offset; /* bytes; of the descriptor table */
	uint64_t blocks;       /* of the image */
	uint8_t *table;	       /* raw descriptors */
	uint32_t group_count, table_room;
	uint32_t inodes_per_group, clusters_per_group, cluster_blocks;
	uint64_t block_count;
	uint32_t first_data_block;
	uint8_t *block; /* one block */
	uint8_t root[INODE_SIZES_MAX];
	bool has_filetype, has_meta_groups;
};

static inline uint32_t u32(const uint8_t *bytes, size_t at)
{
	return (uint32_t)bytes[at] | (uint32_t)bytes[at + 1] << 8 | (uint32_t)bytes[at + 2] << 16 |
	       (uint32_t)bytes[at + 3] << 24;
}

static inline uint16_t u16(const uint8_t *bytes, size_t at)
{
	return (uint16_t)(bytes[at] | bytes[at + 1] << 8);
}

struct locations {
	uint64_t block_bitmap, inode_bitmap, inode_table;
};

static inline struct locations locations_at(const struct rebuild *r, uint32_t group)
{
	const uint8_t *raw = r->table + (size_t)group * r->descriptor_size;
	struct locations where = {u32(raw, 0), u32(raw, 4), u32(raw, 8)};

	if (r->descriptor_size >= 64) {
		where.block_bitmap |= (uint64_t)u32(raw, 0x20) << 32;
		where.inode_bitmap |= (uint64_t)u32(raw, 0x24) << 32;
		where.inode_table |= (uint64_t)u32(raw, 0x28) << 32;
	}
	return where;
}

static inline bool is_inside(const struct rebuild *r, uint64_t block)
{
	return block > r->first_data_block && block < r->blocks;
}

static inline bool can_be_descriptor(const struct rebuild *r, uint32_t group)
{
	const struct locations where = locations_at(r, group);

	return is_inside(r, where.block_bitmap) && is_inside(r, where.inode_bitmap) &&
	       is_inside(r, where.inode_table) && where.block_bitmap != where.inode_bitmap &&
	       where.block_bitmap != where.inode_table && where.inode_bitmap != where.inode_table;
}

static inline bool read_block(const struct rebuild *r, uint64_t block)
{
	return ext_source_read(r->source, block * r->block_size, r->block, r->block_size, NULL) ==
	       EXT_OK;
}

/* A raw inode of group 0. */
static inline bool read_inode(const struct rebuild *r, ext_ino ino, uint8_t *raw)
{
	const uint64_t start = locations_at(r, 0).inode_table * r->block_size;

	return ext_source_read(r->source, start + (uint64_t)(ino - 1) * r->inode_size, raw,
			       r->inode_size, NULL) == EXT_OK;
}

/* The first data block of a directory inode, whichever way it is mapped. 0: none in sight. */
uint64_t rebuild_first_block(const struct rebuild *r, const uint8_t *raw);

/* With this block size: the primary table, then where default copies lie. */
bool rebuild_find_table(struct rebuild *r, uint32_t block_size);

/* Of groups, of tables, of the whole. */
bool rebuild_find_sizes(struct rebuild *r);

/* Feature words, and the fields that go with them. */
void rebuild_find_features(struct rebuild *r, struct ext_raw_superblock *raw,
			   struct ext_rebuilt *facts);

/* Which checksums there are, and under which seed or UUID they hold. */
void rebuild_find_checksums(struct rebuild *r, struct ext_raw_superblock *raw,
			    struct ext_rebuilt *facts);

#endif
