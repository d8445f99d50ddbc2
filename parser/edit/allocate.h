/* SPDX-License-Identifier: MIT */
/*
 * A block for metadata that a change needs: free, and not about to be claimed.
 */
#ifndef EDIT_ALLOCATE_H
#define EDIT_ALLOCATE_H

#include <ext/edit.h>

/* Blocks that a coming record will claim: not to be used for anything else. Sorted by block. */
struct reserved_range {
	ext_block block;
	uint64_t length;
};
struct reserved_ranges {
	struct reserved_range *ranges;
	size_t count;
};

/* A free block (a cluster's first), marked used. Fails with LIMIT when there is none. */
enum ext_status allocate_block(struct ext_editor *editor, const struct reserved_ranges *reserved,
			       ext_block goal, ext_block *block, struct ext_error *error);

#endif
