/* SPDX-License-Identifier: MIT */
/* Scanning a log, and replaying it onto an overlay. */
#include "config.h"

#include "parser/journal/small_log.h"

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
}

int main(void)
{
	return unit_run("replay", add_tests);
}
