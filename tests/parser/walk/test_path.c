/* SPDX-License-Identifier: MIT */
/* From paths to inodes. */
#include "config.h"

#include "parser/walk/tiny.h"
#include "unit.h"

/* / holds d and Mixed; d holds file. */
static struct tiny tree(void)
{
	struct tiny tiny = tiny_open();

	tiny_make(&tiny, 2, 0x41ed, 1024);
	tiny_map(&tiny, 2, 0, 20);
	tiny_entry(tiny_block(&tiny, 20), 0, 2, 12, ".", 2);
	tiny_entry(tiny_block(&tiny, 20), 12, 2, 12, "..", 2);
	tiny_entry(tiny_block(&tiny, 20), 24, 11, 12, "d", 2);
	tiny_entry(tiny_block(&tiny, 20), 36, 14, 988, "Mixed", 1);
	tiny_make(&tiny, 11, 0x41ed, 1024);
	tiny_map(&tiny, 11, 0, 21);
	tiny_entry(tiny_block(&tiny, 21), 0, 11, 12, ".", 2);
	tiny_entry(tiny_block(&tiny, 21), 12, 2, 12, "..", 2);
	tiny_entry(tiny_block(&tiny, 21), 24, 12, 1000, "file", 1);
	tiny_make(&tiny, 12, 0x81a4, 5);
	tiny_make(&tiny, 14, 0x81a4, 5);
	return tiny;
}

static ext_ino inode_at(struct tiny *tiny, const char *path)
{
	ext_ino ino = 0;

	return ext_path_lookup(tiny->filesystem, path, &ino, NULL) == EXT_OK ? ino : 0;
}

START_TEST(paths_lead_to_inodes)
{
	struct tiny tiny = tree();

	ck_assert_uint_eq(inode_at(&tiny, "/"), 2);
	ck_assert_uint_eq(inode_at(&tiny, ""), 2);
	ck_assert_uint_eq(inode_at(&tiny, "/d"), 11);
	ck_assert_uint_eq(inode_at(&tiny, "d//file"), 12);
	ck_assert_uint_eq(inode_at(&tiny, "/d/"), 11);
	ck_assert_uint_eq(inode_at(&tiny, "/d/../d/./file"), 12);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_number_sign_names_an_inode)
{
	struct tiny tiny = tree();

	ck_assert_uint_eq(inode_at(&tiny, "#12"), 12);
	ck_assert_uint_eq(inode_at(&tiny, "#32"), 32);
	ck_assert_uint_eq(inode_at(&tiny, "#33"), 0);
	ck_assert_uint_eq(inode_at(&tiny, "#0"), 0);
	ck_assert_uint_eq(inode_at(&tiny, "#99999999999999999999"), 0);
	ck_assert_uint_eq(inode_at(&tiny, "#12x"), 0);
	ck_assert_uint_eq(inode_at(&tiny, "#"), 0);
	tiny_close(&tiny);
}
END_TEST

static void assert_fails(struct tiny *tiny, const char *path, enum ext_problem problem)
{
	struct ext_error error;
	ext_ino ino;

	ck_assert_int_eq(ext_path_lookup(tiny->filesystem, path, &ino, &error), EXT_ARGUMENT);
	ck_assert_int_eq(error.problem, problem);
}

START_TEST(a_name_that_is_not_there_and_a_file_in_the_way_are_told_apart)
{
	struct tiny tiny = tree();

	assert_fails(&tiny, "/nope", EXT_NO_SUCH_PATH);
	assert_fails(&tiny, "/d/fil", EXT_NO_SUCH_PATH);
	assert_fails(&tiny, "/mixed", EXT_NO_SUCH_PATH);
	assert_fails(&tiny, "/d/file/x", EXT_NOT_A_DIRECTORY);
	tiny_close(&tiny);
}
END_TEST

START_TEST(casefolded_directories_ignore_the_case_of_letters)
{
	struct tiny tiny = tree();

	put(&tiny_inode(&tiny, 2)->i_flags, EXT_INODE_CASEFOLD);

	ck_assert_uint_eq(inode_at(&tiny, "/mIXED"), 14);
	ck_assert_uint_eq(inode_at(&tiny, "/D/file"), 12);
	ck_assert_uint_eq(inode_at(&tiny, "/D/FILE"), 0);
	tiny_close(&tiny);
}
END_TEST

START_TEST(encrypted_names_are_found_as_they_are_listed)
{
	struct tiny tiny = tree();
	const struct ext_superblock *superblock = ext_filesystem_superblock(tiny.filesystem);
	char shown[256];
	char path[260] = "/";

	put(&tiny_inode(&tiny, 2)->i_flags, EXT_INODE_ENCRYPT);
	ext_encrypted_name(superblock, "Mixed", 5, false, shown);
	strcat(path, shown);

	ck_assert_uint_eq(inode_at(&tiny, path), 14);
	tiny_close(&tiny);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, paths_lead_to_inodes);
	tcase_add_test(tests, a_number_sign_names_an_inode);
	tcase_add_test(tests, a_name_that_is_not_there_and_a_file_in_the_way_are_told_apart);
	tcase_add_test(tests, casefolded_directories_ignore_the_case_of_letters);
	tcase_add_test(tests, encrypted_names_are_found_as_they_are_listed);
}

int main(void)
{
	return unit_run("path", add_tests);
}
