/* SPDX-License-Identifier: MIT */
/*
 * A filesystem of 64 blocks of 1024 with a journal, made here: superblock in block 1, descriptors
 * in 2, bitmaps in 3 and 4, inodes from 5 on; the journal is blocks 20 to 39, the log 1 to 19.
 * Blocks 40 to 63 are what transactions write to.
 */
#ifndef PARSER_JOURNAL_SMALL_LOG_H
#define PARSER_JOURNAL_SMALL_LOG_H

#include <string.h>

#include "bytes/crc32c.h"
#include "layout/layout.h"

#include <ext/journal.h>

#include "unit.h"

enum {
	BLOCK = 1024,
	BLOCKS = 64,
	LOG_AT = 20,
	LOG_BLOCKS = 20,
	SEQUENCE = 7,
	CSUM_V3 = EXT_JOURNAL_INCOMPAT_CSUM_V3,
};

static uint8_t image[BLOCKS * BLOCK];
static uint32_t seed;
static bool has_checksums;

static inline uint8_t *log_block(uint32_t log)
{
	return image + (size_t)(LOG_AT + log) * BLOCK;
}

static inline void put_be(uint8_t *bytes, uint32_t value)
{
	put((struct be32 *)(void *)bytes, value);
}

static inline void make_filesystem(uint32_t sequence, uint32_t start, uint32_t features)
{
	struct ext_raw_superblock *sb = (void *)(image + BLOCK);
	struct ext_raw_group_descriptor *group = (void *)(image + (size_t)2 * BLOCK);
	struct ext_raw_inode *inode = (void *)(image + (size_t)5 * BLOCK + (size_t)7 * 128);
	uint8_t *journal = log_block(0);

	memset(image, 0, sizeof image);
	put(&sb->s_inodes_count, 32);
	put(&sb->s_blocks_count_lo, BLOCKS);
	put(&sb->s_first_data_block, 1);
	put(&sb->s_blocks_per_group, 8192);
	put(&sb->s_clusters_per_group, 8192);
	put(&sb->s_inodes_per_group, 32);
	put(&sb->s_magic, 0xef53);
	put(&sb->s_rev_level, 1);
	put(&sb->s_first_ino, 11);
	put(&sb->s_inode_size, 128);
	put(&sb->s_feature_compat, EXT_COMPAT_HAS_JOURNAL);
	put(&sb->s_feature_incompat, EXT_INCOMPAT_RECOVER);
	put(&sb->s_journal_inum, 8);
	put(&group->bg_block_bitmap_lo, 3);
	put(&group->bg_inode_bitmap_lo, 4);
	put(&group->bg_inode_table_lo, 5);
	put(&inode->i_mode, 0100600);
	put(&inode->i_links_count, 1);
	put(&inode->i_size_lo, LOG_BLOCKS * BLOCK);
	/* Twelve direct pointers and an indirect block (19) for the rest. */
	for (uint32_t i = 0; i < 12; i++)
		put(&inode->i_block[i], LOG_AT + i);
	put(&inode->i_block[12], 19);
	for (uint32_t i = 12; i < LOG_BLOCKS; i++)
		put((struct le32 *)(void *)(image + (size_t)19 * BLOCK + (size_t)(i - 12) * 4),
		    LOG_AT + i);
	put_be(journal, 0xc03b3998);
	put_be(journal + 4, EXT_JOURNAL_SUPERBLOCK_V2);
	put_be(journal + 0x0c, BLOCK);
	put_be(journal + 0x10, LOG_BLOCKS);
	put_be(journal + 0x14, 1);
	put_be(journal + 0x18, sequence);
	put_be(journal + 0x1c, start);
	put_be(journal + 0x28, features);
	put_be(journal + 0x40, 1);
	seed = crc32c(UINT32_MAX, journal + 0x30, 16);
	has_checksums = (features & CSUM_V3) != 0;
	if (has_checksums)
		put_be(journal + 0xfc, crc32c(UINT32_MAX, journal, BLOCK));
}

static inline void put_header(uint32_t log, uint32_t type, uint32_t sequence)
{
	memset(log_block(log), 0, BLOCK);
	put_be(log_block(log), 0xc03b3998);
	put_be(log_block(log) + 4, type);
	put_be(log_block(log) + 8, sequence);
}

