/* SPDX-License-Identifier: MIT */
/* rescue/loose_leaves.c: whose blocks of entries are that do not say it. */
#include "config.h"

#include <stdio.h>

#include "parser/walk/tiny.h"
#include "rescue/loose_leaves.h"
#include "unit.h"

enum { LEAF = 40, OTHER_LEAF = 41, NAMES = 40 };

static const uint32_t middle = 0xa0000000;

struct desk {
	struct tiny tiny;
	struct survey survey;
	struct healing healing;
	struct records records;
	struct loose_leaves loose;
};

static struct desk desk_open(void)
{
	struct desk desk = {.tiny = tiny_open()};

	desk.survey.filesystem = desk.tiny.filesystem;
	desk.survey.superblock = ext_filesystem_superblock(desk.tiny.filesystem);
	desk.healing.filesystem = desk.tiny.filesystem;
	return desk;
}

static void desk_close(struct desk *desk)
{
	loose_clear(&desk->loose);
	records_clear(&desk->records);
	tiny_close(&desk->tiny);
}

static struct ext_span span_of(struct desk *desk, uint32_t block)
{
	return (struct ext_span){tiny_block(&desk->tiny, block), FUZZ_BLOCK_SIZE};
}

static uint32_t hash_of(const struct desk *desk, const char *name)
{
	const struct ext_superblock *sb = desk->survey.superblock;
	uint32_t major = 0, minor;

	ck_assert_int_eq(
		ext_directory_hash(ext_directory_hash_version(sb, sb->default_hash_version),
				   sb->hash_seed, name, strlen(name), &major, &minor),
		EXT_OK);
	return major;
}

/* A leaf of names that hash below the middle, above it, or in turn. */
static void make_leaf(struct desk *desk, uint32_t block, bool low, bool high)
{
	uint32_t at = 0, count = 0;

	for (unsigned i = 0; count < NAMES; i++) {
		char name[16];
		bool is_high;

		snprintf(name, sizeof name, "name%04u", i);
		is_high = hash_of(desk, name) >= middle;
		if (!(is_high ? high : low) || (low && high && is_high != (count % 2 != 0)))
			continue;
		count++;
		tiny_entry(tiny_block(&desk->tiny, block), at, 20 + i,
			   count == NAMES ? (uint16_t)(FUZZ_BLOCK_SIZE - at) : 20, name, 1);
		at += 20;
	}
}

/* An index with two leaves, that begin at no hash and at the middle. */
static void add_index(struct desk *desk, ext_ino ino)
{
	struct hash_ranges ranges = {.ino = ino, .count = 2};

	ranges.starts = calloc(2, sizeof *ranges.starts);
	ck_assert_ptr_nonnull(ranges.starts);
	ranges.starts[1] = middle;
	desk->loose.ranges = calloc(1, sizeof ranges);
	ck_assert_ptr_nonnull(desk->loose.ranges);
	desk->loose.ranges[0] = ranges;
	desk->loose.range_count = desk->loose.range_size = 1;
}

static void settle(struct desk *desk)
{
	loose_settle(&desk->loose, &desk->survey, &desk->healing, &desk->records);
	ck_assert(!desk->loose.out_of_memory);
}

START_TEST(names_in_one_range_of_an_index_are_its_directorys)
{
	struct desk desk = desk_open();

	make_leaf(&desk, LEAF, false, true);
	add_index(&desk, 17);
	loose_add_leaf(&desk.loose, desk.survey.superblock, LEAF, LOOSE_BLOCK,
		       span_of(&desk, LEAF));
	settle(&desk);

	ck_assert_uint_eq(desk.loose.items[0].owner, 17);
	ck_assert_ptr_nonnull(records_ghost(&desk.records, 17));
	desk_close(&desk);
}
END_TEST

/* Another index, whose second leaf begins a little earlier, so that its range is a fourth wider. */
static void add_wider_index(struct desk *desk, ext_ino ino)
{
	const uint32_t wider = middle - UINT32_C(0x18000000);
	struct hash_ranges ranges = {.ino = ino, .count = 2};

	ranges.starts = calloc(2, sizeof *ranges.starts);
	desk->loose.ranges = realloc(desk->loose.ranges, 2 * sizeof ranges);
	ck_assert(ranges.starts && desk->loose.ranges);
	ranges.starts[1] = wider;
	desk->loose.ranges[1] = ranges;
	desk->loose.range_count = desk->loose.range_size = 2;
}

