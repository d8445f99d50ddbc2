/* SPDX-License-Identifier: MIT */
/* A superblock of a small filesystem, as bytes: 1 KiB blocks, groups of 256, checksums. */
#ifndef TESTS_PARSER_SMALL_SUPERBLOCK_H
#define TESTS_PARSER_SMALL_SUPERBLOCK_H

#include <string.h>

#include <ext/copies.h>

#include "layout/layout.h"

enum { SMALL_GROUP_BLOCKS = 256, SMALL_GROUPS = 6 };

/* `mark` makes one filesystem differ from another: UUID, time of mkfs and hash seed. */
static inline void small_superblock(uint8_t bytes[1024], uint8_t mark, ext_group group)
{
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)bytes;

	memset(bytes, 0, 1024);
	put(&raw->s_magic, EXT_MAGIC);
	put(&raw->s_rev_level, 1);
	put(&raw->s_state, EXT_STATE_CLEAN);
	put(&raw->s_blocks_count_lo, 1 + SMALL_GROUPS * SMALL_GROUP_BLOCKS);
	put(&raw->s_inodes_count, SMALL_GROUPS * 32);
	put(&raw->s_first_data_block, 1);
	put(&raw->s_blocks_per_group, SMALL_GROUP_BLOCKS);
	put(&raw->s_clusters_per_group, SMALL_GROUP_BLOCKS);
	put(&raw->s_inodes_per_group, 32);
	put(&raw->s_first_ino, 11);
	put(&raw->s_inode_size, 128);
	put(&raw->s_feature_ro_compat, EXT_RO_SPARSE_SUPER | EXT_RO_METADATA_CSUM);
	raw->s_checksum_type = 1;
	memset(raw->s_uuid, mark, sizeof raw->s_uuid);
	put(&raw->s_mkfs_time, 1000000000u + mark);
	put(&raw->s_hash_seed[0], mark);
	ext_superblock_make_copy(bytes, group, bytes);
}

#endif
