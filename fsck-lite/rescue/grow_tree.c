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
#include "rescue/deleted.h"
#include "rescue/records.h"
#include "rescue/tree.h"

/* What the visitor of directory entries needs. */
struct grower {
	struct rescue_tree *tree;
	const struct rescue_options *options;
	uint32_t lost_found;	    /* its node, once something goes there */
	uint32_t *ghosts, *deleted; /* nodes, for each of the records' and the list's */
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

/* The node of directory `ino`, however it is known; RESCUE_NONE if it is none. */
static uint32_t node_of(const struct grower *grower, ext_ino ino)
{
	const struct survey *survey = grower->tree->survey;
	const struct directory *directory = survey_directory(survey, ino);
	const struct ghost_directory *ghost;
	const struct deleted_inode *deleted;

	if (ino == EXT_INO_ROOT)
		return RESCUE_ROOT;
	if (directory)
		return grower->nodes[index_of(survey, directory)];
	deleted = grower->options->deleted ? deleted_get(grower->options->deleted, ino) : NULL;
	if (deleted && deleted->type == EXT_TYPE_DIRECTORY)
		return grower->deleted[deleted - grower->options->deleted->items];
	ghost = grower->options->records ? records_ghost(grower->options->records, ino) : NULL;
	return ghost ? grower->ghosts[ghost - grower->options->records->ghosts] : RESCUE_NONE;
}

/* Would hanging `node` below `parent` close a loop? */
static bool is_below(const struct rescue_tree *tree, uint32_t parent, uint32_t node)
{
	for (; parent != RESCUE_NONE; parent = tree->nodes[parent].parent)
		if (parent == node)
			return true;
	return false;
}

static uint32_t lost_found_node(struct grower *grower)
{
	if (grower->lost_found == RESCUE_NONE)
		grower->lost_found = lost_found(grower->tree);
	return grower->lost_found;
}

/* Is there an entry of this name already? What is there by right keeps it. */
static bool is_taken(const struct rescue_tree *tree, uint32_t parent, const char *name,
		     size_t length)
{
	for (uint32_t at = tree->nodes[parent].child; at != RESCUE_NONE; at = tree->nodes[at].next)
		if (tree->nodes[at].name_length == length &&
		    memcmp(rescue_name(tree, &tree->nodes[at]), name, length) == 0)
			return true;
	return false;
}

/* Where something without a name belongs, as far as any record tells. */
struct home {
	uint32_t parent;
	const char *name;
	size_t length;
	char made_up[16];
};

static bool find_home(struct grower *grower, ext_ino ino, uint32_t node, ext_ino dotdot,
		      struct home *home)
{
	const struct records *records = grower->options->records;
	size_t count = 0;
	const struct name_record *found = records ? records_find(records, ino, &count) : NULL;
	uint32_t parent;

