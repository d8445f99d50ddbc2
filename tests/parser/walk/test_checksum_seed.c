/* SPDX-License-Identifier: MIT */
/* The seed that an inode's checksum was made with. */
#include "config.h"

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "unit.h"
#include "walk/checksum_seed.h"

enum { SIZE = 256 };

/* An inode of noise, with the checksum that it has under `seed`. */
static void make_inode(uint8_t raw[SIZE], ext_ino ino, uint32_t seed, uint16_t extra)
{
	struct le32 number;
	uint32_t crc;

	for (unsigned i = 0; i < SIZE; i++)
		raw[i] = (uint8_t)(i * 37 + 11);
	raw[0x80] = (uint8_t)extra;
	raw[0x81] = 0;
	raw[0x7c] = raw[0x7d] = raw[0x82] = raw[0x83] = 0;
	put(&number, ino);
	crc = crc32c(seed, &number, sizeof number);
	crc = crc32c(crc, raw + 0x64, 4);
	crc = crc32c(crc, raw, SIZE);
	raw[0x7c] = (uint8_t)crc;
	raw[0x7d] = (uint8_t)(crc >> 8);
	raw[0x82] = (uint8_t)(crc >> 16);
	raw[0x83] = (uint8_t)(crc >> 24);
}

START_TEST(the_seed_comes_back_from_the_checksum)
{
	static const uint32_t seeds[] = {0, 1, 0xdeadbeef, 0xffffffff};
	uint8_t raw[SIZE];

	for (unsigned i = 0; i < 4; i++) {
		uint32_t seed = 5;

		make_inode(raw, 2, seeds[i], 32);
		ck_assert(checksum_seed_of_inode(SIZE, 2, raw, &seed));
		ck_assert_uint_eq(seed, seeds[i]);
		ck_assert(checksum_seed_of_inode(SIZE, 3, raw, &seed));
		ck_assert_uint_ne(seed, seeds[i]);
	}
}
END_TEST

START_TEST(half_a_checksum_gives_no_seed)
{
	uint8_t raw[SIZE];
	uint32_t seed;

	make_inode(raw, 2, 7, 0);
	ck_assert(!checksum_seed_of_inode(SIZE, 2, raw, &seed));
	ck_assert(!checksum_seed_of_inode(128, 2, raw, &seed));
}
END_TEST

START_TEST(the_seed_comes_back_from_a_block_of_the_journal)
{
	uint8_t block[1024];
	const size_t places[] = {16, sizeof block - 4};

	for (unsigned i = 0; i < 2; i++) {
		for (size_t at = 0; at < sizeof block; at++)
			block[at] = (uint8_t)(at * 7 + i);
		put((struct be32 *)(void *)(block + places[i]), 0U);
		put((struct be32 *)(void *)(block + places[i]),
		    crc32c(0x12345678, block, sizeof block));

		ck_assert_uint_eq(
			checksum_seed_of_block((struct ext_span){block, sizeof block}, places[i]),
			0x12345678);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, the_seed_comes_back_from_a_block_of_the_journal);
	tcase_add_test(tests, the_seed_comes_back_from_the_checksum);
	tcase_add_test(tests, half_a_checksum_gives_no_seed);
}

int main(void)
{
	return unit_run("checksum seed", add_tests);
}
