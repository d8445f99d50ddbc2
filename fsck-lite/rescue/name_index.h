/* SPDX-License-Identifier: MIT */
/* Which names are taken in which directory of a rescue tree: what is there by right keeps its name.
 */
#ifndef RESCUE_NAME_INDEX_H
#define RESCUE_NAME_INDEX_H

#include "rescue/tree.h"

struct name_index {
	uint32_t *slots; /* nodes by parent and name, open addressing */
	size_t size, left;
};

/* Indexes all nodes that have a place. False: no memory. */
bool name_index_build(struct name_index *index, const struct rescue_tree *tree);

/* To be called for every node that gets its place afterwards. False: no memory. */
bool name_index_add(struct name_index *index, const struct rescue_tree *tree, uint32_t node);

/* The node of this name below `parent`; RESCUE_NONE: the name is free. */
uint32_t name_index_find(const struct name_index *index, const struct rescue_tree *tree,
			 uint32_t parent, const char *name, size_t length);

void name_index_clear(struct name_index *index);

#endif
