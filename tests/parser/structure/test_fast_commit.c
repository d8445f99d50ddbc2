/* SPDX-License-Identifier: MIT */
/* Records of the fast-commit area. */
#include "config.h"

#include <string.h>

#include <ext/journal.h>

#include "unit.h"

static const struct ext_superblock superblock = {.inode_size = 256};

static struct ext_fast_commit_cursor cursor_over(const uint8_t *bytes, size_t size)
{
	struct ext_fast_commit_cursor cursor;

	ext_fast_commit_cursor_init(&cursor, &superblock, (struct ext_span){bytes, size});
	return cursor;
}

START_TEST(records_are_walked_back_to_back)
{
	static const uint8_t bytes[] = {
		0x09, 0, 8,  0, 0,    0, 0, 0, 7,  0, 0, 0,	      /* HEAD of 7 */
		0x03, 0, 10, 0, 2,    0, 0, 0, 12, 0, 0, 0, 'a', 'b', /* CREAT ab in 2: 12 */
		0x01, 0, 16, 0, 12,   0, 0, 0, 5,  0, 0, 0, 3,	 0x80, 1, 0,
		9,    0, 0,  0,						     /* ADD_RANGE */
		0x02, 0, 12, 0, 12,   0, 0, 0, 6,  0, 0, 0, 4,	 0,    0, 0, /* DEL_RANGE */
		0x07, 0, 1,  0, 0xee,					     /* PAD */
	};
	struct ext_fast_commit_cursor cursor = cursor_over(bytes, sizeof bytes);
	struct ext_fast_commit_record record;

	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, NULL), EXT_OK);
	ck_assert_int_eq(record.tag, EXT_FAST_COMMIT_HEAD);
	ck_assert_uint_eq(record.sequence, 7);
	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, NULL), EXT_OK);
	ck_assert_int_eq(record.tag, EXT_FAST_COMMIT_CREAT);
	ck_assert_uint_eq(record.parent, 2);
	ck_assert_uint_eq(record.inode, 12);
	ck_assert_uint_eq(record.name.size, 2);
	ck_assert_mem_eq(record.name.data, "ab", 2);
	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, NULL), EXT_OK);
	ck_assert_int_eq(record.tag, EXT_FAST_COMMIT_ADD_RANGE);
	ck_assert_uint_eq(record.logical, 5);
	ck_assert_uint_eq(record.range_length, 3);
	ck_assert(record.unwritten);
	ck_assert_uint_eq(record.physical, (uint64_t)1 << 32 | 9);
	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, NULL), EXT_OK);
	ck_assert_int_eq(record.tag, EXT_FAST_COMMIT_DEL_RANGE);
	ck_assert_uint_eq(record.logical, 6);
	ck_assert_uint_eq(record.range_length, 4);
	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, NULL), EXT_OK);
	ck_assert_int_eq(record.tag, EXT_FAST_COMMIT_PAD);
	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, NULL), EXT_END);
}
END_TEST

START_TEST(full_length_written_extent_is_not_unwritten)
{
	static const uint8_t bytes[] = {0x01, 0, 16, 0,	   12, 0, 0, 0, 0, 0,
					0,    0, 0,  0x80, 0,  0, 9, 0, 0, 0};
	struct ext_fast_commit_cursor cursor = cursor_over(bytes, sizeof bytes);
	struct ext_fast_commit_record record;

	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, NULL), EXT_OK);
	ck_assert_uint_eq(record.range_length, 32768);
	ck_assert(!record.unwritten);
}
END_TEST

START_TEST(value_beyond_the_block_is_rejected)
{
	static const uint8_t bytes[] = {0x07, 0, 2, 0, 0xee};
	struct ext_fast_commit_cursor cursor = cursor_over(bytes, sizeof bytes);
	struct ext_fast_commit_record record;
	struct ext_error error;

	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, &error), EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_FAST_COMMIT_LENGTH);
	ck_assert_uint_eq(error.found, 2);
	ck_assert_uint_eq(error.high, 1);
}
END_TEST

START_TEST(unknown_tag_is_rejected)
{
	static const uint8_t bytes[] = {0x0a, 0, 0, 0};
	struct ext_fast_commit_cursor cursor = cursor_over(bytes, sizeof bytes);
	struct ext_fast_commit_record record;
	struct ext_error error;

	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, &error), EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_FAST_COMMIT_TAG);
}
END_TEST

START_TEST(entry_without_a_name_is_rejected)
{
	static const uint8_t bytes[] = {0x05, 0, 8, 0, 2, 0, 0, 0, 12, 0, 0, 0};
	struct ext_fast_commit_cursor cursor = cursor_over(bytes, sizeof bytes);
	struct ext_fast_commit_record record;

	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, NULL), EXT_CORRUPT);
}
END_TEST

START_TEST(checksum_of_a_tail_leaves_out_the_stored_one)
{
	/* TAIL with tid "1234", checksum and one byte of filler. */
	static const uint8_t bytes[] = {0x08, 0, 9, 0, '1', '2', '3', '4', 1, 2, 3, 4, 0x55};
	static const uint8_t other[] = {0x08, 0, 9, 0, '1', '2', '3', '4', 9, 9, 9, 9, 0x66};
	struct ext_fast_commit_cursor cursor = cursor_over(bytes, sizeof bytes);
	struct ext_fast_commit_record record;

	ck_assert_int_eq(ext_fast_commit_next(&cursor, &record, NULL), EXT_OK);
	ck_assert_uint_eq(record.sequence, 0x34333231);
	ck_assert_uint_eq(record.checksum, 0x04030201);
	ck_assert_uint_eq(
		ext_fast_commit_checksum(0, (struct ext_span){bytes, sizeof bytes}, &record),
		ext_fast_commit_checksum(0, (struct ext_span){other, sizeof other}, &record));
	ck_assert_uint_ne(
		ext_fast_commit_checksum(0, (struct ext_span){bytes, sizeof bytes}, &record),
		ext_fast_commit_checksum(1, (struct ext_span){bytes, sizeof bytes}, &record));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, records_are_walked_back_to_back);
	tcase_add_test(tests, full_length_written_extent_is_not_unwritten);
	tcase_add_test(tests, value_beyond_the_block_is_rejected);
	tcase_add_test(tests, unknown_tag_is_rejected);
	tcase_add_test(tests, entry_without_a_name_is_rejected);
	tcase_add_test(tests, checksum_of_a_tail_leaves_out_the_stored_one);
}

int main(void)
{
	return unit_run("fast_commit", add_tests);
}
