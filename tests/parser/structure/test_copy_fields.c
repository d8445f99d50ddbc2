/* SPDX-License-Identifier: MIT */
/* In what copies of a superblock may differ, and which belong together. */
#include "config.h"

#include "parser/small_superblock.h"
#include "unit.h"

static struct ext_superblock decode(const uint8_t bytes[1024])
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	struct ext_superblock sb;

	ck_assert_int_eq(ext_superblock_decode(bytes, place, &sb, NULL, NULL), EXT_OK);
	return sb;
}

/* The only field that differs, and whether it may. */
static const char *only_difference(const uint8_t a[1024], const uint8_t b[1024], bool *expected)
{
	struct ext_copy_difference difference, another;
	size_t cursor = 0;

	ck_assert(ext_copy_next_difference(a, b, &cursor, &difference));
	ck_assert(!ext_copy_next_difference(a, b, &cursor, &another));
	*expected = difference.expected;
	return difference.field->name;
}

START_TEST(equal_bytes_have_no_difference)
{
	uint8_t a[1024];
	struct ext_copy_difference difference;
	size_t cursor = 0;

	small_superblock(a, 1, 0);
	ck_assert(!ext_copy_next_difference(a, a, &cursor, &difference));
}
END_TEST

START_TEST(counts_times_and_state_may_be_older)
{
	uint8_t a[1024], b[1024];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)b;
	bool expected;

	small_superblock(a, 1, 0);
	memcpy(b, a, sizeof b);
	put(&raw->s_free_blocks_count_lo, 77);
	ck_assert_str_eq(only_difference(a, b, &expected), "s_free_blocks_count_lo");
	ck_assert(expected);
	memcpy(b, a, sizeof b);
	put(&raw->s_state, 0);
	ck_assert_str_eq(only_difference(a, b, &expected), "s_state");
	ck_assert(expected);
}
END_TEST

START_TEST(geometry_and_identity_may_never_differ)
{
	uint8_t a[1024], b[1024];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)b;
	bool expected;

	small_superblock(a, 1, 0);
	memcpy(b, a, sizeof b);
	put(&raw->s_inodes_per_group, 64);
	ck_assert_str_eq(only_difference(a, b, &expected), "s_inodes_per_group");
	ck_assert(!expected);
	memcpy(b, a, sizeof b);
	raw->s_uuid[3] ^= 1;
	ck_assert_str_eq(only_difference(a, b, &expected), "s_uuid");
	ck_assert(!expected);
}
END_TEST

START_TEST(a_hint_is_idle_and_geometry_is_not)
{
	uint8_t a[1024], b[1024];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)b;
	struct ext_copy_difference difference;
	size_t cursor = 0;

	small_superblock(a, 1, 0);
	memcpy(b, a, sizeof b);
	put(&raw->s_raid_stride, 77);
	put(&raw->s_inodes_per_group, 64);

	ck_assert(ext_copy_next_difference(a, b, &cursor, &difference));
	ck_assert_str_eq(difference.field->name, "s_inodes_per_group");
	ck_assert(!ext_copy_field_is_idle(difference.field));
	ck_assert(ext_copy_next_difference(a, b, &cursor, &difference));
	ck_assert_str_eq(difference.field->name, "s_raid_stride");
	ck_assert(ext_copy_field_is_idle(difference.field));
}
END_TEST

START_TEST(only_some_feature_bits_may_differ)
{
	uint8_t a[1024], b[1024];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)b;
	bool expected;

	small_superblock(a, 1, 0);
	memcpy(b, a, sizeof b);
	put(&raw->s_feature_incompat, EXT_INCOMPAT_RECOVER);
	only_difference(a, b, &expected);
	ck_assert(expected);
	put(&raw->s_feature_incompat, EXT_INCOMPAT_RECOVER | EXT_INCOMPAT_META_BG);
	only_difference(a, b, &expected);
	ck_assert(!expected);
}
END_TEST

START_TEST(a_copy_is_placed_where_its_group_begins)
{
	uint8_t bytes[1024];
	struct ext_superblock sb;

	small_superblock(bytes, 1, 3);
	sb = decode(bytes);
	ck_assert(ext_superblock_is_placed(&sb, (1 + 3 * SMALL_GROUP_BLOCKS) * 1024));
	ck_assert(!ext_superblock_is_placed(&sb, (1 + 1 * SMALL_GROUP_BLOCKS) * 1024));
	ck_assert(!ext_superblock_is_placed(&sb, (1 + 3 * SMALL_GROUP_BLOCKS) * 1024 + 512));
	ck_assert(!ext_superblock_is_placed(&sb, 1024));
	small_superblock(bytes, 1, 0);
	sb = decode(bytes);
	ck_assert(ext_superblock_is_placed(&sb, 1024));
	ck_assert(!ext_superblock_is_placed(&sb, 2048));
}
END_TEST

START_TEST(a_made_copy_has_a_checksum_that_holds)
{
	uint8_t primary[1024], copy[1024];
	struct ext_superblock sb;

	small_superblock(primary, 1, 0);
	ext_superblock_make_copy(primary, 5, copy);
	sb = decode(copy);
	ck_assert_int_eq(sb.checksum, EXT_CHECKSUM_OK);
	ck_assert_uint_eq(sb.copy_group, 5);
	ck_assert_uint_eq(sb.state & EXT_STATE_CLEAN, 0);
}
END_TEST

START_TEST(one_field_that_was_hit_makes_no_other_filesystem)
{
	uint8_t bytes[1024];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)bytes;
	struct ext_superblock ours, other;

	small_superblock(bytes, 1, 0);
	ours = decode(bytes);
	/* The checksum does not hold any more: a byte was hit. */
	raw->s_uuid[0] ^= 0xff;
	other = decode(bytes);
	ck_assert(ext_superblock_same_filesystem(&ours, &other));
	small_superblock(bytes, 2, 0);
	other = decode(bytes);
	ck_assert(!ext_superblock_same_filesystem(&ours, &other));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, equal_bytes_have_no_difference);
	tcase_add_test(tests, counts_times_and_state_may_be_older);
	tcase_add_test(tests, geometry_and_identity_may_never_differ);
	tcase_add_test(tests, a_hint_is_idle_and_geometry_is_not);
	tcase_add_test(tests, only_some_feature_bits_may_differ);
	tcase_add_test(tests, a_copy_is_placed_where_its_group_begins);
	tcase_add_test(tests, a_made_copy_has_a_checksum_that_holds);
	tcase_add_test(tests, one_field_that_was_hit_makes_no_other_filesystem);
}

int main(void)
{
	return unit_run("copy fields", add_tests);
}
