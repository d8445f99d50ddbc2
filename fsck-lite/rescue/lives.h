/* SPDX-License-Identifier: MIT */
/* Which lives of inode numbers are decided: a number is given out again and again, each time with
 * another generation. */
#ifndef RESCUE_LIVES_H
#define RESCUE_LIVES_H

#include <ext/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Open addressing; `size` is a power of two. A key is never 0, since no inode is. */
struct lives {
	uint64_t *keys;
	size_t count, size;
};

bool lives_has(const struct lives *lives, ext_ino ino, uint32_t generation);

/* False: no memory. */
bool lives_add(struct lives *lives, ext_ino ino, uint32_t generation);
void lives_clear(struct lives *lives);

#endif
