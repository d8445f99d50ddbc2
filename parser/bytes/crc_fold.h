/* SPDX-License-Identifier: MIT */
/*
 * Both CRCs of the journal by carry-less multiplication of 64 bytes at a time, for CPUs with
 * AVX-512 and VPCLMULQDQ. Only with HAVE_CRC_FOLD.
 */
#ifndef BYTES_CRC_FOLD_H
#define BYTES_CRC_FOLD_H

#ifdef HAVE_CRC_FOLD

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From so many bytes on it is worth its beginning and its end. */
enum { CRC_FOLD_LEAST = 512 };

/* May the two below be called? Asked at each call, as crc32c() does. */
static inline bool crc_fold_is_here(void)
{
	return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.2");
}

/* As crc32c() and crc32_be(); `length` is at least 256. */
uint32_t crc32c_fold(uint32_t seed, const uint8_t *bytes, size_t length);
uint32_t crc32_be_fold(uint32_t seed, const uint8_t *bytes, size_t length);

#endif
#endif
