/* SPDX-License-Identifier: MIT */
/*
 * Android sparse images as sources: every kind of chunk, header sizes to come, and damage.
 */
#include "config.h"

#include <string.h>

#include "bytes/endian.h"
#include "image/source.h"
#include "unit.h"

enum { BLOCK = 8, BLOCKS = 10 };

/* The file under construction, little-endian. */
struct file {
	uint8_t bytes[512];
	size_t size;
};

static void add_u16(struct file *file, uint16_t value)
{
	struct le16 raw;

	put(&raw, value);
	memcpy(file->bytes + file->size, raw.byte, 2);
	file->size += 2;
}

static void add_u32(struct file *file, uint32_t value)
{
	struct le32 raw;

	put(&raw, value);
	memcpy(file->bytes + file->size, raw.byte, 4);
	file->size += 4;
}

static void add_text(struct file *file, const char *text)
{
	memcpy(file->bytes + file->size, text, strlen(text));
	file->size += strlen(text);
}

static void add_header(struct file *file, uint16_t header_size, uint16_t chunk_size,
		       uint32_t block_size, uint32_t chunks)
{
	file->size = 0;
	add_u32(file, 0xed26ff3a);
	add_u16(file, 1);
	add_u16(file, 0);
	add_u16(file, header_size);
	add_u16(file, chunk_size);
	add_u32(file, block_size);
	add_u32(file, BLOCKS);
	add_u32(file, chunks);
	add_u32(file, 0);
	for (; file->size < header_size; file->size++)
		file->bytes[file->size] = 0xee;
}

static void add_chunk(struct file *file, uint16_t type, uint32_t blocks, uint32_t total)
{
	add_u16(file, type);
	add_u16(file, 0);
	add_u32(file, blocks);
	add_u32(file, total);
}

/* Two raw blocks, three of a word, a checksum, four that do not matter, one raw. */
static void add_all_kinds(struct file *file)
{
	add_header(file, 28, 12, BLOCK, 5);
	add_chunk(file, 0xcac1, 2, 12 + 2 * BLOCK);
	add_text(file, "abcdefghijklmnop");
	add_chunk(file, 0xcac2, 3, 16);
	add_text(file, "WXYZ");
	add_chunk(file, 0xcac4, 0, 16);
	add_u32(file, 0x12345678);
	add_chunk(file, 0xcac3, 4, 12);
	add_chunk(file, 0xcac1, 1, 12 + BLOCK);
	add_text(file, "12345678");
}

static const uint8_t all_kinds[] =
	"abcdefghijklmnopWXYZWXYZWXYZWXYZWXYZWXYZ"
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"12345678";

static enum ext_status open_file(const struct file *file, struct ext_source **source,
				 struct ext_error *error)
{
	struct ext_source *inner;

	ck_assert_int_eq(ext_source_open_memory(file->bytes, file->size, &inner, NULL), EXT_OK);
	return ext_source_open_android_sparse(inner, source, error);
}

static struct ext_source *opened(const struct file *file)
{
	struct ext_source *source = NULL;

	ck_assert_int_eq(open_file(file, &source, NULL), EXT_OK);
	return source;
}

static void opening_fails(const struct file *file, enum ext_problem problem, uint64_t offset)
{
	struct ext_source *source = NULL;
	struct ext_error error;

	ck_assert_int_eq(open_file(file, &source, &error), EXT_CORRUPT);
	ck_assert_ptr_null(source);
	ck_assert_int_eq(error.problem, problem);
	ck_assert_uint_eq(error.place.offset, offset);
}

START_TEST(every_kind_of_chunk_is_read_at_any_offset)
{
	struct file file;
	struct ext_source *source;
	struct ext_finding finding;
	uint8_t bytes[80];

	add_all_kinds(&file);
	source = opened(&file);

	ck_assert_uint_eq(ext_source_size(source), 80);
	ck_assert(!ext_source_finding(source, 0, &finding));
	for (size_t at = 0; at < 80; at++) {
		for (size_t length = 1; length <= 80 - at; length++) {
			ck_assert_int_eq(ext_source_read(source, at, bytes, length, NULL), EXT_OK);
			ck_assert_mem_eq(bytes, all_kinds + at, length);
		}
	}
	ext_source_close(source);
}
END_TEST

