/* SPDX-License-Identifier: MIT */
/*
 * One inode's extent tree, changed in memory. Where Linux has a choice, the same is chosen (where a
 * full leaf is split, when two extents become one, when a leaf moves back into the inode), because
 * the number of tree blocks shows in df.  Doc: ext4/ifork.rst, "Extent Tree".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "structure/filesystem.h"
#include "walk/extent_edit.h"

enum {
	EXTENT_MAGIC = 0xf30a,
	ENTRY_SIZE = 12,
	ROOT_MAX = 4,
	DEEPEST = 5,
	NODES_MOST = 8192, /* of one inode: what is larger is left alone */
	WRITTEN_MOST = 32768,
	UNWRITTEN_MOST = 32767,
};

struct entry {
	uint32_t logical;
	uint32_t length; /* extents */
	uint64_t block;	 /* data, or the node below */
	uint32_t child;	 /* index of the node below when it is loaded; 0 is the root, so: not */
	bool unwritten;
};

struct node {
	ext_block block; /* 0: the root, in the inode */
	unsigned depth;
	uint32_t count, max;
	struct entry *entries;
	bool changed, gone;
};

struct extent_edit {
	struct ext_editor *editor;
	const struct ext_superblock *superblock;
	const struct reserved_ranges *reserved;
	ext_ino ino;
	uint32_t seed;
	uint8_t *raw;
	struct node *nodes;
	uint32_t node_count, node_capacity;
};

/* The way from the root to a leaf: nodes, and the entry taken in each. */
struct path {
	uint32_t node[DEEPEST + 1];
	int64_t at[DEEPEST + 1]; /* in the leaf: the last entry at or before the key, or -1 */
	unsigned depth;		 /* of the tree: the leaf is node[depth] */
};

static bool is_reserved(const struct reserved_ranges *reserved, ext_block block, uint64_t length,
			ext_block *behind)
{
	for (size_t i = 0; reserved && i < reserved->count; i++) {
		const struct reserved_range *range = &reserved->ranges[i];

		if (range->block >= block + length)
			break;
		if (block < range->block + range->length) {
			*behind = range->block + range->length;
			return true;
		}
	}
	return false;
}

enum ext_status allocate_block(struct ext_editor *editor, const struct reserved_ranges *reserved,
			       ext_block goal, ext_block *block, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(ext_editor_filesystem(editor));
	/* Each reserved range is jumped over at most twice, once on each side of the end. */
	size_t tries = reserved ? 2 * reserved->count + 2 : 1;
	ext_block found = 0, behind = 0;

	while (tries-- > 0) {
		if (ext_editor_find_free(editor, goal, &found, error) != EXT_OK)
			break;
		if (!is_reserved(reserved, found, sb->cluster_blocks, &behind)) {
			*block = found;
			return ext_editor_mark_blocks(editor, found, 1, true, error);
		}
		goal = behind;
	}
	return ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
}

static enum ext_status corrupt(const struct extent_edit *edit, ext_block block,
			       struct ext_error *error)
{
	const struct ext_place place = {
		.structure = EXT_AT_EXTENT_NODE,
		.has = EXT_HAS_INODE | (block != 0 ? (uint32_t)EXT_HAS_BLOCK : 0),
		.inode = edit->ino,
		.block = block,
	};

	return ext_corrupt(error, EXT_EXTENT_MAGIC, place, 0, EXTENT_MAGIC, EXTENT_MAGIC);
}

/* A new node with room for one entry more than fits on disk. */
static enum ext_status new_node(struct extent_edit *edit, unsigned depth, ext_block block,
				uint32_t max, uint32_t *index, struct ext_error *error)
{
	if (edit->node_count == NODES_MOST)
		return ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	if (edit->node_count == edit->node_capacity) {
		const uint32_t capacity = edit->node_capacity ? edit->node_capacity * 2 : 8;
		struct node *nodes = realloc(edit->nodes, capacity * sizeof *nodes);

		if (!nodes)
			return ext_no_memory(error);
		edit->nodes = nodes;
		edit->node_capacity = capacity;
	}

	struct entry *entries = calloc((size_t)max + 1, sizeof *entries);

	if (!entries)
		return ext_no_memory(error);
	edit->nodes[edit->node_count] =
		(struct node){.block = block, .depth = depth, .max = max, .entries = entries};
	*index = edit->node_count++;
	return EXT_OK;
}

