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
	uint32_t *index;	    /* nodes by parent and name, open addressing */
	size_t index_size, index_left;
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

static size_t slot_of(const struct grower *grower, uint32_t parent, const char *name, size_t length)
{
	uint32_t hash = parent * 2654435761u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return (hash ^ hash >> 15) & (grower->index_size - 1);
}

static void index_node(struct grower *grower, uint32_t at)
{
	const struct rescue_node *node = &grower->tree->nodes[at];
	size_t slot;

	if (node->parent == RESCUE_NONE)
		return;
	slot = slot_of(grower, node->parent, rescue_name(grower->tree, node), node->name_length);
	while (grower->index[slot] != RESCUE_NONE)
		slot = (slot + 1) & (grower->index_size - 1);
	grower->index[slot] = at;
}

/* An index of all names, with room for `more`: what is there by right keeps its name. */
static bool index_names(struct grower *grower, size_t more)
{
	grower->index_size = 1024;
	while (grower->index_size < 2 * (grower->tree->count + more))
		grower->index_size *= 2;
	free(grower->index);
	grower->index = malloc(grower->index_size * sizeof *grower->index);
	if (!grower->index)
		return false;
	memset(grower->index, 0xff, grower->index_size * sizeof *grower->index);
	for (uint32_t i = 0; i < grower->tree->count; i++)
		index_node(grower, i);
	grower->index_left = more;
	return true;
}

/* To be called for every node that gets its place. */
static bool note_name(struct grower *grower, uint32_t node)
{
	if (grower->index_left == 0 && !index_names(grower, grower->tree->count + 1024))
		return false;
	grower->index_left--;
	index_node(grower, node);
	return true;
}

static bool is_taken(const struct grower *grower, uint32_t parent, const char *name, size_t length)
{
	const struct rescue_tree *tree = grower->tree;
	size_t slot = slot_of(grower, parent, name, length);

	for (; grower->index[slot] != RESCUE_NONE; slot = (slot + 1) & (grower->index_size - 1)) {
		const struct rescue_node *node = &tree->nodes[grower->index[slot]];

		if (node->parent == parent && node->name_length == length &&
		    memcmp(rescue_name(tree, node), name, length) == 0)
			return true;
	}
	return false;
}

/* Where something without a name belongs, as far as any record tells. */
struct home {
	uint32_t parent;
	const char *name;
	size_t length;
	char made_up[16];
};

/* The next record from `*at` on whose directory is known and still has no such entry. */
static bool next_home(struct grower *grower, ext_ino ino, uint32_t node, size_t *at,
		      struct home *home)
{
	const struct records *records = grower->options->records;
	size_t count = 0;
	const struct name_record *found = records ? records_find(records, ino, &count) : NULL;

	while (*at < count) {
		const struct name_record *record = &found[(*at)++];
		const uint32_t parent =
			record->parent ? node_of(grower, record->parent) : RESCUE_NONE;

		if (parent == RESCUE_NONE ||
		    (node != RESCUE_NONE && is_below(grower->tree, parent, node)))
			continue;
		*home = (struct home){.parent = parent,
				      .name = records->names + record->name_at,
				      .length = record->length};
		if (!is_taken(grower, parent, home->name, home->length))
			return true;
	}
	return false;
}

/* Without such a record: below a lost parent, else in lost+found; under any name it ever had. */
static bool last_home(struct grower *grower, ext_ino ino, uint32_t node, ext_ino dotdot,
		      struct home *home)
{
	const struct records *records = grower->options->records;
	size_t count = 0;
	const struct name_record *found = records ? records_find(records, ino, &count) : NULL;
	const uint32_t parent =
		dotdot != 0 && dotdot != EXT_INO_ROOT ? node_of(grower, dotdot) : RESCUE_NONE;

	snprintf(home->made_up, sizeof home->made_up, "#%lu", (unsigned long)ino);
	home->name = count > 0 ? records->names + found[0].name_at : home->made_up;
	home->length = count > 0 ? found[0].length : strlen(home->made_up);
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
	size_t at = 0;

