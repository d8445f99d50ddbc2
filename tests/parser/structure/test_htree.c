/* SPDX-License-Identifier: MIT */
/* Index blocks of a directory: told from leaves, decoded, checksummed. */
#include "config.h"

#include <string.h>

#include <ext/directory.h>

#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "unit.h"

static const struct ext_superblock plain = {.block_size = 1024};
static const struct ext_superblock checked = {.block_size = 1024, .has_metadata_csum = true};
static const struct ext_inode indexed = {.flags = EXT_INODE_INDEX};
static const struct ext_inode linear = {.flags = 0};

static void put_counts(uint8_t *at, uint16_t limit, uint16_t count, uint32_t block)
{
	struct ext_raw_htree_countlimit *counts = (struct ext_raw_htree_countlimit *)(void *)at;

	put(&counts->limit, limit);
	put(&counts->count, count);
	put(&counts->block, block);
}

static void put_slot(uint8_t *at, uint32_t hash, uint32_t block)
{
	struct ext_raw_htree_entry *entry = (struct ext_raw_htree_entry *)(void *)at;

	put(&entry->hash, hash);
	put(&entry->block, block);
}

/* A root with two entries: hash 0 at block 1, hash 0x80000000 at block 2. */
static struct ext_span make_root(uint8_t block[1024], uint16_t limit)
{
	struct ext_raw_htree_root *root = (struct ext_raw_htree_root *)(void *)block;

	memset(block, 0, 1024);
	put(&root->dot_inode, 12);
	put(&root->dot_rec_len, 12);
	root->dot_name_len = 1;
	root->dot_name[0] = '.';
	put(&root->dotdot_inode, 2);
	put(&root->dotdot_rec_len, 1012);
	root->dotdot_name_len = 2;
	memcpy(root->dotdot_name, "..", 2);
	root->hash_version = EXT_HASH_HALF_MD4;
	root->info_length = 8;
	put_counts(block + 32, limit, 2, 1);
	put_slot(block + 40, 0x80000000, 0xf0000002);
	return (struct ext_span){block, 1024};
}

static struct ext_span make_node(uint8_t block[1024], uint16_t limit)
{
	struct ext_raw_htree_node *node = (struct ext_raw_htree_node *)(void *)block;

	memset(block, 0, 1024);
	put(&node->fake_rec_len, 1024);
	put_counts(block + 8, limit, 3, 4);
	put_slot(block + 16, 0x1000, 5);
	put_slot(block + 24, 0x2000, 6);
	return (struct ext_span){block, 1024};
}

START_TEST(limits_are_what_fits_behind_the_head)
{
	const struct ext_superblock large = {.block_size = 65536};

	ck_assert_uint_eq(ext_htree_limit(&plain, EXT_DIRECTORY_HTREE_ROOT), 124);
	ck_assert_uint_eq(ext_htree_limit(&plain, EXT_DIRECTORY_HTREE_NODE), 127);
	ck_assert_uint_eq(ext_htree_limit(&checked, EXT_DIRECTORY_HTREE_ROOT), 123);
	ck_assert_uint_eq(ext_htree_limit(&checked, EXT_DIRECTORY_HTREE_NODE), 126);
	ck_assert_uint_eq(ext_htree_limit(&large, EXT_DIRECTORY_HTREE_NODE), 8191);
}
END_TEST

START_TEST(index_blocks_are_told_by_their_shape)
{
	uint8_t bytes[1024];
	struct ext_span block = make_root(bytes, 124);

	ck_assert_int_eq(ext_directory_block_kind(&plain, &indexed, 0, block),
			 EXT_DIRECTORY_HTREE_ROOT);
	ck_assert_int_eq(ext_directory_block_kind(&plain, NULL, 0, block),
			 EXT_DIRECTORY_HTREE_ROOT);
	ck_assert_int_eq(ext_directory_block_kind(&plain, &linear, 0, block), EXT_DIRECTORY_LEAF);

	block = make_node(bytes, 127);
	ck_assert_int_eq(ext_directory_block_kind(&plain, &indexed, 3, block),
			 EXT_DIRECTORY_HTREE_NODE);
	ck_assert_int_eq(ext_directory_block_kind(&plain, NULL, 0, block),
			 EXT_DIRECTORY_HTREE_NODE);
	ck_assert_int_eq(ext_directory_block_kind(&plain, &indexed, 0, block), EXT_DIRECTORY_LEAF);
}
END_TEST

START_TEST(an_empty_leaf_is_no_node)
{
	uint8_t bytes[1024];
	struct ext_span block = make_node(bytes, 127);

	memset(bytes + 8, 0, 1016);

	ck_assert_int_eq(ext_directory_block_kind(&plain, &indexed, 3, block), EXT_DIRECTORY_LEAF);
}
END_TEST