START_TEST(of_two_ranges_with_all_names_the_smaller_one_has_them)
{
	struct desk desk = desk_open();

	make_leaf(&desk, LEAF, false, true);
	add_index(&desk, 17);
	add_wider_index(&desk, 18);
	loose_add_leaf(&desk.loose, desk.survey.superblock, LEAF, LOOSE_BLOCK,
		       span_of(&desk, LEAF));
	settle(&desk);

	ck_assert_uint_eq(desk.loose.items[0].owner, 17);
	desk_close(&desk);
}
END_TEST

START_TEST(names_in_two_ranges_of_an_index_are_not)
{
	struct desk desk = desk_open();

	make_leaf(&desk, LEAF, true, true);
	add_index(&desk, 17);
	loose_add_leaf(&desk.loose, desk.survey.superblock, LEAF, LOOSE_BLOCK,
		       span_of(&desk, LEAF));
	settle(&desk);

	ck_assert_uint_eq(desk.loose.items[0].owner, 0);
	ck_assert_uint_eq(desk.records.ghost_count, 0);
	desk_close(&desk);
}
END_TEST

/* A tail for the checksum: any stored checksum holds under some seed. */
static void make_tail(struct desk *desk, uint32_t block, uint32_t checksum)
{
	uint8_t *const bytes = tiny_block(&desk->tiny, block);
	uint8_t *const tail = bytes + FUZZ_BLOCK_SIZE - 12;
	uint32_t at = 20 * (NAMES - 1);

	put((struct le16 *)(void *)(bytes + at + 4), (uint16_t)(FUZZ_BLOCK_SIZE - 12 - at));
	put((struct le32 *)(void *)tail, 0U);
	put((struct le16 *)(void *)(tail + 4), (uint16_t)12);
	tail[6] = 0;
	tail[7] = 0xde;
	put((struct le32 *)(void *)(tail + 8), checksum);
}

START_TEST(a_leaf_belongs_to_the_directory_whose_seed_it_has)
{
	struct desk desk = desk_open();
	uint32_t seed, other;

	make_leaf(&desk, LEAF, true, true);
	make_leaf(&desk, OTHER_LEAF, true, false);
	make_tail(&desk, LEAF, 0x12345678);
	make_tail(&desk, OTHER_LEAF, 0x12345678);
	ck_assert(ext_directory_block_seed(desk.survey.superblock, EXT_DIRECTORY_LEAF,
					   span_of(&desk, LEAF), &seed));
	ck_assert(ext_directory_block_seed(desk.survey.superblock, EXT_DIRECTORY_LEAF,
					   span_of(&desk, OTHER_LEAF), &other));
	ck_assert_uint_ne(seed, other);
	loose_add_seed(&desk.loose, seed, 18);
	loose_add_seed(&desk.loose, seed + 1, 19);
	loose_add_leaf(&desk.loose, desk.survey.superblock, LEAF, LOOSE_BLOCK,
		       span_of(&desk, LEAF));
	loose_add_leaf(&desk.loose, desk.survey.superblock, OTHER_LEAF, LOOSE_BLOCK,
		       span_of(&desk, OTHER_LEAF));
	settle(&desk);

	for (size_t i = 0; i < 2; i++)
		ck_assert_uint_eq(desk.loose.items[i].owner,
				  desk.loose.items[i].at == LEAF ? 18 : 0);
	desk_close(&desk);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, names_in_one_range_of_an_index_are_its_directorys);
	tcase_add_test(tests, of_two_ranges_with_all_names_the_smaller_one_has_them);
	tcase_add_test(tests, names_in_two_ranges_of_an_index_are_not);
	tcase_add_test(tests, a_leaf_belongs_to_the_directory_whose_seed_it_has);
}

int main(void)
{
	return unit_run("loose leaves", add_tests);
}
