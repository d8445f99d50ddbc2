/* SPDX-License-Identifier: MIT */
/*
 * The search for an earlier filesystem, step by step, and what was found written as a superblock
 * and descriptors.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/extent_node.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "structure/group.h"
#include "walk/earlier_steps.h"

enum {
	FIRST_INODE = 11,
	LOG_EXTENT_MOST = 32768, /* blocks of one extent */
	LOG_EXTENTS = 4,	 /* that a root has room for */
};

/* The log of the earlier filesystem: one that begins elsewhere than that of today. */
static const struct earlier_log *find_log(const struct earlier *earlier)
{
	const struct ext_superblock *now = ext_filesystem_superblock(earlier->now);
	struct ext_inode inode;
	uint64_t todays = 0;

	if (now->journal_inode != 0 &&
	    ext_inode_read(earlier->now, now->journal_inode, &inode, NULL, NULL) == EXT_OK)
		todays = (uint64_t)(inode.flags & EXT_INODE_EXTENTS ? earlier_u32(inode.i_block, 20)
								    : earlier_u32(inode.i_block, 0))
			 << now->block_size_log2;
	for (size_t i = 0; i < earlier->log_count; i++)
		if (earlier->logs[i].block_size == earlier->block_size &&
		    earlier->logs[i].at != todays)
			return &earlier->logs[i];
	return NULL;
}

/* As the superblock keeps it for when inode 8 is gone: mke2fs makes a log in one piece. */
static void write_log(const struct earlier *earlier, struct ext_raw_superblock *raw)
{
	const struct earlier_log *log = find_log(earlier);
	uint32_t left, done = 0, extents = 0;
	uint64_t block;

	put(&raw->s_journal_inum, EXT_INO_JOURNAL);
	if (!log)
		return;
	left = log->blocks;
	block = log->at / log->block_size;
	while (left > 0 && extents < LOG_EXTENTS) {
		const uint32_t length = left < LOG_EXTENT_MOST ? left : LOG_EXTENT_MOST;
		struct le32 *const words = raw->s_jnl_blocks + 3 + 3 * extents++;

		put(&words[0], done);
		put(&words[1], length | (uint32_t)((block + done) >> 32) << 16);
		put(&words[2], (uint32_t)(block + done));
		done += length;
		left -= length;
	}
	put(&raw->s_jnl_blocks[0], EXT_EXTENT_HEADER_MAGIC | extents << 16);
	put(&raw->s_jnl_blocks[1], LOG_EXTENTS);
	put(&raw->s_jnl_blocks[15], (uint32_t)((uint64_t)done * log->block_size >> 32));
	put(&raw->s_jnl_blocks[16], (uint32_t)((uint64_t)done * log->block_size));
	raw->s_jnl_backup_type = 1;
}

static uint32_t log2_of(uint64_t value)
{
	uint32_t log = 0;

	while (value >> (log + 1) != 0)
		log++;
	return log;
}

/* Features that tell how to read something; those that only place copies are left out. */
static void write_features(const struct earlier *earlier, struct ext_raw_superblock *raw)
{
	uint32_t compat = EXT_COMPAT_EXT_ATTR | EXT_COMPAT_DIR_INDEX | EXT_COMPAT_HAS_JOURNAL |
			  EXT_COMPAT_SPARSE_SUPER2;
	uint32_t incompat = EXT_INCOMPAT_FLEX_BG;
	uint32_t ro_compat = EXT_RO_LARGE_FILE | EXT_RO_SPARSE_SUPER;
	bool has_extents = false, has_filetype = false;

	for (size_t i = 0; i < earlier->anchor_count; i++) {
		has_extents |= earlier->anchors[i].has_extents;
		has_filetype |= earlier->anchors[i].has_filetype;
	}
	if (has_filetype)
		incompat |= EXT_INCOMPAT_FILETYPE;
	if (has_extents) {
		incompat |= EXT_INCOMPAT_EXTENTS;
		ro_compat |= EXT_RO_HUGE_FILE | EXT_RO_DIR_NLINK;
	}
	if (earlier->inode_size > 128) {
		ro_compat |= EXT_RO_EXTRA_ISIZE;
		if (has_extents)
			incompat |= EXT_INCOMPAT_INLINE_DATA;
		put(&raw->s_min_extra_isize, 32);
		put(&raw->s_want_extra_isize, 32);
	}
	if (earlier->blocks > UINT32_MAX) {
		incompat |= EXT_INCOMPAT_64BIT;
		put(&raw->s_desc_size, 64);
	}
	if (earlier->has_seed) {
		ro_compat |= EXT_RO_METADATA_CSUM;
		incompat |= EXT_INCOMPAT_CSUM_SEED;
		raw->s_checksum_type = 1;
		put(&raw->s_checksum_seed, earlier->seed);
	}
	put(&raw->s_feature_compat, compat);
	put(&raw->s_feature_incompat, incompat);
	put(&raw->s_feature_ro_compat, ro_compat);
}

