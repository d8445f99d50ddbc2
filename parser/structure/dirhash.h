/* SPDX-License-Identifier: MIT */
/* What the hash of one name and that of many at once share. */
#ifndef STRUCTURE_DIRHASH_H
#define STRUCTURE_DIRHASH_H

#include <ext/directory.h>

enum { HASH_WORDS = 8 };

/*
 * Packs up to 4 * `count` bytes of `name` into words. All that is left of a word, and all words
 * that are left, hold the length of the whole rest of the name in each byte: the whole rest, also
 * when it is longer than this chunk.
 */
void dirhash_pack(const char *name, size_t left, bool is_unsigned, uint32_t *words, size_t count);

/* The state before the first byte: the filesystem's seed, or the default where it was never set. */
void dirhash_begin(const uint32_t seed[4], uint32_t state[4]);

/* The number by which the index is ordered. */
uint32_t dirhash_major(uint32_t hash);

/*
 * The chosen word of the half MD4 of `count` names, up to DIRHASH_LANES, with the vectors of a CPU:
 * the best of them for all but tests.
 */
enum { DIRHASH_LANES = 8 };
enum dirhash_vectors { DIRHASH_PLAIN, DIRHASH_AVX2, DIRHASH_AVX512, DIRHASH_VECTORS };
bool dirhash_vectors_are_here(enum dirhash_vectors vectors);
enum dirhash_vectors dirhash_best_vectors(void);
void dirhash_half_md4_lanes(enum dirhash_vectors vectors, const uint32_t seed[4], bool is_unsigned,
			    const struct ext_name *names, unsigned count, uint32_t *hashes);

#endif
