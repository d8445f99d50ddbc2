/* SPDX-License-Identifier: MIT */
/* Entries of a directory block: the chain, where it breaks, tails, 64 KiB blocks. */
#include "config.h"

#include <string.h>

#include <ext/directory.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "structure/dirent.h"
#include "unit.h"

static const struct ext_superblock plain = {.block_size = 1024, .incompat = EXT_INCOMPAT_FILETYPE};
static const struct ext_superblock checked = {
	.block_size = 1024, .incompat = EXT_INCOMPAT_FILETYPE, .has_metadata_csum = true};

static void put_entry(uint8_t *block, uint32_t at, uint32_t inode, uint16_t length,
		      const char *name, uint8_t type)
{
	put((struct le32 *)(void *)(block + at), inode);
	put((struct le16 *)(void *)(block + at + 4), length);
	block[at + 6] = (uint8_t)strlen(name);
	block[at + 7] = type;
	memcpy(block + at + 8, name, strlen(name));
}

static struct ext_dirent_cursor cursor_over(const struct ext_superblock *superblock,
					    const uint8_t *block, size_t size)
{
	const struct ext_span bytes = {block, size};
	struct ext_dirent_cursor cursor;

	ext_dirent_cursor_init(&cursor, superblock, bytes, 0,
			       ext_directory_block_has_tail(superblock, bytes));
	return cursor;
}

START_TEST(entries_come_in_order_with_name_and_type)
{
	uint8_t block[1024] = {0};
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	put_entry(block, 0, 2, 12, ".", 2);
	put_entry(block, 12, 2, 12, "..", 2);
	put_entry(block, 24, 13, 1000, "small.txt", 1);
	cursor = cursor_over(&plain, block, sizeof block);

	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert_uint_eq(entry.at, 12);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert_uint_eq(entry.inode, 13);
	ck_assert_uint_eq(entry.file_type, EXT_TYPE_REGULAR);
	ck_assert_uint_eq(entry.name_length, 9);
	ck_assert_mem_eq(entry.name, "small.txt", 9);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_END);
}
END_TEST

START_TEST(without_the_filetype_feature_the_type_is_unknown)
{
	const struct ext_superblock old = {.block_size = 1024};
	uint8_t block[1024] = {0};
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	put_entry(block, 0, 12, 1024, "a", 1);
	cursor = cursor_over(&old, block, sizeof block);

	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert_uint_eq(entry.file_type, EXT_TYPE_UNKNOWN);
	ck_assert_uint_eq(entry.type_stored, 1);
}
END_TEST

static void assert_broken(uint16_t length, enum ext_problem problem)
{
	uint8_t block[1024] = {0};
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	struct ext_error error;

	put_entry(block, 0, 12, 24, "a", 1);
	put_entry(block, 24, 13, length, "b", 1);
	cursor = cursor_over(&plain, block, sizeof block);

	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, &error), EXT_OK);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, &error), EXT_CORRUPT);
	ck_assert_int_eq(error.problem, problem);
	ck_assert_uint_eq(error.place.offset, 24);
	ck_assert_uint_eq(error.found, length);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, &error), EXT_END);
}

START_TEST(a_record_that_breaks_the_chain_ends_the_block)
{
	assert_broken(0, EXT_DIRENT_LENGTH);
	assert_broken(8, EXT_DIRENT_LENGTH);
	assert_broken(14, EXT_DIRENT_ALIGNMENT);
	assert_broken(1004, EXT_DIRENT_TRUNCATED);
	assert_broken(65535, EXT_DIRENT_ALIGNMENT);
}
END_TEST

START_TEST(a_name_too_long_for_its_record_is_skipped)
{
	uint8_t block[1024] = {0};
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	struct ext_error error;

	put_entry(block, 0, 12, 12, "a", 1);
	block[6] = 5;
	put_entry(block, 12, 13, 1012, "b", 1);
	cursor = cursor_over(&plain, block, sizeof block);

	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, &error), EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_DIRENT_NAME_LENGTH);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, &error), EXT_OK);
	ck_assert_uint_eq(entry.inode, 13);
}
END_TEST

START_TEST(fewer_bytes_than_an_entry_needs_are_an_error)
{
	uint8_t block[1024] = {0};
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	struct ext_error error;

	put_entry(block, 0, 12, 1020, "a", 1);
	cursor = cursor_over(&plain, block, sizeof block);

	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, &error), EXT_OK);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, &error), EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_DIRENT_FINAL_LENGTH);
}
END_TEST

START_TEST(the_checksum_tail_is_no_entry)
{
	uint8_t block[1024] = {0};
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	uint32_t stored, computed;
	const struct ext_span bytes = {block, sizeof block};

	put_entry(block, 0, 12, 1012, "a", 1);
	put_entry(block, 1012, 0, 12, "", 0xde);
	put((struct le32 *)(void *)(block + 1020), crc32c(77, block, 1012));
	cursor = cursor_over(&checked, block, sizeof block);

	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_END);
	ck_assert_int_eq(ext_directory_block_checksum(&checked, 77, EXT_DIRECTORY_LEAF, bytes,
						      &stored, &computed),
			 EXT_CHECKSUM_OK);
	ck_assert_int_eq(ext_directory_block_checksum(&checked, 78, EXT_DIRECTORY_LEAF, bytes,
						      &stored, &computed),
			 EXT_CHECKSUM_BAD);
	ck_assert_uint_ne(stored, computed);
	/* The same bytes on a filesystem without checksums are an ordinary free entry. */
	cursor = cursor_over(&plain, block, sizeof block);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert_uint_eq(entry.inode, 0);
}
END_TEST

