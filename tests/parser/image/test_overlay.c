/* SPDX-License-Identifier: MIT */
/*
 * The copy-on-write overlay: writing, redirecting, reverting, and finding what changed.
 */
#include "config.h"

#include <string.h>

#include "image/source.h"
#include "image/unit_index.h"
#include "unit.h"

enum { UNIT = 512, UNITS = 20, SIZE = UNIT * UNITS + 100 };

/* An image, an overlay on it, and what the overlay is expected to read as. */
struct scene {
	uint8_t image[SIZE], before[SIZE], expected[SIZE];
	struct ext_source *inner, *overlay;
};

static void scene_open(struct scene *scene)
{
	for (size_t i = 0; i < SIZE; i++)
		scene->image[i] = (uint8_t)(i * 7 + i / 256);
	memcpy(scene->before, scene->image, SIZE);
	memcpy(scene->expected, scene->image, SIZE);
	ck_assert_int_eq(ext_source_open_memory(scene->image, SIZE, &scene->inner, NULL), EXT_OK);
	ck_assert_int_eq(ext_source_open_overlay(scene->inner, UNIT, &scene->overlay, NULL),
			 EXT_OK);
}

static void write_both(struct scene *scene, uint64_t offset, int byte, size_t length)
{
	memset(scene->expected + offset, byte, length);
	ck_assert_int_eq(
		ext_overlay_write(scene->overlay, offset, scene->expected + offset, length, NULL),
		EXT_OK);
}

static void reads_as_expected(struct scene *scene)
{
	uint8_t buffer[SIZE];

	ck_assert_int_eq(ext_source_read(scene->overlay, 0, buffer, SIZE, NULL), EXT_OK);
	ck_assert_mem_eq(buffer, scene->expected, SIZE);
	for (size_t at = 0; at + 700 <= SIZE; at += 333) {
		ck_assert_int_eq(ext_source_read(scene->overlay, at, buffer, 700, NULL), EXT_OK);
		ck_assert_mem_eq(buffer, scene->expected + at, 700);
	}
	ck_assert_mem_eq(scene->image, scene->before, SIZE);
}

static void scene_close(struct scene *scene)
{
	ext_source_close(scene->overlay);
	ext_source_close(scene->inner);
}

START_TEST(untouched_overlay_reads_as_what_lies_below)
{
	struct scene scene;
	uint64_t changed;

	scene_open(&scene);

	reads_as_expected(&scene);
	ck_assert_int_eq(ext_overlay_next_changed(scene.overlay, 0, &changed), EXT_END);
	ck_assert_uint_eq(ext_source_size(scene.overlay), SIZE);
	scene_close(&scene);
}
END_TEST

START_TEST(writing_changes_the_overlay_and_never_the_image)
{
	struct scene scene;

	scene_open(&scene);

	write_both(&scene, 700, 0xaa, 10);
	write_both(&scene, 0, 0xbb, UNIT);
	write_both(&scene, UNIT * 5 - 3, 0xcc, UNIT * 3 + 6);
	write_both(&scene, SIZE - 50, 0xdd, 50);

	reads_as_expected(&scene);
	scene_close(&scene);
}
END_TEST

START_TEST(writing_past_the_end_fails_and_changes_nothing)
{
	struct scene scene;
	struct ext_error error;
	uint64_t changed;

	scene_open(&scene);

	ck_assert_int_eq(ext_overlay_write(scene.overlay, SIZE - 1, "ab", 2, &error), EXT_IO);
	ck_assert_int_eq(error.problem, EXT_IMAGE_TRUNCATED);
	ck_assert_int_eq(ext_overlay_next_changed(scene.overlay, 0, &changed), EXT_END);
	scene_close(&scene);
}
END_TEST

