/* SPDX-License-Identifier: MIT */
/*
 * Where Linux has a choice, the same is chosen (where a full leaf is split, when two extents become
 * one, when a leaf moves back into the inode), because the number of tree blocks shows in df.
 */
#include "config.h"

#include <string.h>

#include "edit/extent_balance.h"

/* Moves the keys above along when the first key of a node has changed. */
void extent_correct_keys(struct extent_edit *edit, const struct extent_path *path, unsigned level)
{
	while (level > 0) {
		const struct extent_node *node = &edit->nodes[path->node[level]];
		struct extent_node *parent = &edit->nodes[path->node[level - 1]];
		struct extent_entry *key = &parent->entries[path->at[level - 1]];

		if (node->count == 0 || key->logical == node->entries[0].logical)
			return;
		key->logical = node->entries[0].logical;
		parent->changed = true;
		if (path->at[level - 1] != 0)
			return;
		level--;
	}
}

void extent_node_insert(struct extent_node *node, uint32_t at, const struct extent_entry *entry)
{
	memmove(node->entries + at + 1, node->entries + at,
		(node->count - at) * sizeof *node->entries);
	node->entries[at] = *entry;
	node->count++;
	node->changed = true;
}

void extent_node_remove(struct extent_node *node, uint32_t at)
{
	node->count--;
	memmove(node->entries + at, node->entries + at + 1,
		(node->count - at) * sizeof *node->entries);
	node->changed = true;
}

static bool mergeable(const struct extent_entry *left, const struct extent_entry *right)
{
	const uint32_t most = left->unwritten ? EXTENT_UNWRITTEN_MOST : EXTENT_WRITTEN_MOST;

	return left->unwritten == right->unwritten && left->length + right->length <= most &&
	       (uint64_t)left->logical + left->length == right->logical &&
	       left->block + left->length == right->block;
}

static enum ext_status release_node(struct extent_edit *edit, uint32_t index,
				    struct ext_error *error)
{
	struct extent_node *node = &edit->nodes[index];

	node->gone = true;
	return ext_editor_mark_blocks(edit->editor, node->block, 1, false, error);
}

/* A tree of one leaf whose entries fit the inode becomes a tree of none. */
static enum ext_status merge_up(struct extent_edit *edit, struct ext_error *error)
{
	struct extent_node *root = &edit->nodes[0];
	uint32_t child;
	enum ext_status status;

	if (root->depth != 1 || root->count != 1)
		return EXT_OK;
	status = extent_node_child(edit, 0, 0, &child, error);
	if (status != EXT_OK)
		return status;
	root = &edit->nodes[0];

	const struct extent_node *leaf = &edit->nodes[child];

	if (leaf->count > EXTENT_ROOT_MAX)
		return EXT_OK;
	memcpy(root->entries, leaf->entries, leaf->count * sizeof *root->entries);
	root->count = leaf->count;
	root->depth = 0;
	root->changed = true;
	return release_node(edit, child, error);
}

/* Makes one extent of entry `at` and its neighbours where that is possible. */
enum ext_status extent_merge_around(struct extent_edit *edit, const struct extent_path *path,
				    int64_t at, struct ext_error *error)
{
	struct extent_node *leaf = &edit->nodes[path->node[path->depth]];

	if (at > 0 && mergeable(&leaf->entries[at - 1], &leaf->entries[at])) {
		leaf->entries[at - 1].length += leaf->entries[at].length;
		extent_node_remove(leaf, (uint32_t)at);
		at--;
	}
	while (at >= 0 && at + 1 < (int64_t)leaf->count &&
	       mergeable(&leaf->entries[at], &leaf->entries[at + 1])) {
		leaf->entries[at].length += leaf->entries[at + 1].length;
		extent_node_remove(leaf, (uint32_t)at + 1);
	}
	return merge_up(edit, error);
}

static ext_block goal_for(const struct extent_edit *edit, const struct extent_path *path)
{
	const struct extent_node *leaf = &edit->nodes[path->node[path->depth]];

	return leaf->count > 0 ? leaf->entries[leaf->count - 1].block : leaf->block;
}

/*
 * The root moves into a block of its own and the tree becomes one level deeper.
 */
static enum ext_status grow(struct extent_edit *edit, ext_block goal, struct ext_error *error)
{
	ext_block block;
	uint32_t index;
	enum ext_status status;

	if (edit->nodes[0].depth == EXTENT_DEEPEST)
		return ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	status = allocate_block(edit->editor, edit->reserved, goal, &block, error);
	if (status == EXT_OK)
		status = extent_node_new(edit, edit->nodes[0].depth, block, extent_node_room(edit),
					 &index, error);
	if (status != EXT_OK)
		return status;

	struct extent_node *root = &edit->nodes[0], *moved = &edit->nodes[index];

