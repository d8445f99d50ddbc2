/* SPDX-License-Identifier: MIT */
/* Whole directories, entry by entry: blocks, holes, damage, inline ones. */
#include "config.h"

#include "parser/walk/tiny.h"
#include "unit.h"

/* Inode 11 is a directory of two blocks: "." ".." "a" in the first, "b" in the second. */
static struct tiny two_blocks(void)
{
	struct tiny tiny = tiny_open();

	tiny_make(&tiny, 11, 0x41ed, 2048);
	tiny_map(&tiny, 11, 0, 20);
	tiny_map(&tiny, 11, 1, 22);
	tiny_entry(tiny_block(&tiny, 20), 0, 11, 12, ".", 2);
	tiny_entry(tiny_block(&tiny, 20), 12, 2, 12, "..", 2);
	tiny_entry(tiny_block(&tiny, 20), 24, 12, 1000, "a", 1);
	tiny_entry(tiny_block(&tiny, 22), 0, 0, 512, "gone", 1);
	tiny_entry(tiny_block(&tiny, 22), 512, 13, 512, "b", 1);
	return tiny;
}

/* The names of directory `ino` with blanks between them; what is wrong goes to `sink`. */
static void list(struct tiny *tiny, ext_ino ino, char names[256], struct tiny_sink *sink)
{
	struct ext_directory *directory;
	struct ext_dirent entry;
	enum ext_status status;

	*sink = (struct tiny_sink){.sink = {tiny_report}};
	names[0] = '\0';
	ck_assert_int_eq(ext_directory_open(tiny->filesystem, ino, &directory, NULL), EXT_OK);
	while ((status = ext_directory_next(directory, &entry, &sink->sink, NULL)) == EXT_OK) {
		strncat(names, entry.name, entry.name_length);
		strcat(names, " ");
	}
	ck_assert_int_eq(status, EXT_END);
	ck_assert_int_eq(ext_directory_next(directory, &entry, &sink->sink, NULL), EXT_END);
	ext_directory_close(directory);
}

START_TEST(used_entries_come_in_file_order)
{
	struct tiny tiny = two_blocks();
	struct tiny_sink sink;
	char names[256];

	list(&tiny, 11, names, &sink);

	ck_assert_str_eq(names, ". .. a b ");
	ck_assert_uint_eq(sink.count, 0);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_file_is_no_directory)
{
	struct tiny tiny = tiny_open();
	struct ext_directory *directory;
	struct ext_error error;

	tiny_make(&tiny, 12, 0x81a4, 0);

	ck_assert_int_eq(ext_directory_open(tiny.filesystem, 12, &directory, &error), EXT_ARGUMENT);
	ck_assert_int_eq(error.problem, EXT_NOT_A_DIRECTORY);
	ck_assert_uint_eq(error.place.inode, 12);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_hole_is_reported_and_passed_over)
{
	struct tiny tiny = two_blocks();
	struct tiny_sink sink;
	char names[256];

	tiny_map(&tiny, 11, 0, 0);
	list(&tiny, 11, names, &sink);

	ck_assert_str_eq(names, "b ");
	ck_assert_uint_eq(sink.count, 1);
	ck_assert_int_eq(sink.findings[0].problem, EXT_DIRECTORY_HOLE);
	ck_assert_uint_eq(sink.findings[0].place.logical, 0);
	ck_assert_uint_eq(sink.findings[0].found, 1);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_hole_at_the_end_is_a_hole_too)
{
	struct tiny tiny = two_blocks();
	struct tiny_sink sink;
	char names[256];

	put(&tiny_inode(&tiny, 11)->i_size_lo, 5 * 1024);
	list(&tiny, 11, names, &sink);

	ck_assert_str_eq(names, ". .. a b ");
	ck_assert_uint_eq(sink.count, 1);
	ck_assert_uint_eq(sink.findings[0].place.logical, 2);
	ck_assert_uint_eq(sink.findings[0].found, 3);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_huge_size_costs_nothing_and_is_one_hole)
{
	struct tiny tiny = two_blocks();
	struct tiny_sink sink;
	char names[256];

	put(&tiny_inode(&tiny, 11)->i_size_lo, 0xfffffc00);
	list(&tiny, 11, names, &sink);

	ck_assert_str_eq(names, ". .. a b ");
	ck_assert_uint_eq(sink.count, 1);
	tiny_close(&tiny);
}
END_TEST