static void decode_entry(const struct node *node, const uint8_t *bytes, struct entry *entry)
{
	if (node->depth == 0) {
		const struct ext_raw_extent *raw =
			(const struct ext_raw_extent *)(const void *)bytes;
		const uint32_t length = get(raw->ee_len);

		*entry = (struct entry){
			.logical = get(raw->ee_block),
			.length = length > WRITTEN_MOST ? length - WRITTEN_MOST : length,
			.block = (uint64_t)get(raw->ee_start_hi) << 32 | get(raw->ee_start_lo),
			.unwritten = length > WRITTEN_MOST,
		};
	} else {
		const struct ext_raw_extent_index *raw =
			(const struct ext_raw_extent_index *)(const void *)bytes;

		*entry = (struct entry){
			.logical = get(raw->ei_block),
			.block = (uint64_t)get(raw->ei_leaf_hi) << 32 | get(raw->ei_leaf_lo),
		};
	}
}

/* Decodes a node; entries out of order make it no use. */
static enum ext_status load_node(struct extent_edit *edit, struct ext_span bytes, ext_block block,
				 unsigned depth, uint32_t max, uint32_t *index,
				 struct ext_error *error)
{
	const struct ext_raw_extent_header *header =
		(const struct ext_raw_extent_header *)(const void *)bytes.data;
	enum ext_status status;
	uint64_t behind = 0;

	if (get(header->eh_magic) != EXTENT_MAGIC || get(header->eh_entries) > max ||
	    get(header->eh_depth) != depth)
		return corrupt(edit, block, error);
	status = new_node(edit, depth, block, max, index, error);
	if (status != EXT_OK)
		return status;

	struct node *node = &edit->nodes[*index];

	node->count = get(header->eh_entries);
	for (uint32_t i = 0; i < node->count; i++) {
		struct entry *entry = &node->entries[i];

		decode_entry(node, bytes.data + sizeof *header + (size_t)i * ENTRY_SIZE, entry);
		if ((i > 0 && entry->logical < behind) || (depth == 0 && entry->length == 0))
			return corrupt(edit, block, error);
		behind = (uint64_t)entry->logical + (depth == 0 ? entry->length : 1);
	}
	return EXT_OK;
}

static uint32_t block_max(const struct extent_edit *edit)
{
	return (edit->superblock->block_size - ENTRY_SIZE) / ENTRY_SIZE;
}

/* The node below entry `at` of `parent`. */
static enum ext_status child_of(struct extent_edit *edit, uint32_t parent, int64_t at,
				uint32_t *child, struct ext_error *error)
{
	const uint32_t size = edit->superblock->block_size;
	const struct entry entry = edit->nodes[parent].entries[at];
	const unsigned depth = edit->nodes[parent].depth;
	enum ext_status status;
	uint8_t *bytes;

	if (entry.child != 0) {
		*child = entry.child;
		return EXT_OK;
	}
	bytes = malloc(size);
	if (!bytes)
		return ext_no_memory(error);
	status = ext_filesystem_read_blocks(ext_editor_filesystem(edit->editor), entry.block, 1,
					    bytes, error);
	if (status == EXT_OK)
		status = load_node(edit, (struct ext_span){bytes, size}, entry.block, depth - 1,
				   block_max(edit), child, error);
	if (status == EXT_OK)
		edit->nodes[parent].entries[at].child = *child;
	free(bytes);
	return status;
}

enum ext_status extent_edit_open(struct ext_editor *editor, ext_ino ino, uint8_t *raw,
				 const struct reserved_ranges *reserved, struct extent_edit **edit,
				 struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(ext_editor_filesystem(editor));
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)raw;
	const struct ext_raw_extent_header *header =
		(const struct ext_raw_extent_header *)(const void *)core->i_block;
	struct extent_edit *new = calloc(1, sizeof *new);
	enum ext_status status;
	uint32_t root;

	if (!new)
		return ext_no_memory(error);
	new->editor = editor;
	new->superblock = sb;
	new->reserved = reserved;
	new->ino = ino;
	new->raw = raw;
	new->seed = ext_inode_seed(sb, ino, get(core->i_generation));
	if (get(header->eh_depth) > DEEPEST)
		status = corrupt(new, 0, error);
	else
		status = load_node(
			new,
			(struct ext_span){(const uint8_t *)core->i_block, sizeof core->i_block}, 0,
			get(header->eh_depth), ROOT_MAX, &root, error);
	if (status != EXT_OK) {
		extent_edit_close(new);
		return status;
	}
	*edit = new;
	return EXT_OK;
}

