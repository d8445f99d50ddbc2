/* SPDX-License-Identifier: MIT */
/*
 * From the checksum of an inode, or of a block of the journal, and its bytes follows, run
 * backwards, the register before the first: the seed, which otherwise only a superblock has.
 */
#include "config.h"

#include <string.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "walk/checksum_seed.h"

enum { CHECKSUM_LOW = 0x7c, EXTRA_ISIZE = 0x80, CHECKSUM_HIGH = 0x82, GENERATION = 0x64 };

bool checksum_seed_of_inode(uint32_t inode_size, ext_ino ino, const uint8_t *raw, uint32_t *seed)
{
	const struct le16 *low = (const struct le16 *)(const void *)(raw + CHECKSUM_LOW);
	const struct le16 *high = (const struct le16 *)(const void *)(raw + CHECKSUM_HIGH);
	const struct le16 *extra = (const struct le16 *)(const void *)(raw + EXTRA_ISIZE);
	static const uint8_t zeros[2];
	uint32_t state;
	struct le32 number;

	if (inode_size <= 128 || get(*extra) < 4)
		return false;
	state = (uint32_t)get(*high) << 16 | get(*low);
	state = crc32c_back(state, raw + CHECKSUM_HIGH + 2, inode_size - CHECKSUM_HIGH - 2);
	state = crc32c_back(state, zeros, 2);
	state = crc32c_back(state, raw + CHECKSUM_LOW + 2, CHECKSUM_HIGH - CHECKSUM_LOW - 2);
	state = crc32c_back(state, zeros, 2);
	state = crc32c_back(state, raw, CHECKSUM_LOW);
	state = crc32c_back(state, raw + GENERATION, 4);
	put(&number, ino);
	*seed = crc32c_back(state, number.byte, sizeof number);
	return true;
}

uint32_t checksum_seed_of_block(struct ext_span bytes, size_t at)
{
	static const uint8_t zeros[4];
	const struct be32 *stored = (const struct be32 *)(const void *)(bytes.data + at);
	uint32_t state = get(*stored);

	state = crc32c_back(state, bytes.data + at + 4, bytes.size - at - 4);
	state = crc32c_back(state, zeros, sizeof zeros);
	return crc32c_back(state, bytes.data, at);
}
