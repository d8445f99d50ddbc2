/* SPDX-License-Identifier: MIT */
/* Looking back through a log: older versions of blocks, before the tail and behind the head. */
#include "config.h"

#include "parser/journal/small_log.h"

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
	tcase_add_test(tests, history_has_what_lies_before_the_tail);
	tcase_add_test(tests, history_leaves_out_what_was_overwritten);
	tcase_add_test(tests, history_joins_a_transaction_that_wraps);
}

int main(void)
{
	return unit_run("history", add_tests);
}
