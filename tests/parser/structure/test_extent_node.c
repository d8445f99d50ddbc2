/* SPDX-License-Identifier: MIT */
/* Nodes of extent trees by themselves: what is one, whose it is, and one made anew. */
#include "config.h"

#include <string.h>

#include <ext/extent_node.h>

#include "unit.h"

enum { SIZE = 1024, SEED = 0x5eed0001 };

static const struct ext_superblock with_checksums = {
	.block_size = SIZE, .block_size_log2 = 10, .has_metadata_csum = true};
static const struct ext_superblock without = {.block_size = SIZE, .block_size_log2 = 10};

static const struct ext_extent_entry children[] = {{.logical = 0, .physical = 77},
						   {.logical = 500, .physical = 0x123456789a}};

static uint8_t block[SIZE];

static struct ext_extent_node made(const struct ext_superblock *superblock)
{
	struct ext_extent_node node;

	ext_extent_node_make(superblock, SEED, 1, children, 2, block);
	ck_assert(ext_extent_node_decode((struct ext_span){block, SIZE}, &node));
	return node;
}

START_TEST(a_made_node_holds_its_entries)
{
	const struct ext_extent_node node = made(&with_checksums);

	ck_assert_uint_eq(node.depth, 1);
	ck_assert_uint_eq(node.entries, 2);
	ck_assert_uint_eq(node.room, ext_extent_node_room(&with_checksums));
	for (unsigned i = 0; i < 2; i++) {
		struct ext_extent_entry entry;

		ext_extent_node_entry(&node, i, &entry);
		ck_assert_uint_eq(entry.logical, children[i].logical);
		ck_assert_uint_eq(entry.physical, children[i].physical);
	}
}
END_TEST

START_TEST(the_checksum_gives_the_seed_away)
{
	const struct ext_extent_node node = made(&with_checksums);
	uint32_t seed;

	ck_assert(ext_extent_node_seed(&with_checksums, &node, &seed));
	ck_assert_uint_eq(seed, SEED);
	ck_assert_int_eq(ext_extent_node_checksum(&with_checksums, SEED, &node), EXT_CHECKSUM_OK);
	block[13] ^= 1;
	ck_assert_int_eq(ext_extent_node_checksum(&with_checksums, SEED, &node), EXT_CHECKSUM_BAD);
	ext_extent_node_seed(&with_checksums, &node, &seed);
	ck_assert_uint_ne(seed, SEED);
}
END_TEST

START_TEST(without_checksums_there_is_no_seed)
{
	const struct ext_extent_node node = made(&without);
	uint32_t seed = 1;

	ck_assert(!ext_extent_node_seed(&without, &node, &seed));
	ck_assert_uint_eq(seed, 1);
	ck_assert_int_eq(ext_extent_node_checksum(&without, SEED, &node), EXT_CHECKSUM_NONE);
}
END_TEST

START_TEST(an_unwritten_extent_is_as_long_as_it_is)
{
	static const uint8_t leaf[SIZE] = {
		0x0a, 0xf3, 2, 0, 84, 0,    0, 0, 0, 0, 0, 0, /* magic, entries, room, depth */
		5,    0,    0, 0, 3,  0,    0, 0, 9, 0, 0, 0, /* 3 blocks from 5 on, at 9 */
		8,    0,    0, 0, 2,  0x80, 1, 0, 7, 0, 0, 0, /* 2 unwritten, high bits set */
	};
	struct ext_extent_node node;
	struct ext_extent_entry entry;

	ck_assert(ext_extent_node_decode((struct ext_span){leaf, SIZE}, &node));
	ext_extent_node_entry(&node, 0, &entry);
	ck_assert(!entry.is_unwritten);
	ck_assert_uint_eq(entry.length, 3);
	ext_extent_node_entry(&node, 1, &entry);
	ck_assert(entry.is_unwritten);
	ck_assert_uint_eq(entry.length, 2);
	ck_assert_uint_eq(entry.physical, 0x100000007);
}
END_TEST

START_TEST(what_does_not_fit_its_block_is_no_node)
{
	struct ext_extent_node node = made(&with_checksums);
	const struct ext_span span = {block, SIZE};

	block[2] = 0; /* no entries */
	ck_assert(!ext_extent_node_decode(span, &node));
	block[2] = 85; /* more than there is room for */
	ck_assert(!ext_extent_node_decode(span, &node));
	block[4] = 85; /* more room than there is */
	ck_assert(!ext_extent_node_decode(span, &node));
	block[2] = 2;
	block[4] = 84;
	ck_assert(ext_extent_node_decode(span, &node));
	block[6] = 5; /* as deep as only a root may be */
	ck_assert(!ext_extent_node_decode(span, &node));
	ck_assert(!ext_extent_node_decode((struct ext_span){block, 8}, &node));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, a_made_node_holds_its_entries);
	tcase_add_test(tests, the_checksum_gives_the_seed_away);
	tcase_add_test(tests, without_checksums_there_is_no_seed);
	tcase_add_test(tests, an_unwritten_extent_is_as_long_as_it_is);
	tcase_add_test(tests, what_does_not_fit_its_block_is_no_node);
}

int main(void)
{
	return unit_run("extent_node", add_tests);
}