	return (next_home(grower, ino, node, &at, &home) ||
		last_home(grower, ino, node, dotdot, &home)) &&
	       rescue_hang(grower->tree, node, home.parent, home.name, home.length) &&
	       note_name(grower, node);
}

/* What a file without a place becomes. */
struct found_file {
	ext_ino ino;
	uint8_t type, origin, confidence;
	uint16_t links;
	uint64_t offset;
};

static bool add_name(struct grower *grower, const struct found_file *file, const struct home *home)
{
	const uint32_t node = rescue_add(grower->tree, home->parent, home->name, home->length,
					 file->ino, file->type, (enum rescue_origin)file->origin);

	if (node == RESCUE_NONE)
		return false;
	grower->tree->nodes[node].inode_offset = file->offset;
	grower->tree->nodes[node].confidence = file->confidence;
	return note_name(grower, node);
}

/* As many of its newest names as it has links; where there is none, one that is made up. */
static bool add_file(struct grower *grower, const struct found_file *file)
{
	struct home home;
	size_t at = 0;
	unsigned names = 0;

	while (names < file->links && next_home(grower, file->ino, RESCUE_NONE, &at, &home)) {
		if (!add_name(grower, file, &home))
			return false;
		names++;
	}
	return names > 0 || (last_home(grower, file->ino, RESCUE_NONE, 0, &home) &&
			     add_name(grower, file, &home));
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
		} else if (!(state & STATE_NAMED)) {
			const struct found_file file = {
				.ino = ino,
				.type = state & STATE_TYPE,
				.origin = RESCUE_LOST,
				/* Nothing names it: all its links are left. */
				.links = inode_states_links_left(&survey->inodes, ino)};

			if (!add_file(grower, &file))
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
		} else {
			const struct found_file file = {.ino = deleted->ino,
							.type = deleted->type,
							.origin = RESCUE_DELETED,
							.confidence = deleted->confidence,
							.links = deleted->links,
							.offset = deleted->offset};

			if (!add_file(grower, &file))
				return false;
		}
	}
	return true;
}

/* A file that lives on under another name had this one in a directory that was deleted. */
static bool add_old_names(struct grower *grower, const struct survey *survey)
{
	const struct records *records = grower->options->records;

	for (size_t i = 0; grower->options->deleted && records && i < records->count; i++) {
		const struct name_record *record = &records->items[i];
		const uint8_t state = inode_states_get(&survey->inodes, record->child);
		const struct home home = {.parent = record->parent ? node_of(grower, record->parent)
								   : RESCUE_NONE,
					  .name = records->names + record->name_at,
					  .length = record->length};
		const struct found_file file = {.ino = record->child,
						.type = state & STATE_TYPE,
						.origin = RESCUE_DELETED,
						.confidence = RESCUE_LIKELY};

		/* The number of a deleted file may be somebody else's now. */
		if (!(state & STATE_REACHED) || (state & STATE_TYPE) == EXT_TYPE_DIRECTORY ||
		    home.parent == RESCUE_NONE || survey_directory(survey, record->parent) ||
		    deleted_get(grower->options->deleted, record->child) ||
		    is_taken(grower, home.parent, home.name, home.length))
			continue;
		if (!add_name(grower, &file, &home))
			return false;
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
	if (status == EXT_OK &&
	    (!index_names(&grower, 1024) || (options->lost && !add_lost(&grower, survey)) ||
	     !add_deleted(&grower) || !add_old_names(&grower, survey) || !add_ghosts(&grower)))
		status = ext_no_memory(error);
	if (status == EXT_OK && grower.failed)
		status = ext_no_memory(error);
	free(grower.nodes);
	free(grower.index);
	free(grower.ghosts);
	free(grower.deleted);
	if (status != EXT_OK) {
		rescue_tree_clear(tree);
		return status;
	}
	rescue_turn(tree);
	return EXT_OK;
}
