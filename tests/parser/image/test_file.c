/* SPDX-License-Identifier: MIT */
/*
 * Files as sources: sizes, holes, and every way in which opening fails.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/source.h"
#include "scratch.h"
#include "unit.h"

static void opening_fails(const char *path, int reason)
{
	struct ext_source *source = NULL;
	struct ext_error error;

	ck_assert_int_eq(ext_source_open(path, &source, &error), EXT_ARGUMENT);
	ck_assert_ptr_null(source);
	ck_assert_int_eq(error.status, EXT_ARGUMENT);
	ck_assert_int_eq(error.problem, EXT_OPEN_FAILED);
	ck_assert_int_eq(error.os_error, reason);
}

START_TEST(file_reads_at_any_offset)
{
	struct ext_source *source;
	uint8_t buffer[5];
	char path[24];

	scratch_file(path, "0123456789", 10);
	ck_assert_int_eq(ext_source_open(path, &source, NULL), EXT_OK);

	ck_assert_str_eq(ext_source_name(source), path);
	ck_assert_uint_eq(ext_source_size(source), 10);
	ck_assert_int_eq(ext_source_read(source, 5, buffer, 5, NULL), EXT_OK);
	ck_assert_mem_eq(buffer, "56789", 5);
	ck_assert_int_eq(ext_source_read(source, 0, buffer, 5, NULL), EXT_OK);
	ck_assert_mem_eq(buffer, "01234", 5);
	ck_assert_int_eq(ext_source_read(source, 6, buffer, 5, NULL), EXT_IO);
	ext_source_will_need(source, 0, 100);
	ext_source_close(source);
	unlink(path);
}
END_TEST

/* Hints change nothing of what is read, and whether the system tells what it has in memory differs:
 * of a byte just read it may say either. Behind the end there is nothing to wait for. */
START_TEST(hints_are_no_more_than_hints)
{
	struct ext_source *source;
	uint8_t buffer[10];
	char path[24];

	scratch_file(path, "0123456789", 10);
	ck_assert_int_eq(ext_source_open(path, &source, NULL), EXT_OK);
	ext_source_expect_reads(source, EXT_READS_LONG);
	ext_source_will_need(source, 0, UINT64_MAX);
	ext_source_in_memory(source, 9);
	ck_assert(ext_source_in_memory(source, 10));
	ck_assert_int_eq(ext_source_read(source, 0, buffer, 10, NULL), EXT_OK);
	ck_assert_mem_eq(buffer, "0123456789", 10);
	ext_source_expect_reads(source, EXT_READS_GUESSED);
	ext_source_close(source);
	unlink(path);
}
END_TEST

/* Past the page cache where the system and the place allow it; the bytes are the same everywhere.
 */
START_TEST(long_reads_give_the_same_bytes_at_any_place)
{
	enum { SIZE = 3 * EXT_LONG_READ + 1000 };
	static const struct {
		uint64_t offset;
		size_t length, at; /* in the buffer */
	} rows[] = {
		{0, EXT_LONG_READ, 0},
		{512, 2 * EXT_LONG_READ, 0},
		{4096, EXT_LONG_READ + 1, 0},
		{1, EXT_LONG_READ, 0},
		{0, EXT_LONG_READ, 1},
		{EXT_LONG_READ, SIZE - EXT_LONG_READ, 0},
		{SIZE - 1000, 1000, 0},
		{0, SIZE, 0},
		{8192, EXT_LONG_READ - 512, 512},
		{512, EXT_LONG_READ, 512},
	};
	uint8_t *const bytes = malloc(SIZE), *const buffer = aligned_alloc(4096, 4 * EXT_LONG_READ);
	struct ext_source *source;
	char path[24];

	ck_assert(bytes && buffer);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	scratch_file(path, bytes, SIZE);
	ck_assert_int_eq(ext_source_open(path, &source, NULL), EXT_OK);
	ext_source_expect_reads(source, EXT_READS_LONG);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		memset(buffer, 0, 4 * EXT_LONG_READ);
		ck_assert_int_eq(ext_source_read(source, rows[i].offset, buffer + rows[i].at,
						 rows[i].length, NULL),
				 EXT_OK);
		ck_assert_mem_eq(buffer + rows[i].at, bytes + rows[i].offset, rows[i].length);
		ck_assert_uint_eq(buffer[rows[i].at + rows[i].length], 0);
	}
	ck_assert_int_eq(ext_source_read(source, EXT_LONG_READ, buffer, SIZE, NULL), EXT_IO);
	ext_source_close(source);
	unlink(path);
	free(bytes);
	free(buffer);
}
END_TEST

