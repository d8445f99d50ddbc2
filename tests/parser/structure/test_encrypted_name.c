/* SPDX-License-Identifier: MIT */
/* Names shown for encrypted entries without the key. */
#include "config.h"

#include <string.h>

#include <ext/directory.h>

#include "unit.h"

static const struct ext_superblock superblock = {
	.compat = EXT_COMPAT_DIR_INDEX,
	.default_hash_version = EXT_HASH_HALF_MD4,
	.hash_seed = {0x98badcfe, 0x10325476, 0x98badcfe, 0x10325476},
};
static const struct ext_inode encrypted = {.flags = EXT_INODE_ENCRYPT};

START_TEST(a_short_name_is_its_hash_and_its_bytes_in_base64)
{
	char text[256];

	ck_assert_uint_eq(ext_encrypted_name(&superblock, "hello.txt", 9, false, text), 23);

	ck_assert_str_eq(text, "FtGzgCoo6udoZWxsby50eHQ");
}
END_TEST

START_TEST(a_long_name_ends_in_a_digest)
{
	char name[200];
	char text[256];

	for (size_t i = 0; i < sizeof name; i++)
		name[i] = (char)(unsigned char)i;

	ck_assert_uint_eq(ext_encrypted_name(&superblock, name, sizeof name, true, text), 252);

	ck_assert_str_eq(text + 252 - 44, "lFWlJTsrrRWQIfPL576T3kI1LajFdBpEvjMU0ZBZzMcV");
	ck_assert_uint_eq(ext_encrypted_name(&superblock, name, 149, true, text), 210);
}
END_TEST

START_TEST(targets_of_symlinks_have_no_hash)
{
	char text[256];

	ext_encrypted_name(&superblock, "hello.txt", 9, true, text);

	ck_assert_int_eq(strncmp(text, "AAAAAAAAAAB", 10), 0);
}
END_TEST

START_TEST(dot_and_plain_directories_are_shown_as_stored)
{
	const struct ext_inode plain = {.flags = 0};
	const struct ext_dirent dotdot = {.name = "..", .name_length = 2, .record_length = 12};
	const struct ext_dirent file = {.name = "hello.txt", .name_length = 9, .record_length = 20};
	char text[256];

	ck_assert_uint_eq(ext_dirent_shown_name(&superblock, &encrypted, &dotdot, text), 2);
	ck_assert_str_eq(text, "..");
	ck_assert_uint_eq(ext_dirent_shown_name(&superblock, &plain, &file, text), 9);
	ck_assert_str_eq(text, "hello.txt");
	ck_assert_uint_eq(ext_dirent_shown_name(&superblock, &encrypted, &file, text), 23);
}
END_TEST

START_TEST(casefolded_entries_bring_their_hash_along)
{
	static const char record[] = "abcdefgh\x16\xd1\xb3\x80\x2a\x28\xea\xe7";
	const struct ext_inode folded = {.flags = EXT_INODE_ENCRYPT | EXT_INODE_CASEFOLD};
	const struct ext_dirent entry = {.name = record, .name_length = 8, .record_length = 24};
	char text[256];

	ext_dirent_shown_name(&superblock, &folded, &entry, text);

	ck_assert_int_eq(strncmp(text, "FtGzgCoo6ud", 10), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, a_short_name_is_its_hash_and_its_bytes_in_base64);
	tcase_add_test(tests, a_long_name_ends_in_a_digest);
	tcase_add_test(tests, targets_of_symlinks_have_no_hash);
	tcase_add_test(tests, dot_and_plain_directories_are_shown_as_stored);
	tcase_add_test(tests, casefolded_entries_bring_their_hash_along);
}

int main(void)
{
	return unit_run("encrypted_name", add_tests);
}
