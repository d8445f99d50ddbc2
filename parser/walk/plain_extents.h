/* SPDX-License-Identifier: MIT */
/*
 * Extents of a leaf of which there is nothing to say: in order, in range, below the limit of their
 * node. Nearly all are so. What is odd is left to extent_tree.c, which knows what to say of it; so
 * this must never be more lenient.
 */
#ifndef WALK_PLAIN_EXTENTS_H
#define WALK_PLAIN_EXTENTS_H

#include <ext/mapping.h>

enum { LENGTH_WRITTEN_MAX = 32768 }; /* of an extent; more: unwritten, of that much less */

/* How far the extents before have come. */
struct plain_extents {
	uint64_t next;	 /* the least file block that may be mapped */
	uint64_t limit;	 /* the first beyond this leaf's range */
	uint64_t budget; /* blocks that the inode can still own */
};

/*
 * Runs of the `count` raw entries at `entries`, up to the first that is odd, and at most `room`;
 * returns how many, and moves `state` behind them.
 */
unsigned plain_extents(const struct ext_superblock *superblock, const uint8_t *entries,
		       unsigned count, struct plain_extents *state, struct ext_run *runs,
		       unsigned room);

#endif
