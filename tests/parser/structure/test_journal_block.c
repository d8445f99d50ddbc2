/* SPDX-License-Identifier: MIT */
/*
 * Blocks of the journal. The checksums are those of a journal that debugfs wrote with known UUID
 * and content (block size 1024): see the bytes of each test.
 */
#include "config.h"

#include <string.h>

#include "bytes/endian.h"
#include "layout/layout.h"

#include <ext/journal.h>

#include "unit.h"

enum { BLOCK = 1024 };

static const uint8_t uuid[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
				 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

static void put_be32_at(uint8_t *block, size_t at, uint32_t value)
{
	block[at] = (uint8_t)(value >> 24);
	block[at + 1] = (uint8_t)(value >> 16);
	block[at + 2] = (uint8_t)(value >> 8);
	block[at + 3] = (uint8_t)value;
}

static struct ext_span whole(const uint8_t *block)
{
	return (struct ext_span){block, BLOCK};
}

/* The superblock of that journal: 1024 blocks of 1024, revoke, 64bit, csum_v3. */
static void fill_superblock(uint8_t block[BLOCK], uint32_t incompat, uint32_t compat)
{
	memset(block, 0, BLOCK);
	put_be32_at(block, 0x00, 0xc03b3998);
	put_be32_at(block, 0x04, EXT_JOURNAL_SUPERBLOCK_V2);
	put_be32_at(block, 0x0c, BLOCK);
	put_be32_at(block, 0x10, 1024);
	put_be32_at(block, 0x14, 1);
	put_be32_at(block, 0x18, 1);
	put_be32_at(block, 0x1c, 1);
	put_be32_at(block, 0x24, compat);
	put_be32_at(block, 0x28, incompat);
	memcpy(block + 0x30, uuid, sizeof uuid);
	put_be32_at(block, 0x40, 1);
	block[0x50] = 4;
	put_be32_at(block, 0xfc, 0x963e89f2);
}

static struct ext_journal_superblock superblock_with(uint32_t incompat, uint32_t compat)
{
	uint8_t block[BLOCK];
	struct ext_journal_superblock superblock;
	const struct ext_place place = {.structure = EXT_AT_JOURNAL_SUPERBLOCK};

	fill_superblock(block, incompat, compat);
	ck_assert_int_eq(
		ext_journal_superblock_decode(whole(block), place, &superblock, NULL, NULL),
		EXT_OK);
	return superblock;
}

START_TEST(superblock_checksum_holds)
{
	const struct ext_journal_superblock superblock = superblock_with(0x13, 0);

	ck_assert_uint_eq(superblock.seed, 0x688cb585);
	ck_assert_uint_eq(superblock.checksum_computed, 0x963e89f2);
	ck_assert_int_eq(superblock.checksum, EXT_CHECKSUM_OK);
	ck_assert_uint_eq(superblock.end, 1024);
	ck_assert_uint_eq(superblock.checksum_version, 3);
}
END_TEST

START_TEST(tag_sizes_follow_the_features)
{
	static const struct {
		uint32_t incompat, compat, size, tail;
	} cases[] = {
		{0, 0, 8, 0},	 {0, 1, 8, 0},	   {0x2, 0, 12, 0},  {0x8, 0, 10, 4},
		{0xa, 0, 14, 4}, {0x10, 0, 16, 4}, {0x12, 0, 16, 4},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct ext_journal_superblock superblock =
			superblock_with(cases[i].incompat, cases[i].compat);

		ck_assert_uint_eq(superblock.tag_size, cases[i].size);
		ck_assert_uint_eq(superblock.tail_size, cases[i].tail);
	}
}
END_TEST

START_TEST(fast_commit_area_is_cut_off_the_log)
{
	uint8_t block[BLOCK];
	struct ext_journal_superblock superblock;
	const struct ext_place place = {.structure = EXT_AT_JOURNAL_SUPERBLOCK};

	fill_superblock(block, 0x20, 0);
	put_be32_at(block, 0x10, 1040);
	put_be32_at(block, 0x54, 16);

	ck_assert_int_eq(
		ext_journal_superblock_decode(whole(block), place, &superblock, NULL, NULL),
		EXT_OK);
	ck_assert_uint_eq(superblock.end, 1024);
	ck_assert_uint_eq(superblock.fast_commit_blocks, 16);
}
END_TEST

START_TEST(start_beyond_the_log_is_rejected)
{
	uint8_t block[BLOCK];
	struct ext_journal_superblock superblock;
	struct ext_error error;
	const struct ext_place place = {.structure = EXT_AT_JOURNAL_SUPERBLOCK};

	fill_superblock(block, 0, 0);
	put_be32_at(block, 0x1c, 1024);

	ck_assert_int_eq(
		ext_journal_superblock_decode(whole(block), place, &superblock, NULL, &error),
		EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_JOURNAL_GEOMETRY);
	ck_assert_uint_eq(error.found, 1024);
	ck_assert_uint_eq(error.high, 1023);
}
END_TEST

START_TEST(unknown_feature_is_unsupported)
{
	uint8_t block[BLOCK];
	struct ext_journal_superblock superblock;
	struct ext_error error;
	const struct ext_place place = {.structure = EXT_AT_JOURNAL_SUPERBLOCK};

	fill_superblock(block, 0x80, 0);

	ck_assert_int_eq(
		ext_journal_superblock_decode(whole(block), place, &superblock, NULL, &error),
		EXT_UNSUPPORTED);
	ck_assert_int_eq(error.status, EXT_UNSUPPORTED);
	ck_assert_uint_eq(error.found, 0x80);
}
END_TEST

/* Descriptor of transaction 1: blocks 5000 (escaped) and 5001. */
static void fill_descriptor(uint8_t block[BLOCK])
{
	memset(block, 0, BLOCK);
	put_be32_at(block, 0x00, 0xc03b3998);
	put_be32_at(block, 0x04, EXT_JOURNAL_DESCRIPTOR);
	put_be32_at(block, 0x08, 1);
	put_be32_at(block, 0x0c, 5000); /* tag: block, flags, high half, checksum; then a UUID */
	put_be32_at(block, 0x10, EXT_JOURNAL_TAG_ESCAPED);
	put_be32_at(block, 0x18, 0x7250c4f6);
	put_be32_at(block, 0x2c, 5001);
	put_be32_at(block, 0x30, EXT_JOURNAL_TAG_SAME_UUID | EXT_JOURNAL_TAG_LAST);
	put_be32_at(block, 0x38, 0xa78bd3d0);
	memcpy(block + 0xcc, uuid, sizeof uuid); /* what debugfs leaves behind the tags */
	put_be32_at(block, BLOCK - 4, 0x7e86bf50);
}

START_TEST(descriptor_tags_and_checksums_of_version_3)
{
	const struct ext_journal_superblock superblock = superblock_with(0x13, 0);
	uint8_t block[BLOCK], copy[BLOCK];
	struct ext_journal_tag_cursor cursor;
	struct ext_journal_header header;
	struct ext_journal_tag tag;

	fill_descriptor(block);
	ck_assert(ext_journal_header_decode(whole(block), &header));
	ck_assert_uint_eq(header.type, EXT_JOURNAL_DESCRIPTOR);
	ck_assert_uint_eq(header.sequence, 1);
	ck_assert_int_eq(ext_journal_tail_checksum(&superblock, whole(block)), EXT_CHECKSUM_OK);
	ext_journal_tag_cursor_init(&cursor, &superblock, whole(block));

	ck_assert_int_eq(ext_journal_tag_next(&cursor, &tag), EXT_OK);
	ck_assert_uint_eq(tag.block, 5000);
	ck_assert_uint_eq(tag.flags, EXT_JOURNAL_TAG_ESCAPED);
	memset(copy, 'Q', BLOCK);
	memset(copy, 0, 4); /* escaped: the journal's copy lacks the magic */
	ck_assert_int_eq(ext_journal_tag_checksum(&superblock, &tag, 1, whole(copy)),
			 EXT_CHECKSUM_OK);
	ck_assert_int_eq(ext_journal_tag_checksum(&superblock, &tag, 2, whole(copy)),
			 EXT_CHECKSUM_BAD);

	ck_assert_int_eq(ext_journal_tag_next(&cursor, &tag), EXT_OK);
	ck_assert_uint_eq(tag.block, 5001);
	memset(copy, 'R', BLOCK);
	ck_assert_int_eq(ext_journal_tag_checksum(&superblock, &tag, 1, whole(copy)),
			 EXT_CHECKSUM_OK);
	ck_assert_int_eq(ext_journal_tag_next(&cursor, &tag), EXT_END);

	block[100] ^= 1;
	ck_assert_int_eq(ext_journal_tail_checksum(&superblock, whole(block)), EXT_CHECKSUM_BAD);
}
END_TEST

START_TEST(short_tags_of_each_size_are_walked)
{
	static const struct {
		uint32_t incompat;
		uint32_t second_at; /* behind the first tag and its UUID */
		bool high;
	} cases[] = {{0, 12 + 8 + 16, false},
		     {0x2, 12 + 12 + 16, true},
		     {0x8, 12 + 10 + 16, false},
		     {0xa, 12 + 14 + 16, true}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct ext_journal_superblock superblock =
			superblock_with(cases[i].incompat, 0);
		const uint32_t second_at = cases[i].second_at;
		struct ext_journal_tag_cursor cursor;
		struct ext_journal_tag tag;
		uint8_t block[BLOCK] = {0};

		put_be32_at(block, 12, 77);
		put_be32_at(block, second_at, 78);
		put_be32_at(block, second_at + 4,
			    0xabcd0000 | EXT_JOURNAL_TAG_SAME_UUID | EXT_JOURNAL_TAG_LAST);
		put_be32_at(block, second_at + 8, 1);
		ext_journal_tag_cursor_init(&cursor, &superblock, whole(block));

		ck_assert_int_eq(ext_journal_tag_next(&cursor, &tag), EXT_OK);
		ck_assert_uint_eq(tag.block, 77);
		ck_assert_int_eq(ext_journal_tag_next(&cursor, &tag), EXT_OK);
		ck_assert_uint_eq(tag.block, cases[i].high ? (uint64_t)1 << 32 | 78 : 78);
		ck_assert_uint_eq(tag.checksum, 0xabcd);
		ck_assert_uint_eq(tag.at, second_at);
		ck_assert_int_eq(ext_journal_tag_next(&cursor, &tag), EXT_END);
	}
}
END_TEST

START_TEST(tags_without_a_last_one_end_before_the_tail)
{
	const struct ext_journal_superblock superblock = superblock_with(0x12, 0);
	struct ext_journal_tag_cursor cursor;
	struct ext_journal_tag tag;
	uint8_t block[BLOCK] = {0};
	unsigned count = 0;

	for (uint32_t at = 12; at + 16 <= BLOCK; at += 16)
		put_be32_at(block, at + 4, EXT_JOURNAL_TAG_SAME_UUID);
	ext_journal_tag_cursor_init(&cursor, &superblock, whole(block));
	while (ext_journal_tag_next(&cursor, &tag) == EXT_OK)
		count++;

	ck_assert_uint_eq(count, (BLOCK - 4 - 12) / 16);
}
END_TEST

START_TEST(revoke_block_gives_its_records)
{
	const struct ext_journal_superblock superblock = superblock_with(0x13, 0);
	const struct ext_place place = {.structure = EXT_AT_JOURNAL};
	struct ext_journal_revoke_cursor cursor;
	uint8_t block[BLOCK] = {0};
	ext_block revoked;

	put_be32_at(block, 0x00, 0xc03b3998);
	put_be32_at(block, 0x04, EXT_JOURNAL_REVOKE);
	put_be32_at(block, 0x08, 2);
	put_be32_at(block, 0x0c, 24);
	put_be32_at(block, 0x14, 5001);
	put_be32_at(block, BLOCK - 4, 0xb784e70e);

	ck_assert_int_eq(ext_journal_tail_checksum(&superblock, whole(block)), EXT_CHECKSUM_OK);
	ck_assert_int_eq(
		ext_journal_revoke_cursor_init(&cursor, &superblock, whole(block), place, NULL),
		EXT_OK);
	ck_assert_int_eq(ext_journal_revoke_next(&cursor, &revoked), EXT_OK);
	ck_assert_uint_eq(revoked, 5001);
	ck_assert_int_eq(ext_journal_revoke_next(&cursor, &revoked), EXT_END);
}
END_TEST

START_TEST(revoke_count_into_the_tail_is_rejected)
{
	const struct ext_journal_superblock superblock = superblock_with(0x12, 0);
	const struct ext_place place = {.structure = EXT_AT_JOURNAL};
	struct ext_journal_revoke_cursor cursor;
	struct ext_error error;
	uint8_t block[BLOCK] = {0};

	put_be32_at(block, 0x0c, BLOCK - 3);

	ck_assert_int_eq(
		ext_journal_revoke_cursor_init(&cursor, &superblock, whole(block), place, &error),
		EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_JOURNAL_REVOKE_COUNT);
	ck_assert_uint_eq(error.high, BLOCK - 4);
}
END_TEST

START_TEST(commit_block_has_time_and_checksum)
{
	const struct ext_journal_superblock superblock = superblock_with(0x13, 0);
	struct ext_journal_commit commit;
	uint8_t block[BLOCK] = {0};

	/* As debugfs writes it: the seconds stand in the upper half. */
	put_be32_at(block, 0x00, 0xc03b3998);
	put_be32_at(block, 0x04, EXT_JOURNAL_COMMIT);
	put_be32_at(block, 0x08, 1);
	put_be32_at(block, 0x10, 0xca408ccb);
	put_be32_at(block, 0x30, 0x6b02d8ab);
	put_be32_at(block, 0x38, 0x208541a0);

	ext_journal_commit_decode(&superblock, whole(block), &commit);
	ck_assert_int_eq(commit.time.seconds, 0x6b02d8ab00000000);
	ck_assert_int_eq(commit.checksum, EXT_CHECKSUM_OK);
	ck_assert(!commit.only_first_sector);

	block[BLOCK - 1] = 1;
	ext_journal_commit_decode(&superblock, whole(block), &commit);
	ck_assert_int_eq(commit.checksum, EXT_CHECKSUM_OK);
	ck_assert(commit.only_first_sector);

	block[0x35] = 1;
	ext_journal_commit_decode(&superblock, whole(block), &commit);
	ck_assert_int_eq(commit.checksum, EXT_CHECKSUM_BAD);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, superblock_checksum_holds);
	tcase_add_test(tests, tag_sizes_follow_the_features);
	tcase_add_test(tests, fast_commit_area_is_cut_off_the_log);
	tcase_add_test(tests, start_beyond_the_log_is_rejected);
	tcase_add_test(tests, unknown_feature_is_unsupported);
	tcase_add_test(tests, descriptor_tags_and_checksums_of_version_3);
	tcase_add_test(tests, short_tags_of_each_size_are_walked);
	tcase_add_test(tests, tags_without_a_last_one_end_before_the_tail);
	tcase_add_test(tests, revoke_block_gives_its_records);
	tcase_add_test(tests, revoke_count_into_the_tail_is_rejected);
	tcase_add_test(tests, commit_block_has_time_and_checksum);
}

int main(void)
{
	return unit_run("journal_block", add_tests);
}