/* A descriptor at `log` for `count` blocks, each filled with its character, at the places behind.
 */
static inline void put_descriptor(uint32_t log, uint32_t sequence, const uint32_t *blocks,
				  const char *contents, uint32_t flags)
{
	const uint32_t count = (uint32_t)strlen(contents);
	const uint32_t tag_size = has_checksums ? 16 : 8;
	uint8_t *descriptor = log_block(log);
	uint32_t at = 12;

	put_header(log, EXT_JOURNAL_DESCRIPTOR, sequence);
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t place = (log + i) % (LOG_BLOCKS - 1) + 1;
		const uint32_t tag_flags = flags | (i + 1 == count ? EXT_JOURNAL_TAG_LAST : 0) |
					   EXT_JOURNAL_TAG_SAME_UUID;
		struct be32 number;

		memset(log_block(place), contents[i], BLOCK);
		if (flags & EXT_JOURNAL_TAG_ESCAPED)
			memset(log_block(place), 0, 4);
		put_be(descriptor + at, blocks[i]);
		put_be(descriptor + at + 4, tag_flags);
		put(&number, sequence);
		if (has_checksums)
			put_be(descriptor + at + 12, crc32c(crc32c(seed, &number, sizeof number),
							    log_block(place), BLOCK));
		at += tag_size;
	}
	if (has_checksums)
		put_be(descriptor + BLOCK - 4, crc32c(seed, descriptor, BLOCK));
}

static inline void put_commit(uint32_t log, uint32_t sequence, uint32_t seconds)
{
	put_header(log, EXT_JOURNAL_COMMIT, sequence);
	put_be(log_block(log) + 0x34, seconds);
	if (has_checksums)
		put_be(log_block(log) + 0x10, crc32c(seed, log_block(log), BLOCK));
}

static inline void put_revoke(uint32_t log, uint32_t sequence, uint32_t block)
{
	put_header(log, EXT_JOURNAL_REVOKE, sequence);
	put_be(log_block(log) + 0x0c, 20);
	put_be(log_block(log) + 0x10, block);
	if (has_checksums)
		put_be(log_block(log) + BLOCK - 4, crc32c(seed, log_block(log), BLOCK));
}

struct seen {
	struct ext_sink sink;
	unsigned count[EXT_PROBLEM_COUNT];
};

static inline void count_finding(struct ext_sink *sink, const struct ext_finding *finding)
{
	((struct seen *)sink)->count[finding->problem]++;
}

struct opened {
	struct ext_source *source, *overlay;
	struct ext_filesystem *filesystem;
	struct ext_journal *journal;
	struct seen seen;
};

static inline void open_journal(struct opened *opened)
{
	struct ext_journal_options options = {.sink = &opened->seen.sink};

	memset(opened, 0, sizeof *opened);
	opened->seen.sink.report = count_finding;
	ck_assert_int_eq(ext_source_open_memory(image, sizeof image, &opened->source, NULL),
			 EXT_OK);
	ck_assert_int_eq(ext_filesystem_open(opened->source, NULL, &opened->filesystem, NULL),
			 EXT_OK);
	ck_assert_int_eq(ext_journal_open(opened->filesystem, &options, &opened->journal, NULL),
			 EXT_OK);
}

static inline const struct ext_journal_summary *replay(struct opened *opened)
{
	open_journal(opened);
	ck_assert_int_eq(ext_source_open_overlay(opened->source, BLOCK, &opened->overlay, NULL),
			 EXT_OK);
	ck_assert_int_eq(ext_journal_replay(opened->journal, opened->overlay, NULL, NULL), EXT_OK);
	return ext_journal_summary(opened->journal);
}

static inline void close_journal(struct opened *opened)
{
	ext_source_close(opened->overlay);
	ext_journal_close(opened->journal);
	ext_filesystem_close(opened->filesystem);
	ext_source_close(opened->source);
}

/* The first and the last byte of a block as the overlay shows it. */
static inline uint8_t byte_of(const struct opened *opened, uint32_t block, uint32_t at)
{
	uint8_t byte = 0xff;

	ck_assert_int_eq(
		ext_source_read(opened->overlay, (uint64_t)block * BLOCK + at, &byte, 1, NULL),
		EXT_OK);
	return byte;
}

#endif