START_TEST(record_lengths_of_64k_blocks_have_a_code_of_their_own)
{
	ck_assert_uint_eq(dirent_record_length(65536, 0xffff), 65536);
	ck_assert_uint_eq(dirent_record_length(65536, 0), 65536);
	ck_assert_uint_eq(dirent_record_length(65536, 0xfff4), 65524);
	ck_assert_uint_eq(dirent_record_length(65536, 12), 12);
	ck_assert_uint_eq(dirent_record_length(32768, 0x8000), 32768);
	ck_assert_uint_eq(dirent_record_length(4096, 0), 0);
}
END_TEST

START_TEST(an_empty_64k_block_is_one_free_entry)
{
	const struct ext_superblock large = {.block_size = 65536};
	static uint8_t block[65536];
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	put_entry(block, 0, 0, 0xffff, "", 0);
	cursor = cursor_over(&large, block, sizeof block);

	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert_uint_eq(entry.record_length, 65536);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_END);
}
END_TEST

START_TEST(the_hash_behind_a_name_is_read_only_when_there_is_room)
{
	uint8_t block[1024] = {0};
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	uint32_t major = 0, minor = 0;

	put_entry(block, 0, 12, 24, "abcde", 1);
	put((struct le32 *)(void *)(block + 16), 0x11223344);
	put((struct le32 *)(void *)(block + 20), 0x55667788);
	put_entry(block, 24, 12, 16, "abcde", 1);
	cursor = cursor_over(&plain, block, 40);

	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert(ext_dirent_stored_hash(&entry, &major, &minor));
	ck_assert_uint_eq(major, 0x11223344);
	ck_assert_uint_eq(minor, 0x55667788);
	ck_assert_int_eq(ext_dirent_next(&cursor, &entry, NULL), EXT_OK);
	ck_assert(!ext_dirent_stored_hash(&entry, &major, &minor));
}
END_TEST

/* Blocks of sound entries, and the same with one byte of some record changed. */
START_TEST(stepping_gives_what_asking_for_the_next_gives)
{
	static const struct ext_superblock large = {.block_size = 65536,
						    .incompat = EXT_INCOMPAT_FILETYPE};
	uint8_t block[1024];

	for (unsigned round = 0; round < 2000; round++) {
		const struct ext_superblock *superblock = round % 3 == 0 ? &large : &plain;
		struct ext_dirent_cursor cursor, other;
		struct ext_dirent entry = {0}, expected = {0};
		struct ext_error error = {0}, wanted = {0};
		enum ext_status status;

		for (uint32_t at = 0; at < sizeof block; at += 32)
			put_entry(block, at, at + 11, 32, "name-of-a-file", 1);
		block[round % sizeof block / 32 * 32 + 4 + round % 4] = (uint8_t)(round * 37);
		cursor = other = cursor_over(superblock, block, sizeof block - round % 2 * 20);

		do {
			status = ext_dirent_step(&cursor, &entry, &error);
			ck_assert_int_eq(status, ext_dirent_next(&other, &expected, &wanted));
			ck_assert_uint_eq(cursor.at, other.at);
			ck_assert_int_eq(error.problem, wanted.problem);
			ck_assert_ptr_eq(entry.name, expected.name);
			ck_assert_uint_eq(entry.inode, expected.inode);
			ck_assert_uint_eq(entry.at, expected.at);
			ck_assert_uint_eq(entry.record_length, expected.record_length);
			ck_assert_uint_eq(entry.name_length, expected.name_length);
			ck_assert_uint_eq(entry.file_type, expected.file_type);
			ck_assert_uint_eq(entry.type_stored, expected.type_stored);
		} while (status != EXT_END);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, entries_come_in_order_with_name_and_type);
	tcase_add_test(tests, without_the_filetype_feature_the_type_is_unknown);
	tcase_add_test(tests, a_record_that_breaks_the_chain_ends_the_block);
	tcase_add_test(tests, a_name_too_long_for_its_record_is_skipped);
	tcase_add_test(tests, fewer_bytes_than_an_entry_needs_are_an_error);
	tcase_add_test(tests, the_checksum_tail_is_no_entry);
	tcase_add_test(tests, record_lengths_of_64k_blocks_have_a_code_of_their_own);
	tcase_add_test(tests, an_empty_64k_block_is_one_free_entry);
	tcase_add_test(tests, stepping_gives_what_asking_for_the_next_gives);
	tcase_add_test(tests, the_hash_behind_a_name_is_read_only_when_there_is_room);
}

int main(void)
{
	return unit_run("dirent", add_tests);
}