START_TEST(behind_the_end_reads_what_was_written_there_alone)
{
	static const uint8_t unit[UNIT] = {1, 2, 3};
	struct scene scene;
	struct ext_error error;
	uint8_t buffer[UNIT];
	uint64_t start, end;

	scene_open(&scene);
	ck_assert_int_eq(ext_overlay_extend(scene.overlay, SIZE - 1, NULL), EXT_ARGUMENT);

	ck_assert_int_eq(ext_overlay_extend(scene.overlay, 80 * UNIT, NULL), EXT_OK);
	ck_assert_uint_eq(ext_source_size(scene.overlay), 80 * UNIT);
	ck_assert_int_eq(ext_overlay_write(scene.overlay, 40 * UNIT, unit, UNIT, NULL), EXT_OK);

	ck_assert_int_eq(ext_source_read(scene.overlay, 40 * UNIT, buffer, UNIT, NULL), EXT_OK);
	ck_assert_mem_eq(buffer, unit, UNIT);
	ck_assert_int_eq(ext_source_read(scene.overlay, 40 * UNIT - 1, buffer, 2, &error), EXT_IO);
	ck_assert_int_eq(error.problem, EXT_IMAGE_TRUNCATED);
	ck_assert_int_eq(ext_source_next_data(scene.overlay, SIZE, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 40 * UNIT);
	ck_assert_uint_eq(end, 41 * UNIT);
	reads_as_expected(&scene);
	scene_close(&scene);
}
END_TEST

START_TEST(redirected_unit_reads_from_elsewhere)
{
	struct scene scene;

	scene_open(&scene);

	ck_assert_int_eq(
		ext_overlay_redirect(scene.overlay, UNIT * 2, 1, scene.inner, UNIT * 9, NULL, NULL),
		EXT_OK);
	memcpy(scene.expected + UNIT * 2, scene.image + UNIT * 9, UNIT);

	reads_as_expected(&scene);
	scene_close(&scene);
}
END_TEST

START_TEST(redirected_run_reads_from_elsewhere_over_what_was_changed_before)
{
	static const uint8_t head[4] = {9, 8, 7, 6};
	struct scene scene;

	scene_open(&scene);
	write_both(&scene, UNIT * 4, 0x11, UNIT);

	ck_assert_int_eq(
		ext_overlay_redirect(scene.overlay, UNIT * 2, 6, scene.inner, UNIT * 9, NULL, NULL),
		EXT_OK);
	memcpy(scene.expected + UNIT * 2, scene.image + UNIT * 9, UNIT * 6);
	ck_assert_int_eq(
		ext_overlay_redirect(scene.overlay, UNIT * 6, 3, scene.inner, UNIT, head, NULL),
		EXT_OK);
	memcpy(scene.expected + UNIT * 6, scene.image + UNIT, UNIT * 3);
	for (size_t i = 6; i < 9; i++)
		memcpy(scene.expected + UNIT * i, head, 4);

	reads_as_expected(&scene);
	scene_close(&scene);
}
END_TEST

START_TEST(head_replaces_the_first_four_bytes_of_a_redirected_unit)
{
	static const uint8_t head[4] = {0xc0, 0x3b, 0x39, 0x98};
	struct scene scene;

	scene_open(&scene);

	ck_assert_int_eq(
		ext_overlay_redirect(scene.overlay, UNIT * 3, 1, scene.inner, 77, head, NULL),
		EXT_OK);
	memcpy(scene.expected + UNIT * 3, scene.image + 77, UNIT);
	memcpy(scene.expected + UNIT * 3, head, 4);

	reads_as_expected(&scene);
	for (size_t at = 0; at < 6; at++) {
		for (size_t length = 1; length < 6; length++) {
			uint8_t buffer[8];

			ck_assert_int_eq(
				ext_source_read(scene.overlay, UNIT * 3 + at, buffer, length, NULL),
				EXT_OK);
			ck_assert_mem_eq(buffer, scene.expected + UNIT * 3 + at, length);
		}
	}
	scene_close(&scene);
}
END_TEST

START_TEST(writing_into_a_redirected_unit_keeps_the_rest_of_it)
{
	static const uint8_t head[4] = {1, 2, 3, 4};
	struct scene scene;

	scene_open(&scene);

	ck_assert_int_eq(
		ext_overlay_redirect(scene.overlay, 0, 1, scene.inner, UNIT * 4, head, NULL),
		EXT_OK);
	memcpy(scene.expected, scene.image + UNIT * 4, UNIT);
	memcpy(scene.expected, head, 4);
	write_both(&scene, 2, 0xee, 5);

	reads_as_expected(&scene);
	scene_close(&scene);
}
END_TEST

START_TEST(redirecting_a_written_unit_forgets_what_was_written)
{
	struct scene scene;

	scene_open(&scene);

	write_both(&scene, UNIT, 0x11, UNIT);
	ck_assert_int_eq(ext_overlay_redirect(scene.overlay, UNIT, 1, scene.inner, 0, NULL, NULL),
			 EXT_OK);
	memcpy(scene.expected + UNIT, scene.image, UNIT);

	reads_as_expected(&scene);
	scene_close(&scene);
}
END_TEST

START_TEST(redirecting_off_a_unit_or_past_an_end_is_refused)
{
	struct scene scene;
	struct ext_error error;

	scene_open(&scene);

	ck_assert_int_eq(ext_overlay_redirect(scene.overlay, 1, 1, scene.inner, 0, NULL, NULL),
			 EXT_ARGUMENT);
	ck_assert_int_eq(
		ext_overlay_redirect(scene.overlay, UNIT * 30, 1, scene.inner, 0, NULL, NULL),
		EXT_IO);
	ck_assert_int_eq(
		ext_overlay_redirect(scene.overlay, 0, 1, scene.inner, SIZE - 10, NULL, &error),
		EXT_IO);
	ck_assert_int_eq(error.problem, EXT_IMAGE_TRUNCATED);
	reads_as_expected(&scene);
	scene_close(&scene);
}
END_TEST

START_TEST(revert_brings_back_what_lies_below)
{
	struct scene scene;
	uint64_t changed;

	scene_open(&scene);

	write_both(&scene, UNIT * 2 + 5, 0x55, 5);
	ck_assert_int_eq(
		ext_overlay_redirect(scene.overlay, UNIT * 7, 1, scene.inner, 0, NULL, NULL),
		EXT_OK);
	ext_overlay_revert(scene.overlay, UNIT * 2 + 300);
	ext_overlay_revert(scene.overlay, UNIT * 7);
	ext_overlay_revert(scene.overlay, UNIT * 9);
	memcpy(scene.expected, scene.image, SIZE);

	reads_as_expected(&scene);
	ck_assert_int_eq(ext_overlay_next_changed(scene.overlay, 0, &changed), EXT_END);
	scene_close(&scene);
}
END_TEST

START_TEST(changed_units_are_visited_in_ascending_order)
{
	static const unsigned order[] = {17, 3, 20, 5, 0, 12};
	static const unsigned sorted[] = {0, 3, 5, 12, 17, 20};
	struct scene scene;
	uint64_t at = 0, changed;

	scene_open(&scene);
	for (size_t i = 0; i < 6; i++)
		write_both(&scene, order[i] * UNIT + 1, 0x99, 1);

	for (size_t i = 0; i < 6; i++) {
		ck_assert_int_eq(ext_overlay_next_changed(scene.overlay, at, &changed), EXT_OK);
		ck_assert_uint_eq(changed, sorted[i] * UNIT);
		at = changed + 1;
	}
	ck_assert_int_eq(ext_overlay_next_changed(scene.overlay, at, &changed), EXT_END);
	ck_assert_int_eq(ext_overlay_next_changed(scene.overlay, UINT64_MAX, &changed), EXT_END);
	scene_close(&scene);
}
END_TEST

START_TEST(read_error_below_tells_the_byte_of_the_overlay)
{
	struct scene scene;
	struct ext_source *tail, *overlay;
	struct ext_error error;
	uint8_t buffer[UNIT];

	scene_open(&scene);
	ck_assert_int_eq(ext_source_open_memory(scene.image, UNIT, &tail, NULL), EXT_OK);
	ck_assert_int_eq(ext_source_open_overlay(scene.inner, UNIT, &overlay, NULL), EXT_OK);
	ck_assert_int_eq(ext_overlay_redirect(overlay, UNIT * 4, 1, tail, 0, NULL, NULL), EXT_OK);
	tail->size = 100; /* as if the other file had been cut */

	ck_assert_int_eq(ext_source_read(overlay, UNIT * 4, buffer, UNIT, &error), EXT_IO);
	ck_assert_uint_eq(error.place.offset, UNIT * 4 + 100);
	ext_source_close(overlay);
	ext_source_close(tail);
	scene_close(&scene);
}
END_TEST

START_TEST(units_of_odd_sizes_are_refused)
{
	struct scene scene;
	struct ext_source *overlay = NULL;

	scene_open(&scene);

	ck_assert_int_eq(ext_source_open_overlay(scene.inner, 0, &overlay, NULL), EXT_ARGUMENT);
	ck_assert_int_eq(ext_source_open_overlay(scene.inner, 256, &overlay, NULL), EXT_ARGUMENT);
	ck_assert_int_eq(ext_source_open_overlay(scene.inner, 1000, &overlay, NULL), EXT_ARGUMENT);
	ck_assert_int_eq(ext_source_open_overlay(scene.inner, 131072, &overlay, NULL),
			 EXT_ARGUMENT);
	ck_assert_ptr_null(overlay);
	scene_close(&scene);
}
END_TEST

/* Thousands of units in an order that splits and empties leaves and runs, against a plain array. */
START_TEST(index_holds_what_was_put_in_and_not_removed)
{
	enum { RANGE = 6000, LOG2 = 10 };
	static uint64_t held[RANGE]; /* offset in the origin, and 1; 0: unchanged */
	struct unit_index index = {.unit_log2 = LOG2};
	uint32_t state = 1;
	unsigned runs = 0;

	memset(held, 0, sizeof held);
	for (unsigned step = 0; step < 40000; step++) {
		uint32_t unit, length;

		state = state * 1664525 + 1013904223;
		unit = (state >> 8) % RANGE;
		/* First mostly in, then mostly out. */
		if ((state >> 28) >= (step < 20000 ? 12u : 3u)) {
			ck_assert(unit_index_remove(&index, unit));
			held[unit] = 0;
			continue;
		}
		/* Every other one goes on where it can, which makes runs; some at one stroke. */
		length = step % 2 == 0 ? 1 : (state >> 20) % 100;
		length = length < RANGE - unit ? length : RANGE - unit;
		for (uint32_t i = 0; i < length; i++) {
			const uint64_t offset = ((uint64_t)step << 20) + ((uint64_t)i << LOG2);
			const uint64_t more = unit_index_append(
				&index, unit + i, step % 5 == 0 ? length - i : 1, step % 3, offset);
			struct unit_change *change;

			ck_assert_uint_le(more, length - i);
			for (uint32_t j = 0; j < more; j++) {
				ck_assert_uint_eq(held[unit + i + j], 0);
				held[unit + i + j] = offset + ((uint64_t)j << LOG2) + 1;
			}
			if (more > 0) {
				runs += (unsigned)more;
				i += (uint32_t)more - 1;
				continue;
			}
			change = unit_index_insert(&index, unit + i);
			ck_assert_ptr_nonnull(change);
			ck_assert_uint_eq(change->unit, unit + i);
			ck_assert_uint_eq(change->more, 0);
			change->from = step % 3 & WRITTEN;
			change->from_offset = offset;
			held[unit + i] = offset + 1;
		}
	}
	ck_assert_uint_gt(runs, 10000);

	for (uint32_t unit = 0, next; unit < RANGE; unit++) {
		uint64_t at = 0;
		const struct unit_change *const change = unit_index_next(&index, unit, &at);

		for (next = unit; next < RANGE && held[next] == 0; next++)
			;
		ck_assert_int_eq(unit_index_find(&index, unit) != NULL, held[unit] != 0);
		if (next == RANGE) {
			ck_assert_ptr_null(change);
			continue;
		}
		ck_assert_uint_eq(at, next);
		ck_assert_uint_eq(change->from_offset + ((at - change->unit) << LOG2) + 1,
				  held[next]);
	}
	unit_index_clear(&index);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, untouched_overlay_reads_as_what_lies_below);
	tcase_add_test(tests, writing_changes_the_overlay_and_never_the_image);
	tcase_add_test(tests, writing_past_the_end_fails_and_changes_nothing);
	tcase_add_test(tests, behind_the_end_reads_what_was_written_there_alone);
	tcase_add_test(tests, redirected_unit_reads_from_elsewhere);
	tcase_add_test(tests, redirected_run_reads_from_elsewhere_over_what_was_changed_before);
	tcase_add_test(tests, head_replaces_the_first_four_bytes_of_a_redirected_unit);
	tcase_add_test(tests, writing_into_a_redirected_unit_keeps_the_rest_of_it);
	tcase_add_test(tests, redirecting_a_written_unit_forgets_what_was_written);
	tcase_add_test(tests, redirecting_off_a_unit_or_past_an_end_is_refused);
	tcase_add_test(tests, revert_brings_back_what_lies_below);
	tcase_add_test(tests, changed_units_are_visited_in_ascending_order);
	tcase_add_test(tests, read_error_below_tells_the_byte_of_the_overlay);
	tcase_add_test(tests, units_of_odd_sizes_are_refused);
	tcase_add_test(tests, index_holds_what_was_put_in_and_not_removed);
}

int main(void)
{
	return unit_run("overlay", add_tests);
}