/* A file that is cut while it is read past the cache ends where an ordinary read ends. */
START_TEST(long_reads_of_a_file_cut_while_open_tell_the_byte)
{
	uint8_t *const buffer = aligned_alloc(4096, 2 * EXT_LONG_READ);
	struct ext_source *source;
	struct ext_error error;
	char path[24];

	ck_assert_ptr_nonnull(buffer);
	memset(buffer, 'x', 2 * EXT_LONG_READ);
	scratch_file(path, buffer, 2 * EXT_LONG_READ);
	ck_assert_int_eq(ext_source_open(path, &source, NULL), EXT_OK);
	ext_source_expect_reads(source, EXT_READS_LONG);
	ck_assert_int_eq(truncate(path, EXT_LONG_READ + 512), 0);
	ck_assert_int_eq(ext_source_read(source, 0, buffer, 2 * EXT_LONG_READ, &error), EXT_IO);
	ck_assert_int_eq(error.problem, EXT_IMAGE_TRUNCATED);
	ck_assert_uint_eq(error.place.offset, EXT_LONG_READ + 512);
	ext_source_close(source);
	unlink(path);
	free(buffer);
}
END_TEST

START_TEST(empty_file_opens_with_size_zero)
{
	struct ext_source *source;
	char path[24];

	scratch_file(path, "", 0);

	ck_assert_int_eq(ext_source_open(path, &source, NULL), EXT_OK);
	ck_assert_uint_eq(ext_source_size(source), 0);
	ext_source_close(source);
	unlink(path);
}
END_TEST

START_TEST(missing_file_is_told_with_its_reason)
{
	opening_fails("no-such-file", ENOENT);
}
END_TEST

START_TEST(directory_is_told_with_its_reason)
{
	opening_fails(".", EISDIR);
}
END_TEST

START_TEST(named_pipe_fails_instead_of_waiting)
{
	ck_assert_int_eq(mkfifo("scratch.pipe", 0600), 0);
	opening_fails("scratch.pipe", ESPIPE);
	unlink("scratch.pipe");
}
END_TEST

START_TEST(file_cut_while_open_is_told_with_the_byte)
{
	struct ext_source *source;
	struct ext_error error;
	uint8_t buffer[10];
	char path[24];

	scratch_file(path, "0123456789", 10);
	ck_assert_int_eq(ext_source_open(path, &source, NULL), EXT_OK);
	ck_assert_int_eq(truncate(path, 4), 0);

	ck_assert_int_eq(ext_source_read(source, 0, buffer, 10, &error), EXT_IO);
	ck_assert_int_eq(error.problem, EXT_IMAGE_TRUNCATED);
	ck_assert_uint_eq(error.place.offset, 4);
	ext_source_close(source);
	unlink(path);
}
END_TEST

START_TEST(data_after_a_hole_are_found)
{
	const uint64_t far = (uint64_t)1 << 33; /* needs 64-bit offsets */
	struct ext_source *source;
	uint64_t start = 0, end = 0;
	char path[24];
	uint8_t buffer[4];
	int descriptor;

	scratch_file(path, "", 0);
	descriptor = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(descriptor, "data", 4, (off_t)far), 4);
	close(descriptor);
	ck_assert_int_eq(ext_source_open(path, &source, NULL), EXT_OK);

	ck_assert_uint_eq(ext_source_size(source), far + 4);
	ck_assert_int_eq(ext_source_read(source, far, buffer, 4, NULL), EXT_OK);
	ck_assert_mem_eq(buffer, "data", 4);
	/* A filesystem without holes calls everything data: also right. */
	ck_assert_int_eq(ext_source_next_data(source, 0, &start, &end), EXT_OK);
	ck_assert_uint_le(start, far);
	ck_assert_uint_eq(end, far + 4);
	ck_assert_int_eq(ext_source_next_data(source, far + 2, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, far + 2);
	ck_assert_int_eq(ext_source_next_data(source, far + 4, &start, &end), EXT_END);
	ext_source_close(source);
	unlink(path);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, file_reads_at_any_offset);
	tcase_add_test(tests, hints_are_no_more_than_hints);
	tcase_add_test(tests, long_reads_give_the_same_bytes_at_any_place);
	tcase_add_test(tests, long_reads_of_a_file_cut_while_open_tell_the_byte);
	tcase_add_test(tests, empty_file_opens_with_size_zero);
	tcase_add_test(tests, missing_file_is_told_with_its_reason);
	tcase_add_test(tests, directory_is_told_with_its_reason);
	tcase_add_test(tests, named_pipe_fails_instead_of_waiting);
	tcase_add_test(tests, file_cut_while_open_is_told_with_the_byte);
	tcase_add_test(tests, data_after_a_hole_are_found);
}

int main(void)
{
	return unit_run("file", add_tests);
}
