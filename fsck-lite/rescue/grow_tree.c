/* SPDX-License-Identifier: MIT */
/*
 * Fills the tree of a survey: the entries of every directory, read in disk order, hung below the
 * directory's own node; then what no directory leads to, below lost+found.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/scan.h"
#include "rescue/tree.h"

/* What the visitor of directory entries needs. */
struct grower {
	struct rescue_tree *tree;
	uint32_t *nodes; /* of each directory of the survey; RESCUE_NONE: not in the tree yet */
	bool failed;
};

static bool is_dot(const struct ext_dirent *entry)
{
	return entry->name_length == 0 || (entry->name[0] == '.' && entry->name_length == 1) ||
	       (entry->name_length == 2 && entry->name[0] == '.' && entry->name[1] == '.');
}

static size_t index_of(const struct survey *survey, const struct directory *directory)
{
	return (size_t)(directory - survey->directories);
}

/* Directories come before anything knows where they hang: a node each, hung up afterwards. */
static void take_entry(void *context, const struct directory *directory,
		       const struct ext_dirent *entry)
{
	struct grower *grower = context;
	struct survey *survey = grower->tree->survey;
	const uint8_t state = inode_states_get(&survey->inodes, entry->inode);
	const uint32_t parent = grower->nodes[index_of(survey, directory)];
	const struct directory *child = NULL;
	uint32_t node;

	if (is_dot(entry) || !(state & STATE_USED) || grower->failed)
		return;
	if ((state & STATE_TYPE) == EXT_TYPE_DIRECTORY) {
		child = survey_directory(survey, entry->inode);
		/* A directory has one place: in the one that counts as its parent. */
		if (!child || child->parent != directory->ino || child->ino == EXT_INO_ROOT ||
		    (child->reach != directory->reach))
			return;
		node = grower->nodes[index_of(survey, child)];
		if (grower->tree->nodes[node].parent != RESCUE_NONE)
			return;
		/* The node is there already; it gets its name and its place. */
		if (!rescue_hang(grower->tree, node, parent, entry->name, entry->name_length))
			grower->failed = true;
		return;
	}
	node = rescue_add(grower->tree, parent, entry->name, entry->name_length, entry->inode,
			  state & STATE_TYPE,
			  directory->reach == REACH_ROOT ? RESCUE_REACHED : RESCUE_LOST);
	if (node == RESCUE_NONE)
		grower->failed = true;
}

static bool any_directory(const struct directory *directory)
{
	(void)directory;
	return true;
}

/* A node for every directory; the root is the first. */
static bool add_directories(struct grower *grower, struct survey *survey)
{
	struct rescue_tree *tree = grower->tree;

	grower->nodes = malloc((survey->directory_count + 1) * sizeof *grower->nodes);
	if (!grower->nodes || rescue_add(tree, RESCUE_NONE, "", 0, EXT_INO_ROOT, EXT_TYPE_DIRECTORY,
					 RESCUE_REACHED) == RESCUE_NONE)
		return false;
	for (size_t i = 0; i < survey->directory_count; i++) {
		const struct directory *directory = &survey->directories[i];

		grower->nodes[i] = RESCUE_ROOT;
		if (directory->ino == EXT_INO_ROOT)
			continue;
		grower->nodes[i] =
			rescue_add(tree, RESCUE_NONE, "", 0, directory->ino, EXT_TYPE_DIRECTORY,
				   directory->reach == REACH_ROOT ? RESCUE_REACHED : RESCUE_LOST);
		if (grower->nodes[i] == RESCUE_NONE)
			return false;
	}
	return true;
}

/* The entry lost+found of the root, made up when there is none. */
static uint32_t lost_found(struct rescue_tree *tree)
{
	static const char name[] = "lost+found";

	for (uint32_t at = tree->nodes[RESCUE_ROOT].child; at != RESCUE_NONE;
	     at = tree->nodes[at].next)
		if (tree->nodes[at].name_length == sizeof name - 1 &&
		    tree->nodes[at].type == EXT_TYPE_DIRECTORY &&
		    memcmp(rescue_name(tree, &tree->nodes[at]), name, sizeof name - 1) == 0)
			return at;
	return rescue_add(tree, RESCUE_ROOT, name, sizeof name - 1, 0, EXT_TYPE_DIRECTORY,
			  RESCUE_LOST);
}

/* Tops of lost trees, and lost files that nothing names at all. */
static bool add_lost(struct grower *grower, struct survey *survey)
{
	struct rescue_tree *tree = grower->tree;
	uint32_t below = RESCUE_NONE;
	char name[16];

	for (ext_ino ino = 0;
	     (ino = inode_states_next(&survey->inodes, ino + 1, STATE_USED,
				      STATE_REACHED | STATE_ORPHAN | STATE_SYSTEM)) != 0;) {
		const uint8_t state = inode_states_get(&survey->inodes, ino);
		const struct directory *directory = (state & STATE_TYPE) == EXT_TYPE_DIRECTORY
							    ? survey_directory(survey, ino)
							    : NULL;

		if (directory) {
			const uint32_t node = grower->nodes[index_of(survey, directory)];

			if (tree->nodes[node].parent != RESCUE_NONE || node == RESCUE_ROOT)
				continue;
		} else if (state & STATE_NAMED) {
			continue;
		}
		if (below == RESCUE_NONE && (below = lost_found(tree)) == RESCUE_NONE)
			return false;
		snprintf(name, sizeof name, "#%lu", (unsigned long)ino);
		if (directory) {
			if (!rescue_hang(tree, grower->nodes[index_of(survey, directory)], below,
					 name, strlen(name)))
				return false;
		} else if (rescue_add(tree, below, name, strlen(name), ino, state & STATE_TYPE,
				      RESCUE_LOST) == RESCUE_NONE) {
			return false;
		}
	}
	return true;
}

enum ext_status rescue_tree_build(struct survey *survey, const struct rescue_options *options,
				  struct rescue_tree *tree, struct ext_error *error)
{
	struct grower grower = {.tree = tree};
	const struct directory_visitor visitor = {any_directory, take_entry, &grower};
	enum ext_status status = EXT_OK;

	memset(tree, 0, sizeof *tree);
	tree->filesystem = survey->filesystem;
	tree->survey = survey;
	if (!add_directories(&grower, survey))
		status = ext_no_memory(error);
	if (status == EXT_OK)
		status = scan_entries(survey, &visitor, error);
	if (status == EXT_OK && options->lost && !add_lost(&grower, survey))
		status = ext_no_memory(error);
	if (status == EXT_OK && grower.failed)
		status = ext_no_memory(error);
	free(grower.nodes);
	if (status != EXT_OK) {
		rescue_tree_clear(tree);
		return status;
	}
	rescue_turn(tree);
	return EXT_OK;
}
