/* SPDX-License-Identifier: MIT */
/*
 * qcow2 as a source, on images that a small builder here makes: every kind of cluster, both
 * versions, and headers and tables that lie.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "image/qcow2.h"
#include "image/source.h"
#include "unit.h"

enum { CLUSTER_LOG2 = 9, CLUSTER = 1 << CLUSTER_LOG2, PER_TABLE = CLUSTER / 8, ROOM = 1 << 18 };
enum { CLUSTERS = 3 * PER_TABLE + 5, SIZE = CLUSTERS * CLUSTER - 100 };

/* Header in cluster 0, L1 in cluster 1, then whatever was added, in order. */
struct image {
	uint8_t file[ROOM], expected[CLUSTERS * CLUSTER];
	size_t end;
};

static struct qcow2_header *header(struct image *image)
{
	return (struct qcow2_header *)(void *)image->file;
}

static struct be64 *l1(struct image *image)
{
	return (struct be64 *)(void *)(image->file + CLUSTER);
}

static struct image *new_image(uint32_t version)
{
	struct image *const image = calloc(1, sizeof *image);

	ck_assert_ptr_nonnull(image);
	put(&header(image)->magic, QCOW2_MAGIC);
	put(&header(image)->version, version);
	put(&header(image)->cluster_bits, CLUSTER_LOG2);
	put(&header(image)->size, SIZE);
	put(&header(image)->l1_size, 4);
	put(&header(image)->l1_table_offset, CLUSTER);
	if (version == 3)
		put(&header(image)->header_length, 104);
	image->end = 2 * CLUSTER;
	return image;
}

/* The table entry of a guest cluster; its table is made when it is missing. */
static struct be64 *l2_entry(struct image *image, unsigned number)
{
	struct be64 *const table = &l1(image)[number / PER_TABLE];

	if (get(*table) == 0) {
		put(table, image->end | (uint64_t)1 << 63);
		image->end += CLUSTER;
	}
	return (struct be64 *)(void *)(image->file + (get(*table) & qcow2_offset_mask)) +
	       number % PER_TABLE;
}

static uint8_t *fill_expected(struct image *image, unsigned number)
{
	uint8_t *const bytes = image->expected + number * CLUSTER;

	for (unsigned i = 0; i < CLUSTER; i++)
		bytes[i] = (uint8_t)(number + i / 16);
	return bytes;
}

static void add_raw(struct image *image, unsigned number)
{
	struct be64 *const entry = l2_entry(image, number);

	memcpy(image->file + image->end, fill_expected(image, number), CLUSTER);
	put(entry, image->end | (uint64_t)1 << 63);
	image->end += CLUSTER;
}

/* Compressed clusters lie at any byte; the next allocation is put back on a cluster. */
static void add_compressed(struct image *image, unsigned number, unsigned shift)
{
	struct be64 *const entry = l2_entry(image, number);
	const unsigned offset_bits = 62 - (CLUSTER_LOG2 - 8);
	uint8_t packed[2 * CLUSTER];
	size_t at = image->end + shift, size, sectors;
	z_stream z;

	memset(&z, 0, sizeof z);
	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = fill_expected(image, number);
	z.avail_in = CLUSTER;
	z.next_out = packed;
	z.avail_out = sizeof packed;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	size = sizeof packed - z.avail_out;
	deflateEnd(&z);
	memcpy(image->file + at, packed, size);
	sectors = (at + size - 1) / 512 - at / 512;
	put(entry, at | (uint64_t)sectors << offset_bits | qcow2_is_compressed);
	image->end = (at + size + CLUSTER - 1) / CLUSTER * CLUSTER;
}

static enum ext_status open_image(const struct image *image, struct ext_source **source,
				  struct ext_error *error)
{
	struct ext_source *inner;

	ck_assert_int_eq(ext_source_open_memory(image->file, image->end, &inner, NULL), EXT_OK);
	return ext_source_open_qcow2(inner, source, error);
}

