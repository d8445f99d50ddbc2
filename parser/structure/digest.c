/* SPDX-License-Identifier: MIT */
/* The public face of SHA-256. */
#include "config.h"

#include <string.h>

#include <ext/digest.h>

#include "bytes/sha256.h"

_Static_assert(sizeof(struct ext_digest) == sizeof(struct sha256), "one hash, two names");

void ext_digest_begin(struct ext_digest *digest)
{
	struct sha256 hash;

	sha256_init(&hash);
	memcpy(digest, &hash, sizeof hash);
}

void ext_digest_add(struct ext_digest *digest, const void *data, size_t length)
{
	struct sha256 hash;

	memcpy(&hash, digest, sizeof hash);
	sha256_update(&hash, data, length);
	memcpy(digest, &hash, sizeof hash);
}

void ext_digest_end(struct ext_digest *digest, char text[65])
{
	static const char digits[] = "0123456789abcdef";
	struct sha256 hash;
	uint8_t bytes[SHA256_SIZE];

	memcpy(&hash, digest, sizeof hash);
	sha256_finish(&hash, bytes);
	for (unsigned i = 0; i < SHA256_SIZE; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * SHA256_SIZE] = '\0';
}
