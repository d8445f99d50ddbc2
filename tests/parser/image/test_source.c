/* SPDX-License-Identifier: MIT */
/*
 * What holds for every source: ranges, ends, names; memory and windows.
 */
#include "config.h"

#include <string.h>

#include "image/source.h"
#include "recorder.h"
#include "unit.h"

static const uint8_t bytes[] = "0123456789abcdef"; /* 16 of them */

static struct ext_source *memory_source(void)
{
	struct ext_source *source = NULL;

	ck_assert_int_eq(ext_source_open_memory(bytes, 16, &source, NULL), EXT_OK);
	return source;
}

static struct ext_source *window_source(uint64_t offset, uint64_t size)
{
	struct ext_source *source = NULL;

	ck_assert_int_eq(ext_source_open_window(memory_source(), offset, size, &source, NULL),
			 EXT_OK);
	return source;
}

START_TEST(memory_reads_up_to_its_last_byte)
{
	struct ext_source *const source = memory_source();
	uint8_t buffer[16];

	ck_assert_uint_eq(ext_source_size(source), 16);
	ck_assert_int_eq(ext_source_read(source, 0, buffer, 16, NULL), EXT_OK);
	ck_assert_mem_eq(buffer, bytes, 16);
	ck_assert_int_eq(ext_source_read(source, 15, buffer, 1, NULL), EXT_OK);
	ck_assert_int_eq(buffer[0], 'f');
	ext_source_close(source);
}
END_TEST

START_TEST(reading_past_the_end_names_the_first_missing_byte)
{
	struct ext_source *const source = memory_source();
	struct ext_error error;
	uint8_t buffer[16];

	ck_assert_int_eq(ext_source_read(source, 10, buffer, 7, &error), EXT_IO);
	ck_assert_int_eq(error.status, EXT_IO);
	ck_assert_int_eq(error.problem, EXT_IMAGE_TRUNCATED);
	ck_assert_int_eq(error.place.structure, EXT_AT_IMAGE);
	ck_assert_uint_eq(error.place.offset, 16);
	ck_assert_uint_eq(error.found, 17);
	ck_assert_uint_eq(error.high, 16);
	ck_assert_int_eq(ext_source_read(source, 20, buffer, 1, &error), EXT_IO);
	ck_assert_uint_eq(error.place.offset, 20);
	ext_source_close(source);
}
END_TEST

START_TEST(ranges_that_overflow_are_past_the_end)
{
	struct ext_source *const source = memory_source();
	struct ext_error error;
	uint8_t buffer[16];

	ck_assert_int_eq(ext_source_read(source, UINT64_MAX, buffer, 16, &error), EXT_IO);
	ck_assert_int_eq(error.problem, EXT_IMAGE_TRUNCATED);
	ck_assert_uint_eq(error.found, UINT64_MAX);
	ck_assert_int_eq(ext_source_read(source, UINT64_MAX - 3, buffer, 16, NULL), EXT_IO);
	ext_source_close(source);
}
END_TEST

START_TEST(reading_nothing_succeeds_anywhere)
{
	struct ext_source *const source = memory_source();

	ck_assert_int_eq(ext_source_read(source, 1000, NULL, 0, NULL), EXT_OK);
	ext_source_close(source);
}
END_TEST