/* A copy of the true superblock that a scan found, if it says the same as the tables. */
static bool find_copy(const struct earlier *earlier, struct ext_raw_superblock *raw)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};

	for (size_t i = 0; i < earlier->superblock_count; i++) {
		struct ext_superblock sb;

		if (ext_source_read(earlier->source, earlier->superblocks[i], raw, sizeof *raw,
				    NULL) == EXT_OK &&
		    ext_superblock_decode((const uint8_t *)raw, place, &sb, NULL, NULL) == EXT_OK &&
		    sb.block_size == earlier->block_size && sb.inode_size == earlier->inode_size &&
		    sb.inodes_per_group == earlier->inodes_per_group &&
		    sb.group_count == earlier->group_count &&
		    (!earlier->has_seed || sb.checksum_seed == earlier->seed))
			return true;
	}
	return false;
}

static void write_superblock(const struct earlier *earlier, struct ext_raw_superblock *raw)
{
	const uint32_t log_block = log2_of(earlier->block_size) - 10;
	const uint32_t per_group = (uint32_t)min_u64(8 * (uint64_t)earlier->block_size, 65528);

	memset(raw, 0, sizeof *raw);
	put(&raw->s_magic, EXT_MAGIC);
	put(&raw->s_inodes_count, earlier->group_count * earlier->inodes_per_group);
	put(&raw->s_blocks_count_lo, (uint32_t)earlier->blocks);
	put(&raw->s_blocks_count_hi, (uint32_t)(earlier->blocks >> 32));
	put(&raw->s_first_data_block, earlier->first_data_block);
	put(&raw->s_log_block_size, log_block);
	put(&raw->s_log_cluster_size, log_block);
	put(&raw->s_blocks_per_group, per_group);
	put(&raw->s_clusters_per_group, per_group);
	put(&raw->s_inodes_per_group, earlier->inodes_per_group);
	put(&raw->s_max_mnt_count, UINT16_MAX);
	put(&raw->s_state, EXT_STATE_CLEAN);
	put(&raw->s_errors, 1);
	put(&raw->s_rev_level, 1);
	put(&raw->s_first_ino, FIRST_INODE);
	put(&raw->s_inode_size, (uint16_t)earlier->inode_size);
	raw->s_def_hash_version = 1;
	put(&raw->s_flags, 1);
	write_features(earlier, raw);
	write_log(earlier, raw);
	if (earlier->has_seed)
		put(&raw->s_checksum,
		    crc32c(UINT32_MAX, raw, offsetof(struct ext_raw_superblock, s_checksum)));
}

