/* SPDX-License-Identifier: MIT */
/*
 * CRC-32, most significant bit first, by carry-less multiplication. Sixteen bytes are a polynomial;
 * moving them n bits further along the message multiplies its halves by x^(n + 64) and x^n, of
 * which the remainders modulo the polynomial do as well. Four such registers are on their way at
 * once; what is left in the end goes through the tables.
 */
#include "config.h"

#include "bytes/crc32_be.h"

#ifdef HAVE_CRC32C_X86

#include <immintrin.h>

#define TARGET __attribute__((target("pclmul,ssse3")))

enum { STEP = 16, FOUR_STEPS = 64 };

/* x^192 and x^128, x^576 and x^512, modulo the polynomial: for moving by one step and by four. */
#define BY_ONE 0xc5b9cd4c, 0xe8a45605
#define BY_FOUR 0x8833794c, 0xe6228b11

/* The first byte of a message is the most significant. */
TARGET static inline __m128i load(const uint8_t *bytes)
{
	const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)bytes), order);
}

TARGET static inline __m128i move(__m128i part, __m128i factors)
{
	return _mm_xor_si128(_mm_clmulepi64_si128(part, factors, 0x11),
			     _mm_clmulepi64_si128(part, factors, 0x00));
}

TARGET uint32_t crc32_be_pclmul(uint32_t seed, const uint8_t *bytes, size_t length)
{
	const __m128i by_one = _mm_set_epi64x(BY_ONE), by_four = _mm_set_epi64x(BY_FOUR);
	__m128i a, b, c, d, sum;
	uint8_t rest[STEP];

	if (length < FOUR_STEPS)
		return crc32_be_table(seed, bytes, length);
	a = _mm_xor_si128(load(bytes), _mm_set_epi32((int)seed, 0, 0, 0));
	b = load(bytes + STEP);
	c = load(bytes + 2 * STEP);
	d = load(bytes + 3 * STEP);
	bytes += FOUR_STEPS;
	length -= FOUR_STEPS;
	for (; length >= FOUR_STEPS; bytes += FOUR_STEPS, length -= FOUR_STEPS) {
		a = _mm_xor_si128(move(a, by_four), load(bytes));
		b = _mm_xor_si128(move(b, by_four), load(bytes + STEP));
		c = _mm_xor_si128(move(c, by_four), load(bytes + 2 * STEP));
		d = _mm_xor_si128(move(d, by_four), load(bytes + 3 * STEP));
	}
	sum = _mm_xor_si128(move(a, by_one), b);
	sum = _mm_xor_si128(move(sum, by_one), c);
	sum = _mm_xor_si128(move(sum, by_one), d);
	for (; length >= STEP; bytes += STEP, length -= STEP)
		sum = _mm_xor_si128(move(sum, by_one), load(bytes));
	_mm_storeu_si128((__m128i *)(void *)rest, sum);
	/* Back into the order of bytes: load() is its own inverse. */
	_mm_storeu_si128((__m128i *)(void *)rest, load(rest));
	return crc32_be_table(crc32_be_table(0, rest, sizeof rest), bytes, length);
}

#else
typedef int crc32_be_x86_is_not_built; /* ISO C wants a declaration in every file */
#endif
