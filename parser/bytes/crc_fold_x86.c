/* SPDX-License-Identifier: MIT */
/*
 * A register of 64 bytes is four polynomials of 128 bits beside each other. Moving one n bits along
 * the message multiplies its halves by x^(n + 64) and x^n, of which the remainders modulo the
 * polynomial do as well; four registers are on their way at once. What is left in the end, 16 bytes
 * with the same remainder, goes the way of short messages.
 */
#include "config.h"

#include "bytes/crc_fold.h"

#ifdef HAVE_CRC_FOLD

#include <immintrin.h>

#include "bytes/crc32_be.h"
#include "bytes/crc32c.h"

#define TARGET __attribute__((target("avx512f,avx512bw,vpclmulqdq,sse4.2")))

enum { STEP = 64, FOUR_STEPS = 256, PART = 16 };

/*
 * By one step and by four, for the high and the low half of each 128 bits. CRC-32C has its bits
 * reversed: the low half comes first in the message, and a product comes out one bit low, so that
 * the factors are those of one bit less.
 */
#define CRC32C_BY_ONE 0x75bba45b00000000, 0x1c19243b00000000
#define CRC32C_BY_FOUR 0x1426a81500000000, 0xe9a5d8be00000000
#define CRC32_BE_BY_ONE 0x8833794c, 0xe6228b11
#define CRC32_BE_BY_FOUR 0xcbcf3bcb, 0x88fe2237

/* Each part of a register to where its last one is, low half first; that one not at all. */
static const uint64_t crc32c_to_last[] = {0xa46ef4aa00000000,
					  0x6051243f00000000,
					  0x33ccbbbc00000000,
					  0xa2158b3400000000,
					  0x3743f7bd00000000,
					  0x3171d43000000000,
					  0,
					  0};
static const uint64_t crc32_be_to_last[] = {0x8c3828a8, 0x64bf7a9b, 0x75be46b7, 0x569700e5,
					    0xe8a45605, 0xc5b9cd4c, 0,		0};

/* What one polynomial is folded with. */
struct way {
	__m512i by_one, by_four, to_last;
	bool reverse;
};

#define REVERSED _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

/* One register, the bytes of each part from the last to the first where the first is the most
 * significant. */
TARGET static inline __m512i load(const uint8_t *bytes, bool reverse)
{
	const __m512i parts = _mm512_loadu_si512(bytes);

	return reverse ? _mm512_shuffle_epi8(parts, _mm512_broadcast_i32x4(REVERSED)) : parts;
}

TARGET static inline __m512i factors(uint64_t high, uint64_t low)
{
	return _mm512_broadcast_i32x4(_mm_set_epi64x((int64_t)high, (int64_t)low));
}

/* `parts` moved along, and what stands there added. */
TARGET static inline __m512i move(__m512i parts, __m512i by, __m512i there)
{
	/* 0x96: the sum of all three. */
	return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(parts, by, 0x11),
					 _mm512_clmulepi64_epi128(parts, by, 0x00), there, 0x96);
}

/* All whole FOUR_STEPS of the message; the bytes that it has taken go to `taken`. */
TARGET static inline __attribute__((always_inline)) __m128i
fold(__m128i seed, const uint8_t *bytes, size_t length, struct way way, size_t *taken)
{
	__m512i a = _mm512_xor_si512(load(bytes, way.reverse), _mm512_zextsi128_si512(seed));
	__m512i b = load(bytes + STEP, way.reverse);
	__m512i c = load(bytes + 2 * STEP, way.reverse);
	__m512i d = load(bytes + 3 * STEP, way.reverse);
	size_t at = FOUR_STEPS;
	__m256i half;

	for (; length - at >= FOUR_STEPS; at += FOUR_STEPS) {
		a = move(a, way.by_four, load(bytes + at, way.reverse));
		b = move(b, way.by_four, load(bytes + at + STEP, way.reverse));
		c = move(c, way.by_four, load(bytes + at + 2 * STEP, way.reverse));
		d = move(d, way.by_four, load(bytes + at + 3 * STEP, way.reverse));
	}
	*taken = at;
	a = move(move(move(a, way.by_one, b), way.by_one, c), way.by_one, d);
	/* The last part stays where it is: its factors are zero, and it is added as it was. */
	b = move(a, way.to_last, _mm512_setzero_si512());
	half = _mm256_xor_si256(_mm512_castsi512_si256(b), _mm512_extracti64x4_epi64(b, 1));
	return _mm_xor_si128(
		_mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)),
		_mm512_extracti32x4_epi32(a, 3));
}

TARGET uint32_t crc32c_fold(uint32_t seed, const uint8_t *bytes, size_t length)
{
	const struct way way = {factors(CRC32C_BY_ONE), factors(CRC32C_BY_FOUR),
				_mm512_loadu_si512(crc32c_to_last), false};
	size_t taken;
	const __m128i left = fold(_mm_cvtsi32_si128((int)seed), bytes, length, way, &taken);
	const uint64_t crc = _mm_crc32_u64(_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(left)),
					   (uint64_t)_mm_extract_epi64(left, 1));

	return taken == length ? (uint32_t)crc
			       : crc32c_sse42_lanes((uint32_t)crc, bytes + taken, length - taken);
}

TARGET uint32_t crc32_be_fold(uint32_t seed, const uint8_t *bytes, size_t length)
{
	const struct way way = {factors(CRC32_BE_BY_ONE), factors(CRC32_BE_BY_FOUR),
				_mm512_loadu_si512(crc32_be_to_last), true};
	size_t taken;
	const __m128i left = fold(_mm_set_epi32((int)seed, 0, 0, 0), bytes, length, way, &taken);
	uint8_t rest[PART];

	_mm_storeu_si128((__m128i *)(void *)rest, _mm_shuffle_epi8(left, REVERSED));
	return crc32_be_pclmul(crc32_be_table(0, rest, sizeof rest), bytes + taken, length - taken);
}

#else
typedef int crc_fold_x86_is_not_built; /* ISO C wants a declaration in every file */
#endif
