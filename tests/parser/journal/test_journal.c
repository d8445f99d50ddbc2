/* SPDX-License-Identifier: MIT */
/*
 * Scanning, replaying and looking back, on a filesystem of 64 blocks of 1024 made here: superblock
 * in block 1, descriptors in 2, bitmaps in 3 and 4, inodes from 5 on; the journal is blocks 20 to
 * 39, the log 1 to 19. Blocks 40 to 63 are what transactions write to.
 */
#include "config.h"

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

static uint8_t *log_block(uint32_t log)
{
	return image + (size_t)(LOG_AT + log) * BLOCK;
}

static void put_be(uint8_t *bytes, uint32_t value)
{
	put((struct be32 *)(void *)bytes, value);
}

static void make_filesystem(uint32_t sequence, uint32_t start, uint32_t features)
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

static void put_header(uint32_t log, uint32_t type, uint32_t sequence)
{
	memset(log_block(log), 0, BLOCK);
	put_be(log_block(log), 0xc03b3998);
	put_be(log_block(log) + 4, type);
	put_be(log_block(log) + 8, sequence);
}

/* A descriptor at `log` for `count` blocks, each filled with its character, at the places behind.
 */
static void put_descriptor(uint32_t log, uint32_t sequence, const uint32_t *blocks,
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

static void put_commit(uint32_t log, uint32_t sequence, uint32_t seconds)
{
	put_header(log, EXT_JOURNAL_COMMIT, sequence);
	put_be(log_block(log) + 0x34, seconds);
	if (has_checksums)
		put_be(log_block(log) + 0x10, crc32c(seed, log_block(log), BLOCK));
}

static void put_revoke(uint32_t log, uint32_t sequence, uint32_t block)
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

static void count_finding(struct ext_sink *sink, const struct ext_finding *finding)
{
	((struct seen *)sink)->count[finding->problem]++;
}

struct opened {
	struct ext_source *source, *overlay;
	struct ext_filesystem *filesystem;
	struct ext_journal *journal;
	struct seen seen;
};

static void open_journal(struct opened *opened)
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

static const struct ext_journal_summary *replay(struct opened *opened)
{
	open_journal(opened);
	ck_assert_int_eq(ext_source_open_overlay(opened->source, BLOCK, &opened->overlay, NULL),
			 EXT_OK);
	ck_assert_int_eq(ext_journal_replay(opened->journal, opened->overlay, NULL, NULL), EXT_OK);
	return ext_journal_summary(opened->journal);
}

static void close_journal(struct opened *opened)
{
	ext_source_close(opened->overlay);
	ext_journal_close(opened->journal);
	ext_filesystem_close(opened->filesystem);
	ext_source_close(opened->source);
}

/* The first and the last byte of a block as the overlay shows it. */
static uint8_t byte_of(const struct opened *opened, uint32_t block, uint32_t at)
{
	uint8_t byte = 0xff;

	ck_assert_int_eq(
		ext_source_read(opened->overlay, (uint64_t)block * BLOCK + at, &byte, 1, NULL),
		EXT_OK);
	return byte;
}

START_TEST(complete_transactions_are_replayed_and_others_not)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, CSUM_V3);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){40, 41}, "ab", 0);
	put_commit(4, SEQUENCE, 100);
	put_descriptor(5, SEQUENCE + 1, (const uint32_t[]){41, 42}, "cd", 0);
	put_commit(8, SEQUENCE + 1, 101);
	put_descriptor(9, SEQUENCE + 2, (const uint32_t[]){40}, "e", 0);

	const struct ext_journal_summary *summary = replay(&opened);

	ck_assert_uint_eq(summary->transactions, 2);
	ck_assert_uint_eq(summary->blocks, 4);
	ck_assert_uint_eq(summary->end_sequence, SEQUENCE + 2);
	ck_assert_int_eq(summary->stop, EXT_NO_PROBLEM);
	ck_assert_int_eq(byte_of(&opened, 40, 0), 'a');
	ck_assert_int_eq(byte_of(&opened, 41, BLOCK - 1), 'c');
	ck_assert_int_eq(byte_of(&opened, 42, 5), 'd');
	close_journal(&opened);
}
END_TEST

START_TEST(both_superblocks_say_that_recovery_is_done)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, CSUM_V3);
	put_commit(1, SEQUENCE, 100);
	replay(&opened);

	ck_assert_int_eq(byte_of(&opened, 1, 0x60) & EXT_INCOMPAT_RECOVER, 0);
	ck_assert_int_eq(byte_of(&opened, LOG_AT, 0x1f), 0);
	ck_assert_int_eq(byte_of(&opened, LOG_AT, 0x1b), SEQUENCE + 2);
	close_journal(&opened);
}
END_TEST

