/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "accounting/ahead.h"
#include "recorder.h"
#include "unit.h"

enum { BLOCK = 4096 };

static const uint64_t far = (uint64_t)1 << 20;

static struct ext_source *open_source(struct ahead *ahead)
{
	static const uint8_t byte;
	struct ext_source *source;

	ck_assert_int_eq(ext_source_open_memory(&byte, 1, &source, NULL), EXT_OK);
	/* As large as the ranges want it; nothing is read. */
	source->size = UINT64_MAX;
	record_hints(source);
	ahead_init(ahead, source);
	return source;
}

START_TEST(what_was_added_in_any_order_is_told_in_that_of_the_disk)
{
	struct ahead ahead;
	struct ext_source *const source = open_source(&ahead);

	ahead_add(&ahead, 2 * far, BLOCK);
	ahead_add(&ahead, far, BLOCK);
	ahead_add(&ahead, 3 * far, BLOCK);
	ck_assert_uint_eq(recorded_count, 0);
	ahead_tell(&ahead);

	ck_assert_uint_eq(recorded_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(recorded[i].offset, (i + 1) * far);
		ck_assert_uint_eq(recorded[i].length, BLOCK);
	}
	ahead_tell(&ahead);
	ck_assert_uint_eq(recorded_count, 3);
	ext_source_close(source);
}
END_TEST

START_TEST(neighbours_are_told_as_one)
{
	struct ahead ahead;
	struct ext_source *const source = open_source(&ahead);

	ahead_add(&ahead, far + 3 * BLOCK, BLOCK);
	ahead_add(&ahead, far, BLOCK);
	ahead_add(&ahead, far + BLOCK, BLOCK);
	/* Within another. */
	ahead_add(&ahead, far + 1, 10);
	ahead_tell(&ahead);

	ck_assert_uint_eq(recorded_count, 1);
	ck_assert_uint_eq(recorded[0].offset, far);
	ck_assert_uint_eq(recorded[0].length, 4 * BLOCK);
	ext_source_close(source);
}
END_TEST

START_TEST(more_than_there_is_room_for_is_told_at_once)
{
	struct ahead ahead;
	struct ext_source *const source = open_source(&ahead);

	for (uint64_t i = 0; i <= AHEAD_RANGES; i++)
		ahead_add(&ahead, i * far, BLOCK);
	ck_assert_uint_eq(recorded_count, AHEAD_RANGES);
	ahead_tell(&ahead);
	ck_assert_uint_eq(recorded_count, AHEAD_RANGES + 1);
	ext_source_close(source);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, what_was_added_in_any_order_is_told_in_that_of_the_disk);
	tcase_add_test(tests, neighbours_are_told_as_one);
	tcase_add_test(tests, more_than_there_is_room_for_is_told_at_once);
}

int main(void)
{
	return unit_run("ahead", add_tests);
}
