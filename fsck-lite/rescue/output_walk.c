/* SPDX-License-Identifier: MIT */
/* The walk in the order of writing. Its path is kept up from step to step: one made anew for each
 * node would be quadratic in the depth of a tree. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "rescue/output_names.h"

void output_walk_init(struct output_walk *walk, const struct output_names *names)
{
	memset(walk, 0, sizeof *walk);
	walk->names = names;
	walk->at = RESCUE_ROOT;
}

void output_walk_clear(struct output_walk *walk)
{
	free(walk->path);
	memset(walk, 0, sizeof *walk);
}

/* The path goes down to `at`; when it cannot, it stays that of the directory. */
static enum output_step go_to(struct output_walk *walk, uint32_t at)
{
	const size_t length = output_name(walk->names, at, walk->name);
	const size_t whole = walk->length + (walk->length > 0) + length;

	walk->at = at;
	walk->is_too_long = whole > OUTPUT_PATH_MOST;
	while (!walk->is_too_long && whole >= walk->size) {
		char *grown = realloc(walk->path, walk->size * 2 + 1024);

		if (grown) {
			walk->path = grown;
			walk->size = walk->size * 2 + 1024;
		} else {
			walk->is_too_long = true;
		}
	}
	walk->descend = !walk->is_too_long;
	if (walk->is_too_long)
		return walk->step = OUTPUT_ENTRY;
	if (walk->length > 0)
		walk->path[walk->length++] = '/';
	memcpy(walk->path + walk->length, walk->name, length + 1);
	walk->length = whole;
	return walk->step = OUTPUT_ENTRY;
}

static void go_up(struct output_walk *walk)
{
	const char *slash;

	if (walk->is_too_long || !walk->path) {
		walk->is_too_long = false;
		return;
	}
	slash = strrchr(walk->path, '/');
	walk->length = slash ? (size_t)(slash - walk->path) : 0;
	walk->path[walk->length] = '\0';
}

enum output_step output_walk_next(struct output_walk *walk)
{
	const struct rescue_node *nodes = walk->names->tree->nodes;
	const struct rescue_node *node;

	if (!walk->has_begun) {
		walk->has_begun = true;
		walk->descend = true;
		walk->path = calloc(1, 1024);
		walk->size = walk->path ? 1024 : 0;
		return walk->step = walk->path ? OUTPUT_ENTRY : OUTPUT_END;
	}
	if (walk->step == OUTPUT_END)
		return OUTPUT_END;
	node = &nodes[walk->at];
	if (walk->step == OUTPUT_ENTRY && walk->descend) {
		if (node->child != RESCUE_NONE)
			return go_to(walk, node->child);
		if (node->type == EXT_TYPE_DIRECTORY || walk->at == RESCUE_ROOT)
			return walk->step = OUTPUT_LEAVE;
	}
	if (walk->at == RESCUE_ROOT)
		return walk->step = OUTPUT_END;
	go_up(walk);
	if (node->next != RESCUE_NONE)
		return go_to(walk, node->next);
	walk->at = node->parent;
	return walk->step = OUTPUT_LEAVE;
}