static enum ext_status write_descriptors(const struct earlier *earlier, struct ext_choice *choice,
					 struct ext_error *error)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	struct ext_superblock sb;
	const enum ext_status status =
		ext_superblock_decode(choice->superblock, place, &sb, NULL, error);

	if (status != EXT_OK)
		return status;
	choice->descriptors_size =
		(size_t)divide_up((uint64_t)sb.group_count * sb.descriptor_size, sb.block_size) *
		sb.block_size;
	choice->descriptors = calloc(1, choice->descriptors_size);
	if (!choice->descriptors)
		return ext_no_memory(error);
	for (ext_group group = 0; group < sb.group_count && group < earlier->group_count; group++) {
		uint8_t *const bytes = choice->descriptors + (size_t)group * sb.descriptor_size;
		struct ext_raw_group_descriptor *raw =
			(struct ext_raw_group_descriptor *)(void *)bytes;

		put(&raw->bg_inode_table_lo, (uint32_t)earlier->tables[group]);
		if (sb.descriptor_size >= 64)
			put(&((struct ext_raw_group_descriptor_high *)(void *)(raw + 1))
				     ->bg_inode_table_hi,
			    (uint32_t)(earlier->tables[group] >> 32));
		put(&raw->bg_checksum,
		    group_descriptor_checksum(&sb, group,
					      (struct ext_span){bytes, sb.descriptor_size}));
	}
	return EXT_OK;
}

enum ext_status earlier_compose(const struct earlier *earlier, struct ext_choice *choice,
				struct ext_error *error)
{
	struct ext_raw_superblock *const raw =
		(struct ext_raw_superblock *)(void *)choice->superblock;

	choice->source = EXT_CHOICE_FOUND;
	if (!find_copy(earlier, raw)) {
		choice->source = EXT_CHOICE_REBUILT;
		write_superblock(earlier, raw);
	}
	return write_descriptors(earlier, choice, error);
}

/* How many of the inodes lie where this filesystem has them. */
static size_t count_agreeing(const struct earlier *earlier, const struct ext_filesystem *filesystem)
{
	size_t count = 0;

	for (size_t i = 0; i < earlier->anchor_count; i++) {
		const struct earlier_anchor *anchor = &earlier->anchors[i];
		uint64_t offset;

		count += anchor->ino <= ext_filesystem_superblock(filesystem)->inode_count &&
			 ext_inode_offset(filesystem, anchor->ino, &offset, NULL) == EXT_OK &&
			 offset == anchor->at;
	}
	return count;
}

/*
 * A copy of the superblock that is left, with a descriptor table that is left as well: mke2fs with
 * another block size has its own elsewhere. A third of the inodes has to lie where it says; others
 * may be copies that the log had.
 */
static bool choose_copy(const struct earlier *earlier, struct ext_choice *choice)
{
	for (size_t i = 0; i < earlier->superblock_count; i++) {
		struct ext_filesystem *filesystem;
		size_t agreeing = 0;

		if (ext_choose_copy(earlier->source, earlier->superblocks[i], choice, NULL) !=
		    EXT_OK)
			continue;
		if (ext_choice_open(earlier->source, choice, NULL, &filesystem, NULL) == EXT_OK) {
			agreeing = count_agreeing(earlier, filesystem);
			ext_filesystem_close(filesystem);
		}
		if (agreeing > 1 && agreeing * 3 >= earlier->anchor_count)
			return true;
		ext_choice_clear(choice);
	}
	*choice = (struct ext_choice){.superblock_offset = EXT_SUPERBLOCK_OFFSET};
	return false;
}

enum ext_status ext_earlier_find(const struct ext_filesystem *now,
				 const struct ext_earlier_options *options,
				 struct ext_choice *choice, struct ext_error *error)
{
	struct earlier earlier = {.now = now,
				  .source = ext_filesystem_source(now),
				  .stop = options ? options->stop : NULL,
				  .size = ext_source_size(ext_filesystem_source(now))};
	enum ext_status status = EXT_OK;

	*choice = (struct ext_choice){.superblock_offset = EXT_SUPERBLOCK_OFFSET};
	if (!earlier_scan(&earlier, &status))
		status = status == EXT_OK ? EXT_END : ext_no_memory(error);
	else if (choose_copy(&earlier, choice))
		status = EXT_OK;
	else if (earlier_find_tables(&earlier, &status))
		status = earlier_compose(&earlier, choice, error);
	else
		status = status == EXT_OK ? EXT_END : ext_no_memory(error);
	free(earlier.anchors);
	free(earlier.tables);
	if (status != EXT_OK)
		ext_choice_clear(choice);
	return status;
}
