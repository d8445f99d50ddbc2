/* SPDX-License-Identifier: MIT */
/*
 * Changing an extent tree, against a plain table of where each file block lies. The filesystem has
 * 8192 blocks of 1024 in one group: descriptors in block 2, bitmaps in 3 and 4, inodes from 5 on;
 * blocks from 4096 on are free for trees, those before stand for data.
 */
#include "config.h"

#include <string.h>

#include "layout/layout.h"
#include "edit/extent_edit.h"

#include <ext/mapping.h>

#include "random.h"
#include "unit.h"

enum { BLOCK = 1024, BLOCKS = 8192, FIRST_FREE = 4096, LOGICALS = 2000, INO = 12 };

static uint8_t image[(size_t)BLOCKS * BLOCK];

struct setting {
	struct ext_source *source, *overlay;
	struct ext_editor *editor;
	struct extent_edit *edit;
	uint8_t raw[128];
	uint32_t table[LOGICALS]; /* physical block; 0: hole */
	bool unwritten[LOGICALS];
	uint64_t random;
};

static uint32_t next_random(struct setting *setting, uint32_t below)
{
	return next_number(&setting->random) % below;
}

static void set_up(struct setting *setting, uint64_t random)
{
	struct ext_raw_superblock *sb = (void *)(image + BLOCK);
	struct ext_raw_group_descriptor *group = (void *)(image + (size_t)2 * BLOCK);
	struct ext_raw_inode *inode = (void *)setting->raw;
	struct ext_raw_extent_header *header = (void *)inode->i_block;

	memset(image, 0, (size_t)FIRST_FREE * BLOCK);
	memset(setting, 0, sizeof *setting);
	setting->random = random;
	put(&sb->s_inodes_count, 32);
	put(&sb->s_blocks_count_lo, BLOCKS);
	put(&sb->s_first_data_block, 1);
	put(&sb->s_blocks_per_group, 8192);
	put(&sb->s_clusters_per_group, 8192);
	put(&sb->s_inodes_per_group, 32);
	put(&sb->s_magic, 0xef53);
	put(&sb->s_rev_level, 1);
	put(&sb->s_first_ino, 11);
	put(&sb->s_inode_size, 128);
	put(&sb->s_feature_incompat, EXT_INCOMPAT_EXTENTS);
	put(&group->bg_block_bitmap_lo, 3);
	put(&group->bg_inode_bitmap_lo, 4);
	put(&group->bg_inode_table_lo, 5);
	put(&group->bg_free_blocks_count_lo, BLOCKS - FIRST_FREE);
	memset(image + (size_t)3 * BLOCK, 0xff, FIRST_FREE / 8);
	put(&inode->i_mode, 0100600);
	put(&inode->i_links_count, 1);
	put(&inode->i_flags, EXT_INODE_EXTENTS);
	put(&header->eh_magic, 0xf30a);
	put(&header->eh_max, 4);
	ck_assert_int_eq(ext_source_open_memory(image, sizeof image, &setting->source, NULL),
			 EXT_OK);
	ck_assert_int_eq(ext_source_open_overlay(setting->source, BLOCK, &setting->overlay, NULL),
			 EXT_OK);
	ck_assert_int_eq(ext_editor_open(setting->overlay, NULL, &setting->editor, NULL), EXT_OK);
	ck_assert_int_eq(
		extent_edit_open(setting->editor, INO, setting->raw, NULL, &setting->edit, NULL),
		EXT_OK);
}

static void tear_down(struct setting *setting)
{
	extent_edit_close(setting->edit);
	ext_editor_close(setting->editor);
	ext_source_close(setting->overlay);
	ext_source_close(setting->source);
}

/* Maps a stretch that is a hole, block by block into the table. */
static void insert(struct setting *setting, uint32_t logical, uint32_t length, uint32_t physical,
		   bool unwritten)
{
	const struct extent extent = {logical, length, physical, unwritten};

	ck_assert_int_eq(extent_edit_insert(setting->edit, &extent, NULL), EXT_OK);
	for (uint32_t i = 0; i < length; i++) {
		setting->table[logical + i] = physical + i;
		setting->unwritten[logical + i] = unwritten;
	}
}

static void remove_range(struct setting *setting, uint32_t first, uint32_t last)
{
	ck_assert_int_eq(extent_edit_remove(setting->edit, first, last, false, NULL), EXT_OK);
	for (uint32_t i = first; i <= last; i++)
		setting->table[i] = 0;
}

/* Writes the tree, reads it as any other file's, and compares. Returns the number of tree blocks.
 */
static uint32_t compare(struct setting *setting)
{
	const struct ext_filesystem *filesystem = ext_editor_filesystem(setting->editor);
	struct ext_inode inode;
	struct ext_mapping *mapping;
	struct ext_run run;
	uint32_t next = 0, tree_blocks = 0;
	bool used = false;

	ck_assert_int_eq(extent_edit_finish(setting->edit, NULL), EXT_OK);
	ext_inode_decode(ext_filesystem_superblock(filesystem), INO, setting->raw, &inode);
	ck_assert_int_eq(ext_mapping_new(filesystem, &mapping, NULL), EXT_OK);
	ext_mapping_start(mapping, &inode, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		if (run.kind == EXT_RUN_TREE) {
			tree_blocks++;
			ck_assert_int_eq(ext_editor_block_is_used(setting->editor, run.physical,
								  &used, NULL),
					 EXT_OK);
			ck_assert(used);
			continue;
		}
		for (; next < run.logical; next++)
			ck_assert_uint_eq(setting->table[next], 0);
		for (uint32_t i = 0; i < run.length; i++, next++) {
			ck_assert_uint_eq(setting->table[next], run.physical + i);
			ck_assert_int_eq(setting->unwritten[next], run.kind == EXT_RUN_UNWRITTEN);
		}
	}
	for (; next < LOGICALS; next++)
		ck_assert_uint_eq(setting->table[next], 0);
	ck_assert(!ext_mapping_damaged(mapping));
	ext_mapping_free(mapping);
	return tree_blocks;
}