START_TEST(a_revoked_block_is_not_written)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, 0);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){40, 41}, "ab", 0);
	put_commit(4, SEQUENCE, 100);
	put_revoke(5, SEQUENCE + 1, 41);
	put_commit(6, SEQUENCE + 1, 101);
	replay(&opened);

	ck_assert_int_eq(byte_of(&opened, 40, 0), 'a');
	ck_assert_int_eq(byte_of(&opened, 41, 0), 0);
	close_journal(&opened);
}
END_TEST

START_TEST(a_revoked_block_amid_a_run_leaves_the_others)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, 0);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){40, 41, 42, 43, 44}, "abcde", 0);
	put_commit(7, SEQUENCE, 100);
	put_revoke(8, SEQUENCE + 1, 42);
	put_commit(9, SEQUENCE + 1, 101);
	replay(&opened);

	for (uint32_t i = 0; i < 5; i++)
		ck_assert_int_eq(byte_of(&opened, 40 + i, 5), i == 2 ? 0 : "abcde"[i]);
	close_journal(&opened);
}
END_TEST

START_TEST(a_block_logged_after_its_revocation_is_written)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, 0);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){41}, "a", 0);
	put_commit(3, SEQUENCE, 100);
	put_revoke(4, SEQUENCE + 1, 41);
	put_commit(5, SEQUENCE + 1, 101);
	put_descriptor(6, SEQUENCE + 2, (const uint32_t[]){41}, "c", 0);
	put_commit(8, SEQUENCE + 2, 102);
	replay(&opened);

	ck_assert_int_eq(byte_of(&opened, 41, 0), 'c');
	close_journal(&opened);
}
END_TEST

START_TEST(a_revocation_without_commit_does_not_count)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, 0);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){41}, "a", 0);
	put_commit(3, SEQUENCE, 100);
	put_revoke(4, SEQUENCE + 1, 41);
	replay(&opened);

	ck_assert_int_eq(byte_of(&opened, 41, 0), 'a');
	close_journal(&opened);
}
END_TEST

START_TEST(an_escaped_block_gets_its_magic_back)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, CSUM_V3);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){40}, "a", EXT_JOURNAL_TAG_ESCAPED);
	put_commit(3, SEQUENCE, 100);
	replay(&opened);

	ck_assert_int_eq(byte_of(&opened, 40, 0), 0xc0);
	ck_assert_int_eq(byte_of(&opened, 40, 3), 0x98);
	ck_assert_int_eq(byte_of(&opened, 40, 4), 'a');
	close_journal(&opened);
}
END_TEST

START_TEST(log_and_sequence_wrap)
{
	struct opened opened;

	make_filesystem(UINT32_MAX, 18, CSUM_V3);
	put_descriptor(18, UINT32_MAX, (const uint32_t[]){40, 41, 42}, "abc", 0);
	put_commit(3, UINT32_MAX, 100);
	put_descriptor(4, 0, (const uint32_t[]){43}, "d", 0);
	put_commit(6, 0, 101);

	const struct ext_journal_summary *summary = replay(&opened);

	ck_assert_uint_eq(summary->transactions, 2);
	ck_assert_uint_eq(summary->end_sequence, 1);
	ck_assert_int_eq(byte_of(&opened, 40, 0), 'a');
	ck_assert_int_eq(byte_of(&opened, 42, 0), 'c');
	ck_assert_int_eq(byte_of(&opened, 43, 0), 'd');
	close_journal(&opened);
}
END_TEST

START_TEST(a_copy_with_a_wrong_checksum_is_left_out)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, CSUM_V3);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){40, 41}, "ab", 0);
	put_commit(4, SEQUENCE, 100);
	log_block(2)[77] ^= 1;

	const struct ext_journal_summary *summary = replay(&opened);

	ck_assert_uint_eq(summary->bad_blocks, 1);
	ck_assert_uint_eq(opened.seen.count[EXT_JOURNAL_BLOCK_CHECKSUM], 1);
	ck_assert_int_eq(byte_of(&opened, 40, 0), 0);
	ck_assert_int_eq(byte_of(&opened, 41, 0), 'b');
	close_journal(&opened);
}
END_TEST

