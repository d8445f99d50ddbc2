/* SPDX-License-Identifier: MIT */
/*
 * A CRC can be run backwards: each byte maps the 2^32 states one to one onto themselves. From the
 * checksum at the end of an inode and its bytes follows the state before the first: the seed, which
 * otherwise only a superblock has.
 */
#include "config.h"

#include <string.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "walk/checksum_seed.h"

enum { CHECKSUM_LOW = 0x7c, EXTRA_ISIZE = 0x80, CHECKSUM_HIGH = 0x82, GENERATION = 0x64 };

/* The state before `byte` was taken in. The highest byte of a table entry names the entry. */
static uint32_t step_back(const uint32_t table[256], uint32_t state, uint8_t byte)
{
	uint32_t index = 0;

	while (table[index] >> 24 != state >> 24)
		index++;
	return (state ^ table[index]) << 8 | (index ^ byte);
}

static uint32_t run_back(const uint32_t table[256], uint32_t state, const uint8_t *bytes,
			 size_t length)
{
	while (length-- > 0)
		state = step_back(table, state, bytes[length]);
	return state;
}

bool checksum_seed_of_inode(uint32_t inode_size, ext_ino ino, const uint8_t *raw, uint32_t *seed)
{
	const struct le16 *low = (const struct le16 *)(const void *)(raw + CHECKSUM_LOW);
	const struct le16 *high = (const struct le16 *)(const void *)(raw + CHECKSUM_HIGH);
	const struct le16 *extra = (const struct le16 *)(const void *)(raw + EXTRA_ISIZE);
	static const uint8_t zeros[2];
	uint32_t table[256], state;
	struct le32 number;

	if (inode_size <= 128 || get(*extra) < 4)
		return false;
	for (uint32_t i = 0; i < 256; i++)
		table[i] = crc32c(i, zeros, 1);
	state = (uint32_t)get(*high) << 16 | get(*low);
	state = run_back(table, state, raw + CHECKSUM_HIGH + 2, inode_size - CHECKSUM_HIGH - 2);
	state = run_back(table, state, zeros, 2);
	state = run_back(table, state, raw + CHECKSUM_LOW + 2, CHECKSUM_HIGH - CHECKSUM_LOW - 2);
	state = run_back(table, state, zeros, 2);
	state = run_back(table, state, raw, CHECKSUM_LOW);
	state = run_back(table, state, raw + GENERATION, 4);
	put(&number, ino);
	*seed = run_back(table, state, number.byte, sizeof number);
	return true;
}
