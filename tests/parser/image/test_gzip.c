/* SPDX-License-Identifier: MIT */
/*
 * gzip as a source: any order of reads gives the same bytes, and every way in which a stream can be
 * damaged is told with its byte.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "image/gzip_index.h"
#include "image/source.h"
#include "unit.h"

enum { MIB = 1 << 20, SIZE = 7 * MIB + 12345 };

/* Bytes that grow by packing more. */
struct buffer {
	uint8_t *data;
	size_t size;
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Text-like bytes with holes of zeros, so that both checkpoints and zero runs matter. */
static uint8_t *make_image(size_t size)
{
	uint8_t *const image = calloc(1, size);
	uint32_t state = 7;

	ck_assert_ptr_nonnull(image);
	for (size_t at = 0; at < size; at++) {
		if (at % (2 * MIB) > MIB + 4321)
			continue;
		image[at] = (uint8_t)(next_random(&state) % 23 + (at >> 16));
	}
	return image;
}

/* Appends a member with `bytes`; flags are those of a header, with what they promise. */
static void pack_at_level(struct buffer *packed, const uint8_t *bytes, size_t size, bool with_name,
			  int level)
{
	gz_header header;
	z_stream z;
	size_t room;

	memset(&z, 0, sizeof z);
	memset(&header, 0, sizeof header);
	ck_assert_int_eq(deflateInit2(&z, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	if (with_name) {
		static Bytef name[] = "disk.img", comment[] = "a comment", extra[] = "extra";

		header.name = name;
		header.comment = comment;
		header.extra = extra;
		header.extra_len = 5;
		header.hcrc = 1;
		deflateSetHeader(&z, &header);
	}
	room = deflateBound(&z, size);
	packed->data = realloc(packed->data, packed->size + room);
	ck_assert_ptr_nonnull(packed->data);
	memcpy(&z.next_in, &bytes, sizeof bytes);
	z.avail_in = (unsigned)size;
	z.next_out = packed->data + packed->size;
	z.avail_out = (unsigned)room;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	packed->size += room - z.avail_out;
	deflateEnd(&z);
}

static void pack(struct buffer *packed, const uint8_t *bytes, size_t size, bool with_name)
{
	pack_at_level(packed, bytes, size, with_name, 6);
}

static void append(struct buffer *packed, const void *bytes, size_t size)
{
	packed->data = realloc(packed->data, packed->size + size);
	ck_assert_ptr_nonnull(packed->data);
	memcpy(packed->data + packed->size, bytes, size);
	packed->size += size;
}

static enum ext_status open_packed(const struct buffer *packed, struct ext_source **source,
				   struct ext_error *error)
{
	struct ext_source *inner;

	ck_assert_int_eq(ext_source_open_memory(packed->data, packed->size, &inner, NULL), EXT_OK);
	return ext_source_open_gzip(inner, source, error);
}

static struct ext_source *opened(const struct buffer *packed)
{
	struct ext_source *source = NULL;

	ck_assert_int_eq(open_packed(packed, &source, NULL), EXT_OK);
	return source;
}

static void reads_as(struct ext_source *source, const uint8_t *image, size_t at, size_t length)
{
	uint8_t *const buffer = malloc(length + 1);

	ck_assert_ptr_nonnull(buffer);
	ck_assert_int_eq(ext_source_read(source, at, buffer, length, NULL), EXT_OK);
	ck_assert_msg(memcmp(buffer, image + at, length) == 0, "at %zu, %zu bytes", at, length);
	free(buffer);
}

static void has_no_finding(struct ext_source *source)
{
	struct ext_finding finding;

	ck_assert(!ext_source_finding(source, 0, &finding));
}

static void has_finding(struct ext_source *source, enum ext_problem problem, uint64_t offset)
{
	struct ext_finding finding;

	ck_assert(ext_source_finding(source, 0, &finding));
	ck_assert_int_eq(finding.problem, problem);
	ck_assert_uint_eq(finding.place.offset, offset);
	ck_assert(!ext_source_finding(source, 1, &finding));
}

START_TEST(reads_in_any_order_equal_the_sequential_one)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(SIZE);
	struct ext_source *source;
	uint32_t state = 99;

	pack(&packed, image, SIZE, true);
	source = opened(&packed);

	ck_assert_uint_eq(ext_source_size(source), SIZE);
	has_no_finding(source);
	reads_as(source, image, 0, SIZE);
	for (unsigned i = 0; i < 150; i++) {
		const size_t at = next_random(&state) % SIZE;
		const size_t length = next_random(&state) % (i % 10 ? 9000 : 300000);

		reads_as(source, image, at, length < SIZE - at ? length : SIZE - at);
	}
	for (size_t at = SIZE; at > 70000; at -= 70000)
		reads_as(source, image, at - 70000, 70000);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(interleaved_readers_get_their_own_bytes)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(SIZE);
	struct ext_source *source;

	pack(&packed, image, SIZE, false);
	source = opened(&packed);

	for (size_t at = 0; at + 4 * MIB + 5000 <= SIZE; at += 5000) {
		reads_as(source, image, at, 5000);
		reads_as(source, image, at + 2 * MIB, 5000);
		reads_as(source, image, at + 4 * MIB, 5000);
	}
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(concatenated_members_are_one_image)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(SIZE);
	struct ext_source *source;

	pack(&packed, image, 1000, false);
	pack(&packed, image, 0, true);
	pack(&packed, image + 1000, 3 * MIB, true);
	pack(&packed, image + 1000 + 3 * MIB, SIZE - 1000 - 3 * MIB, false);
	source = opened(&packed);

	ck_assert_uint_eq(ext_source_size(source), SIZE);
	has_no_finding(source);
	reads_as(source, image, 5 * MIB, MIB);
	reads_as(source, image, 900, 200);
	reads_as(source, image, 0, SIZE);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(many_small_members_are_one_image)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(3 * MIB);
	struct ext_source *source;

	for (size_t at = 0; at < 3 * MIB; at += 16384)
		pack(&packed, image + at, 16384, false);
	source = opened(&packed);

	ck_assert_uint_eq(ext_source_size(source), 3 * MIB);
	for (size_t at = 3 * MIB; at > 0; at -= 65536)
		reads_as(source, image, at - 65536, 65536);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(holes_are_known_without_unpacking_them)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = calloc(1, 4 * MIB);
	struct ext_source *source;
	uint64_t start, end;

	image[0] = 1;
	image[3 * MIB + 5] = 1;
	pack(&packed, image, 4 * MIB, false);
	source = opened(&packed);

	ck_assert_int_eq(ext_source_next_data(source, 0, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 0);
	ck_assert_uint_eq(end, GZIP_CHUNK);
	ck_assert_int_eq(ext_source_next_data(source, end, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 3 * MIB);
	ck_assert_uint_eq(end, 3 * MIB + GZIP_CHUNK);
	ck_assert_int_eq(ext_source_next_data(source, end, &start, &end), EXT_END);
	reads_as(source, image, 0, 4 * MIB);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(empty_content_is_an_empty_image)
{
	struct buffer packed = {NULL, 0};
	struct ext_source *source;

	pack(&packed, (const uint8_t *)"", 0, false);
	source = opened(&packed);

	ck_assert_uint_eq(ext_source_size(source), 0);
	has_no_finding(source);
	ext_source_close(source);
	free(packed.data);
}
END_TEST

START_TEST(truncated_stream_gives_what_it_has_and_says_so)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(SIZE);
	struct ext_source *source;
	struct ext_error error;
	uint64_t size;
	uint8_t byte;

	pack(&packed, image, SIZE, false);
	packed.size = packed.size * 2 / 3;
	source = opened(&packed);

	size = ext_source_size(source);
	ck_assert_uint_gt(size, SIZE / 2);
	ck_assert_uint_lt(size, SIZE);
	has_finding(source, EXT_GZIP_TRUNCATED, packed.size);
	reads_as(source, image, 0, (size_t)size);
	reads_as(source, image, (size_t)size - 10, 10);
	ck_assert_int_eq(ext_source_read(source, size, &byte, 1, &error), EXT_IO);
	ck_assert_int_eq(error.problem, EXT_IMAGE_TRUNCATED);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(stream_without_its_trailer_is_told_as_truncated)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(100000);
	struct ext_source *source;

	pack(&packed, image, 100000, false);
	packed.size -= 3;
	source = opened(&packed);

	ck_assert_uint_eq(ext_source_size(source), 100000);
	has_finding(source, EXT_GZIP_TRUNCATED, packed.size);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(wrong_checksum_is_told_and_the_data_given)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(100000);
	struct ext_source *source;

	pack(&packed, image, 100000, false);
	packed.data[packed.size - 8] ^= 1;
	source = opened(&packed);

	has_finding(source, EXT_GZIP_CHECKSUM, packed.size - 8);
	reads_as(source, image, 0, 100000);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(wrong_length_in_the_trailer_is_told)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(100000);
	struct ext_source *source;

	pack(&packed, image, 100000, false);
	packed.data[packed.size - 1] ^= 1;
	source = opened(&packed);

	has_finding(source, EXT_GZIP_CHECKSUM, packed.size - 8);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(trailing_garbage_is_told_and_left_out)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(100000);
	struct ext_source *source;
	size_t end;

	pack(&packed, image, 100000, false);
	end = packed.size;
	append(&packed, "this is not gzip", 16);
	source = opened(&packed);

	ck_assert_uint_eq(ext_source_size(source), 100000);
	has_finding(source, EXT_GZIP_TRAILING, end);
	reads_as(source, image, 0, 100000);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(padding_with_zeros_is_no_finding)
{
	static const uint8_t zeros[10000];
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(100000);
	struct ext_source *source;

	pack(&packed, image, 100000, false);
	append(&packed, zeros, sizeof zeros);
	source = opened(&packed);

	ck_assert_uint_eq(ext_source_size(source), 100000);
	has_no_finding(source);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

START_TEST(garbage_behind_a_gzip_header_fails_with_the_byte)
{
	struct buffer packed = {NULL, 0};
	uint8_t garbage[4096];
	struct ext_source *source = NULL;
	struct ext_error error;

	memset(garbage, 0xff, sizeof garbage);
	append(&packed, "\x1f\x8b\x08\0\0\0\0\0\0\0", 10);
	append(&packed, garbage, sizeof garbage);

	ck_assert_int_eq(open_packed(&packed, &source, &error), EXT_CORRUPT);
	ck_assert_ptr_null(source);
	ck_assert_int_eq(error.problem, EXT_GZIP_DAMAGED);
	ck_assert_uint_ge(error.place.offset, 10);
	ck_assert_uint_lt(error.place.offset, 30);
	free(packed.data);
}
END_TEST

START_TEST(file_cut_inside_its_first_header_fails)
{
	struct buffer packed = {NULL, 0};
	struct ext_source *source = NULL;
	struct ext_error error;

	pack(&packed, (const uint8_t *)"x", 1, true);
	for (packed.size = 0; packed.size < 25; packed.size++) {
		ck_assert_int_eq(open_packed(&packed, &source, &error), EXT_CORRUPT);
		ck_assert_int_eq(error.problem, EXT_GZIP_TRUNCATED);
		ck_assert_uint_eq(error.place.offset, packed.size);
	}
	free(packed.data);
}
END_TEST

/* Stored blocks: three bits, padding, the length and its complement; the third one's is damaged. */
START_TEST(damage_in_mid_stream_ends_the_image_there)
{
	struct buffer packed = {NULL, 0};
	uint8_t *const image = make_image(MIB);
	struct ext_source *source;
	struct ext_finding finding;
	size_t at = 10, before = 0;

	pack_at_level(&packed, image, MIB, false, 0);
	for (unsigned block = 0; block < 2; block++) {
		const size_t length = packed.data[at + 1] | (size_t)packed.data[at + 2] << 8;

		before += length;
		at += 5 + length;
	}
	packed.data[at + 3] ^= 1;
	source = opened(&packed);

	ck_assert(ext_source_finding(source, 0, &finding));
	ck_assert_int_eq(finding.problem, EXT_GZIP_DAMAGED);
	ck_assert_uint_gt(finding.place.offset, at);
	ck_assert_uint_le(finding.place.offset, at + 5);
	ck_assert_uint_eq(finding.high, before);
	ck_assert_uint_eq(ext_source_size(source), before);
	reads_as(source, image, 0, before);
	ext_source_close(source);
	free(packed.data);
	free(image);
}
END_TEST

/* Half a gigabyte of zeros in half a megabyte: memory must not follow the size. */
START_TEST(highly_packed_file_needs_little_memory)
{
	enum { PART = 16 * MIB, PARTS = 32 };
	struct buffer packed = {NULL, 0}, part = {NULL, 0};
	uint8_t *const zeros = calloc(1, PART);
	struct gzip_index index = {.size = 0};
	struct ext_source *source, *inner;
	uint64_t start, end;

	pack(&part, zeros, PART, false);
	for (unsigned i = 0; i < PARTS; i++)
		append(&packed, part.data, part.size);
	source = opened(&packed);

	ck_assert_uint_eq(ext_source_size(source), (uint64_t)PART * PARTS);
	ck_assert_int_eq(ext_source_next_data(source, 0, &start, &end), EXT_END);
	reads_as(source, zeros, 0, PART);
	ck_assert_int_eq(ext_source_open_memory(packed.data, packed.size, &inner, NULL), EXT_OK);
	ck_assert_int_eq(gzip_index_build(&index, inner, inner, NULL), EXT_OK);
	ck_assert_uint_le(index.packed_size, 4 * MIB);
	ck_assert_uint_eq(index.zero_count, 1);
	gzip_index_clear(&index);
	ext_source_close(inner);
	ext_source_close(source);
	free(part.data);
	free(packed.data);
	free(zeros);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, reads_in_any_order_equal_the_sequential_one);
	tcase_add_test(tests, interleaved_readers_get_their_own_bytes);
	tcase_add_test(tests, concatenated_members_are_one_image);
	tcase_add_test(tests, many_small_members_are_one_image);
	tcase_add_test(tests, holes_are_known_without_unpacking_them);
	tcase_add_test(tests, empty_content_is_an_empty_image);
	tcase_add_test(tests, truncated_stream_gives_what_it_has_and_says_so);
	tcase_add_test(tests, stream_without_its_trailer_is_told_as_truncated);
	tcase_add_test(tests, wrong_checksum_is_told_and_the_data_given);
	tcase_add_test(tests, wrong_length_in_the_trailer_is_told);
	tcase_add_test(tests, trailing_garbage_is_told_and_left_out);
	tcase_add_test(tests, padding_with_zeros_is_no_finding);
	tcase_add_test(tests, garbage_behind_a_gzip_header_fails_with_the_byte);
	tcase_add_test(tests, file_cut_inside_its_first_header_fails);
	tcase_add_test(tests, damage_in_mid_stream_ends_the_image_there);
	tcase_add_test(tests, highly_packed_file_needs_little_memory);
}

int main(void)
{
	return unit_run("gzip", add_tests);
}