START_TEST(a_root_gives_its_numbers_and_entries)
{
	uint8_t bytes[1024];
	struct ext_htree_block htree;
	uint32_t hash;
	ext_logical logical;

	ck_assert_int_eq(ext_htree_decode(&plain, EXT_DIRECTORY_HTREE_ROOT, make_root(bytes, 124),
					  &htree, NULL),
			 EXT_OK);

	ck_assert(htree.is_root);
	ck_assert_uint_eq(htree.hash_version, EXT_HASH_HALF_MD4);
	ck_assert_uint_eq(htree.levels, 0);
	ck_assert_uint_eq(htree.count, 2);
	ck_assert_uint_eq(htree.limit, htree.limit_expected);
	ext_htree_entry(&htree, 0, &hash, &logical);
	ck_assert_uint_eq(hash, 0);
	ck_assert_uint_eq(logical, 1);
	ext_htree_entry(&htree, 1, &hash, &logical);
	ck_assert_uint_eq(hash, 0x80000000);
	ck_assert_uint_eq(logical, 2);
}
END_TEST

START_TEST(the_entries_of_a_node_begin_at_byte_16)
{
	uint8_t bytes[1024];
	struct ext_htree_block htree;
	uint32_t hash;
	ext_logical logical;

	ck_assert_int_eq(ext_htree_decode(&plain, EXT_DIRECTORY_HTREE_NODE, make_node(bytes, 127),
					  &htree, NULL),
			 EXT_OK);

	ext_htree_entry(&htree, 2, &hash, &logical);
	ck_assert_uint_eq(hash, 0x2000);
	ck_assert_uint_eq(logical, 6);
}
END_TEST

static void assert_undecodable(struct ext_span block, enum ext_problem problem)
{
	struct ext_htree_block htree;
	struct ext_error error;

	ck_assert_int_eq(ext_htree_decode(&plain, EXT_DIRECTORY_HTREE_ROOT, block, &htree, &error),
			 EXT_CORRUPT);
	ck_assert_int_eq(error.problem, problem);
}

START_TEST(counts_that_cannot_be_are_rejected)
{
	uint8_t bytes[1024];

	assert_undecodable(make_root(bytes, 125), EXT_HTREE_LIMIT);
	assert_undecodable(make_root(bytes, 0), EXT_HTREE_LIMIT);
	assert_undecodable(make_root(bytes, 1), EXT_HTREE_COUNT);
	make_root(bytes, 124);
	put_counts(bytes + 32, 124, 0, 1);
	assert_undecodable((struct ext_span){bytes, 1024}, EXT_HTREE_COUNT);
	make_root(bytes, 124);
	bytes[0x1d] = 9;
	assert_undecodable((struct ext_span){bytes, 1024}, EXT_HTREE_ROOT);
	assert_undecodable((struct ext_span){bytes, 16}, EXT_HTREE_ROOT);
}
END_TEST

START_TEST(the_checksum_covers_only_slots_in_use)
{
	static const uint8_t zeros[8];
	uint8_t bytes[1024];
	const struct ext_span block = make_root(bytes, 123);
	uint32_t sum = crc32c(crc32c(5, bytes, 48), zeros, 8);

	put((struct le32 *)(void *)(bytes + 1020), sum);

	ck_assert_int_eq(ext_directory_block_checksum(&checked, 5, EXT_DIRECTORY_HTREE_ROOT, block,
						      NULL, NULL),
			 EXT_CHECKSUM_OK);
	bytes[48] = 1;
	ck_assert_int_eq(ext_directory_block_checksum(&checked, 5, EXT_DIRECTORY_HTREE_ROOT, block,
						      NULL, NULL),
			 EXT_CHECKSUM_OK);
	bytes[47] ^= 1;
	ck_assert_int_eq(ext_directory_block_checksum(&checked, 5, EXT_DIRECTORY_HTREE_ROOT, block,
						      NULL, NULL),
			 EXT_CHECKSUM_BAD);
}
END_TEST

START_TEST(a_full_index_block_without_room_for_a_checksum_has_none)
{
	uint8_t bytes[1024];

	ck_assert_int_eq(ext_directory_block_checksum(&checked, 5, EXT_DIRECTORY_HTREE_ROOT,
						      make_root(bytes, 124), NULL, NULL),
			 EXT_CHECKSUM_NONE);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, limits_are_what_fits_behind_the_head);
	tcase_add_test(tests, index_blocks_are_told_by_their_shape);
	tcase_add_test(tests, an_empty_leaf_is_no_node);
	tcase_add_test(tests, a_root_gives_its_numbers_and_entries);
	tcase_add_test(tests, the_entries_of_a_node_begin_at_byte_16);
	tcase_add_test(tests, counts_that_cannot_be_are_rejected);
	tcase_add_test(tests, the_checksum_covers_only_slots_in_use);
	tcase_add_test(tests, a_full_index_block_without_room_for_a_checksum_has_none);
}

int main(void)
{
	return unit_run("htree", add_tests);
}
