/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C (Castagnoli), the checksum of all metadata_csum structures and of the journal's v2 and
 * v3: the raw register, with the caller's seed and without the usual inversion at the end, because
 * ext4 chains checksums by feeding one result to the next call. zlib's crc32() is another
 * polynomial and gives none of these values.
 */
#ifndef BYTES_CRC32C_H
#define BYTES_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * The register after `length` bytes at `data`, starting from `seed` (~0 for a new checksum). Uses
 * the CPU's instructions where it has them; the result is the same everywhere. Cannot fail.
 */
uint32_t crc32c(uint32_t seed, const void *data, size_t length);

/*
 * Continues CRC32C_LANES registers, each over `length` bytes of its own: hardly slower than one,
 * where the CPU has an instruction that can begin before the last one has ended.
 */
enum { CRC32C_LANES = 4 };
void crc32c_each(uint32_t *registers, const uint8_t *const *bytes, size_t length);

/*
 * The register that `length` bytes at `data` turn into `state`: crc32c() backwards. NULL for `data`
 * stands for zeros. A byte at a time.
 */
uint32_t crc32c_back(uint32_t state, const void *data, size_t length);

/* The ways to compute it, for tests and benchmarks; call crc32c() instead. */
uint32_t crc32c_table(uint32_t seed, const void *data, size_t length);

/* Defined only with HAVE_CRC32C_X86; only where the CPU has SSE4.2 and (..._lanes) PCLMULQDQ. */
uint32_t crc32c_sse42(uint32_t seed, const void *data, size_t length);
uint32_t crc32c_sse42_lanes(uint32_t seed, const void *data, size_t length);
void crc32c_sse42_each(uint32_t *registers, const uint8_t *const *bytes, size_t length);

/* Defined only with HAVE_CRC32C_ARM; only where the CPU has the CRC32 extension. */
uint32_t crc32c_arm(uint32_t seed, const void *data, size_t length);

#endif