	memcpy(moved->entries, root->entries, root->count * sizeof *root->entries);
	moved->count = root->count;
	moved->changed = true;
	root->entries[0] = (struct extent_entry){
		.logical = moved->count > 0 ? moved->entries[0].logical : 0,
		.block = block,
		.child = index,
	};
	root->count = 1;
	root->depth++;
	root->changed = true;
	return EXT_OK;
}

/* Takes what lies behind entry `at` of a node into a new one. */
static enum ext_status split_node(struct extent_edit *edit, uint32_t from, int64_t at,
				  const struct extent_entry *first, ext_block goal, uint32_t *index,
				  struct ext_error *error)
{
	const unsigned depth = edit->nodes[from].depth;
	ext_block block;
	enum ext_status status = allocate_block(edit->editor, edit->reserved, goal, &block, error);

	if (status == EXT_OK)
		status = extent_node_new(edit, depth, block, extent_node_room(edit), index, error);
	if (status != EXT_OK)
		return status;

	struct extent_node *old = &edit->nodes[from], *new = &edit->nodes[*index];
	const uint32_t keep = (uint32_t)(at + 1);

	if (first)
		new->entries[new->count++] = *first;
	memcpy(new->entries + new->count, old->entries + keep,
	       (old->count - keep) * sizeof *old->entries);
	new->count += old->count - keep;
	old->count = keep;
	old->changed = new->changed = true;
	return EXT_OK;
}

/*
 * The leaf is full: like Linux, everything behind the place of insertion moves into a new leaf, and
 * index nodes that are full are split the same way.
 */
enum ext_status extent_make_room(struct extent_edit *edit, uint32_t logical,
				 struct ext_error *error)
{
	struct extent_path path;
	enum ext_status status = extent_path_to(edit, logical, &path, error);
	unsigned level = path.depth;
	uint32_t border, index = 0;
	ext_block goal;

	if (status != EXT_OK)
		return status;
	goal = goal_for(edit, &path);
	/* The lowest index node with a free entry. */
	do {
		if (level == 0) {
			return grow(edit, goal, error);
		}
		level--;
	} while (edit->nodes[path.node[level]].count >= edit->nodes[path.node[level]].max);

	const struct extent_node *leaf = &edit->nodes[path.node[path.depth]];
	const int64_t at = path.at[path.depth];

	border = at + 1 < (int64_t)leaf->count ? leaf->entries[at + 1].logical : logical;
	for (unsigned i = path.depth; i > level; i--) {
		const struct extent_entry below = {
			.logical = border,
			.block = i < path.depth ? edit->nodes[index].block : 0,
			.child = index,
		};

		status = split_node(edit, path.node[i], path.at[i], i < path.depth ? &below : NULL,
				    goal, &index, error);
		if (status != EXT_OK)
			return status;
	}

	const struct extent_entry key = {
		.logical = border, .block = edit->nodes[index].block, .child = index};

	extent_node_insert(&edit->nodes[path.node[level]], (uint32_t)(path.at[level] + 1), &key);
	return EXT_OK;
}

/* Adds the extent to a neighbour in the leaf, if it continues it. */
bool extent_append(struct extent_edit *edit, const struct extent_path *path,
		   const struct extent_entry *new, int64_t *merged)
{
	struct extent_node *leaf = &edit->nodes[path->node[path->depth]];
	const int64_t at = path->at[path->depth];

	if (at >= 0 && mergeable(&leaf->entries[at], new)) {
		leaf->entries[at].length += new->length;
		*merged = at;
	} else if (at + 1 < (int64_t)leaf->count && mergeable(new, &leaf->entries[at + 1])) {
		leaf->entries[at + 1].logical = new->logical;
		leaf->entries[at + 1].block = new->block;
		leaf->entries[at + 1].length += new->length;
		*merged = at + 1;
		if (at + 1 == 0)
			extent_correct_keys(edit, path, path->depth);
	} else {
		return false;
	}
	leaf->changed = true;
	return true;
}

/* Takes an empty node, and index nodes that become empty with it, out of the tree. */
enum ext_status extent_drop_empty(struct extent_edit *edit, const struct extent_path *path,
				  struct ext_error *error)
{
	for (unsigned level = path->depth; level > 0; level--) {
		struct extent_node *parent = &edit->nodes[path->node[level - 1]];
		enum ext_status status;

		if (edit->nodes[path->node[level]].count > 0) {
			extent_correct_keys(edit, path, level);
			return EXT_OK;
		}
		status = release_node(edit, path->node[level], error);
		if (status != EXT_OK)
			return status;
		extent_node_remove(parent, (uint32_t)path->at[level - 1]);
		if (path->at[level - 1] == 0)
			extent_correct_keys(edit, path, level - 1);
	}
	if (edit->nodes[0].count == 0)
		edit->nodes[0].depth = 0;
	return EXT_OK;
}
