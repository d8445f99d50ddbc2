/* SPDX-License-Identifier: MIT */
/*
 * Gives what no directory leads to its place: below the directory that a record names, else below
 * lost+found. A record is followed only where its time and type do not speak against it, since a
 * name at the wrong file is worse than none.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rescue/place.h"
#include "rescue/same_life.h"

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
uint32_t place_node_of(const struct grower *grower, ext_ino ino)
{
	const struct survey *survey = grower->tree->survey;
	const struct directory *directory = survey_directory(survey, ino);
	const struct ghost_directory *ghost;
	const struct deleted_inode *lives;
	size_t count;

	if (ino == EXT_INO_ROOT)
		return RESCUE_ROOT;
	if (directory)
		return grower->nodes[index_of(survey, directory)];
	lives = deleted_lives(grower->options->deleted, ino, &count);
	for (size_t i = 0; i < count; i++)
		if (lives[i].type == EXT_TYPE_DIRECTORY)
			return grower->deleted[&lives[i] - grower->options->deleted->items];
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

/* Can the record be of this file? By type, and by the times of both. */
static bool can_be(const struct grower *grower, const struct name_record *record,
		   const struct ext_inode *inode)
{
	if (!inode)
		return true;
	if (record->type != EXT_TYPE_UNKNOWN && record->type != inode->type)
		return false;
	return !grower->options->healing ||
	       same_life(grower->options->healing, record, inode) != LIFE_OTHER;
}

/*
 * The next record from `*at` on whose directory is known and still has no such entry. `inode` is
 * NULL when nothing but names is left of it.
 */
static bool next_home(struct grower *grower, ext_ino ino, const struct ext_inode *inode,
		      uint32_t node, size_t *at, struct home *home)
{
	const struct records *records = grower->options->records;
	size_t count = 0;
	const struct name_record *found = records ? records_find(records, ino, &count) : NULL;

	while (*at < count) {
		const struct name_record *record = &found[(*at)++];
		const uint32_t parent =
			record->parent ? place_node_of(grower, record->parent) : RESCUE_NONE;

		if (parent == RESCUE_NONE ||
		    (node != RESCUE_NONE && is_below(grower->tree, parent, node)) ||
		    !can_be(grower, record, inode))
			continue;
		*home = (struct home){.parent = parent,
				      .name = records->names + record->name_at,
				      .length = record->length};
		if (name_index_find(&grower->names, grower->tree, parent, home->name,
				    home->length) == RESCUE_NONE)
			return true;
	}
	return false;
}

/* Any name that it ever had, else its number. */
static void name_without_home(const struct grower *grower, ext_ino ino,
			      const struct ext_inode *inode, struct home *home)
{
	const struct records *records = grower->options->records;
	size_t count = 0;
	const struct name_record *found = records ? records_find(records, ino, &count) : NULL;

	snprintf(home->made_up, sizeof home->made_up, "#%lu", (unsigned long)ino);
	for (size_t i = 0; i < count; i++) {
		home->name = records->names + found[i].name_at;
		home->length = found[i].length;
		if (can_be(grower, &found[i], inode) &&
		    name_index_find(&grower->names, grower->tree, home->parent, home->name,
				    home->length) == RESCUE_NONE)
			return;
	}
	home->name = home->made_up;
	home->length = strlen(home->made_up);
}

/* Without a record that tells the directory: below a lost parent, else in lost+found. */
static bool last_home(struct grower *grower, ext_ino ino, const struct ext_inode *inode,
		      uint32_t node, ext_ino dotdot, struct home *home)
{
	const uint32_t parent =
		dotdot != 0 && dotdot != EXT_INO_ROOT ? place_node_of(grower, dotdot) : RESCUE_NONE;

	if (parent != RESCUE_NONE && grower->tree->nodes[parent].origin != RESCUE_REACHED &&
	    (node == RESCUE_NONE || !is_below(grower->tree, parent, node)))
		home->parent = parent;
	else
		home->parent = lost_found_node(grower);
	if (home->parent == RESCUE_NONE)
		return false;
	name_without_home(grower, ino, inode, home);
	return true;
}

/* `inode` is NULL for a directory of which only blocks are left. */
static bool hang_node(struct grower *grower, ext_ino ino, const struct ext_inode *inode,
		      uint32_t node, ext_ino dotdot)
{
	struct home home;
	size_t at = 0;

	return (next_home(grower, ino, inode, node, &at, &home) ||
		last_home(grower, ino, inode, node, dotdot, &home)) &&
	       rescue_hang(grower->tree, node, home.parent, home.name, home.length) &&
	       name_index_add(&grower->names, grower->tree, node);
}

