/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 by the instructions that x86 has for it. Its registers hold the eight variables of FIPS
 * 180-4 as a b e f and c d g h, the first in the highest lane; one instruction does two rounds.
 */
#include "config.h"

#include "bytes/sha256.h"

#ifdef HAVE_SHA256_X86

#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1")))

/* Four words of the message; the first byte of a word is the most significant. */
TARGET static inline __m128i load(const uint8_t *bytes)
{
	const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)bytes), order);
}

/* The four words behind those of w0 to w3. */
TARGET static inline __m128i next(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
	const __m128i part =
		_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));

	return _mm_sha256msg2_epu32(part, w3);
}

TARGET static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i words,
				      const uint32_t *k)
{
	const __m128i sums =
		_mm_add_epi32(words, _mm_loadu_si128((const __m128i *)(const void *)k));

	*cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sums);
	*abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sums, 0x0e));
}

TARGET void sha256_blocks_x86(uint32_t state[8], const uint8_t *bytes, size_t blocks,
			      const uint32_t k[64])
{
	__m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
	__m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
	uint32_t out[8];

	for (; blocks > 0; blocks--, bytes += 64) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		__m128i w0 = load(bytes), w1 = load(bytes + 16), w2 = load(bytes + 32),
			w3 = load(bytes + 48);

		for (unsigned t = 0; t < 64; t += 16) {
			four_rounds(&abef, &cdgh, w0, k + t);
			four_rounds(&abef, &cdgh, w1, k + t + 4);
			four_rounds(&abef, &cdgh, w2, k + t + 8);
			four_rounds(&abef, &cdgh, w3, k + t + 12);
			w0 = next(w0, w1, w2, w3);
			w1 = next(w1, w2, w3, w0);
			w2 = next(w2, w3, w0, w1);
			w3 = next(w3, w0, w1, w2);
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	_mm_storeu_si128((__m128i *)(void *)out, abef);
	_mm_storeu_si128((__m128i *)(void *)(out + 4), cdgh);
	state[0] = out[3];
	state[1] = out[2];
	state[2] = out[7];
	state[3] = out[6];
	state[4] = out[1];
	state[5] = out[0];
	state[6] = out[5];
	state[7] = out[4];
}

#endif