START_TEST(a_wrong_descriptor_with_a_later_commit_ends_the_log)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, CSUM_V3);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){40}, "a", 0);
	put_commit(3, SEQUENCE, 100);
	put_descriptor(4, SEQUENCE + 1, (const uint32_t[]){40}, "b", 0);
	put_commit(6, SEQUENCE + 1, 101);
	log_block(4)[BLOCK - 1] ^= 1;

	const struct ext_journal_summary *summary = replay(&opened);

	ck_assert_int_eq(summary->stop, EXT_JOURNAL_TRANSACTION_CHECKSUM);
	ck_assert_uint_eq(opened.seen.count[EXT_JOURNAL_TRANSACTION_CHECKSUM], 1);
	ck_assert_int_eq(byte_of(&opened, 40, 0), 'a');
	close_journal(&opened);
}
END_TEST

START_TEST(a_wrong_descriptor_with_an_earlier_commit_is_the_past)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, CSUM_V3);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){40}, "a", 0);
	put_commit(3, SEQUENCE, 100);
	put_descriptor(4, SEQUENCE + 1, (const uint32_t[]){40}, "b", 0);
	put_commit(6, SEQUENCE + 1, 50);
	log_block(4)[BLOCK - 1] ^= 1;

	const struct ext_journal_summary *summary = replay(&opened);

	ck_assert_int_eq(summary->stop, EXT_NO_PROBLEM);
	ck_assert_uint_eq(summary->transactions, 1);
	ck_assert_int_eq(byte_of(&opened, 40, 0), 'a');
	close_journal(&opened);
}
END_TEST

START_TEST(copies_of_the_journal_itself_and_of_no_block_are_left_out)
{
	struct opened opened;

	make_filesystem(SEQUENCE, 1, 0);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){LOG_AT + 3, 64, 40}, "abc", 0);
	put_commit(5, SEQUENCE, 100);
	replay(&opened);

	ck_assert_uint_eq(opened.seen.count[EXT_JOURNAL_TAG_BLOCK], 2);
	ck_assert_int_eq(byte_of(&opened, LOG_AT + 3, 0), 'b');
	ck_assert_int_eq(byte_of(&opened, 40, 0), 'c');
	close_journal(&opened);
}
END_TEST

START_TEST(descriptors_all_the_way_round_end)
{
	struct opened opened;
	const uint32_t blocks[] = {40, 41, 42, 43, 44, 45, 46, 47};

	make_filesystem(SEQUENCE, 1, 0);
	put_descriptor(1, SEQUENCE, blocks, "abcdefgh", 0);
	put_descriptor(10, SEQUENCE, blocks, "abcdefgh", 0);
	put_header(19, EXT_JOURNAL_DESCRIPTOR, SEQUENCE);

	ck_assert_uint_eq(replay(&opened)->transactions, 0);
	close_journal(&opened);
}
END_TEST

START_TEST(without_the_recovery_flag_nothing_is_replayed)
{
	struct opened opened;
	struct ext_raw_superblock *sb = (void *)(image + BLOCK);

	make_filesystem(SEQUENCE, 1, 0);
	put_descriptor(1, SEQUENCE, (const uint32_t[]){40}, "a", 0);
	put_commit(3, SEQUENCE, 100);
	put(&sb->s_feature_incompat, 0);

	const struct ext_journal_summary *summary = replay(&opened);

	ck_assert_int_eq(summary->state, EXT_JOURNAL_CLEAN);
	ck_assert(summary->discarded);
	ck_assert_uint_eq(opened.seen.count[EXT_JOURNAL_RECOVER_CLEAR], 1);
	ck_assert_int_eq(byte_of(&opened, 40, 0), 0);
	close_journal(&opened);
}
END_TEST

/* Transaction 5 lies before the tail, 6 is live, 4 stands behind the head and is older than both.
 */
static void make_past(void)
{
	make_filesystem(6, 5, CSUM_V3);
	put_descriptor(1, 5, (const uint32_t[]){40, 41}, "ab", 0);
	put_commit(4, 5, 100);
	put_descriptor(5, 6, (const uint32_t[]){40}, "c", 0);
	put_commit(7, 6, 101);
	put_descriptor(10, 4, (const uint32_t[]){40, 42}, "yz", 0);
	put_commit(13, 4, 99);
}

