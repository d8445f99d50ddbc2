/* SPDX-License-Identifier: MIT */
/* Where copies lie, against lists that dumpe2fs printed for images that mke2fs made. */
#include "config.h"

#include <ext/copies.h>

#include "unit.h"

struct geometry {
	uint32_t block_size_log2, first_data_block, blocks_per_group;
	ext_group groups;
	uint32_t compat, incompat, ro_compat;
	uint32_t backup_groups[2];
};

static struct ext_superblock superblock_of(const struct geometry *geometry)
{
	struct ext_superblock sb = {0};

	sb.block_size_log2 = geometry->block_size_log2;
	sb.block_size = (uint32_t)1 << geometry->block_size_log2;
	sb.cluster_blocks = 1;
	sb.first_data_block = geometry->first_data_block;
	sb.blocks_per_group = geometry->blocks_per_group;
	sb.group_count = geometry->groups;
	sb.block_count = sb.first_data_block + (uint64_t)sb.group_count * sb.blocks_per_group;
	sb.compat = geometry->compat;
	sb.incompat = geometry->incompat;
	sb.ro_compat = geometry->ro_compat;
	sb.backup_groups[0] = geometry->backup_groups[0];
	sb.backup_groups[1] = geometry->backup_groups[1];
	sb.descriptor_size = 64;
	sb.descriptors_per_block = sb.block_size / 64;
	sb.descriptor_blocks = (sb.group_count - 1) / sb.descriptors_per_block + 1;
	return sb;
}

static void expect_copies(const struct geometry *geometry, const uint64_t *blocks, size_t count)
{
	const struct ext_superblock sb = superblock_of(geometry);
	ext_group group = 0;

	for (size_t i = 0; i < count; i++) {
		group = ext_copy_next_group(&sb, group);
		ck_assert_uint_lt(group, sb.group_count);
		ck_assert_uint_eq(ext_superblock_copy_offset(&sb, group) >> sb.block_size_log2,
				  blocks[i]);
		ck_assert(ext_group_has_superblock(&sb, group));
	}
	ck_assert_uint_eq(ext_copy_next_group(&sb, group), sb.group_count);
}

START_TEST(sparse_super_has_powers_of_three_five_and_seven)
{
	static const uint64_t of_1k[] = {8193,	 24577,	 40961,	 57345,	 73729,
					 204801, 221185, 401409, 663553, 1024001};
	static const uint64_t of_4k[] = {32768,	 98304,	 163840,  229376,  294912,
					 819200, 884736, 1605632, 2654208, 4096000};
	static const uint64_t of_64k[] = {65528,   196584,  327640,  458696,  589752,
					  1638200, 1769256, 3210872, 5307768, 8191000};
	const struct geometry small = {10, 1, 8192, 243, 0, 0, EXT_RO_SPARSE_SUPER, {0, 0}};
	const struct geometry usual = {12, 0, 32768, 243, 0, 0, EXT_RO_SPARSE_SUPER, {0, 0}};
	const struct geometry large = {16, 0, 65528, 243, 0, 0, EXT_RO_SPARSE_SUPER, {0, 0}};

	expect_copies(&small, of_1k, 10);
	expect_copies(&usual, of_4k, 10);
	expect_copies(&large, of_64k, 10);
}
END_TEST

START_TEST(small_groups_and_clusters_change_only_the_distance)
{
	static const uint64_t of_1024[] = {1025, 3073, 5121, 7169, 9217, 25601, 27649, 50177};
	static const uint64_t clusters[] = {32768, 98304, 163840, 229376, 294912};
	const struct geometry small = {10, 1, 1024, 81, 0, 0, EXT_RO_SPARSE_SUPER, {0, 0}};
	const struct geometry bigalloc = {
		10, 0, 32768, 25, 0, 0, EXT_RO_SPARSE_SUPER | EXT_RO_BIGALLOC, {0, 0}};

	expect_copies(&small, of_1024, 8);
	expect_copies(&bigalloc, clusters, 5);
}
END_TEST

START_TEST(without_sparse_super_every_group_has_a_copy)
{
	static const uint64_t blocks[] = {8193, 16385, 24577, 32769, 40961};
	const struct geometry geometry = {10, 1, 8192, 6, 0, 0, 0, {0, 0}};

	expect_copies(&geometry, blocks, 5);
}
END_TEST