static uint32_t used_tree_blocks(const struct setting *setting)
{
	struct ext_group_descriptor group;

	ext_group_locations(ext_editor_filesystem(setting->editor), 0, &group);
	return BLOCKS - FIRST_FREE - group.free_clusters;
}

START_TEST(appended_extents_become_one)
{
	static struct setting setting;

	set_up(&setting, 1);
	for (uint32_t i = 0; i < 50; i++)
		insert(&setting, i, 1, 1000 + i, false);
	ck_assert_uint_eq(compare(&setting), 0);
	ck_assert_uint_eq(((const uint8_t *)setting.raw)[0x28 + 2], 1);
	tear_down(&setting);
}
END_TEST

START_TEST(written_and_unwritten_stay_apart)
{
	static struct setting setting;

	set_up(&setting, 1);
	insert(&setting, 0, 2, 1000, false);
	insert(&setting, 2, 2, 1002, true);
	ck_assert_uint_eq(compare(&setting), 0);
	ck_assert_uint_eq(((const uint8_t *)setting.raw)[0x28 + 2], 2);
	tear_down(&setting);
}
END_TEST

START_TEST(the_fifth_extent_grows_the_tree_and_merging_shrinks_it)
{
	static struct setting setting;

	set_up(&setting, 1);
	for (uint32_t i = 0; i < 5; i++)
		insert(&setting, 2 * i, 1, 1000 + 2 * i, false);
	ck_assert_uint_eq(compare(&setting), 1);
	ck_assert_uint_eq(used_tree_blocks(&setting), 1);
	insert(&setting, 1, 1, 1001, false);
	ck_assert_uint_eq(compare(&setting), 0);
	ck_assert_uint_eq(used_tree_blocks(&setting), 0);
	tear_down(&setting);
}
END_TEST

START_TEST(removing_everything_gives_all_tree_blocks_back)
{
	static struct setting setting;

	set_up(&setting, 1);
	for (uint32_t i = 0; i < 900; i++)
		insert(&setting, 2 * i, 1, 100 + 3 * i, false);
	ck_assert_uint_gt(compare(&setting), 10);
	remove_range(&setting, 0, LOGICALS - 1);
	ck_assert_uint_eq(compare(&setting), 0);
	ck_assert_uint_eq(used_tree_blocks(&setting), 0);
	tear_down(&setting);
}
END_TEST

START_TEST(a_hole_in_the_midst_splits_an_extent)
{
	static struct setting setting;

	set_up(&setting, 1);
	insert(&setting, 0, 100, 1000, true);
	remove_range(&setting, 40, 59);
	ck_assert_uint_eq(compare(&setting), 0);
	tear_down(&setting);
}
END_TEST

START_TEST(random_changes_agree_with_a_table)
{
	static struct setting setting;

	for (uint64_t round = 1; round <= 12; round++) {
		set_up(&setting, round);
		for (unsigned step = 0; step < 1500; step++) {
			const uint32_t logical = next_random(&setting, LOGICALS);
			uint32_t length = 1 + next_random(&setting, round % 3 ? 3 : 40);

			if (next_random(&setting, 10) < 3) {
				if (length > LOGICALS - logical)
					length = LOGICALS - logical;
				remove_range(&setting, logical, logical + length - 1);
				continue;
			}
			/* As much of it as is a hole. */
			for (uint32_t i = 0; i < length; i++)
				if (logical + i == LOGICALS || setting.table[logical + i] != 0)
					length = i;
			if (length > 0)
				insert(&setting, logical, length,
				       next_random(&setting, 4) ? 100 + logical
								: 100 + next_random(&setting, 3000),
				       next_random(&setting, 4) == 0);
			if (step % 100 == 0)
				ck_assert_uint_eq(compare(&setting), used_tree_blocks(&setting));
		}
		ck_assert_uint_eq(compare(&setting), used_tree_blocks(&setting));
		remove_range(&setting, 0, LOGICALS - 1);
		ck_assert_uint_eq(compare(&setting), 0);
		ck_assert_uint_eq(used_tree_blocks(&setting), 0);
		tear_down(&setting);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, appended_extents_become_one);
	tcase_add_test(tests, written_and_unwritten_stay_apart);
	tcase_add_test(tests, the_fifth_extent_grows_the_tree_and_merging_shrinks_it);
	tcase_add_test(tests, removing_everything_gives_all_tree_blocks_back);
	tcase_add_test(tests, a_hole_in_the_midst_splits_an_extent);
	tcase_add_test(tests, random_changes_agree_with_a_table);
}

int main(void)
{
	return unit_run("extent_edit", add_tests);
}
