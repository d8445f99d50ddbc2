/* SPDX-License-Identifier: MIT */
/*
 * ddrescue maps: what was not rescued cannot be read, and files that are no maps are refused with
 * the line.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "image/source.h"
#include "scratch.h"
#include "unit.h"

enum { SIZE = 0x1000 };

static uint8_t image[SIZE];

static enum ext_status open_map(const char *text, struct ext_source **source,
				struct ext_error *error)
{
	struct ext_source *inner;
	enum ext_status status;
	char path[24];

	scratch_file(path, text, strlen(text));
	memset(image, 0x5a, SIZE);
	ck_assert_int_eq(ext_source_open_memory(image, SIZE, &inner, NULL), EXT_OK);
	status = ext_source_open_map(inner, path, source, error);
	unlink(path);
	return status;
}

static struct ext_source *opened(const char *text)
{
	struct ext_source *source = NULL;

	ck_assert_int_eq(open_map(text, &source, NULL), EXT_OK);
	return source;
}

static void reads(struct ext_source *source, uint64_t offset, size_t length)
{
	uint8_t bytes[SIZE] = {0};

	ck_assert_int_eq(ext_source_read(source, offset, bytes, length, NULL), EXT_OK);
	ck_assert_mem_eq(bytes, image + offset, length);
}

static void fails_at(struct ext_source *source, uint64_t offset, size_t length, uint64_t byte)
{
	struct ext_error error;
	uint8_t bytes[SIZE];

	ck_assert_int_eq(ext_source_read(source, offset, bytes, length, &error), EXT_IO);
	ck_assert_int_eq(error.problem, EXT_UNREADABLE);
	ck_assert_uint_eq(error.place.offset, byte);
}

static const char usual[] = "# Mapfile. Created by GNU ddrescue version 1.27\n"
			    "# Command line: ddrescue /dev/sdb image image.map\n"
			    "# current_pos  current_status  current_pass\n"
			    "0x00000400     +               1\n"
			    "#      pos        size  status\n"
			    "0x00000000  0x00000200  +\n"
			    "0x00000200  0x00000200  -\n"
			    "0x00000400  0x00000400  +\n"
			    "0x00000800  0x00000400  +\n"
			    "0x00000C00  0x00000100  *\n"
			    "0x00000D00  0x00000100  /\n"
			    "0x00000E00  0x00000200  ?\n";

START_TEST(only_rescued_areas_can_be_read)
{
	struct ext_source *const source = opened(usual);

	ck_assert_uint_eq(ext_source_size(source), SIZE);
	reads(source, 0, 0x200);
	reads(source, 0x400, 0x800);
	reads(source, 0x7ff, 2);
	fails_at(source, 0, 0x201, 0x200);
	fails_at(source, 0x300, 1, 0x300);
	fails_at(source, 0x700, 0x600, 0xc00);
	fails_at(source, 0xd00, 1, 0xd00);
	fails_at(source, 0xfff, 1, 0xfff);
	ext_source_close(source);
}
END_TEST

START_TEST(areas_that_were_not_rescued_do_not_count_as_holes)
{
	struct ext_source *const source = opened(usual);
	uint64_t start, end;

	ck_assert_int_eq(ext_source_next_data(source, 0, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 0);
	ck_assert_uint_eq(end, 0x200);
	ck_assert_int_eq(ext_source_next_data(source, 0x200, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 0x200);
	ck_assert_uint_eq(end, 0x400);
	ck_assert_int_eq(ext_source_next_data(source, 0xd80, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 0xd80);
	ck_assert_uint_eq(end, SIZE);
	ext_source_close(source);
}
END_TEST

START_TEST(what_the_map_does_not_mention_cannot_be_read)
{
	struct ext_source *const source = opened("0 ?\n0x100 0x100 +\n0x300 0x100 +\n");

	fails_at(source, 0, 1, 0);
	reads(source, 0x100, 0x100);
	fails_at(source, 0x1ff, 2, 0x200);
	reads(source, 0x300, 0x100);
	fails_at(source, 0x400, 1, 0x400);
	ext_source_close(source);
}
END_TEST

START_TEST(numbers_are_written_as_in_c_and_lines_may_end_as_on_dos)
{
	struct ext_source *const source =
		opened("0 +\r\n0 256 +\r\n0400 0X100 -\r\n 512\t0x100\t+");

	reads(source, 0, 256);
	fails_at(source, 256, 1, 256);
	reads(source, 512, 256);
	ext_source_close(source);
}
END_TEST

START_TEST(files_that_are_no_maps_are_refused_with_the_line)
{
	static const struct {
		const char *text;
		uint64_t line;
	} faults[] = {
		{"", 1},
		{"# nothing\n", 2},
		{"hello\n", 1},
		{"0 +\nhello\n", 2},
		{"0 +\n0x100\n", 2},
		{"0 +\n0 0x100 x\n", 2},
		{"0 +\n0 0x100 + more\n", 2},
		{"0 +\n\n0x 0x100 +\n", 3},
		{"0 +\n09 1 +\n", 2},
		{"0 +\n0 0x10000000000000000 +\n", 2},
		{"0 +\n0xffffffffffffffff 1 +\n", 2},
		{"0 +\n0 0x200 +\n0x100 0x100 +\n", 3},
	};

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct ext_source *source = NULL;
		struct ext_error error;

		ck_assert_msg(open_map(faults[i].text, &source, &error) == EXT_CORRUPT, "%s",
			      faults[i].text);
		ck_assert_int_eq(error.problem, EXT_MAP_SYNTAX);
		ck_assert_uint_eq(error.found, faults[i].line);
	}
}
END_TEST

START_TEST(missing_map_is_told_with_its_reason)
{
	struct ext_source *inner, *source = NULL;
	struct ext_error error;

	ck_assert_int_eq(ext_source_open_memory(image, SIZE, &inner, NULL), EXT_OK);

	ck_assert_int_eq(ext_source_open_map(inner, "no-such-map", &source, &error), EXT_ARGUMENT);
	ck_assert_int_eq(error.problem, EXT_OPEN_FAILED);
	ck_assert_int_eq(error.os_error, ENOENT);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, only_rescued_areas_can_be_read);
	tcase_add_test(tests, areas_that_were_not_rescued_do_not_count_as_holes);
	tcase_add_test(tests, what_the_map_does_not_mention_cannot_be_read);
	tcase_add_test(tests, numbers_are_written_as_in_c_and_lines_may_end_as_on_dos);
	tcase_add_test(tests, files_that_are_no_maps_are_refused_with_the_line);
	tcase_add_test(tests, missing_map_is_told_with_its_reason);
}

int main(void)
{
	return unit_run("map", add_tests);
}
