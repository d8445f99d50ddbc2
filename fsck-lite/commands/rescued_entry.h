/* SPDX-License-Identifier: MIT */
/* What `ls` with --lost or --deleted says of one entry. */
#ifndef COMMANDS_RESCUED_ENTRY_H
#define COMMANDS_RESCUED_ENTRY_H

#include "options.h"
#include "reports/json.h"
#include "rescue/output_names.h"

/* A tree, as restore writes it. */
struct looked_at {
	struct rescue_tree *tree;
	struct output_names names;
	struct output_walk walk;
};

/* `node` is where the walk of the view stands; `inode` is zeros where it has none. */
void rescued_entry_print(const struct looked_at *view, const struct options *options,
			 const struct rescue_node *node, const struct ext_inode *inode);
void rescued_entry_write(const struct looked_at *view, struct json *json,
			 const struct rescue_node *node, const struct ext_inode *inode);

#endif
