/* SPDX-License-Identifier: MIT */
/*
 * What keeps an extent tree in shape: entries that become one, nodes that are split when full and
 * given back when empty, keys that follow their nodes.
 */
#ifndef EDIT_EXTENT_BALANCE_H
#define EDIT_EXTENT_BALANCE_H

#include "edit/extent_nodes.h"

void extent_node_insert(struct extent_node *node, uint32_t at, const struct extent_entry *entry);
void extent_node_remove(struct extent_node *node, uint32_t at);

/* Moves the keys above along when the first key of a node has changed. */
void extent_correct_keys(struct extent_edit *edit, const struct extent_path *path, unsigned level);

/* Adds the extent to a neighbour in the leaf, if it continues it. */
bool extent_append(struct extent_edit *edit, const struct extent_path *path,
		   const struct extent_entry *new, int64_t *merged);

/* Makes one extent of entry `at` and its neighbours where that is possible. */
enum ext_status extent_merge_around(struct extent_edit *edit, const struct extent_path *path,
				    int64_t at, struct ext_error *error);

/* Splits the full leaf in which `logical` is to be inserted. */
enum ext_status extent_make_room(struct extent_edit *edit, uint32_t logical,
				 struct ext_error *error);

/* Takes an empty node, and index nodes that become empty with it, out of the tree. */
enum ext_status extent_drop_empty(struct extent_edit *edit, const struct extent_path *path,
				  struct ext_error *error);

#endif
