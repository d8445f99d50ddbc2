/* SPDX-License-Identifier: MIT */
/* Superblocks found anywhere in an image, and what they mean together. */
#include "config.h"

#include <ext/scan.h>

#include "parser/small_superblock.h"
#include "unit.h"

enum { SIZE = 3 << 20, GROUP_BYTES = SMALL_GROUP_BLOCKS * 1024 };

static uint8_t image[SIZE];

/* The copy of group `group` of a filesystem that begins at `start`. */
static void place_copy(uint64_t start, uint8_t mark, ext_group group)
{
	const uint64_t within = group == 0 ? 1024 : 1024 + (uint64_t)group * GROUP_BYTES;

	small_superblock(image + start + within, mark, group);
}

static struct ext_found_list search(uint64_t from, uint64_t to)
{
	struct ext_found_list found;
	struct ext_superblock sb;
	struct ext_source *source;
	struct ext_scan *scan;
	const uint8_t *raw;
	uint64_t offset;

	ext_found_init(&found);
	ck_assert_int_eq(ext_source_open_memory(image, sizeof image, &source, NULL), EXT_OK);
	ck_assert_int_eq(ext_scan_open(source, from, to, &scan, NULL), EXT_OK);
	while (ext_scan_next(scan, &offset, &raw, &sb) == EXT_OK)
		if (raw)
			ck_assert_int_eq(ext_found_add(&found, offset, raw, &sb, NULL), EXT_OK);
	ext_scan_close(scan);
	ext_source_close(source);
	ext_found_finish(&found);
	return found;
}

START_TEST(copies_that_agree_are_one_filesystem)
{
	struct ext_found_list found;

	memset(image, 0, sizeof image);
	place_copy(0, 1, 1);
	place_copy(0, 1, 3);
	place_copy(0, 1, 5);
	found = search(0, SIZE);
	ck_assert_uint_eq(found.count, 1);
	ck_assert_uint_eq(found.filesystems[0].start, 0);
	ck_assert_uint_eq(found.filesystems[0].end, 1024 + (uint64_t)SMALL_GROUPS * GROUP_BYTES);
	ck_assert_uint_eq(found.filesystems[0].count, 3);
	ck_assert_int_eq(found.filesystems[0].kind, EXT_FIND_FILESYSTEM);
	ext_found_clear(&found);
}
END_TEST

START_TEST(a_filesystem_is_found_at_any_sector)
{
	const uint64_t start = 512 * 63;
	struct ext_found_list found;

	memset(image, 0, sizeof image);
	place_copy(start, 1, 0);
	place_copy(start, 1, 1);
	found = search(0, SIZE);
	ck_assert_uint_eq(found.count, 1);
	ck_assert_uint_eq(found.filesystems[0].start, start);
	ext_found_clear(&found);
}
END_TEST

START_TEST(a_superblock_across_two_reads_is_found)
{
	struct ext_found_list found;

	for (uint64_t at = (1 << 20) - 1024; at <= (1 << 20); at += 512) {
		memset(image, 0, sizeof image);
		small_superblock(image + at, 1, 0);
		found = search(0, SIZE);
		ck_assert_uint_eq(found.count, 1);
		ck_assert_uint_eq(found.filesystems[0].count, 1);
		ck_assert_uint_eq(found.filesystems[0].finds[0].offset, at);
		ext_found_clear(&found);
	}
}
END_TEST

START_TEST(the_last_kilobyte_is_searched_and_not_passed)
{
	struct ext_found_list found;

	memset(image, 0, sizeof image);
	small_superblock(image + SIZE - 1024, 1, 0);
	found = search(0, UINT64_MAX);
	ck_assert_uint_eq(found.count, 1);
	ext_found_clear(&found);
	found = search(0, SIZE - 1024);
	ck_assert_uint_eq(found.count, 0);
	ext_found_clear(&found);
}
END_TEST

START_TEST(a_copy_inside_its_own_filesystem_is_a_journals)
{
	struct ext_found_list found;

	memset(image, 0, sizeof image);
	place_copy(0, 1, 0);
	place_copy(0, 1, 1);
	small_superblock(image + 700 * 1024, 1, 0);
	found = search(0, SIZE);
	ck_assert_uint_eq(found.count, 2);
	ck_assert_int_eq(found.filesystems[0].kind, EXT_FIND_FILESYSTEM);
	ck_assert_int_eq(found.filesystems[1].kind, EXT_FIND_JOURNAL);
	ck_assert_uint_eq(found.filesystems[1].inside, 0);
	ext_found_clear(&found);
}
END_TEST

START_TEST(another_filesystem_inside_is_nested)
{
	struct ext_found_list found;

	memset(image, 0, sizeof image);
	place_copy(0, 1, 0);
	place_copy(0, 1, 1);
	place_copy(900 * 1024, 2, 0);
	place_copy(900 * 1024, 2, 1);
	found = search(0, SIZE);
	ck_assert_uint_eq(found.count, 2);
	ck_assert_int_eq(found.filesystems[1].kind, EXT_FIND_NESTED);
	ck_assert_uint_eq(found.filesystems[1].start, 900 * 1024);
	ext_found_clear(&found);
}
END_TEST

START_TEST(the_older_of_two_at_one_place_is_called_so)
{
	struct ext_found_list found;

	memset(image, 0, sizeof image);
	place_copy(0, 1, 1);
	place_copy(0, 1, 3);
	place_copy(0, 2, 0);
	place_copy(0, 2, 5);
	found = search(0, SIZE);
	ck_assert_uint_eq(found.count, 2);
	ck_assert_int_eq(found.filesystems[0].kind, EXT_FIND_FILESYSTEM);
	ck_assert_uint_eq(found.filesystems[0].superblock.uuid[0], 2);
	ck_assert_int_eq(found.filesystems[1].kind, EXT_FIND_OLDER);
	ext_found_clear(&found);
}
END_TEST

START_TEST(the_magic_alone_is_no_superblock)
{
	struct ext_found_list found;

	memset(image, 0xff, sizeof image);
	for (uint64_t at = 0; at + 1024 <= SIZE; at += 512) {
		image[at + 0x38] = 0x53;
		image[at + 0x39] = 0xef;
	}
	found = search(0, SIZE);
	ck_assert_uint_eq(found.count, 0);
	ext_found_clear(&found);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, copies_that_agree_are_one_filesystem);
	tcase_add_test(tests, a_filesystem_is_found_at_any_sector);
	tcase_add_test(tests, a_superblock_across_two_reads_is_found);
	tcase_add_test(tests, the_last_kilobyte_is_searched_and_not_passed);
	tcase_add_test(tests, a_copy_inside_its_own_filesystem_is_a_journals);
	tcase_add_test(tests, another_filesystem_inside_is_nested);
	tcase_add_test(tests, the_older_of_two_at_one_place_is_called_so);
	tcase_add_test(tests, the_magic_alone_is_no_superblock);
}

int main(void)
{
	return unit_run("scan", add_tests);
}
