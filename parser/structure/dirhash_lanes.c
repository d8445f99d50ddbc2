/* SPDX-License-Identifier: MIT */
/*
 * Half MD4 of eight names at once. Each of its 24 steps waits for the one before, so that one name
 * leaves a CPU idle; eight names side by side in a vector take hardly longer than one. Names may be
 * of any length: a lane whose name has ended keeps its state. Vectors are those of the compiler,
 * which makes of them what every CPU has; on x86 also what the one at hand has beyond that.
 */
#include "config.h"

#include <string.h>

#include "bytes/endian.h"
#include "structure/dirhash.h"

#if defined __GNUC__

typedef uint32_t lanes __attribute__((vector_size(4 * DIRHASH_LANES)));

enum { CHUNK = 4 * HASH_WORDS };

/* Puts one name's next words into its lane. Names are ASCII almost always: whole words then. */
static void pack_lane(uint32_t words[HASH_WORDS][DIRHASH_LANES], unsigned lane, const char *name,
		      size_t left, bool is_unsigned)
{
	const uint32_t pad = ((uint32_t)left | (uint32_t)left << 8) * 0x10001;
	const size_t here = left < CHUNK ? left : CHUNK;
	uint32_t seen = 0, word = pad;
	size_t i = 0;

	for (; i < here / 4; i++) {
		struct be32 bytes;

		memcpy(&bytes, name + i * 4, sizeof bytes);
		words[i][lane] = get(bytes);
		seen |= words[i][lane];
	}
	for (size_t at = i * 4; at < here; at++) {
		word = word << 8 | (unsigned char)name[at];
		seen |= (unsigned char)name[at];
	}
	if (i < HASH_WORDS)
		words[i++][lane] = word;
	for (; i < HASH_WORDS; i++)
		words[i][lane] = pad;
	if ((seen & 0x80808080) != 0 && !is_unsigned) {
		uint32_t exact[HASH_WORDS];

		dirhash_pack(name, left, is_unsigned, exact, HASH_WORDS);
		for (i = 0; i < HASH_WORDS; i++)
			words[i][lane] = exact[i];
	}
}

#define CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJORITY(x, y, z) (((x) & (y)) + (((x) ^ (y)) & (z)))
#define PARITY(x, y, z) ((x) ^ (y) ^ (z))

#define STEP(mix, a, b, c, d, word, constant, count)                                               \
	do {                                                                                       \
		(a) += mix(b, c, d) + (word) + (constant);                                         \
		(a) = (a) << (count) | (a) >> (32 - (count));                                      \
	} while (0)

/* Four steps, after which each of a, b, c and d has changed once. */
#define STEPS(mix, constant, w0, s0, w1, s1, w2, s2, w3, s3)                                       \
	do {                                                                                       \
		STEP(mix, a, b, c, d, words[w0], constant, s0);                                    \
		STEP(mix, d, a, b, c, words[w1], constant, s1);                                    \
		STEP(mix, c, d, a, b, words[w2], constant, s2);                                    \
		STEP(mix, b, c, d, a, words[w3], constant, s3);                                    \
	} while (0)

/* The steps of half_md4() in dirhash.c. */
__attribute__((always_inline)) static inline void
half_md4(lanes state[4], const lanes words[HASH_WORDS], const lanes *goes_on)
{
	lanes a = state[0], b = state[1], c = state[2], d = state[3];

	STEPS(CHOOSE, 0, 0, 3, 1, 7, 2, 11, 3, 19);
	STEPS(CHOOSE, 0, 4, 3, 5, 7, 6, 11, 7, 19);
	STEPS(MAJORITY, 0x5a827999, 1, 3, 3, 5, 5, 9, 7, 13);
	STEPS(MAJORITY, 0x5a827999, 0, 3, 2, 5, 4, 9, 6, 13);
	STEPS(PARITY, 0x6ed9eba1, 3, 3, 7, 9, 2, 11, 6, 15);
	STEPS(PARITY, 0x6ed9eba1, 1, 3, 5, 9, 0, 11, 4, 15);
	state[0] += a & *goes_on;
	state[1] += b & *goes_on;
	state[2] += c & *goes_on;
	state[3] += d & *goes_on;
}

/* A chunk of each name that goes on. */
typedef void chunk(lanes state[4], const lanes words[HASH_WORDS], const lanes *goes_on);

static void chunk_plain(lanes state[4], const lanes words[HASH_WORDS], const lanes *goes_on)
{
	half_md4(state, words, goes_on);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void
chunk_avx2(lanes state[4], const lanes words[HASH_WORDS], const lanes *goes_on)
{
	half_md4(state, words, goes_on);
}

/* With AVX-512 a rotation is one instruction, and so is each of the mixing functions. */
__attribute__((target("avx512f,avx512vl"))) static void
chunk_avx512(lanes state[4], const lanes words[HASH_WORDS], const lanes *goes_on)
{
	half_md4(state, words, goes_on);
}
#endif

bool dirhash_vectors_are_here(enum dirhash_vectors vectors)
{
#ifdef __x86_64__
	if (vectors == DIRHASH_AVX2)
		return __builtin_cpu_supports("avx2");
	if (vectors == DIRHASH_AVX512)
		return __builtin_cpu_supports("avx512vl");
#endif
	return vectors == DIRHASH_PLAIN;
}

enum dirhash_vectors dirhash_best_vectors(void)
{
	enum dirhash_vectors best = DIRHASH_AVX512;

	while (!dirhash_vectors_are_here(best))
		best--;
	return best;
}

static chunk *chunk_of(enum dirhash_vectors vectors)
{
#ifdef __x86_64__
	if (vectors == DIRHASH_AVX512)
		return chunk_avx512;
	if (vectors == DIRHASH_AVX2)
		return chunk_avx2;
#endif
	(void)vectors;
	return chunk_plain;
}

void dirhash_half_md4_lanes(enum dirhash_vectors vectors, const uint32_t seed[4], bool is_unsigned,
			    const struct ext_name *names, unsigned count, uint32_t *hashes)
{
	chunk *const take_chunk = chunk_of(vectors);
	uint32_t start[4], result[DIRHASH_LANES];
	lanes state[4], words[HASH_WORDS];
	size_t longest = 0;

	dirhash_begin(seed, start);
	for (unsigned i = 0; i < 4; i++)
		state[i] = (lanes){0} + start[i];
	for (unsigned lane = 0; lane < count; lane++)
		longest = names[lane].length > longest ? names[lane].length : longest;
	for (size_t at = 0; at < longest; at += CHUNK) {
		uint32_t packed[HASH_WORDS][DIRHASH_LANES], mask[DIRHASH_LANES] = {0};
		lanes goes_on;

		if (count < DIRHASH_LANES)
			memset(packed, 0, sizeof packed);
		for (unsigned lane = 0; lane < count; lane++) {
			const size_t length = names[lane].length;

			if (at >= length) {
				for (unsigned i = 0; i < HASH_WORDS; i++)
					packed[i][lane] = 0;
				continue;
			}
			mask[lane] = UINT32_MAX;
			pack_lane(packed, lane, names[lane].bytes + at, length - at, is_unsigned);
		}
		memcpy(words, packed, sizeof words);
		memcpy(&goes_on, mask, sizeof goes_on);
		take_chunk(state, words, &goes_on);
	}
	memcpy(result, &state[1], sizeof result);
	memcpy(hashes, result, count * sizeof *hashes);
}

#else
typedef int dirhash_lanes_is_not_built; /* ISO C wants a declaration in every file */
#endif
