/* SPDX-License-Identifier: MIT */
/*
 * Inodes that were deleted, as older versions in the journal still have them: with size and map,
 * from before the kernel cut both.
 */
#ifndef RESCUE_DELETED_H
#define RESCUE_DELETED_H

#include "accounting/survey.h"
#include "rescue/heal.h"
#include "rescue/name_sources.h"

struct deleted_inode {
	ext_ino ino;
	uint64_t offset; /* bytes in the view where this version lies */
	uint16_t links;	 /* names that it had */
	uint8_t type;
	uint8_t confidence; /* enum rescue_confidence */
	bool is_earlier;    /* the number had another life after this one */
	uint32_t order;	    /* higher: seen in use later */
	uint64_t blocks;    /* of data */
	uint64_t reused;    /* of these; somebody else has them now */
	uint64_t
		rewritten; /* of these, by files that were deleted as well; of earlier lives only */
	ext_block first_reused;
	ext_ino reused_by;    /* who has that one; 0: no inode, or not known */
	uint32_t reused_node; /* where that is in the tree; RESCUE_NONE: nowhere */
};

struct deleted_list {
	struct deleted_inode *items; /* by inode number, the newest life of each first */
	size_t count, size;
};

/*
 * Finds them in `healing`, and puts back the nodes of their maps where nobody owns these blocks
 * now. Of an earlier life of a number comes what no later file has written over. Directories among
 * them are made known to `names`. False when there is no memory.
 */
bool deleted_find(struct healing *healing, const struct survey *survey, struct name_sources *names,
		  struct deleted_list *list);
void deleted_clear(struct deleted_list *list);

/* The lives of `ino`, the newest first; `count` receives how many. NULL: none. */
const struct deleted_inode *deleted_lives(const struct deleted_list *list, ext_ino ino,
					  size_t *count);
/* The newest of them, or NULL. */
const struct deleted_inode *deleted_get(const struct deleted_list *list, ext_ino ino);

#endif
