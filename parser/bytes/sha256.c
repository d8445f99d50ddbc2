/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 as FIPS 180-4 defines it; the names of its variables are kept.
 */
#include "config.h"

#include <string.h>

#include "bytes/endian.h"
#include "bytes/sha256.h"

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void compress(uint32_t state[8], const uint8_t *block)
{
	const struct be32 *const words = (const void *)block;
	uint32_t w[64];
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

	for (unsigned t = 0; t < 16; t++)
		w[t] = get(words[t]);
	for (unsigned t = 16; t < 64; t++) {
		const uint32_t x = w[t - 15], y = w[t - 2];

		w[t] = w[t - 16] + w[t - 7] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) +
		       (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
	}
	for (unsigned t = 0; t < 64; t++) {
		const uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
				    ((e & f) ^ (~e & g)) + k[t] + w[t];
		const uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
				    ((a & b) ^ (a & c) ^ (b & c));

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void sha256_blocks_plain(uint32_t state[8], const uint8_t *bytes, size_t blocks)
{
	for (; blocks > 0; blocks--, bytes += SHA256_BLOCK)
		compress(state, bytes);
}

static void compress_blocks(uint32_t state[8], const uint8_t *bytes, size_t blocks)
{
#ifdef HAVE_SHA256_X86
	if (__builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1")) {
		sha256_blocks_x86(state, bytes, blocks, k);
		return;
	}
#endif
	sha256_blocks_plain(state, bytes, blocks);
}

void sha256_init(struct sha256 *hash)
{
	/* First 32 bits of the fractional parts of the square roots of the first 8 primes. */
	static const uint32_t start[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	*hash = (struct sha256){.length = 0};
	memcpy(hash->state, start, sizeof start);
}

void sha256_update(struct sha256 *hash, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	while (length > 0) {
		const size_t held = (size_t)(hash->length % SHA256_BLOCK);
		const size_t room = SHA256_BLOCK - held;
		size_t part = length < room ? length : room;

		if (part == SHA256_BLOCK) {
			part = length - length % SHA256_BLOCK;
			compress_blocks(hash->state, bytes, part / SHA256_BLOCK);
		} else {
			memcpy(hash->block + held, bytes, part);
			if (part == room)
				compress_blocks(hash->state, hash->block, 1);
		}
		hash->length += part;
		bytes += part;
		length -= part;
	}
}

void sha256_finish(struct sha256 *hash, uint8_t digest[32])
{
	static const uint8_t padding[64] = {0x80};
	const size_t held = (size_t)(hash->length % SHA256_BLOCK);
	struct be64 bits;

	put(&bits, hash->length * 8);
	sha256_update(hash, padding, held < 56 ? 56 - held : 120 - held);
	sha256_update(hash, &bits, sizeof bits);
	for (unsigned i = 0; i < 8; i++) {
		struct be32 word;

		put(&word, hash->state[i]);
		memcpy(digest + 4 * i, &word, sizeof word);
	}
}

void sha256(const void *data, size_t length, uint8_t digest[32])
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_update(&hash, data, length);
	sha256_finish(&hash, digest);
}