	for (size_t i = 0; i < count; i++) {
		parent = found[i].parent ? node_of(grower, found[i].parent) : RESCUE_NONE;
		if (parent == RESCUE_NONE ||
		    (node != RESCUE_NONE && is_below(grower->tree, parent, node)))
			continue;
		*home = (struct home){.parent = parent,
				      .name = records->names + found[i].name_at,
				      .length = found[i].length};
		if (!is_taken(grower->tree, parent, home->name, home->length))
			return true;
	}
	snprintf(home->made_up, sizeof home->made_up, "#%lu", (unsigned long)ino);
	home->name = home->made_up;
	home->length = strlen(home->made_up);
	if (count > 0) {
		home->name = records->names + found[0].name_at;
		home->length = found[0].length;
	}
	/* Its own ".." still leads to a directory that is lost itself: stay together. */
	parent = dotdot != 0 && dotdot != EXT_INO_ROOT ? node_of(grower, dotdot) : RESCUE_NONE;
	if (parent != RESCUE_NONE && grower->tree->nodes[parent].origin != RESCUE_REACHED &&
	    (node == RESCUE_NONE || !is_below(grower->tree, parent, node)))
		home->parent = parent;
	else
		home->parent = lost_found_node(grower);
	return home->parent != RESCUE_NONE;
}

static bool hang_node(struct grower *grower, ext_ino ino, uint32_t node, ext_ino dotdot)
{
	struct home home;

	return find_home(grower, ino, node, dotdot, &home) &&
	       rescue_hang(grower->tree, node, home.parent, home.name, home.length);
}

static bool add_file(struct grower *grower, ext_ino ino, uint8_t type, enum rescue_origin origin,
		     uint64_t offset, uint8_t confidence)
{
	struct home home;
	uint32_t node;

	if (!find_home(grower, ino, RESCUE_NONE, 0, &home))
		return false;
	node = rescue_add(grower->tree, home.parent, home.name, home.length, ino, type, origin);
	if (node == RESCUE_NONE)
		return false;
	grower->tree->nodes[node].inode_offset = offset;
	grower->tree->nodes[node].confidence = confidence;
	return true;
}

/* Tops of lost trees, and lost files that nothing names. */
static bool add_lost(struct grower *grower, struct survey *survey)
{
	struct rescue_tree *tree = grower->tree;

	for (ext_ino ino = 0;
	     (ino = inode_states_next(&survey->inodes, ino + 1, STATE_USED,
				      STATE_REACHED | STATE_ORPHAN | STATE_SYSTEM)) != 0;) {
		const uint8_t state = inode_states_get(&survey->inodes, ino);
		const struct directory *directory = (state & STATE_TYPE) == EXT_TYPE_DIRECTORY
							    ? survey_directory(survey, ino)
							    : NULL;

		if (directory) {
			const uint32_t node = grower->nodes[index_of(survey, directory)];

			if (node != RESCUE_ROOT && tree->nodes[node].parent == RESCUE_NONE &&
			    !hang_node(grower, ino, node, directory->dotdot))
				return false;
		} else if (!(state & STATE_NAMED) && !add_file(grower, ino, state & STATE_TYPE,
							       RESCUE_LOST, 0, RESCUE_SURE)) {
			return false;
		}
	}
	return true;
}

static bool add_deleted(struct grower *grower)
{
	const struct deleted_list *list = grower->options->deleted;

	for (size_t i = 0; list && i < list->count; i++) {
		const struct deleted_inode *deleted = &list->items[i];

		if (deleted->type == EXT_TYPE_DIRECTORY) {
			if (!hang_node(grower, deleted->ino, grower->deleted[i], 0))
				return false;
		} else if (!add_file(grower, deleted->ino, deleted->type, RESCUE_DELETED,
				     deleted->offset, deleted->confidence)) {
			return false;
		}
	}
	return true;
}

/* Directories known from one block alone: only those that something hangs below. */
static bool add_ghosts(struct grower *grower)
{
	const struct records *records = grower->options->records;
	bool changed = records != NULL;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < records->ghost_count; i++) {
			const uint32_t node = grower->ghosts[i];

			if (grower->tree->nodes[node].parent != RESCUE_NONE ||
			    grower->tree->nodes[node].child == RESCUE_NONE)
				continue;
			if (!hang_node(grower, records->ghosts[i].ino, node,
				       records->ghosts[i].parent))
				return false;
			changed = true;
		}
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
	if (status == EXT_OK && ((options->lost && !add_lost(&grower, survey)) ||
				 !add_deleted(&grower) || !add_ghosts(&grower)))
		status = ext_no_memory(error);
	if (status == EXT_OK && grower.failed)
		status = ext_no_memory(error);
	free(grower.nodes);
	free(grower.ghosts);
	free(grower.deleted);
	if (status != EXT_OK) {
		rescue_tree_clear(tree);
		return status;
	}
	rescue_turn(tree);
	return EXT_OK;
}