START_TEST(history_has_what_lies_before_the_tail)
{
	struct opened opened;
	struct ext_journal_history *history;
	struct ext_journal_version version;
	struct ext_journal_transaction transaction;
	uint8_t bytes[BLOCK];
	uint32_t first, count;

	make_past();
	open_journal(&opened);
	ck_assert_int_eq(ext_journal_history_open(opened.journal, &history, NULL), EXT_OK);

	ck_assert_uint_eq(ext_journal_history_transactions(history), 3);
	ext_journal_history_transaction(history, 0, &transaction);
	ck_assert_uint_eq(transaction.sequence, 4);
	ck_assert_int_eq(transaction.time.seconds, 99);
	ck_assert(!transaction.live);
	ext_journal_history_transaction(history, 2, &transaction);
	ck_assert_uint_eq(transaction.sequence, 6);
	ck_assert(transaction.live);
	ext_journal_history_find(history, 40, &first, &count);
	ck_assert_uint_eq(count, 3);
	for (uint32_t i = 0; i < count; i++) {
		ext_journal_history_version(history, first + i, &version);
		ck_assert_uint_eq(version.transaction, i);
		ck_assert_int_eq(version.confidence, EXT_CONFIDENCE_PROVEN);
		ck_assert_int_eq(ext_journal_history_read(history, first + i, bytes, NULL), EXT_OK);
		ck_assert_int_eq(bytes[9], "yac"[i]);
	}
	ext_journal_history_find(history, 43, &first, &count);
	ck_assert_uint_eq(count, 0);
	ext_journal_history_close(history);
	close_journal(&opened);
}
END_TEST

START_TEST(history_leaves_out_what_was_overwritten)
{
	struct opened opened;
	struct ext_journal_history *history;
	uint32_t first, count;

	/* Without checksums: the last two copies of transaction 4 are under transaction 6. */
	make_filesystem(6, 12, 0);
	put_descriptor(9, 4, (const uint32_t[]){40, 41, 42, 43}, "wxyz", 0);
	put_descriptor(12, 6, (const uint32_t[]){44}, "c", 0);
	put_commit(14, 6, 101);
	open_journal(&opened);
	ck_assert_int_eq(ext_journal_history_open(opened.journal, &history, NULL), EXT_OK);

	ext_journal_history_find(history, 41, &first, &count);
	ck_assert_uint_eq(count, 1);
	ext_journal_history_find(history, 42, &first, &count);
	ck_assert_uint_eq(count, 0);
	ext_journal_history_find(history, 43, &first, &count);
	ck_assert_uint_eq(count, 0);
	ext_journal_history_find(history, 44, &first, &count);
	ck_assert_uint_eq(count, 1);
	ext_journal_history_close(history);
	close_journal(&opened);
}
END_TEST

START_TEST(history_joins_a_transaction_that_wraps)
{
	struct opened opened;
	struct ext_journal_history *history;
	struct ext_journal_transaction transaction;

	make_filesystem(9, 0, CSUM_V3);
	put_descriptor(18, 8, (const uint32_t[]){40, 41, 42}, "abc", 0);
	put_commit(3, 8, 100);
	open_journal(&opened);
	ck_assert_int_eq(ext_journal_history_open(opened.journal, &history, NULL), EXT_OK);

	ck_assert_uint_eq(ext_journal_history_transactions(history), 1);
	ext_journal_history_transaction(history, 0, &transaction);
	ck_assert(transaction.committed);
	ck_assert_uint_eq(transaction.blocks, 3);
	ck_assert_uint_eq(transaction.log_block, 18);
	ck_assert_int_eq(transaction.time.seconds, 100);
	ck_assert_uint_eq(ext_journal_history_versions(history), 3);
	ext_journal_history_close(history);
	close_journal(&opened);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, complete_transactions_are_replayed_and_others_not);
	tcase_add_test(tests, both_superblocks_say_that_recovery_is_done);
	tcase_add_test(tests, a_revoked_block_is_not_written);
	tcase_add_test(tests, a_revoked_block_amid_a_run_leaves_the_others);
	tcase_add_test(tests, a_block_logged_after_its_revocation_is_written);
	tcase_add_test(tests, a_revocation_without_commit_does_not_count);
	tcase_add_test(tests, an_escaped_block_gets_its_magic_back);
	tcase_add_test(tests, log_and_sequence_wrap);
	tcase_add_test(tests, a_copy_with_a_wrong_checksum_is_left_out);
	tcase_add_test(tests, a_wrong_descriptor_with_a_later_commit_ends_the_log);
	tcase_add_test(tests, a_wrong_descriptor_with_an_earlier_commit_is_the_past);
	tcase_add_test(tests, copies_of_the_journal_itself_and_of_no_block_are_left_out);
	tcase_add_test(tests, descriptors_all_the_way_round_end);
	tcase_add_test(tests, without_the_recovery_flag_nothing_is_replayed);
	tcase_add_test(tests, history_has_what_lies_before_the_tail);
	tcase_add_test(tests, history_leaves_out_what_was_overwritten);
	tcase_add_test(tests, history_joins_a_transaction_that_wraps);
}

int main(void)
{
	return unit_run("journal", add_tests);
}
