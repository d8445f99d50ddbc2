/* SPDX-License-Identifier: MIT */
/*
 * Superblocks that a filesystem could be read through, and which of them belong together: one
 * generation is what one run of mke2fs wrote.
 */
#ifndef WALK_CANDIDATES_H
#define WALK_CANDIDATES_H

#include <ext/copies.h>

enum { CANDIDATES_MAX = 256, COPIES_TRIED = 64 };

struct candidate {
	uint64_t offset;
	ext_group group; /* where it lies, by its own numbers */
	bool placed;	 /* it lies where its numbers say */
	bool fits;	 /* the image has all blocks that it counts */
	unsigned generation;
	uint8_t raw[EXT_SUPERBLOCK_SIZE];
	struct ext_superblock superblock;
};

struct candidates {
	struct candidate *list;
	size_t count;
	unsigned generations;
};

/*
 * Collects the primary, what lies where mke2fs puts copies by default for each block size, what
 * lies where the copies found so far say that others are, and `offsets`.
 */
enum ext_status candidates_collect(struct ext_source *source, const uint64_t *offsets, size_t count,
				   struct candidates *candidates, struct ext_error *error);
void candidates_clear(struct candidates *candidates);

/* The member to read a generation through, and how many members it has. */
const struct candidate *candidates_best(const struct candidates *candidates, unsigned generation,
					unsigned *members);

/* Do the fields agree that no two copies may differ in? */
bool superblocks_agree(const uint8_t a[1024], const uint8_t b[1024]);

#endif
