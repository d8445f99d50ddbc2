/* SPDX-License-Identifier: MIT */
/*
 * Images are recognised by content, through several layers, and what is not unpacked is named.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "image/source.h"
#include "scratch.h"
#include "unit.h"

enum { SIZE = 100000 };

/* One gzip member of `bytes`; returns its size. */
static size_t gzip(uint8_t *packed, size_t room, const uint8_t *bytes, size_t size)
{
	z_stream z;

	memset(&z, 0, sizeof z);
	ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	memcpy(&z.next_in, &bytes, sizeof bytes);
	z.avail_in = (unsigned)size;
	z.next_out = packed;
	z.avail_out = (unsigned)room;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static struct ext_source *opened(const void *bytes, size_t size)
{
	struct ext_source *source = NULL;
	char path[24];

	scratch_file(path, bytes, size);
	ck_assert_int_eq(ext_source_open(path, &source, NULL), EXT_OK);
	ck_assert_str_eq(ext_source_name(source), path);
	unlink(path);
	return source;
}

START_TEST(raw_image_is_read_as_it_lies)
{
	struct ext_source *const source = opened("no magic here", 13);
	struct ext_finding finding;

	ck_assert_uint_eq(ext_source_size(source), 13);
	ck_assert(!ext_source_finding(source, 0, &finding));
	ext_source_close(source);
}
END_TEST

START_TEST(gzip_is_unpacked_through_several_layers)
{
	static uint8_t image[SIZE], once[SIZE], twice[SIZE], read[SIZE];
	struct ext_source *source;
	size_t size;

	for (size_t i = 0; i < SIZE; i++)
		image[i] = (uint8_t)(i % 251);
	size = gzip(once, SIZE, image, SIZE);
	size = gzip(twice, SIZE, once, size);
	source = opened(twice, size);

	ck_assert_uint_eq(ext_source_size(source), SIZE);
	ck_assert_int_eq(ext_source_read(source, 0, read, SIZE, NULL), EXT_OK);
	ck_assert_mem_eq(read, image, SIZE);
	ext_source_close(source);
}
END_TEST

START_TEST(findings_of_all_layers_are_told)
{
	static uint8_t image[SIZE], once[SIZE], twice[SIZE];
	struct ext_source *source;
	struct ext_finding finding;
	size_t size;

	memset(image, 1, SIZE);
	size = gzip(once, SIZE, image, SIZE);
	memcpy(once + size, "rest", 4);
	size = gzip(twice, SIZE, once, size + 4);
	twice[size - 8] ^= 1;
	source = opened(twice, size);

	ck_assert(ext_source_finding(source, 0, &finding));
	ck_assert_int_eq(finding.problem, EXT_GZIP_TRAILING);
	ck_assert(ext_source_finding(source, 1, &finding));
	ck_assert_int_eq(finding.problem, EXT_GZIP_CHECKSUM);
	ck_assert(!ext_source_finding(source, 2, &finding));
	ext_source_close(source);
}
END_TEST

START_TEST(gzip_of_garbage_fails_in_one_clear_line)
{
	static const char wanted[] = "the gzip data are damaged here; 0 bytes were unpacked before "
				     "[gzip-damaged]";
	struct ext_source *source = NULL;
	struct ext_error error;
	char path[24], text[200];

	scratch_file(path, "\x1f\x8b\x08\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", 16);
	ck_assert_int_eq(ext_source_open(path, &source, &error), EXT_CORRUPT);
	unlink(path);

	ck_assert_ptr_null(source);
	ext_error_describe(&error, text, sizeof text);
	ck_assert_ptr_nonnull(strstr(text, wanted));
	ck_assert_ptr_null(strchr(text, '\n'));
}
END_TEST

START_TEST(kinds_that_are_not_unpacked_are_named_and_read_raw)
{
	struct ext_source *const source = opened("\xfd"
						 "7zXZ\0 and so on",
						 16);
	struct ext_finding finding;
	char text[300];

	ck_assert_uint_eq(ext_source_size(source), 16);
	ck_assert(ext_source_finding(source, 0, &finding));
	ck_assert_int_eq(finding.problem, EXT_IMAGE_PACKED);
	ext_finding_describe(&finding, text, sizeof text);
	ck_assert_ptr_nonnull(strstr(text, "xz"));
	ext_source_close(source);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, raw_image_is_read_as_it_lies);
	tcase_add_test(tests, gzip_is_unpacked_through_several_layers);
	tcase_add_test(tests, findings_of_all_layers_are_told);
	tcase_add_test(tests, gzip_of_garbage_fails_in_one_clear_line);
	tcase_add_test(tests, kinds_that_are_not_unpacked_are_named_and_read_raw);
}

int main(void)
{
	return unit_run("open", add_tests);
}
