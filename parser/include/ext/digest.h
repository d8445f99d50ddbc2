/* SPDX-License-Identifier: MIT */
/* SHA-256 of content, for manifests. */
#ifndef EXT_DIGEST_H
#define EXT_DIGEST_H

#include <ext/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A hash under way; plain data, nothing to free. */
struct ext_digest {
	uint32_t state[8];
	uint64_t length;
	uint8_t block[64];
};

void ext_digest_begin(struct ext_digest *digest);
void ext_digest_add(struct ext_digest *digest, const void *data, size_t length);
/* 64 hexadecimal digits, terminated. */
void ext_digest_end(struct ext_digest *digest, char text[65]);

#ifdef __cplusplus
}
#endif

#endif
