/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ext/mapping.h>

#include "parser/walk/tiny.h"
#include "recorder.h"
#include "unit.h"

enum { INO = 12, MODE = 0100644, SYMLINK = 0120777, INDIRECT = 12, DOUBLE = 13 };

static unsigned inner_blocks(struct tiny *tiny, ext_block blocks[EXT_INNER_BLOCKS])
{
	return ext_inode_inner_blocks(ext_filesystem_superblock(tiny->filesystem),
				      (const uint8_t *)tiny_inode(tiny, INO), blocks);
}

START_TEST(a_block_map_has_its_indirect_blocks_and_the_attributes)
{
	struct tiny tiny = tiny_open();
	struct ext_raw_inode *const raw = tiny_make(&tiny, INO, MODE, 100000);
	ext_block blocks[EXT_INNER_BLOCKS];

	tiny_map(&tiny, INO, 0, 40);
	ck_assert_uint_eq(inner_blocks(&tiny, blocks), 0);
	tiny_map(&tiny, INO, INDIRECT, 41);
	tiny_map(&tiny, INO, DOUBLE, 42);
	put(&raw->i_file_acl_lo, 43);
	ck_assert_uint_eq(inner_blocks(&tiny, blocks), 3);
	ck_assert_uint_eq(blocks[0], 43);
	ck_assert_uint_eq(blocks[1], 41);
	ck_assert_uint_eq(blocks[2], 42);
	tiny_close(&tiny);
}
END_TEST

START_TEST(an_extent_root_has_the_nodes_below_it)
{
	struct tiny tiny = tiny_open();
	struct ext_raw_inode *const raw = tiny_make(&tiny, INO, MODE, 100000);
	uint8_t *const root = (uint8_t *)raw + 0x28;
	ext_block blocks[EXT_INNER_BLOCKS];

	put(&raw->i_flags, EXT_INODE_EXTENTS);
	tiny_node(root, 2, 4, 1);
	tiny_index_entry(root, 0, 0, 50);
	tiny_index_entry(root, 1, 20, 51);
	ck_assert_uint_eq(inner_blocks(&tiny, blocks), 2);
	ck_assert_uint_eq(blocks[0], 50);
	ck_assert_uint_eq(blocks[1], 51);
	/* Extents of data. */
	tiny_node(root, 2, 4, 0);
	ck_assert_uint_eq(inner_blocks(&tiny, blocks), 0);
	/* More entries than there can be. */
	tiny_node(root, 9, 9, 1);
	ck_assert_uint_eq(inner_blocks(&tiny, blocks), 0);
	tiny_close(&tiny);
}
END_TEST

START_TEST(the_target_of_a_symlink_is_no_map)
{
	struct tiny tiny = tiny_open();
	ext_block blocks[EXT_INNER_BLOCKS];

	tiny_make(&tiny, INO, SYMLINK, 59);
	memset((uint8_t *)tiny_inode(&tiny, INO) + 0x28, 'x', 59);
	ck_assert_uint_eq(inner_blocks(&tiny, blocks), 0);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_map_is_deep_with_two_levels_of_tree_blocks)
{
	struct tiny tiny = tiny_open();
	struct ext_raw_inode *const raw = tiny_make(&tiny, INO, MODE, 100000);
	const uint8_t *const bytes = (const uint8_t *)raw;

	tiny_map(&tiny, INO, INDIRECT, 41);
	ck_assert(!ext_inode_map_is_deep(bytes));
	tiny_map(&tiny, INO, DOUBLE, 42);
	ck_assert(ext_inode_map_is_deep(bytes));
	put(&raw->i_flags, EXT_INODE_EXTENTS);
	tiny_node((uint8_t *)raw + 0x28, 1, 4, 1);
	ck_assert(!ext_inode_map_is_deep(bytes));
	tiny_node((uint8_t *)raw + 0x28, 1, 4, 2);
	ck_assert(ext_inode_map_is_deep(bytes));
	/* A head that is none. */
	tiny_node((uint8_t *)raw + 0x28, 5, 4, 2);
	ck_assert(!ext_inode_map_is_deep(bytes));
	put(&raw->i_mode, SYMLINK);
	tiny_node((uint8_t *)raw + 0x28, 1, 4, 2);
	ck_assert(!ext_inode_map_is_deep(bytes));
	tiny_close(&tiny);
}
END_TEST

