/* SPDX-License-Identifier: MIT */
/*
 * Nodes of extent trees that are gone, put back from what is left of the tree: an inner node from
 * the nodes that were below it, a leaf from an older version of it.
 */
#ifndef RESCUE_LOST_NODES_H
#define RESCUE_LOST_NODES_H

#include "rescue/heal.h"

/*
 * Works on the view of `healing`, and counts in it what was put back. Looks through the whole image
 * only if something is missing. Fails with MEMORY.
 */
enum ext_status lost_nodes_heal(struct healing *healing, struct ext_error *error);

#endif
