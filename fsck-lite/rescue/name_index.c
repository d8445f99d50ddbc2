/* SPDX-License-Identifier: MIT */
/* Hashing with open addressing, doubled when it is half full. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "rescue/name_index.h"

enum { ROOM = 1024 };

static size_t slot_of(const struct name_index *index, uint32_t parent, const char *name,
		      size_t length)
{
	uint32_t hash = parent * 2654435761u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return (hash ^ hash >> 15) & (index->size - 1);
}

static void put_node(struct name_index *index, const struct rescue_tree *tree, uint32_t at)
{
	const struct rescue_node *node = &tree->nodes[at];
	size_t slot;

	if (node->parent == RESCUE_NONE)
		return;
	slot = slot_of(index, node->parent, rescue_name(tree, node), node->name_length);
	while (index->slots[slot] != RESCUE_NONE)
		slot = (slot + 1) & (index->size - 1);
	index->slots[slot] = at;
}

bool name_index_build(struct name_index *index, const struct rescue_tree *tree)
{
	const size_t more = (size_t)tree->count + ROOM;

	index->size = ROOM;
	while (index->size < 2 * (tree->count + more))
		index->size *= 2;
	free(index->slots);
	index->slots = malloc(index->size * sizeof *index->slots);
	if (!index->slots)
		return false;
	memset(index->slots, 0xff, index->size * sizeof *index->slots);
	for (uint32_t i = 0; i < tree->count; i++)
		put_node(index, tree, i);
	index->left = more;
	return true;
}

bool name_index_add(struct name_index *index, const struct rescue_tree *tree, uint32_t node)
{
	if (index->left == 0)
		return name_index_build(index, tree);
	index->left--;
	put_node(index, tree, node);
	return true;
}

uint32_t name_index_find(const struct name_index *index, const struct rescue_tree *tree,
			 uint32_t parent, const char *name, size_t length)
{
	size_t slot = slot_of(index, parent, name, length);

	for (; index->slots[slot] != RESCUE_NONE; slot = (slot + 1) & (index->size - 1)) {
		const struct rescue_node *node = &tree->nodes[index->slots[slot]];

		if (node->parent == parent && node->name_length == length &&
		    memcmp(rescue_name(tree, node), name, length) == 0)
			return index->slots[slot];
	}
	return RESCUE_NONE;
}

void name_index_clear(struct name_index *index)
{
	free(index->slots);
	*index = (struct name_index){0};
}