/* Walks the map of the inode; after each tree block its hints. */
static void walk(struct tiny *tiny)
{
	struct ext_mapping *mapping;
	struct ext_inode inode;
	struct ext_run run;

	ck_assert_int_eq(ext_inode_read(tiny->filesystem, INO, &inode, NULL, NULL), EXT_OK);
	ck_assert_int_eq(ext_mapping_new(tiny->filesystem, &mapping, NULL), EXT_OK);
	ext_mapping_start(mapping, &inode, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK)
		ext_mapping_hint(mapping, &run);
	ext_mapping_free(mapping);
}

START_TEST(a_double_indirect_block_hints_at_those_below_but_not_at_data)
{
	struct tiny tiny = tiny_open();
	struct le32 *const pointers = (void *)tiny_block(&tiny, 40);

	tiny_make(&tiny, INO, MODE, 1 << 20);
	tiny_map(&tiny, INO, DOUBLE, 40);
	put(&pointers[0], 41);
	put(&pointers[1], 42);
	put(&pointers[3], 50);
	put((struct le32 *)(void *)tiny_block(&tiny, 41), 60);
	/* Far behind the end of the image. */
	put(&pointers[4], UINT32_MAX);
	record_hints(tiny.source);
	walk(&tiny);

	ck_assert_uint_eq(recorded_count, 2);
	ck_assert_uint_eq(recorded[0].offset, 41 * FUZZ_BLOCK_SIZE);
	ck_assert_uint_eq(recorded[0].length, 2 * FUZZ_BLOCK_SIZE);
	ck_assert_uint_eq(recorded[1].offset, 50 * FUZZ_BLOCK_SIZE);
	ck_assert_uint_eq(recorded[1].length, FUZZ_BLOCK_SIZE);
	tiny_close(&tiny);
}
END_TEST

START_TEST(an_inner_node_hints_at_its_leaves)
{
	struct tiny tiny = tiny_open();
	struct ext_raw_inode *const raw = tiny_make(&tiny, INO, MODE, 1 << 20);
	uint8_t *const root = (uint8_t *)raw + 0x28, *const inner = tiny_block(&tiny, 40);
	const unsigned room = (FUZZ_BLOCK_SIZE - 12) / 12;

	put(&raw->i_flags, EXT_INODE_EXTENTS);
	tiny_node(root, 1, 4, 2);
	tiny_index_entry(root, 0, 0, 40);
	tiny_node(inner, 2, room, 1);
	tiny_index_entry(inner, 0, 0, 44);
	tiny_index_entry(inner, 1, 20, 46);
	tiny_node(tiny_block(&tiny, 44), 0, room, 0);
	tiny_node(tiny_block(&tiny, 46), 0, room, 0);
	record_hints(tiny.source);
	walk(&tiny);

	ck_assert_uint_eq(recorded_count, 2);
	ck_assert_uint_eq(recorded[0].offset, 44 * FUZZ_BLOCK_SIZE);
	ck_assert_uint_eq(recorded[1].offset, 46 * FUZZ_BLOCK_SIZE);
	tiny_close(&tiny);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, a_block_map_has_its_indirect_blocks_and_the_attributes);
	tcase_add_test(tests, an_extent_root_has_the_nodes_below_it);
	tcase_add_test(tests, the_target_of_a_symlink_is_no_map);
	tcase_add_test(tests, a_map_is_deep_with_two_levels_of_tree_blocks);
	tcase_add_test(tests, a_double_indirect_block_hints_at_those_below_but_not_at_data);
	tcase_add_test(tests, an_inner_node_hints_at_its_leaves);
}

int main(void)
{
	return unit_run("inner_blocks", add_tests);
}