START_TEST(sparse_super2_has_the_groups_that_the_superblock_names)
{
	static const uint64_t two[] = {32768, 131072};
	static const uint64_t one[] = {32768};
	const struct geometry default_groups = {
		12, 0, 32768, 5, EXT_COMPAT_SPARSE_SUPER2, 0, EXT_RO_SPARSE_SUPER, {1, 4}};
	const struct geometry only_one = {
		12, 0, 32768, 5, EXT_COMPAT_SPARSE_SUPER2, 0, EXT_RO_SPARSE_SUPER, {1, 0}};

	expect_copies(&default_groups, two, 2);
	expect_copies(&only_one, one, 1);
}
END_TEST

START_TEST(the_primary_is_at_byte_1024_whatever_the_block_size)
{
	const struct geometry bigalloc = {10, 0, 32768, 4, 0, 0, EXT_RO_BIGALLOC, {0, 0}};
	const struct geometry usual = {12, 0, 32768, 4, 0, 0, 0, {0, 0}};
	struct ext_superblock sb = superblock_of(&bigalloc);

	ck_assert_uint_eq(ext_superblock_copy_offset(&sb, 0), 1024);
	ck_assert_uint_eq(ext_descriptor_block(&sb, 0, 0), 2);
	ck_assert_uint_eq(ext_descriptor_block(&sb, 1, 0), 32769);
	sb = superblock_of(&usual);
	ck_assert_uint_eq(ext_superblock_copy_offset(&sb, 0), 1024);
	ck_assert_uint_eq(ext_descriptor_block(&sb, 0, 0), 1);
}
END_TEST

START_TEST(meta_groups_have_three_copies_of_their_descriptors)
{
	const struct geometry geometry = {
		10, 1, 1024, 50, 0, EXT_INCOMPAT_META_BG, EXT_RO_SPARSE_SUPER, {0, 0}};
	const struct ext_superblock sb = superblock_of(&geometry);
	ext_block block;
	ext_group group;

	/* Group 16 has no superblock, so its descriptors are its first block; 49 has one. */
	ck_assert_uint_eq(ext_descriptor_block(&sb, 0, 1), 1 + 16 * 1024);
	ck_assert_uint_eq(ext_descriptor_block(&sb, 1, 1), 1 + 17 * 1024);
	ck_assert(ext_descriptor_copy(&sb, 1, 2, &block, &group));
	ck_assert_uint_eq(group, 31);
	ck_assert_uint_eq(block, 1 + 31 * 1024);
	ck_assert(!ext_descriptor_copy(&sb, 1, 3, &block, &group));
	ck_assert(ext_descriptor_copy(&sb, 3, 1, &block, &group));
	ck_assert_uint_eq(group, 49);
	ck_assert_uint_eq(block, 1 + 49 * 1024 + 1);
	ck_assert(!ext_descriptor_copy(&sb, 3, 2, &block, &group));
}
END_TEST

START_TEST(tables_follow_every_copy)
{
	const struct geometry geometry = {12, 0, 32768, 200, 0, 0, EXT_RO_SPARSE_SUPER, {0, 0}};
	const struct ext_superblock sb = superblock_of(&geometry);
	static const ext_group groups[] = {0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125};
	ext_block block;
	ext_group group;

	for (uint32_t i = 0; i < 11; i++) {
		ck_assert(ext_descriptor_copy(&sb, 3, i, &block, &group));
		ck_assert_uint_eq(group, groups[i]);
		ck_assert_uint_eq(block, (uint64_t)groups[i] * 32768 + 1 + 3);
	}
	ck_assert(!ext_descriptor_copy(&sb, 3, 11, &block, &group));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, sparse_super_has_powers_of_three_five_and_seven);
	tcase_add_test(tests, small_groups_and_clusters_change_only_the_distance);
	tcase_add_test(tests, without_sparse_super_every_group_has_a_copy);
	tcase_add_test(tests, sparse_super2_has_the_groups_that_the_superblock_names);
	tcase_add_test(tests, the_primary_is_at_byte_1024_whatever_the_block_size);
	tcase_add_test(tests, meta_groups_have_three_copies_of_their_descriptors);
	tcase_add_test(tests, tables_follow_every_copy);
}

int main(void)
{
	return unit_run("placement", add_tests);
}