void extent_edit_close(struct extent_edit *edit)
{
	if (!edit)
		return;
	for (uint32_t i = 0; i < edit->node_count; i++)
		free(edit->nodes[i].entries);
	free(edit->nodes);
	free(edit);
}

/* The last entry at or before `logical`; -1 when all lie behind. */
static int64_t entry_before(const struct node *node, uint32_t logical)
{
	int64_t low = 0, high = (int64_t)node->count;

	while (low < high) {
		const int64_t middle = low + (high - low) / 2;

		if (node->entries[middle].logical <= logical)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

static enum ext_status descend(struct extent_edit *edit, uint32_t logical, struct path *path,
			       struct ext_error *error)
{
	path->depth = edit->nodes[0].depth;
	path->node[0] = 0;
	for (unsigned level = 0;; level++) {
		const uint32_t index = path->node[level];

		path->at[level] = entry_before(&edit->nodes[index], logical);
		if (level == path->depth)
			return EXT_OK;
		/* What lies before the first key belongs to the first child. */
		if (path->at[level] < 0)
			path->at[level] = 0;
		if (edit->nodes[index].count == 0)
			return corrupt(edit, edit->nodes[index].block, error);

		const enum ext_status status =
			child_of(edit, index, path->at[level], &path->node[level + 1], error);

		if (status != EXT_OK)
			return status;
	}
}

/* The first key behind the leaf of `path`, or 2^32 when it is the last leaf. */
static uint64_t next_leaf_key(const struct extent_edit *edit, const struct path *path)
{
	for (unsigned level = path->depth; level-- > 0;) {
		const struct node *node = &edit->nodes[path->node[level]];

		if (path->at[level] + 1 < (int64_t)node->count)
			return node->entries[path->at[level] + 1].logical;
	}
	return (uint64_t)UINT32_MAX + 1;
}

enum ext_status extent_edit_find(struct extent_edit *edit, uint32_t logical, struct extent *extent,
				 uint64_t *hole, struct ext_error *error)
{
	struct path path;
	const enum ext_status status = descend(edit, logical, &path, error);
	uint64_t next;

	if (status != EXT_OK)
		return status;

	const struct node *leaf = &edit->nodes[path.node[path.depth]];
	const int64_t at = path.at[path.depth];

	*extent = (struct extent){0};
	*hole = 0;
	if (at >= 0 && logical - leaf->entries[at].logical < leaf->entries[at].length) {
		const struct entry *entry = &leaf->entries[at];

		*extent = (struct extent){entry->logical, entry->length, entry->block,
					  entry->unwritten};
		return EXT_OK;
	}
	next = at + 1 < (int64_t)leaf->count ? leaf->entries[at + 1].logical
					     : next_leaf_key(edit, &path);
	*hole = next > logical ? next - logical : 1;
	return EXT_OK;
}

/* Moves the keys above along when the first key of a node has changed. */
static void correct_keys(struct extent_edit *edit, const struct path *path, unsigned level)
{
	while (level > 0) {
		const struct node *node = &edit->nodes[path->node[level]];
		struct node *parent = &edit->nodes[path->node[level - 1]];
		struct entry *key = &parent->entries[path->at[level - 1]];

		if (node->count == 0 || key->logical == node->entries[0].logical)
			return;
		key->logical = node->entries[0].logical;
		parent->changed = true;
		if (path->at[level - 1] != 0)
			return;
		level--;
	}
}

static void insert_at(struct node *node, uint32_t at, const struct entry *entry)
{
	memmove(node->entries + at + 1, node->entries + at,
		(node->count - at) * sizeof *node->entries);
	node->entries[at] = *entry;
	node->count++;
	node->changed = true;
}

static void remove_at(struct node *node, uint32_t at)
{
	node->count--;
	memmove(node->entries + at, node->entries + at + 1,
		(node->count - at) * sizeof *node->entries);
	node->changed = true;
}

static bool mergeable(const struct entry *left, const struct entry *right)
{
	const uint32_t most = left->unwritten ? UNWRITTEN_MOST : WRITTEN_MOST;

	return left->unwritten == right->unwritten && left->length + right->length <= most &&
	       (uint64_t)left->logical + left->length == right->logical &&
	       left->block + left->length == right->block;
}

static enum ext_status release_node(struct extent_edit *edit, uint32_t index,
				    struct ext_error *error)
{
	struct node *node = &edit->nodes[index];

	node->gone = true;
	return ext_editor_mark_blocks(edit->editor, node->block, 1, false, error);
}

/* A tree of one leaf whose entries fit the inode becomes a tree of none. */
static enum ext_status merge_up(struct extent_edit *edit, struct ext_error *error)
{
	struct node *root = &edit->nodes[0];
	uint32_t child;
	enum ext_status status;

	if (root->depth != 1 || root->count != 1)
		return EXT_OK;
	status = child_of(edit, 0, 0, &child, error);
	if (status != EXT_OK)
		return status;
	root = &edit->nodes[0];

	const struct node *leaf = &edit->nodes[child];

	if (leaf->count > ROOT_MAX)
		return EXT_OK;
	memcpy(root->entries, leaf->entries, leaf->count * sizeof *root->entries);
	root->count = leaf->count;
	root->depth = 0;
	root->changed = true;
	return release_node(edit, child, error);
}

/* Makes one extent of entry `at` and its neighbours where that is possible. */
static enum ext_status merge_around(struct extent_edit *edit, const struct path *path, int64_t at,
				    struct ext_error *error)
{
	struct node *leaf = &edit->nodes[path->node[path->depth]];

	if (at > 0 && mergeable(&leaf->entries[at - 1], &leaf->entries[at])) {
		leaf->entries[at - 1].length += leaf->entries[at].length;
		remove_at(leaf, (uint32_t)at);
		at--;
	}
	while (at >= 0 && at + 1 < (int64_t)leaf->count &&
	       mergeable(&leaf->entries[at], &leaf->entries[at + 1])) {
		leaf->entries[at].length += leaf->entries[at + 1].length;
		remove_at(leaf, (uint32_t)at + 1);
	}
	return merge_up(edit, error);
}

static ext_block goal_for(const struct extent_edit *edit, const struct path *path)
{
	const struct node *leaf = &edit->nodes[path->node[path->depth]];

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

	if (edit->nodes[0].depth == DEEPEST)
		return ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	status = allocate_block(edit->editor, edit->reserved, goal, &block, error);
	if (status == EXT_OK)
		status =
			new_node(edit, edit->nodes[0].depth, block, block_max(edit), &index, error);
	if (status != EXT_OK)
		return status;

	struct node *root = &edit->nodes[0], *moved = &edit->nodes[index];

	memcpy(moved->entries, root->entries, root->count * sizeof *root->entries);
	moved->count = root->count;
	moved->changed = true;
	root->entries[0] = (struct entry){
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
				  const struct entry *first, ext_block goal, uint32_t *index,
				  struct ext_error *error)
{
	const unsigned depth = edit->nodes[from].depth;
	ext_block block;
	enum ext_status status = allocate_block(edit->editor, edit->reserved, goal, &block, error);

	if (status == EXT_OK)
		status = new_node(edit, depth, block, block_max(edit), index, error);
	if (status != EXT_OK)
		return status;

	struct node *old = &edit->nodes[from], *new = &edit->nodes[*index];
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
static enum ext_status make_room(struct extent_edit *edit, uint32_t logical,
				 struct ext_error *error)
{
	struct path path;
	enum ext_status status = descend(edit, logical, &path, error);
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

	const struct node *leaf = &edit->nodes[path.node[path.depth]];
	const int64_t at = path.at[path.depth];

	border = at + 1 < (int64_t)leaf->count ? leaf->entries[at + 1].logical : logical;
	for (unsigned i = path.depth; i > level; i--) {
		const struct entry below = {
			.logical = border,
			.block = i < path.depth ? edit->nodes[index].block : 0,
			.child = index,
		};

		status = split_node(edit, path.node[i], path.at[i], i < path.depth ? &below : NULL,
				    goal, &index, error);
		if (status != EXT_OK)
			return status;
	}

	const struct entry key = {
		.logical = border, .block = edit->nodes[index].block, .child = index};

	insert_at(&edit->nodes[path.node[level]], (uint32_t)(path.at[level] + 1), &key);
	return EXT_OK;
}

/* Adds the extent to a neighbour in the leaf, if it continues it. */
static bool append_to_neighbour(struct extent_edit *edit, const struct path *path,
				const struct entry *new, int64_t *merged)
{
	struct node *leaf = &edit->nodes[path->node[path->depth]];
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
			correct_keys(edit, path, path->depth);
	} else {
		return false;
	}
	leaf->changed = true;
	return true;
}

enum ext_status extent_edit_insert(struct extent_edit *edit, const struct extent *extent,
				   struct ext_error *error)
{
	const struct entry new = {
		.logical = extent->logical,
		.length = extent->length,
		.block = extent->physical,
		.unwritten = extent->unwritten,
	};

	/* Growing makes room only from depth 0 to 1; a split follows it otherwise. */
	for (unsigned tries = 0; tries < 4; tries++) {
		struct path path;
		enum ext_status status = descend(edit, extent->logical, &path, error);
		int64_t at;

		if (status != EXT_OK)
			return status;
		if (append_to_neighbour(edit, &path, &new, &at))
			return merge_around(edit, &path, at, error);

		struct node *leaf = &edit->nodes[path.node[path.depth]];

		at = path.at[path.depth];
		if (leaf->count < leaf->max) {
			insert_at(leaf, (uint32_t)(at + 1), &new);
			correct_keys(edit, &path, path.depth);
			return merge_around(edit, &path, at + 1, error);
		}
		/* Behind the last of a full leaf, the next leaf may have room. */
		if (at + 1 == (int64_t)leaf->count) {
			const uint64_t next = next_leaf_key(edit, &path);

			if (next <= UINT32_MAX) {
				status = descend(edit, (uint32_t)next, &path, error);
				if (status != EXT_OK)
					return status;
				leaf = &edit->nodes[path.node[path.depth]];
				if (leaf->count < leaf->max) {
					path.at[path.depth] = -1;
					if (append_to_neighbour(edit, &path, &new, &at))
						return merge_around(edit, &path, at, error);
					insert_at(leaf, 0, &new);
					correct_keys(edit, &path, path.depth);
					return merge_around(edit, &path, 0, error);
				}
			}
		}
		status = make_room(edit, extent->logical, error);
		if (status != EXT_OK)
			return status;
	}
	return ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
}

/* Cuts first .. last out of one extent. True when a part behind `last` is left over, in `rest`. */
static bool cut(struct entry *entry, uint64_t first, uint64_t last, struct extent *rest)
{
	const uint64_t end = (uint64_t)entry->logical + entry->length;
	bool split = false;

	if (last + 1 < end) {
		const uint64_t kept_from = last + 1;

		*rest = (struct extent){(uint32_t)kept_from, (uint32_t)(end - kept_from),
					entry->block + (kept_from - entry->logical),
					entry->unwritten};
		split = true;
	}
	entry->length = first > entry->logical ? (uint32_t)(first - entry->logical) : 0;
	return split;
}

/* Takes an empty node, and index nodes that become empty with it, out of the tree. */
static enum ext_status drop_empty(struct extent_edit *edit, const struct path *path,
				  struct ext_error *error)
{
	for (unsigned level = path->depth; level > 0; level--) {
		struct node *parent = &edit->nodes[path->node[level - 1]];
		enum ext_status status;

		if (edit->nodes[path->node[level]].count > 0) {
			correct_keys(edit, path, level);
			return EXT_OK;
		}
		status = release_node(edit, path->node[level], error);
		if (status != EXT_OK)
			return status;
		remove_at(parent, (uint32_t)path->at[level - 1]);
		if (path->at[level - 1] == 0)
			correct_keys(edit, path, level - 1);
	}
	if (edit->nodes[0].count == 0)
		edit->nodes[0].depth = 0;
	return EXT_OK;
}

enum ext_status extent_edit_remove(struct extent_edit *edit, uint32_t first, uint32_t last,
				   bool free_data, struct ext_error *error)
{
	uint64_t next = first;

	while (next <= last) {
		struct extent found, rest;
		struct path path;
		uint64_t hole, freed_from, freed_end;
		bool split;
		enum ext_status status =
			extent_edit_find(edit, (uint32_t)next, &found, &hole, error);

		if (status != EXT_OK)
			return status;
		if (found.length == 0) {
			next += hole;
			continue;
		}
		status = descend(edit, (uint32_t)next, &path, error);
		if (status != EXT_OK)
			return status;

		struct node *leaf = &edit->nodes[path.node[path.depth]];
		struct entry *entry = &leaf->entries[path.at[path.depth]];

		freed_from = next;
		freed_end = min_u64((uint64_t)found.logical + found.length, (uint64_t)last + 1);
		split = cut(entry, next, last, &rest);
		leaf->changed = true;
		if (entry->length == 0 && split) {
			/* Cut at its beginning: the rest stands in its place. */
			*entry = (struct entry){.logical = rest.logical,
						.length = rest.length,
						.block = rest.physical,
						.unwritten = rest.unwritten};
			if (path.at[path.depth] == 0)
				correct_keys(edit, &path, path.depth);
			split = false;
		} else if (entry->length == 0) {
			remove_at(leaf, (uint32_t)path.at[path.depth]);
			status = drop_empty(edit, &path, error);
		}
		if (status == EXT_OK && split)
			status = extent_edit_insert(edit, &rest, error);
		if (status == EXT_OK && free_data)
			status = ext_editor_mark_blocks(
				edit->editor, found.physical + (freed_from - found.logical),
				freed_end - freed_from, false, error);
		if (status != EXT_OK)
			return status;
		next = freed_end;
	}
	return EXT_OK;
}

static void encode_node(const struct node *node, uint8_t *bytes)
{
	struct ext_raw_extent_header *header = (struct ext_raw_extent_header *)(void *)bytes;

	put(&header->eh_magic, EXTENT_MAGIC);
	put(&header->eh_entries, (uint16_t)node->count);
	put(&header->eh_max, (uint16_t)node->max);
	put(&header->eh_depth, (uint16_t)node->depth);
	for (uint32_t i = 0; i < node->count; i++) {
		const struct entry *entry = &node->entries[i];
		uint8_t *at = bytes + sizeof *header + (size_t)i * ENTRY_SIZE;

		if (node->depth == 0) {
			struct ext_raw_extent *raw = (struct ext_raw_extent *)(void *)at;

			put(&raw->ee_block, entry->logical);
			put(&raw->ee_len, (uint16_t)(entry->unwritten ? entry->length + WRITTEN_MOST
								      : entry->length));
			put(&raw->ee_start_hi, (uint16_t)(entry->block >> 32));
			put(&raw->ee_start_lo, (uint32_t)entry->block);
		} else {
			struct ext_raw_extent_index *raw =
				(struct ext_raw_extent_index *)(void *)at;

			put(&raw->ei_block, entry->logical);
			put(&raw->ei_leaf_lo, (uint32_t)entry->block);
			put(&raw->ei_leaf_hi, (uint16_t)(entry->block >> 32));
			put(&raw->ei_unused, 0);
		}
	}
}

enum ext_status extent_edit_finish(struct extent_edit *edit, struct ext_error *error)
{
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)edit->raw;
	const uint32_t size = edit->superblock->block_size;
	uint8_t *bytes = malloc(size);
	enum ext_status status = EXT_OK;

	if (!bytes)
		return ext_no_memory(error);
	if (edit->nodes[0].changed) {
		memset(core->i_block, 0, sizeof core->i_block);
		encode_node(&edit->nodes[0], (uint8_t *)core->i_block);
		edit->nodes[0].changed = false;
	}
	for (uint32_t i = 1; i < edit->node_count && status == EXT_OK; i++) {
		struct node *node = &edit->nodes[i];

		if (!node->changed || node->gone)
			continue;
		memset(bytes, 0, size);
		encode_node(node, bytes);
		if (edit->superblock->has_metadata_csum) {
			const size_t tail_at = ENTRY_SIZE + (size_t)node->max * ENTRY_SIZE;
			struct ext_raw_extent_tail *tail =
				(struct ext_raw_extent_tail *)(void *)(bytes + tail_at);

			put(&tail->et_checksum, crc32c(edit->seed, bytes, tail_at));
		}
		status = ext_editor_write_block(edit->editor, node->block, bytes, error);
		node->changed = false;
	}
	free(bytes);
	return status;
}
