/* SPDX-License-Identifier: MIT */
/*
 * A superblock without any copy of one: the steps of rebuild_steps.h, one after another, for each
 * block size, and what they come to written as a superblock.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "walk/rebuild_steps.h"

enum { DEFAULT_FIRST_INODE = 11 };

static uint32_t log2_of(uint64_t value)
{
	uint32_t log = 0;

	while (value >> (log + 1) != 0)
		log++;
	return log;
}

static void write_superblock(struct rebuild *r, struct ext_raw_superblock *raw,
			     struct ext_rebuilt *facts)
{
	const uint32_t made = r->inode_size > 128 ? u32(r->root, 0x90) : u32(r->root, 0x0c);
	const uint32_t log_block = log2_of(r->block_size) - 10;
	/* What mke2fs reserves for root by default: 5 %, scaled down when it leaves out a group. */
	const uint64_t given = r->blocks - r->block_count < 8 ? r->block_count : r->blocks;
	const uint64_t reserved =
		given / 20 < r->block_count
			? (uint64_t)((double)(given / 20) * (double)r->block_count / (double)given)
			: 0;

	memset(raw, 0, sizeof *raw);
	put(&raw->s_magic, EXT_MAGIC);
	put(&raw->s_inodes_count, r->group_count * r->inodes_per_group);
	put(&raw->s_blocks_count_lo, (uint32_t)r->block_count);
	put(&raw->s_blocks_count_hi, (uint32_t)(r->block_count >> 32));
	put(&raw->s_r_blocks_count_lo, (uint32_t)reserved);
	put(&raw->s_r_blocks_count_hi, (uint32_t)(reserved >> 32));
	put(&raw->s_first_data_block, r->first_data_block);
	put(&raw->s_log_block_size, log_block);
	put(&raw->s_log_cluster_size, log_block + log2_of(r->cluster_blocks));
	put(&raw->s_blocks_per_group, r->clusters_per_group * r->cluster_blocks);
	put(&raw->s_clusters_per_group, r->clusters_per_group);
	put(&raw->s_inodes_per_group, r->inodes_per_group);
	put(&raw->s_max_mnt_count, UINT16_MAX);
	put(&raw->s_state, EXT_STATE_CLEAN);
	put(&raw->s_errors, 1);
	put(&raw->s_rev_level, 1);
	put(&raw->s_first_ino, DEFAULT_FIRST_INODE);
	put(&raw->s_inode_size, (uint16_t)r->inode_size);
	put(&raw->s_desc_size, (uint16_t)(r->descriptor_size > 32 ? r->descriptor_size : 0));
	put(&raw->s_mkfs_time, made);
	put(&raw->s_lastcheck, made);
	put(&raw->s_wtime, u32(r->root, 0x0c));
	raw->s_def_hash_version = 1;
	put(&raw->s_flags, 1);
	if (r->inode_size > 128) {
		put(&raw->s_min_extra_isize, 32);
		put(&raw->s_want_extra_isize, 32);
	}
	rebuild_find_features(r, raw, facts);
	rebuild_find_checksums(r, raw, facts);
	if (facts->has_checksums)
		put(&raw->s_checksum,
		    crc32c(UINT32_MAX, raw, offsetof(struct ext_raw_superblock, s_checksum)));
}

enum ext_status superblock_rebuild(struct ext_source *source, uint8_t superblock[1024],
				   struct ext_rebuilt *facts, struct ext_error *error)
{
	static const uint32_t sizes[] = {4096, 1024, 2048, 8192, 16384, 32768, 65536};
	struct rebuild r = {.source = source, .size = ext_source_size(source)};
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)superblock;
	enum ext_status status = ext_corrupt(error, EXT_SUPERBLOCK_MAGIC,
					     (struct ext_place){.structure = EXT_AT_SUPERBLOCK,
								.has = EXT_HAS_OFFSET,
								.offset = EXT_SUPERBLOCK_OFFSET,
								.field = "s_magic"},
					     0, EXT_MAGIC, EXT_MAGIC);

	*facts = (struct ext_rebuilt){0};
	for (unsigned i = 0; status != EXT_OK && i < sizeof sizes / sizeof *sizes; i++) {
		if (!rebuild_find_table(&r, sizes[i]) || !rebuild_find_sizes(&r))
			continue;
		write_superblock(&r, raw, facts);
		facts->table_offset = r.table_offset;
		facts->group_count = r.group_count;
		status = EXT_OK;
	}
	free(r.table);
	free(r.block);
	return status;
}