START_TEST(blocks_beyond_the_size_are_read_too)
{
	struct tiny tiny = two_blocks();
	struct tiny_sink sink;
	char names[256];

	put(&tiny_inode(&tiny, 11)->i_size_lo, 1024);
	list(&tiny, 11, names, &sink);

	ck_assert_str_eq(names, ". .. a b ");
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_broken_record_hides_only_the_rest_of_its_block)
{
	struct tiny tiny = two_blocks();
	struct tiny_sink sink;
	char names[256];

	tiny_entry(tiny_block(&tiny, 20), 24, 12, 2, "a", 1);
	list(&tiny, 11, names, &sink);

	ck_assert_str_eq(names, ". .. b ");
	ck_assert_uint_eq(sink.count, 1);
	ck_assert_int_eq(sink.findings[0].problem, EXT_DIRENT_LENGTH);
	ck_assert_uint_eq(sink.findings[0].place.inode, 11);
	ck_assert_uint_eq(sink.findings[0].place.block, 20);
	ck_assert_uint_eq(sink.findings[0].place.offset, 24);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_bad_checksum_is_reported_and_the_names_still_come)
{
	struct tiny tiny = two_blocks();
	struct tiny_sink sink;
	char names[256];

	tiny_entry(tiny_block(&tiny, 20), 24, 12, 988, "a", 1);
	tiny_entry(tiny_block(&tiny, 20), 1012, 0, 12, "", 0xde);
	list(&tiny, 11, names, &sink);

	ck_assert_str_eq(names, ". .. a b ");
#ifndef EXT_SKIP_CHECKSUMS
	ck_assert_uint_eq(sink.count, 1);
	ck_assert_int_eq(sink.findings[0].problem, EXT_DIRECTORY_CHECKSUM);
	ck_assert_uint_eq(sink.findings[0].place.block, 20);
#endif
	tiny_close(&tiny);
}
END_TEST

START_TEST(unwritten_blocks_hold_no_names)
{
	struct tiny tiny = two_blocks();
	struct ext_raw_inode *raw = tiny_make(&tiny, 12, 0x41ed, 1024);
	uint8_t *i_block = (uint8_t *)raw + 0x28;
	struct tiny_sink sink;
	char names[256];

	put(&raw->i_flags, EXT_INODE_EXTENTS);
	put((struct le16 *)(void *)i_block, 0xf30a);
	put((struct le16 *)(void *)(i_block + 2), 1);
	put((struct le16 *)(void *)(i_block + 4), 4);
	put((struct le16 *)(void *)(i_block + 16), 32768 + 1);
	put((struct le32 *)(void *)(i_block + 20), 20);
	list(&tiny, 12, names, &sink);

	ck_assert_str_eq(names, "");
	ck_assert_uint_eq(sink.count, 1);
	ck_assert_int_eq(sink.findings[0].problem, EXT_DIRECTORY_UNWRITTEN);
	tiny_close(&tiny);
}
END_TEST

/* An inline directory: parent 2, "one" in i_block, "two" in system.data. */
static struct tiny inline_directory(void)
{
	struct tiny tiny = tiny_open();
	struct ext_raw_inode *raw = tiny_make(&tiny, 13, 0x41ed, 96);
	uint8_t *bytes = (uint8_t *)raw;
	struct ext_raw_xattr_entry *entry = (void *)(bytes + 164);

	put(&raw->i_flags, EXT_INODE_INLINE_DATA);
	put((struct le32 *)(void *)(bytes + 0x28), 2);
	tiny_entry(bytes + 0x28, 4, 12, 56, "one", 1);
	put((struct le32 *)(void *)(bytes + 160), 0xea020000);
	entry->e_name_len = 4;
	entry->e_name_index = 7;
	put(&entry->e_value_offs, 56);
	put(&entry->e_value_size, 36);
	memcpy(bytes + 180, "data", 4);
	tiny_entry(bytes + 164 + 56, 0, 11, 36, "two", 1);
	return tiny;
}

START_TEST(an_inline_directory_has_both_parts_and_made_up_dots)
{
	struct tiny tiny = inline_directory();
	struct ext_directory *directory;
	struct ext_dirent entry;
	struct tiny_sink sink;
	char names[256];

	list(&tiny, 13, names, &sink);

	ck_assert_str_eq(names, ". .. one two ");
	ck_assert_uint_eq(sink.count, 0);
	ck_assert_int_eq(ext_directory_open(tiny.filesystem, 13, &directory, NULL), EXT_OK);
	ck_assert_int_eq(ext_directory_next(directory, &entry, NULL, NULL), EXT_OK);
	ck_assert_uint_eq(entry.inode, 13);
	ck_assert_int_eq(ext_directory_next(directory, &entry, NULL, NULL), EXT_OK);
	ck_assert_uint_eq(entry.inode, 2);
	ext_directory_close(directory);
	tiny_close(&tiny);
}
END_TEST

START_TEST(an_inline_directory_without_its_second_part_gives_the_first)
{
	struct tiny tiny = inline_directory();
	struct tiny_sink sink;
	char names[256];

	((uint8_t *)tiny_inode(&tiny, 13))[160] = 1;
	list(&tiny, 13, names, &sink);

	ck_assert_str_eq(names, ". .. one ");
	tiny_close(&tiny);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, used_entries_come_in_file_order);
	tcase_add_test(tests, a_file_is_no_directory);
	tcase_add_test(tests, a_hole_is_reported_and_passed_over);
	tcase_add_test(tests, a_hole_at_the_end_is_a_hole_too);
	tcase_add_test(tests, a_huge_size_costs_nothing_and_is_one_hole);
	tcase_add_test(tests, blocks_beyond_the_size_are_read_too);
	tcase_add_test(tests, a_broken_record_hides_only_the_rest_of_its_block);
	tcase_add_test(tests, a_bad_checksum_is_reported_and_the_names_still_come);
	tcase_add_test(tests, unwritten_blocks_hold_no_names);
	tcase_add_test(tests, an_inline_directory_has_both_parts_and_made_up_dots);
	tcase_add_test(tests, an_inline_directory_without_its_second_part_gives_the_first);
}

int main(void)
{
	return unit_run("directory", add_tests);
}
