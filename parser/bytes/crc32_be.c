/* SPDX-License-Identifier: MIT */
/*
 * CRC-32, most significant bit first, by one table.
 */
#include "config.h"

#include "bytes/crc32_be.h"
#include "bytes/linear_table.h"

#define ENTRY(b)                                                                                   \
	LINEAR_ENTRY(b, 0x04c11db7, 0x09823b6e, 0x130476dc, 0x2608edb8, 0x4c11db70, 0x9823b6e0,    \
		     0x34867077, 0x690ce0ee)

static const uint32_t table[256] = LINEAR_TABLE(ENTRY);

uint32_t crc32_be(uint32_t seed, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint32_t crc = seed;

	for (size_t i = 0; i < length; i++)
		crc = table[(crc >> 24 ^ bytes[i]) & 0xff] ^ crc << 8;
	return crc;
}
