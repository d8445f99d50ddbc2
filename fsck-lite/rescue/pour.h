/* SPDX-License-Identifier: MIT */
/*
 * The content of a file from its first byte to its last: data, holes, and gaps, which are what
 * could not be read. Who writes it, compares it or prints it gives the calls.
 */
#ifndef RESCUE_POUR_H
#define RESCUE_POUR_H

#include "rescue/content.h"

enum { GAPS_LISTED = 1000 };

/* What of a file could not be read. */
struct gaps {
	struct content_piece *list; /* the first of them, neighbours joined */
	size_t count, size;
	uint64_t bytes;		 /* of all of them */
	uint64_t unmapped_bytes; /* where the map says nothing, and should: holes, or lost */
	bool is_map_damaged;
	bool is_map_short; /* in good order, but the inode counts more blocks than it reaches */
};

void gaps_clear(struct gaps *gaps);

/* Is all of the file there, as far as can be told? */
static inline bool gaps_none(const struct gaps *gaps)
{
	return gaps->bytes == 0 && !gaps->is_map_damaged && !gaps->is_map_short;
}

struct pour {
	struct content *content;
	const struct ext_inode *inode;
	struct ext_digest *digest; /* fed with all bytes, holes as zeros; or NULL */
	struct gaps *gaps;	   /* grown; borrowed */
	bool (*stop)(void);	   /* or NULL */
	/* Both return 0 or an errno, which ends it. Offsets only grow. */
	int (*data)(void *context, uint64_t at, const uint8_t *data, size_t length);
	/* Zeros: a hole, or a gap. NULL: nothing is to be done for them. */
	int (*zeros)(void *context, uint64_t at, uint64_t length, bool is_gap);
	void *context;
};

/* ECANCELED when it was stopped. */
int pour(const struct pour *pour);

#endif
