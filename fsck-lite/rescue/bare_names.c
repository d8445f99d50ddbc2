/* SPDX-License-Identifier: MIT */
/*
 * Entries whose inodes are gone: there is no file to bring back, but its owner is told that there
 * was one. They wait until all that was found has its place, since an older version of the inode
 * may have come back under the same name.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "rescue/grow_tree.h"

static bool make_room(struct grower *grower, size_t length)
{
	const size_t needed = grower->bare_names_length + length;
	size_t size = grower->bare_names_size + grower->bare_names_size / 2 + 4096;
	char *names;

	if (needed > UINT32_MAX)
		return false;
	if (grower->bare_names && needed <= grower->bare_names_size)
		return true;
	if (size < needed)
		size = needed;
	names = realloc(grower->bare_names, size);
	if (!names)
		return false;
	grower->bare_names = names;
	grower->bare_names_size = size;
	return true;
}

bool bare_names_keep(struct grower *grower, uint32_t parent, const struct ext_dirent *entry)
{
	if (!make_room(grower, entry->name_length) ||
	    !GROW(grower->bare, grower->bare_count, grower->bare_size))
		return false;
	grower->bare[grower->bare_count++] =
		(struct bare_name){.parent = parent,
				   .name_at = (uint32_t)grower->bare_names_length,
				   .length = entry->name_length,
				   .ino = entry->inode};
	memcpy(grower->bare_names + grower->bare_names_length, entry->name, entry->name_length);
	grower->bare_names_length += entry->name_length;
	return true;
}

bool bare_names_place(struct grower *grower)
{
	struct rescue_tree *tree = grower->tree;

	for (size_t i = 0; i < grower->bare_count; i++) {
		const struct bare_name *bare = &grower->bare[i];
		const char *name = grower->bare_names + bare->name_at;
		uint32_t node;

		if (name_index_find(&grower->names, tree, bare->parent, name, bare->length) !=
		    RESCUE_NONE)
			continue;
		node = rescue_add(tree, bare->parent, name, bare->length, bare->ino,
				  EXT_TYPE_UNKNOWN,
				  (enum rescue_origin)tree->nodes[bare->parent].origin);
		if (node == RESCUE_NONE || !name_index_add(&grower->names, tree, node))
			return false;
		tree->nodes[node].confidence = RESCUE_NAME;
	}
	return true;
}

void bare_names_clear(struct grower *grower)
{
	free(grower->bare);
	free(grower->bare_names);
	grower->bare = NULL;
	grower->bare_names = NULL;
}