bool place_add_name(struct grower *grower, const struct found_file *file, const struct home *home)
{
	const uint32_t node = rescue_add(grower->tree, home->parent, home->name, home->length,
					 file->ino, file->type, (enum rescue_origin)file->origin);

	if (node == RESCUE_NONE)
		return false;
	grower->tree->nodes[node].inode_offset = file->offset;
	grower->tree->nodes[node].confidence = file->confidence;
	return name_index_add(&grower->names, grower->tree, node);
}

/* As many of its newest names as it has links without one. */
static bool add_names(struct grower *grower, const struct found_file *file,
		      const struct ext_inode *inode, unsigned *names)
{
	struct home home;
	size_t at = 0;

	for (*names = 0;
	     *names < file->links && next_home(grower, file->ino, inode, RESCUE_NONE, &at, &home);
	     ++*names)
		if (!place_add_name(grower, file, &home))
			return false;
	return true;
}

/* Where there is no name, one that is made up. */
static bool add_file(struct grower *grower, const struct found_file *file,
		     const struct ext_inode *inode)
{
	struct home home;
	unsigned names;

	return add_names(grower, file, inode, &names) &&
	       (names > 0 || (last_home(grower, file->ino, inode, RESCUE_NONE, 0, &home) &&
			      place_add_name(grower, file, &home)));
}

/* The inode as it stands in its table, or NULL. */
static const struct ext_inode *inode_now(const struct grower *grower, ext_ino ino,
					 struct ext_inode *inode)
{
	return ext_inode_read(grower->tree->filesystem, ino, inode, NULL, NULL) == EXT_OK ? inode
											  : NULL;
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
		struct ext_inode inode;

		if (directory) {
			const uint32_t node = grower->nodes[index_of(survey, directory)];

			if (node != RESCUE_ROOT && tree->nodes[node].parent == RESCUE_NONE &&
			    !hang_node(grower, ino, inode_now(grower, ino, &inode), node,
				       directory->dotdot))
				return false;
		} else if (!(state & STATE_NAMED)) {
			const struct found_file file = {
				.ino = ino,
				.type = state & STATE_TYPE,
				.origin = RESCUE_LOST,
				/* Nothing names it: all its links are left. */
				.links = inode_states_links_left(&survey->inodes, ino)};

			if (!add_file(grower, &file, inode_now(grower, ino, &inode)))
				return false;
		}
	}
	return true;
}

/* Files that have a name, but more links than names: the others were in directories that are gone.
 */
static bool add_missing_links(struct grower *grower, struct survey *survey)
{
	enum { LINKS_MOST = 65000 };

	for (ext_ino ino = 0;
	     (ino = inode_states_next(&survey->inodes, ino + 1, STATE_USED | STATE_NAMED,
				      STATE_ORPHAN | STATE_SYSTEM)) != 0;) {
		const uint8_t state = inode_states_get(&survey->inodes, ino);
		const struct found_file file = {
			.ino = ino,
			.type = state & STATE_TYPE,
			.origin = RESCUE_LOST,
			.links = inode_states_links_left(&survey->inodes, ino)};
		struct ext_inode inode;
		unsigned names;

		if (file.type != EXT_TYPE_DIRECTORY && file.links > 0 && file.links <= LINKS_MOST &&
		    !add_names(grower, &file, inode_now(grower, ino, &inode), &names))
			return false;
	}
	return true;
}

static bool add_deleted(struct grower *grower)
{
	const struct deleted_list *list = grower->options->deleted;

	for (size_t i = 0; list && i < list->count; i++) {
		const struct deleted_inode *deleted = &list->items[i];
		const struct rescue_node then = {.ino = deleted->ino,
						 .inode_offset = deleted->offset};
		struct ext_inode read;
		const struct ext_inode *inode =
			rescue_inode(grower->tree, &then, &read, NULL, NULL) == EXT_OK ? &read
										       : NULL;

		if (deleted->type == EXT_TYPE_DIRECTORY) {
			if (!hang_node(grower, deleted->ino, inode, grower->deleted[i], 0))
				return false;
		} else {
			const struct found_file file = {.ino = deleted->ino,
							.type = deleted->type,
							.origin = RESCUE_DELETED,
							.confidence = deleted->confidence,
							.links = deleted->links,
							.offset = deleted->offset};

			if (!add_file(grower, &file, inode))
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
			if (!hang_node(grower, records->ghosts[i].ino, NULL, node,
				       records->ghosts[i].parent))
				return false;
			changed = true;
		}
	}
	return true;
}

bool place_the_rest(struct grower *grower, struct survey *survey)
{
	return (!grower->options->lost ||
		(add_lost(grower, survey) && add_missing_links(grower, survey))) &&
	       add_deleted(grower) && place_old_names(grower) && add_ghosts(grower);
}
