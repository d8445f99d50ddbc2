/* SPDX-License-Identifier: MIT */
/*
 * CRC-16 by one table. Only group descriptors of at most 64 bytes go through it: no need for speed.
 */
#include "config.h"

#include "bytes/crc16.h"
#include "bytes/linear_table.h"

#define ENTRY(b) LINEAR_ENTRY(b, 0xc0c1, 0xc181, 0xc301, 0xc601, 0xcc01, 0xd801, 0xf001, 0xa001)

static const uint16_t table[256] = LINEAR_TABLE(ENTRY);

uint16_t crc16(uint16_t seed, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint16_t crc = seed;

	for (size_t i = 0; i < length; i++)
		crc = (uint16_t)(table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8);
	return crc;
}
