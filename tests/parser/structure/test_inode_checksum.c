/* SPDX-License-Identifier: MIT */
/* The checksum of inodes, alone and several at once, against what the document says it is. */
#include "config.h"

#include <string.h>

#include <ext/inode.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "layout/layout.h"
#include "unit.h"

enum { SIZE_MOST = 1024, AT_LOW = 124, AT_EXTRA_SIZE = 128, AT_HIGH = 130, FIRST = 4711 };

static uint8_t inodes[EXT_INODES_AT_ONCE][SIZE_MOST];

static void fill(unsigned round)
{
	uint32_t state = round * 2654435761u + 1;

	for (unsigned i = 0; i < EXT_INODES_AT_ONCE; i++)
		for (unsigned at = 0; at < SIZE_MOST; at++) {
			state = state * 1664525u + 1013904223u;
			inodes[i][at] = (uint8_t)(state >> 24);
		}
}

/* By the document: everything but the checksum itself, which counts as zeros. */
static uint32_t by_the_document(const struct ext_superblock *superblock, ext_ino ino,
				const uint8_t *inode, bool is_wide)
{
	uint8_t copy[SIZE_MOST];
	struct le32 number;
	uint32_t crc;

	put(&number, ino);
	memcpy(copy, inode, superblock->inode_size);
	memset(copy + AT_LOW, 0, 2);
	if (is_wide)
		memset(copy + AT_HIGH, 0, 2);
	crc = crc32c_table(superblock->checksum_seed, &number, sizeof number);
	crc = crc32c_table(crc, inode + offsetof(struct ext_raw_inode, i_generation), 4);
	crc = crc32c_table(crc, copy, superblock->inode_size);
	return is_wide ? crc : crc & 0xffff;
}

/* `extra` is the i_extra_isize of every second inode; the others have none. */
static void agree(uint16_t inode_size, uint8_t extra)
{
	const struct ext_superblock superblock = {
		.inode_size = inode_size, .has_metadata_csum = true, .checksum_seed = 0x1badcafe};

	for (unsigned round = 0; round < 40; round++) {
		const unsigned count = round % (EXT_INODES_AT_ONCE + 1);
		struct ext_inode_checksum checksums[EXT_INODES_AT_ONCE];
		const uint8_t *raws[EXT_INODES_AT_ONCE];
		ext_ino inos[EXT_INODES_AT_ONCE];

		fill(round);
		for (unsigned i = 0; i < count; i++) {
			const bool is_wide = inode_size > 128 && i % 2 == 0 && extra >= 4;
			uint32_t right;

			inodes[i][AT_EXTRA_SIZE] = i % 2 == 0 ? extra : 0;
			inodes[i][AT_EXTRA_SIZE + 1] = 0;
			inos[i] = FIRST + i * 3;
			raws[i] = inodes[i];
			right = by_the_document(&superblock, inos[i], inodes[i], is_wide);
			if (round % 2 == 0) {
				put((struct le16 *)(void *)(inodes[i] + AT_LOW), (uint16_t)right);
				if (is_wide)
					put((struct le16 *)(void *)(inodes[i] + AT_HIGH),
					    (uint16_t)(right >> 16));
			}
		}

		ext_inode_checksums(&superblock, inos, raws, count, checksums);

		for (unsigned i = 0; i < count; i++) {
			const bool is_wide = inode_size > 128 && i % 2 == 0 && extra >= 4;
			uint32_t stored = 0, computed = 0;

			ck_assert_uint_eq(
				checksums[i].computed,
				by_the_document(&superblock, inos[i], inodes[i], is_wide));
			ck_assert_int_eq(checksums[i].state == EXT_CHECKSUM_OK, round % 2 == 0);
			ck_assert_int_eq(ext_inode_checksum(&superblock, inos[i], raws[i], &stored,
							    &computed),
					 checksums[i].state);
			ck_assert_uint_eq(stored, checksums[i].stored);
			ck_assert_uint_eq(computed, checksums[i].computed);
		}
	}
}

START_TEST(small_inodes_have_the_low_half)
{
	agree(128, 0);
}
END_TEST

START_TEST(large_inodes_have_both_halves_when_extra_isize_reaches_them)
{
	agree(256, 32);
	agree(256, 4);
	agree(1024, 28);
}
END_TEST

START_TEST(large_inodes_without_extra_fields_have_the_low_half)
{
	agree(256, 0);
	agree(256, 2);
}
END_TEST

START_TEST(without_the_feature_there_is_none)
{
	const struct ext_superblock superblock = {.inode_size = 256};
	const uint8_t *const raws[1] = {inodes[0]};
	const ext_ino ino = FIRST;
	struct ext_inode_checksum checksum;

	fill(1);
	ext_inode_checksums(&superblock, &ino, raws, 1, &checksum);
	ck_assert_int_eq(checksum.state, EXT_CHECKSUM_NONE);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, small_inodes_have_the_low_half);
	tcase_add_test(tests, large_inodes_have_both_halves_when_extra_isize_reaches_them);
	tcase_add_test(tests, large_inodes_without_extra_fields_have_the_low_half);
	tcase_add_test(tests, without_the_feature_there_is_none);
}

int main(void)
{
	return unit_run("inode checksum", add_tests);
}
