/* SPDX-License-Identifier: MIT */
/*
 * Fills the tree of a survey: the entries of every directory, read in disk order, hung below the
 * directory's own node. What no directory leads to is place.c's.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/scan.h"
#include "rescue/grow_tree.h"

static bool is_dot(const struct ext_dirent *entry)
{
	return (entry->name_length == 1 && entry->name[0] == '.') ||
	       (entry->name_length == 2 && entry->name[0] == '.' && entry->name[1] == '.');
}

/* Directories come before anything knows where they hang: a node each, hung up afterwards. */
static void take_entry(void *context, const struct entry_place *place,
		       const struct ext_dirent *entry)
{
	struct grower *grower = context;
	struct survey *survey = grower->tree->survey;
	const struct directory *directory = place->directory;
	const uint8_t state = inode_states_get(&survey->inodes, entry->inode);
	const uint32_t parent = grower->nodes[index_of(survey, directory)];
	const struct directory *child = NULL;
	uint32_t node;

	if (is_dot(entry) || grower->failed)
		return;
	if (!(state & STATE_USED)) {
		grower->failed = !bare_names_keep(grower, parent, entry);
		return;
	}
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

/* Nodes that wait for their place, as directories of the survey do. */
static bool add_waiting(struct grower *grower)
{
	const struct records *records = grower->options->records;
	const struct deleted_list *list = grower->options->deleted;

	grower->ghosts = malloc(((records ? records->ghost_count : 0) + 1) * sizeof(uint32_t));
	grower->deleted = malloc(((list ? list->count : 0) + 1) * sizeof(uint32_t));
	if (!grower->ghosts || !grower->deleted)
		return false;
	for (size_t i = 0; records && i < records->ghost_count; i++)
		if ((grower->ghosts[i] =
			     rescue_add(grower->tree, RESCUE_NONE, "", 0, records->ghosts[i].ino,
					EXT_TYPE_DIRECTORY, RESCUE_LOST)) == RESCUE_NONE)
			return false;
	for (size_t i = 0; list && i < list->count; i++) {
		grower->deleted[i] = RESCUE_NONE;
		if (list->items[i].type != EXT_TYPE_DIRECTORY)
			continue;
		grower->deleted[i] =
			rescue_add(grower->tree, RESCUE_NONE, "", 0, list->items[i].ino,
				   EXT_TYPE_DIRECTORY, RESCUE_DELETED);
		if (grower->deleted[i] == RESCUE_NONE)
			return false;
		grower->tree->nodes[grower->deleted[i]].inode_offset = list->items[i].offset;
	}
	return true;
}

enum ext_status rescue_tree_build(struct survey *survey, const struct rescue_options *options,
				  struct rescue_tree *tree, struct ext_error *error)
{
	struct grower grower = {.tree = tree, .options = options, .lost_found = RESCUE_NONE};
	const struct directory_visitor visitor = {any_directory, take_entry, &grower};
	enum ext_status status = EXT_OK;

	memset(tree, 0, sizeof *tree);
	tree->filesystem = survey->filesystem;
	tree->survey = survey;
	if (!add_directories(&grower, survey) || !add_waiting(&grower))
		status = ext_no_memory(error);
	if (status == EXT_OK)
		status = scan_entries(survey, &visitor, error);
	if (status == EXT_OK && (!name_index_build(&grower.names, tree) ||
				 !place_the_rest(&grower, survey) || !bare_names_place(&grower)))
		status = ext_no_memory(error);
	if (status == EXT_OK && grower.failed)
		status = ext_no_memory(error);
	free(grower.nodes);
	name_index_clear(&grower.names);
	bare_names_clear(&grower);
	free(grower.ghosts);
	free(grower.deleted);
	if (status != EXT_OK) {
		rescue_tree_clear(tree);
		return status;
	}
	rescue_turn(tree);
	return EXT_OK;
}
