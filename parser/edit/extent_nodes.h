/* SPDX-License-Identifier: MIT */
/*
 * An inode's extent tree as nodes in memory: loaded when somebody comes past, written at the end.
 */
#ifndef EDIT_EXTENT_NODES_H
#define EDIT_EXTENT_NODES_H

#include "edit/extent_edit.h"

enum {
	EXTENT_ENTRY_SIZE = 12,
	EXTENT_ROOT_MAX = 4,
	EXTENT_DEEPEST = 5,
	EXTENT_WRITTEN_MOST = 32768,
	EXTENT_UNWRITTEN_MOST = 32767,
};

struct extent_entry {
	uint32_t logical;
	uint32_t length; /* extents */
	uint64_t block;	 /* data, or the node below */
	uint32_t child;	 /* index of the node below when it is loaded; 0 is the root, so: not */
	bool unwritten;
};

struct extent_node {
	ext_block block; /* 0: the root, in the inode */
	unsigned depth;
	uint32_t count, max;
	struct extent_entry *entries;
	bool changed, gone;
};

struct extent_edit {
	struct ext_editor *editor;
	const struct ext_superblock *superblock;
	const struct reserved_ranges *reserved;
	ext_ino ino;
	uint32_t seed;
	uint8_t *raw;
	struct extent_node *nodes;
	uint32_t node_count, node_capacity;
};

/* The way from the root to a leaf: the nodes, and the entry taken in each. */
struct extent_path {
	uint32_t node[EXTENT_DEEPEST + 1];
	/* In the leaf: the last entry at or before the key, or -1. */
	int64_t at[EXTENT_DEEPEST + 1];
	unsigned depth; /* of the tree: the leaf is node[depth] */
};

/* A new node with room for one entry more than fits on disk. */
enum ext_status extent_node_new(struct extent_edit *edit, unsigned depth, ext_block block,
				uint32_t max, uint32_t *index, struct ext_error *error);

/* How many entries a block holds. */
uint32_t extent_node_room(const struct extent_edit *edit);

/* The node below entry `at` of `parent`. */
enum ext_status extent_node_child(struct extent_edit *edit, uint32_t parent, int64_t at,
				  uint32_t *child, struct ext_error *error);

/* The way to the leaf where `logical` lies or would lie. */
enum ext_status extent_path_to(struct extent_edit *edit, uint32_t logical, struct extent_path *path,
			       struct ext_error *error);

/* The first key behind the leaf of `path`, or 2^32 when it is the last leaf. */
uint64_t extent_path_next_key(const struct extent_edit *edit, const struct extent_path *path);

#endif
