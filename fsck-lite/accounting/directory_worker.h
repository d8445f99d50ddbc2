/* SPDX-License-Identifier: MIT */
/* What one thread of the pass over directory blocks gathers. */
#ifndef ACCOUNTING_DIRECTORY_WORKER_H
#define ACCOUNTING_DIRECTORY_WORKER_H

#include "accounting/ahead.h"
#include "accounting/scan.h"

/* `child` is a directory, named by an entry in directory `parent`. */
struct edge {
	ext_ino child, parent;
	bool is_second; /* the entry stands where the ".." of `parent` should */
};

struct directory_worker {
	struct survey *survey;
	const struct directory_visitor *visitor; /* NULL: the main pass */
	struct ext_sink *sink;
	struct edge *edges;
	size_t edge_count, edge_size;
	unsigned entries;	 /* of the block at work, without "." and ".." */
	uint8_t *buffer, *owned; /* read into; NULL, or the same: freed after the pass */
	uint64_t start, filled;	 /* blocks in the buffer */
	uint64_t room;		 /* blocks that fit */
	size_t last;		 /* the run to stop before: others are other threads' */
	struct ext_inode
		inode; /* of the directory at work, as far as readers of its blocks need it */
	bool failed;
	struct ahead ahead;
};

/* One block of `directory`: reported, shown to the observer, its entries counted. */
void scan_directory_block(struct directory_worker *worker, struct directory *directory,
			  ext_logical logical, ext_block physical, struct ext_span block);

/* The same for a directory whose entries are in its inode; `raw` takes inode_size bytes. */
void scan_inline_directory(struct directory_worker *worker, ext_ino ino, uint8_t *raw);

/* Gives every directory its parent; sorts `edges`. */
void scan_parents(struct survey *survey, struct edge *edges, size_t count);

#endif
