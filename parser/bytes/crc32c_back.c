/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C backwards: each byte maps the 2^32 registers one to one onto themselves, so that from the
 * register behind some bytes follows the one before them.
 */
#include "config.h"

#include "bytes/crc32c.h"

uint32_t crc32c_back(uint32_t state, const void *data, size_t length)
{
	static const uint8_t zero;
	const uint8_t *const bytes = data;
	uint32_t table[256];
	uint8_t index_of[256]; /* the highest byte of a table entry names the entry */

	for (unsigned i = 0; i < 256; i++) {
		table[i] = crc32c(i, &zero, 1);
		index_of[table[i] >> 24] = (uint8_t)i;
	}
	while (length-- > 0) {
		const uint8_t index = index_of[state >> 24];

		state = (state ^ table[index]) << 8 | (index ^ (bytes ? bytes[length] : 0u));
	}
	return state;
}