START_TEST(source_without_knowledge_of_holes_is_data_to_its_end)
{
	struct ext_source *const source = memory_source();
	uint64_t start, end;

	ck_assert_int_eq(ext_source_next_data(source, 3, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 3);
	ck_assert_uint_eq(end, 16);
	ck_assert_int_eq(ext_source_next_data(source, 16, &start, &end), EXT_END);
	ext_source_close(source);
}
END_TEST

START_TEST(empty_source_has_no_data)
{
	struct ext_source *source = NULL;
	uint64_t start, end;
	uint8_t byte;

	ck_assert_int_eq(ext_source_open_memory(NULL, 0, &source, NULL), EXT_OK);

	ck_assert_uint_eq(ext_source_size(source), 0);
	ck_assert_int_eq(ext_source_read(source, 0, &byte, 1, NULL), EXT_IO);
	ck_assert_int_eq(ext_source_next_data(source, 0, &start, &end), EXT_END);
	ext_source_will_need(source, 0, 10);
	ck_assert(ext_source_in_memory(source, 0));
	ext_source_expect_reads(source, EXT_READS_LONG);
	ext_source_close(source);
}
END_TEST

START_TEST(closing_nothing_is_allowed)
{
	ext_source_close(NULL);
}
END_TEST

START_TEST(hints_reach_what_lies_below_at_its_own_offset)
{
	struct ext_source *const inner = memory_source();
	struct ext_source *source = NULL;

	record_hints(inner);
	ck_assert_int_eq(ext_source_open_window(inner, 4, 8, &source, NULL), EXT_OK);
	ck_assert(!ext_source_in_memory(source, 0));
	ck_assert(ext_source_in_memory(source, 8));
	ext_source_will_need(source, 2, 100);
	ext_source_will_need(source, 8, 1);

	ck_assert_uint_eq(recorded_count, 1);
	ck_assert_uint_eq(recorded[0].offset, 6);
	ck_assert_uint_eq(recorded[0].length, 6);
	ext_source_close(source);
}
END_TEST

START_TEST(window_counts_from_its_own_first_byte)
{
	struct ext_source *const source = window_source(4, 8);
	uint8_t buffer[8];

	ck_assert_uint_eq(ext_source_size(source), 8);
	ck_assert_str_eq(ext_source_name(source), "memory");
	ck_assert_int_eq(ext_source_read(source, 0, buffer, 8, NULL), EXT_OK);
	ck_assert_mem_eq(buffer, "456789ab", 8);
	ck_assert_int_eq(ext_source_read(source, 1, buffer, 8, NULL), EXT_IO);
	ext_source_close(source);
}
END_TEST

START_TEST(window_is_clipped_to_what_is_there)
{
	struct ext_source *source = window_source(10, UINT64_MAX);

	ck_assert_uint_eq(ext_source_size(source), 6);
	ext_source_close(source);
	source = window_source(UINT64_MAX, UINT64_MAX);
	ck_assert_uint_eq(ext_source_size(source), 0);
	ext_source_close(source);
}
END_TEST

START_TEST(window_in_a_window_reads_the_right_bytes)
{
	struct ext_source *source = NULL;
	uint8_t buffer[3];
	uint64_t start, end;

	ck_assert_int_eq(ext_source_open_window(window_source(4, 8), 2, 3, &source, NULL), EXT_OK);

	ck_assert_int_eq(ext_source_read(source, 0, buffer, 3, NULL), EXT_OK);
	ck_assert_mem_eq(buffer, "678", 3);
	ck_assert_int_eq(ext_source_next_data(source, 1, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 1);
	ck_assert_uint_eq(end, 3);
	ext_source_close(source);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, memory_reads_up_to_its_last_byte);
	tcase_add_test(tests, reading_past_the_end_names_the_first_missing_byte);
	tcase_add_test(tests, ranges_that_overflow_are_past_the_end);
	tcase_add_test(tests, reading_nothing_succeeds_anywhere);
	tcase_add_test(tests, source_without_knowledge_of_holes_is_data_to_its_end);
	tcase_add_test(tests, empty_source_has_no_data);
	tcase_add_test(tests, closing_nothing_is_allowed);
	tcase_add_test(tests, hints_reach_what_lies_below_at_its_own_offset);
	tcase_add_test(tests, window_counts_from_its_own_first_byte);
	tcase_add_test(tests, window_is_clipped_to_what_is_there);
	tcase_add_test(tests, window_in_a_window_reads_the_right_bytes);
}

int main(void)
{
	return unit_run("source", add_tests);
}
