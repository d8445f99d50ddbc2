/* SPDX-License-Identifier: MIT */
/*
 * An inode number that was given out again had another life before, and the blocks of that one may
 * have had other files since, which are deleted as well.
 */
#ifndef RESCUE_REWRITTEN_H
#define RESCUE_REWRITTEN_H

#include "rescue/deleted.h"

/*
 * Counts these blocks in each earlier life, and drops the lives of which nothing can be left. The
 * list stays in its order. False: no memory.
 */
bool rewritten_drop(const struct healing *healing, struct deleted_list *list);

#endif
