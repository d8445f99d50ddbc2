/* SPDX-License-Identifier: MIT */
/*
 * CRC-32 with zlib's polynomial but most significant bit first: the commit checksum of the
 * journal's version 1, and nothing else.
 */
#ifndef BYTES_CRC32_BE_H
#define BYTES_CRC32_BE_H

#include <stddef.h>
#include <stdint.h>

/* The raw register after `length` bytes, from `seed` (~0 for a new checksum); no inversion. */
uint32_t crc32_be(uint32_t seed, const void *data, size_t length);

/* The two ways to it: through tables everywhere, and where the CPU has PCLMUL and SSSE3. */
uint32_t crc32_be_table(uint32_t seed, const uint8_t *bytes, size_t length);
uint32_t crc32_be_pclmul(uint32_t seed, const uint8_t *bytes, size_t length);

#endif