START_TEST(holes_of_a_sparse_image_are_known)
{
	struct file file;
	struct ext_source *source;
	uint64_t start, end;

	add_all_kinds(&file);
	source = opened(&file);

	ck_assert_int_eq(ext_source_next_data(source, 40, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 72);
	ck_assert_uint_eq(end, 80);
	ck_assert_int_eq(ext_source_next_data(source, 3, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 3);
	ck_assert_uint_eq(end, 16);
	ext_source_close(source);
}
END_TEST

START_TEST(stored_header_sizes_are_honoured)
{
	struct file file;
	struct ext_source *source;
	uint8_t bytes[8];

	add_header(&file, 40, 16, BLOCK, 2);
	add_chunk(&file, 0xcac1, 1, 16 + BLOCK);
	add_text(&file, "....abcdefgh");
	add_chunk(&file, 0xcac3, 9, 16);
	add_text(&file, "....");
	source = opened(&file);

	ck_assert_int_eq(ext_source_read(source, 0, bytes, 8, NULL), EXT_OK);
	ck_assert_mem_eq(bytes, "abcdefgh", 8);
	ext_source_close(source);
}
END_TEST

START_TEST(blocks_behind_the_last_chunk_are_zeros)
{
	struct file file;
	struct ext_source *source;
	uint64_t start, end;
	uint8_t bytes[8] = "xxxxxxx";

	add_header(&file, 28, 12, BLOCK, 1);
	add_chunk(&file, 0xcac1, 1, 12 + BLOCK);
	add_text(&file, "abcdefgh");
	source = opened(&file);

	ck_assert_int_eq(ext_source_read(source, 72, bytes, 8, NULL), EXT_OK);
	ck_assert_mem_eq(bytes, "\0\0\0\0\0\0\0\0", 8);
	ck_assert_int_eq(ext_source_next_data(source, 8, &start, &end), EXT_END);
	ext_source_close(source);
}
END_TEST

START_TEST(damaged_chunk_ends_what_is_known)
{
	struct file file;
	struct ext_source *source;
	struct ext_finding finding;
	struct ext_error error;
	uint64_t start, end;
	uint8_t bytes[80];

	add_all_kinds(&file);
	file.bytes[28 + 28 + 16] ^= 0xff; /* the type of the third chunk */
	source = opened(&file);

	ck_assert(ext_source_finding(source, 0, &finding));
	ck_assert_int_eq(finding.problem, EXT_SPARSE_CHUNK);
	ck_assert_uint_eq(finding.place.offset, 28 + 28 + 16);
	ck_assert_int_eq(ext_source_read(source, 0, bytes, 40, NULL), EXT_OK);
	ck_assert_mem_eq(bytes, all_kinds, 40);
	ck_assert_int_eq(ext_source_read(source, 30, bytes, 20, &error), EXT_IO);
	ck_assert_int_eq(error.problem, EXT_SPARSE_TRUNCATED);
	ck_assert_uint_eq(error.place.offset, 40);
	ck_assert_int_eq(ext_source_next_data(source, 40, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 40);
	ck_assert_uint_eq(end, 80);
	ext_source_close(source);
}
END_TEST

START_TEST(file_cut_anywhere_gives_what_it_has)
{
	struct file whole, file;

	add_all_kinds(&whole);
	/* The first chunk's header at least: 28 and 12 bytes. */
	for (size_t size = 40; size < whole.size; size++) {
		struct ext_source *source;
		struct ext_finding finding;
		struct ext_error error;
		uint8_t bytes[80];
		size_t left;

		file = whole;
		file.size = size;
		source = opened(&file);

		ck_assert(ext_source_finding(source, 0, &finding));
		ck_assert_int_eq(finding.problem, EXT_SPARSE_TRUNCATED);
		ck_assert_int_eq(ext_source_read(source, 0, bytes, 80, &error), EXT_IO);
		ck_assert_uint_lt(error.place.offset, 80);
		left = (size_t)error.place.offset;
		ck_assert_int_eq(ext_source_read(source, 0, bytes, left, NULL), EXT_OK);
		ck_assert_mem_eq(bytes, all_kinds, left);
		ext_source_close(source);
	}
}
END_TEST

START_TEST(chunks_that_cannot_be_fail_when_they_are_the_first)
{
	struct file file;

	add_header(&file, 28, 12, BLOCK, 1);
	add_chunk(&file, 0xcac1, BLOCKS + 1, 12 + BLOCK * (BLOCKS + 1));
	opening_fails(&file, EXT_SPARSE_CHUNK, 28);

	add_header(&file, 28, 12, BLOCK, 1);
	add_chunk(&file, 0xcac3, 1, 0); /* would not advance */
	opening_fails(&file, EXT_SPARSE_CHUNK, 28);

	add_header(&file, 28, 12, BLOCK, 1);
	add_chunk(&file, 0xcac1, 1, 12 + BLOCK - 1);
	opening_fails(&file, EXT_SPARSE_CHUNK, 28);

	add_header(&file, 28, 12, BLOCK, 1);
	add_chunk(&file, 0xcac2, 1, 12);
	opening_fails(&file, EXT_SPARSE_CHUNK, 28);

	add_header(&file, 28, 12, BLOCK, 1);
	opening_fails(&file, EXT_SPARSE_TRUNCATED, 28);
}
END_TEST

START_TEST(headers_that_cannot_be_name_their_field)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *field;
	} faults[] = {
		{0, 0, "magic"},	  {4, 2, "major_version"}, {8, 27, "file_hdr_sz"},
		{10, 11, "chunk_hdr_sz"}, {12, 0, "blk_sz"},	   {12, 6, "blk_sz"},
	};

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct ext_source *source = NULL;
		struct ext_error error;
		struct file file;

		add_all_kinds(&file);
		file.bytes[faults[i].at] = faults[i].value;

		ck_assert_int_eq(open_file(&file, &source, &error), EXT_CORRUPT);
		ck_assert_int_eq(error.problem, EXT_SPARSE_HEADER);
		ck_assert_str_eq(error.place.field, faults[i].field);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, every_kind_of_chunk_is_read_at_any_offset);
	tcase_add_test(tests, holes_of_a_sparse_image_are_known);
	tcase_add_test(tests, stored_header_sizes_are_honoured);
	tcase_add_test(tests, blocks_behind_the_last_chunk_are_zeros);
	tcase_add_test(tests, damaged_chunk_ends_what_is_known);
	tcase_add_test(tests, file_cut_anywhere_gives_what_it_has);
	tcase_add_test(tests, chunks_that_cannot_be_fail_when_they_are_the_first);
	tcase_add_test(tests, headers_that_cannot_be_name_their_field);
}

int main(void)
{
	return unit_run("android_sparse", add_tests);
}
