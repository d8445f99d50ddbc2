/* SPDX-License-Identifier: MIT */
/* The list of nodes and their names: adding, walking, naming. What goes into it is grow_tree.c's.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "rescue/tree.h"

enum { DEPTH_MOST = 4096 };

void rescue_tree_clear(struct rescue_tree *tree)
{
	free(tree->nodes);
	free(tree->names);
	memset(tree, 0, sizeof *tree);
}

static bool add_name(struct rescue_tree *tree, const char *name, size_t length, uint32_t *at)
{
	if (tree->names_length + length > UINT32_MAX)
		return false;
	if (tree->names_length + length > tree->names_size) {
		const size_t size = tree->names_size + tree->names_size / 2 + 4096 + length;
		char *names = realloc(tree->names, size);

		if (!names)
			return false;
		tree->names = names;
		tree->names_size = size;
	}
	if (length > 0)
		memcpy(tree->names + tree->names_length, name, length);
	*at = (uint32_t)tree->names_length;
	tree->names_length += length;
	return true;
}

uint32_t rescue_add(struct rescue_tree *tree, uint32_t parent, const char *name, size_t length,
		    ext_ino ino, uint8_t type, enum rescue_origin origin)
{
	const uint32_t index = tree->count;
	struct rescue_node *node;
	uint32_t name_at;

	if (index == RESCUE_NONE || length > EXT_NAME_MAX ||
	    !add_name(tree, name, length, &name_at) || !GROW(tree->nodes, tree->count, tree->size))
		return RESCUE_NONE;
	node = &tree->nodes[tree->count++];
	*node = (struct rescue_node){.parent = parent,
				     .next = RESCUE_NONE,
				     .child = RESCUE_NONE,
				     .name_at = name_at,
				     .name_length = (uint8_t)length,
				     .ino = ino,
				     .type = type,
				     .origin = (uint8_t)origin};
	if (parent != RESCUE_NONE) {
		/* Entries are kept newest first while building; rescue_tree_build turns them round.
		 */
		node->next = tree->nodes[parent].child;
		tree->nodes[parent].child = index;
		tree->nodes[parent].entries++;
	}
	return index;
}

bool rescue_hang(struct rescue_tree *tree, uint32_t index, uint32_t parent, const char *name,
		 size_t length)
{
	struct rescue_node *node = &tree->nodes[index];
	uint32_t name_at;

	if (length > EXT_NAME_MAX || !add_name(tree, name, length, &name_at))
		return false;
	node->name_at = name_at;
	node->name_length = (uint8_t)length;
	node->parent = parent;
	node->next = tree->nodes[parent].child;
	tree->nodes[parent].child = index;
	tree->nodes[parent].entries++;
	return true;
}

void rescue_turn(struct rescue_tree *tree)
{
	for (uint32_t i = 0; i < tree->count; i++) {
		uint32_t turned = RESCUE_NONE, at = tree->nodes[i].child;

		while (at != RESCUE_NONE) {
			const uint32_t next = tree->nodes[at].next;

			tree->nodes[at].next = turned;
			turned = at;
			at = next;
		}
		tree->nodes[i].child = turned;
	}
}

uint32_t rescue_next(const struct rescue_tree *tree, uint32_t at)
{
	const struct rescue_node *node = &tree->nodes[at];

	if (node->child != RESCUE_NONE)
		return node->child;
	while (node->next == RESCUE_NONE) {
		if (node->parent == RESCUE_NONE)
			return RESCUE_NONE;
		node = &tree->nodes[node->parent];
	}
	return node->next;
}

size_t rescue_path(const struct rescue_tree *tree, uint32_t at, char *text, size_t size)
{
	uint32_t chain[DEPTH_MOST];
	unsigned depth = 0;
	size_t length = 0;

	for (; at != RESCUE_ROOT && at != RESCUE_NONE && depth < DEPTH_MOST;
	     at = tree->nodes[at].parent)
		chain[depth++] = at;
	if (depth == 0 && size > 1)
		text[length] = '/';
	if (depth == 0)
		length++;
	while (depth-- > 0) {
		const struct rescue_node *node = &tree->nodes[chain[depth]];

		if (length < size)
			text[length] = '/';
		length++;
		for (unsigned i = 0; i < node->name_length; i++, length++)
			if (length < size)
				text[length] = tree->names[node->name_at + i];
	}
	if (size > 0)
		text[length < size ? length : size - 1] = '\0';
	return length;
}

enum ext_status rescue_inode(const struct rescue_tree *tree, const struct rescue_node *node,
			     struct ext_inode *inode, uint8_t *raw, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(tree->filesystem);
	uint8_t *bytes = raw;
	enum ext_status status;

	if (node->inode_offset == 0)
		return ext_inode_read(tree->filesystem, node->ino, inode, raw, error);
	if (!bytes && !(bytes = malloc(sb->inode_size)))
		return ext_no_memory(error);
	status = ext_source_read(ext_filesystem_source(tree->filesystem), node->inode_offset, bytes,
				 sb->inode_size, error);
	if (status == EXT_OK) {
		ext_inode_decode(sb, node->ino, bytes, inode);
		inode->stored_at = node->inode_offset;
		inode->checksum = ext_inode_checksum(sb, node->ino, bytes, &inode->checksum_stored,
						     &inode->checksum_computed);
	}
	if (!raw)
		free(bytes);
	return status;
}