static struct ext_source *opened(const struct image *image)
{
	struct ext_source *source = NULL;

	ck_assert_int_eq(open_image(image, &source, NULL), EXT_OK);
	return source;
}

static void reads_as_expected(const struct image *image)
{
	struct ext_source *const source = opened(image);
	uint8_t *const bytes = malloc(SIZE);

	ck_assert_uint_eq(ext_source_size(source), SIZE);
	ck_assert_int_eq(ext_source_read(source, 0, bytes, SIZE, NULL), EXT_OK);
	ck_assert_mem_eq(bytes, image->expected, SIZE);
	for (size_t at = 0; at + 700 <= SIZE; at += 611) {
		ck_assert_int_eq(ext_source_read(source, at, bytes, 700, NULL), EXT_OK);
		ck_assert_mem_eq(bytes, image->expected + at, 700);
	}
	free(bytes);
	ext_source_close(source);
}

static void header_fails(const struct image *image, enum ext_status status,
			 enum ext_problem problem, const char *field)
{
	struct ext_source *source = NULL;
	struct ext_error error;

	ck_assert_int_eq(open_image(image, &source, &error), status);
	ck_assert_ptr_null(source);
	ck_assert_int_eq(error.problem, problem);
	ck_assert_str_eq(error.place.field, field);
}

static void reading_fails(const struct image *image, uint64_t offset, enum ext_problem problem)
{
	struct ext_source *const source = opened(image);
	struct ext_error error;
	uint8_t bytes[2 * CLUSTER];

	ck_assert_int_eq(ext_source_read(source, offset - CLUSTER, bytes, sizeof bytes, &error),
			 EXT_IO);
	ck_assert_int_eq(error.problem, problem);
	ck_assert_uint_eq(error.place.offset, offset);
	ext_source_close(source);
}

START_TEST(image_without_clusters_is_zeros)
{
	struct image *const image = new_image(2);

	reads_as_expected(image);
	free(image);
}
END_TEST

START_TEST(clusters_in_any_order_are_found)
{
	static const unsigned order[] = {3, 4, 5, 0, 100, 99, 98, CLUSTERS - 1, 64, 63};
	struct image *const image = new_image(2);

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		add_raw(image, order[i]);

	reads_as_expected(image);
	free(image);
}
END_TEST

START_TEST(compressed_clusters_are_unpacked)
{
	struct image *const image = new_image(3);

	add_raw(image, 0);
	add_compressed(image, 1, 0);
	add_compressed(image, 2, 500);
	add_raw(image, 3);
	add_compressed(image, 70, 17);
	for (unsigned i = 130; i < 180; i++)
		add_compressed(image, i, i % 100);

	reads_as_expected(image);
	free(image);
}
END_TEST

START_TEST(zero_flag_counts_in_version_3_only)
{
	struct image *image = new_image(3);

	add_raw(image, 7);
	put(l2_entry(image, 7), get(*l2_entry(image, 7)) | qcow2_is_zero);
	memset(image->expected + 7 * CLUSTER, 0, CLUSTER);
	reads_as_expected(image);
	free(image);

	image = new_image(2);
	add_raw(image, 7);
	put(l2_entry(image, 7), get(*l2_entry(image, 7)) | qcow2_is_zero);
	reads_as_expected(image);
	free(image);
}
END_TEST

START_TEST(last_cluster_of_the_file_may_be_short)
{
	struct image *const image = new_image(2);

	add_raw(image, 1);
	image->end -= 100;
	memset(image->expected + 2 * CLUSTER - 100, 0, 100);

	reads_as_expected(image);
	free(image);
}
END_TEST

