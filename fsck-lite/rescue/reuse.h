/* SPDX-License-Identifier: MIT */
/* Who has blocks of deleted files now: what comes back of these is not theirs. */
#ifndef RESCUE_REUSE_H
#define RESCUE_REUSE_H

#include "rescue/deleted.h"
#include "rescue/output_names.h"

enum { REUSE_TEXT = 400 };

/*
 * Fills in who has the first reused block of each, and where in `tree` that is. Without memory that
 * stays unknown.
 */
void reuse_find(struct deleted_list *list, const struct rescue_tree *tree);

/* The deleted inode of a node whose blocks are partly somebody else's now, or NULL. */
const struct deleted_inode *reuse_of(const struct rescue_tree *tree,
				     const struct rescue_node *node);

/* "3 of its 10 blocks belong to d/new (inode 14) now"; cut where it is too long. */
void reuse_text(const struct output_names *names, const struct deleted_inode *deleted, char *text,
		size_t size);

#endif
