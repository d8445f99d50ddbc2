/* SPDX-License-Identifier: MIT */
/* The short way to a map that lies in the inode, against the cursor over any map. */
#include "config.h"

#include <ext/mapping.h>

#include "parser/walk/tiny.h"
#include "random.h"
#include "unit.h"

enum { ROUNDS = 20000, INO = 12 };

static void write16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void write32(uint8_t *at, uint32_t value)
{
	write16(at, value);
	write16(at + 2, value >> 16);
}

static void begin_tree(struct ext_inode *inode, unsigned entries)
{
	inode->flags = EXT_INODE_EXTENTS;
	write16(inode->i_block, 0xf30a);
	write16(inode->i_block + 2, entries);
	write16(inode->i_block + 4, 4);
}

static void write_extent(struct ext_inode *inode, unsigned index, uint32_t logical, uint32_t length,
			 uint32_t start)
{
	uint8_t *const at = inode->i_block + 12 + (size_t)index * 12;

	write32(at, logical);
	write16(at + 4, length);
	write32(at + 8, start);
}

/* What the cursor gives: the count of runs; `whole` tells that it found no fault. */
static unsigned walk(struct ext_mapping *mapping, const struct ext_inode *inode,
		     struct ext_run *runs, unsigned most, bool *whole)
{
	unsigned count = 0;
	struct ext_run run;

	ext_mapping_start(mapping, inode, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		if (count < most)
			runs[count] = run;
		count++;
	}
	*whole = !ext_mapping_damaged(mapping);
	return count;
}

/* True when the short way answered; then it must have said what the cursor says. */
static bool compare(struct tiny *tiny, struct ext_mapping *mapping, const struct ext_inode *inode)
{
	struct ext_run small[EXT_SMALL_MAP], walked[EXT_SMALL_MAP];
	unsigned count = 0;
	bool whole;

	if (!ext_mapping_small(ext_filesystem_superblock(tiny->filesystem), inode, small, &count))
		return false;
	ck_assert_uint_eq(count, walk(mapping, inode, walked, EXT_SMALL_MAP, &whole));
	ck_assert(whole);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(small[i].kind, walked[i].kind);
		ck_assert_uint_eq(small[i].logical, walked[i].logical);
		ck_assert_uint_eq(small[i].length, walked[i].length);
		ck_assert_uint_eq(small[i].physical, walked[i].physical);
		ck_assert(!walked[i].is_doubtful);
	}
	return true;
}

/* Mostly sound, with a fault here and there. */
static void make_tree(struct ext_inode *inode, uint64_t *state)
{
	uint32_t logical = 0;

	begin_tree(inode, next_number(state) % 5);
	for (unsigned i = 0; i < 4; i++) {
		const uint32_t length = next_number(state) % 8;

		logical += next_number(state) % 4;
		write_extent(inode, i, logical, length + (next_number(state) % 3 == 0 ? 32768 : 0),
			     next_number(state) % 68);
		logical += length - (next_number(state) % 16 == 0);
	}
	if (next_number(state) % 8 == 0)
		inode->i_block[next_number(state) % 60] ^= (uint8_t)(1U << next_number(state) % 8);
}

static void make_pointers(struct ext_inode *inode, uint64_t *state)
{
	uint32_t block = 0;

	for (unsigned i = 0; i < 15; i++) {
		block = next_number(state) % 3 != 0 ? block + 1 : next_number(state) % 66;
		if (i < 12 || next_number(state) % 8 == 0)
			write32(inode->i_block + (size_t)i * 4,
				next_number(state) % 6 == 0 ? 0 : block);
	}
}

START_TEST(the_short_way_never_says_other_than_the_cursor)
{
	struct tiny tiny = tiny_open();
	struct ext_mapping *mapping;
	uint64_t state = 1;
	unsigned trees = 0, pointers = 0;

	ck_assert_int_eq(ext_mapping_new(tiny.filesystem, &mapping, NULL), EXT_OK);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct ext_inode inode = {.number = INO, .type = EXT_TYPE_REGULAR, .links = 1};

		if (i % 2 == 0) {
			make_tree(&inode, &state);
			trees += compare(&tiny, mapping, &inode);
		} else {
			make_pointers(&inode, &state);
			pointers += compare(&tiny, mapping, &inode);
		}
	}

	/* Both answers were given often, so that both were compared. */
	ck_assert_uint_gt(trees, ROUNDS / 20);
	ck_assert_uint_lt(trees, ROUNDS / 2);
	ck_assert_uint_gt(pointers, ROUNDS / 20);
	ck_assert_uint_lt(pointers, ROUNDS / 2);
	ext_mapping_free(mapping);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_fault_is_left_to_the_cursor)
{
	struct tiny tiny = tiny_open();
	const struct ext_superblock *sb = ext_filesystem_superblock(tiny.filesystem);
	struct ext_inode inode = {.number = INO, .type = EXT_TYPE_REGULAR, .links = 1};
	struct ext_run runs[EXT_SMALL_MAP];
	unsigned count = 0;

	begin_tree(&inode, 2);
	write_extent(&inode, 0, 0, 4, 20);
	write_extent(&inode, 1, 4, 4, 30);
	ck_assert(ext_mapping_small(sb, &inode, runs, &count));
	ck_assert_uint_eq(count, 2);
	write_extent(&inode, 1, 3, 4, 30); /* maps file block 3 again */
	ck_assert(!ext_mapping_small(sb, &inode, runs, &count));
	write_extent(&inode, 1, 4, 0, 30); /* without length */
	ck_assert(!ext_mapping_small(sb, &inode, runs, &count));
	write_extent(&inode, 1, 4, 4, 62); /* beyond the last block, 63 */
	ck_assert(!ext_mapping_small(sb, &inode, runs, &count));
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_fast_symlink_has_no_runs)
{
	struct tiny tiny = tiny_open();
	struct ext_inode inode = {
		.number = INO, .type = EXT_TYPE_SYMLINK, .links = 1, .size = 3, .i_block = "abc"};
	struct ext_run runs[EXT_SMALL_MAP];
	unsigned count = 1;

	ck_assert(ext_mapping_small(ext_filesystem_superblock(tiny.filesystem), &inode, runs,
				    &count));
	ck_assert_uint_eq(count, 0);
	tiny_close(&tiny);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, the_short_way_never_says_other_than_the_cursor);
	tcase_add_test(tests, a_fault_is_left_to_the_cursor);
	tcase_add_test(tests, a_fast_symlink_has_no_runs);
}

int main(void)
{
	return unit_run("small map", add_tests);
}
