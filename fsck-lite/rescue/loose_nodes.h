/* SPDX-License-Identifier: MIT */
/*
 * Nodes of extent trees wherever they lie in the image: below a node that is gone, or as an older
 * version in free blocks and in the log.
 */
#ifndef RESCUE_LOOSE_NODES_H
#define RESCUE_LOOSE_NODES_H

#include <ext/extent_node.h>
#include <ext/filesystem.h>

#include "accounting/block_set.h"

struct loose_node {
	ext_block block;
	uint64_t first, end; /* file blocks; of an inner node, `end` is behind its last start */
	uint64_t owned;	     /* blocks in whole clusters that its entries name; of a leaf, data */
	uint32_t seed;	     /* under which its checksum holds; 0 without checksums */
	uint8_t depth;
	bool is_logged; /* lies in the journal */
	bool is_marked; /* its block is marked in use */
};

struct loose_nodes {
	struct loose_node *items;
	size_t count, size;
	bool out_of_memory;
};

struct loose_search {
	const struct ext_filesystem *filesystem;
	/* Seeds of the inodes that miss something, ascending; only where there are checksums. */
	const uint32_t *seeds;
	size_t seed_count;
	/* Blocks that are somebody's, which are passed over; NULL: none are. */
	const struct block_set *owned;
	const struct block_set *log; /* blocks of the journal */
};

/* Goes through the image once. */
void loose_nodes_find(const struct loose_search *search, struct loose_nodes *nodes);
void loose_nodes_clear(struct loose_nodes *nodes);

#endif
