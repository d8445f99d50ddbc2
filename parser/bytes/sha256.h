/* SPDX-License-Identifier: MIT */
/*
 * SHA-256, for the names that Linux shows for encrypted files without the key, and for manifests.
 */
#ifndef BYTES_SHA256_H
#define BYTES_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_BLOCK = 64 };

/* A hash under way; plain data, nothing to free. */
struct sha256 {
	uint32_t state[8];
	uint64_t length;	     /* bytes taken in so far */
	uint8_t block[SHA256_BLOCK]; /* the last length % 64 of them */
};

void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *data, size_t length);
void sha256_finish(struct sha256 *hash, uint8_t digest[32]);

/* All at once. */
void sha256(const void *data, size_t length, uint8_t digest[32]);

/*
 * The two ways to take in blocks of 64 bytes: everywhere, and where the CPU has the SHA extension
 * and SSE4.1 (only with HAVE_SHA256_X86). `k` are the constants of the 64 rounds.
 */
void sha256_blocks_plain(uint32_t state[8], const uint8_t *bytes, size_t blocks);
void sha256_blocks_x86(uint32_t state[8], const uint8_t *bytes, size_t blocks,
		       const uint32_t k[64]);

#endif
