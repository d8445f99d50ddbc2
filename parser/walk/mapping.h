/* SPDX-License-Identifier: MIT */
/*
 * The state of the cursor over a file's blocks, shared by its two halves: extent_tree.c and
 * block_map.c. A level is one node on the way from the inode down to the data.
 */
#ifndef WALK_MAPPING_H
#define WALK_MAPPING_H

#include <ext/mapping.h>

#include "structure/filesystem.h"

enum {
	LEVELS = 6,	      /* an extent root and five levels below; a block map needs four */
	LISTED_POINTERS = 12, /* bad pointers reported for one inode */
};

struct level {
	const uint8_t *bytes; /* entries: extents, indexes or 32-bit pointers */
	uint32_t index, count;
	unsigned depth;	  /* levels below; 0 maps data */
	bool is_refused;  /* extents: all that the node maps is doubtful */
	uint64_t logical; /* extents: least file block that may come next; map: of pointer 0 */
	uint64_t limit;	  /* first file block beyond this node's range */
	ext_block block;  /* where the node lies; 0 for the inode */
};

struct ext_mapping {
	const struct ext_filesystem *filesystem;
	const struct ext_inode *inode; /* borrowed */
	struct ext_sink *sink;	       /* borrowed; may be NULL */
	bool is_extents, damaged;
	bool unread;	      /* a tree block could not be read */
	bool out_of_memory;   /* since it was made: for want of memory, then */
	unsigned level_count; /* 0: nothing left */
	unsigned bad_pointers;
	uint64_t next_logical; /* extents: first file block that is not mapped yet */
	uint64_t from;	       /* file blocks before are left out */
	uint64_t budget;       /* blocks that this inode can still own */
	uint32_t seed;	       /* of the inode, for checksums */
	struct level levels[LEVELS];
	uint8_t *buffers;  /* one block for each level below the root */
	bool is_for_all;   /* the whole map is being walked */
	bool is_patchy;	   /* some of its leaves cannot be read */
	uint8_t *siblings; /* leaves read together; NULL: none yet */
	size_t siblings_size;
	bool owns_siblings;
	ext_block first_sibling;
	uint32_t sibling_count;
	struct ext_span tree_block; /* the block behind the last EXT_RUN_TREE */
};

/* Where a fault in the current node is. */
struct ext_place mapping_place(const struct ext_mapping *mapping, uint64_t logical);

void mapping_report(struct ext_mapping *mapping, enum ext_problem problem, struct ext_place place,
		    uint64_t found, uint64_t low, uint64_t high);

/* Reads `block` into the buffer of level `depth_from_root`; NULL when it cannot be read. */
const uint8_t *mapping_read(struct ext_mapping *mapping, unsigned level, ext_block block);

/*
 * Before the leaf `block` is read: reads it together with those of its siblings that follow it on
 * disk, `count` in all, when the whole map is wanted. Then mapping_read has them at hand.
 */
bool mapping_has_sibling(const struct ext_mapping *mapping, ext_block block);
void mapping_read_siblings(struct ext_mapping *mapping, ext_block block, uint32_t count);
/* Before another block is read, which must keep its bytes while leaves are read. */
void mapping_forget_siblings(struct ext_mapping *mapping);

/* Takes `length` blocks off the budget; false (and reported) when there are no more. */
bool mapping_spend(struct ext_mapping *mapping, uint64_t length);

void extent_tree_start(struct ext_mapping *mapping);
enum ext_status extent_tree_next(struct ext_mapping *mapping, struct ext_run *run);
unsigned extent_tree_several(struct ext_mapping *mapping, struct ext_run *runs, unsigned room);
void block_map_start(struct ext_mapping *mapping);
enum ext_status block_map_next(struct ext_mapping *mapping, struct ext_run *run);

#endif