START_TEST(holes_are_known)
{
	struct image *const image = new_image(2);
	struct ext_source *source;
	uint64_t start, end;

	add_raw(image, 5);
	add_compressed(image, 6, 0);
	add_raw(image, 2 * PER_TABLE + 1);
	source = opened(image);

	ck_assert_int_eq(ext_source_next_data(source, 0, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 5 * CLUSTER);
	ck_assert_uint_eq(end, 7 * CLUSTER);
	ck_assert_int_eq(ext_source_next_data(source, 5 * CLUSTER + 10, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, 5 * CLUSTER + 10);
	ck_assert_int_eq(ext_source_next_data(source, end, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, (2 * PER_TABLE + 1) * CLUSTER);
	ck_assert_int_eq(ext_source_next_data(source, end, &start, &end), EXT_END);
	ext_source_close(source);
	free(image);
}
END_TEST

START_TEST(table_beyond_the_file_fails_only_where_it_is_needed)
{
	struct image *const image = new_image(2);
	struct ext_source *source;
	uint64_t start, end;

	add_raw(image, PER_TABLE - 1);
	put(&l1(image)[1], (uint64_t)ROOM * 4);

	reading_fails(image, PER_TABLE * CLUSTER, EXT_QCOW2_RANGE);
	source = opened(image);
	ck_assert_int_eq(ext_source_next_data(source, PER_TABLE * CLUSTER, &start, &end), EXT_OK);
	ck_assert_uint_eq(start, PER_TABLE * CLUSTER);
	ck_assert_uint_eq(end, 2 * PER_TABLE * CLUSTER);
	ext_source_close(source);
	free(image);
}
END_TEST

START_TEST(cluster_beyond_the_file_is_told_with_its_byte)
{
	struct image *const image = new_image(2);

	add_raw(image, 4);
	add_raw(image, 5);
	put(l2_entry(image, 5), (uint64_t)ROOM * 8);

	reading_fails(image, 5 * CLUSTER, EXT_QCOW2_RANGE);
	free(image);
}
END_TEST

START_TEST(damaged_compressed_cluster_is_told_with_its_byte)
{
	struct image *const image = new_image(2);
	size_t at;

	add_raw(image, 4);
	at = image->end;
	add_compressed(image, 5, 0);
	memset(image->file + at, 0xff, CLUSTER);

	reading_fails(image, 5 * CLUSTER, EXT_QCOW2_COMPRESSED);
	free(image);
}
END_TEST

START_TEST(what_is_not_supported_is_named)
{
	struct image *image = new_image(2);

	put(&header(image)->backing_file_offset, 104);
	header_fails(image, EXT_UNSUPPORTED, EXT_QCOW2_UNSUPPORTED, "backing_file_offset");
	free(image);

	image = new_image(2);
	put(&header(image)->crypt_method, 1);
	header_fails(image, EXT_UNSUPPORTED, EXT_QCOW2_UNSUPPORTED, "crypt_method");
	free(image);

	image = new_image(3);
	put(&header(image)->incompatible_features, QCOW2_DATA_FILE);
	header_fails(image, EXT_UNSUPPORTED, EXT_QCOW2_UNSUPPORTED, "incompatible_features");
	put(&header(image)->incompatible_features, 16);
	header_fails(image, EXT_UNSUPPORTED, EXT_QCOW2_UNSUPPORTED, "incompatible_features");
	put(&header(image)->incompatible_features, QCOW2_COMPRESSION);
	image->file[104] = 1;
	header_fails(image, EXT_UNSUPPORTED, EXT_QCOW2_UNSUPPORTED, "compression_type");
	free(image);
}
END_TEST

START_TEST(marks_that_do_not_matter_for_reading_are_passed_over)
{
	struct image *const image = new_image(3);
	struct ext_source *source;
	struct ext_finding finding;

	add_raw(image, 1);
	put(&header(image)->incompatible_features, QCOW2_DIRTY | QCOW2_CORRUPT);

	reads_as_expected(image);
	source = opened(image);
	ck_assert(ext_source_finding(source, 0, &finding));
	ck_assert_int_eq(finding.problem, EXT_QCOW2_MARKED_CORRUPT);
	ext_source_close(source);
	free(image);
}
END_TEST

START_TEST(header_that_cannot_be_names_its_field)
{
	struct image *const image = new_image(2);

	put(&header(image)->magic, 1);
	header_fails(image, EXT_CORRUPT, EXT_QCOW2_HEADER, "magic");
	put(&header(image)->magic, QCOW2_MAGIC);
	put(&header(image)->version, 4);
	header_fails(image, EXT_CORRUPT, EXT_QCOW2_HEADER, "version");
	put(&header(image)->version, 2);
	put(&header(image)->cluster_bits, 8);
	header_fails(image, EXT_CORRUPT, EXT_QCOW2_HEADER, "cluster_bits");
	put(&header(image)->cluster_bits, 64);
	header_fails(image, EXT_CORRUPT, EXT_QCOW2_HEADER, "cluster_bits");
	put(&header(image)->cluster_bits, CLUSTER_LOG2);
	put(&header(image)->size, UINT64_MAX);
	header_fails(image, EXT_CORRUPT, EXT_QCOW2_HEADER, "size");
	put(&header(image)->size, (uint64_t)INT64_MAX);
	header_fails(image, EXT_CORRUPT, EXT_QCOW2_HEADER, "l1_size");
	put(&header(image)->size, SIZE);
	put(&header(image)->l1_table_offset, UINT64_MAX - 7);
	header_fails(image, EXT_CORRUPT, EXT_QCOW2_HEADER, "l1_table_offset");
	put(&header(image)->l1_table_offset, CLUSTER + 1);
	header_fails(image, EXT_CORRUPT, EXT_QCOW2_HEADER, "l1_table_offset");
	free(image);
}
END_TEST

START_TEST(file_that_ends_in_its_header_is_truncated)
{
	struct image *const image = new_image(3);
	struct ext_source *source = NULL;
	struct ext_error error;

	for (image->end = 0; image->end < QCOW2_V3_SIZE; image->end++) {
		ck_assert_int_eq(open_image(image, &source, &error), EXT_IO);
		ck_assert_int_eq(error.problem, EXT_IMAGE_TRUNCATED);
	}
	free(image);
}
END_TEST

/* A small file that claims exabytes: nothing may be allocated or walked by that claim. */
START_TEST(huge_virtual_size_costs_nothing)
{
	struct image *const image = new_image(2);
	struct ext_source *source;
	uint64_t start, end;
	uint8_t byte = 1;

	put(&header(image)->cluster_bits, 21);
	put(&header(image)->size, (uint64_t)8192 << 39);
	put(&header(image)->l1_size, 8192);
	image->end = ROOM;
	source = opened(image);

	ck_assert_uint_eq(ext_source_size(source), (uint64_t)8192 << 39);
	ck_assert_int_eq(ext_source_next_data(source, 0, &start, &end), EXT_END);
	ck_assert_int_eq(ext_source_read(source, (uint64_t)8000 << 39, &byte, 1, NULL), EXT_OK);
	ck_assert_uint_eq(byte, 0);
	ext_source_close(source);
	free(image);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, image_without_clusters_is_zeros);
	tcase_add_test(tests, clusters_in_any_order_are_found);
	tcase_add_test(tests, compressed_clusters_are_unpacked);
	tcase_add_test(tests, zero_flag_counts_in_version_3_only);
	tcase_add_test(tests, last_cluster_of_the_file_may_be_short);
	tcase_add_test(tests, holes_are_known);
	tcase_add_test(tests, table_beyond_the_file_fails_only_where_it_is_needed);
	tcase_add_test(tests, cluster_beyond_the_file_is_told_with_its_byte);
	tcase_add_test(tests, damaged_compressed_cluster_is_told_with_its_byte);
	tcase_add_test(tests, what_is_not_supported_is_named);
	tcase_add_test(tests, marks_that_do_not_matter_for_reading_are_passed_over);
	tcase_add_test(tests, header_that_cannot_be_names_its_field);
	tcase_add_test(tests, file_that_ends_in_its_header_is_truncated);
	tcase_add_test(tests, huge_virtual_size_costs_nothing);
}

int main(void)
{
	return unit_run("qcow2", add_tests);
}
