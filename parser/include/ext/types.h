/* SPDX-License-Identifier: MIT */
/*
 * The numbers that everything else is counted in. On-disk values are unsigned and as wide as they
 * can be: a block number has 48 bits in extents and 64 in the superblock, an inode number and a
 * block group number 32.
 */
#ifndef EXT_TYPES_H
#define EXT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t ext_block;   /* physical block number, from the start of the filesystem */
typedef uint32_t ext_logical; /* block number within a file */
typedef uint32_t ext_ino;     /* inode number; the first is 1 */
typedef uint32_t ext_group;   /* block group number; the first is 0 */

/* Bytes borrowed from somebody else's buffer. */
struct ext_span {
	const uint8_t *data;
	size_t size;
};

#endif
