/* SPDX-License-Identifier: MIT */
/* Links that were removed: names besides those that a file has now or had at its end. */
#include "config.h"

#include "rescue/place.h"
#include "rescue/same_life.h"

/*
 * A name that the file had once, besides those that it has now or had at its end. In a directory
 * that is gone: with it. In one that is still there: only if it was the name of a link that was
 * removed, not of a file that was renamed.
 */
static bool is_old_name(const struct grower *grower, const struct name_record *record,
			const struct ext_inode *inode)
{
	const struct healing *healing = grower->options->healing;

	return healing && (record->type == EXT_TYPE_UNKNOWN || record->type == inode->type) &&
	       same_life(healing, record, inode) == LIFE_SAME &&
	       (!survey_directory(grower->tree->survey, record->parent) ||
		had_more_links(healing, record, inode));
}

/* The life of a deleted inode that the record is of. */
static const struct deleted_inode *
life_of(const struct grower *grower, const struct name_record *record, struct ext_inode *inode)
{
	size_t count;
	const struct deleted_inode *lives =
		deleted_lives(grower->options->deleted, record->child, &count);

	for (size_t i = 0; i < count; i++) {
		const struct rescue_node node = {.ino = record->child,
						 .inode_offset = lives[i].offset};

		if (rescue_inode(grower->tree, &node, inode, NULL, NULL) == EXT_OK &&
		    is_old_name(grower, record, inode))
			return &lives[i];
	}
	return NULL;
}

/* The file that had the name of a record: what has the number now, or had it before. */
static bool file_of(const struct grower *grower, const struct name_record *record,
		    struct found_file *file)
{
	const uint8_t state = inode_states_get(&grower->tree->survey->inodes, record->child);
	const struct rescue_node now = {.ino = record->child};
	const struct deleted_inode *deleted;
	struct ext_inode inode;

	*file = (struct found_file){.ino = record->child,
				    .type = state & STATE_TYPE,
				    .origin = RESCUE_DELETED,
				    .confidence = RESCUE_LIKELY};
	if ((state & STATE_REACHED) && file->type != EXT_TYPE_DIRECTORY &&
	    rescue_inode(grower->tree, &now, &inode, NULL, NULL) == EXT_OK &&
	    is_old_name(grower, record, &inode))
		return true;
	deleted = life_of(grower, record, &inode);
	if (!deleted || deleted->type == EXT_TYPE_DIRECTORY)
		return false;
	file->type = deleted->type;
	file->confidence = deleted->confidence;
	file->offset = deleted->offset;
	return true;
}

bool place_old_names(struct grower *grower)
{
	const struct records *records = grower->options->records;

	for (size_t i = 0; grower->options->deleted && records && i < records->count; i++) {
		const struct name_record *record = &records->items[i];
		const struct home home = {.parent = record->parent
							    ? place_node_of(grower, record->parent)
							    : RESCUE_NONE,
					  .name = records->names + record->name_at,
					  .length = record->length};
		struct found_file file;

		if (home.parent == RESCUE_NONE ||
		    name_index_find(&grower->names, grower->tree, home.parent, home.name,
				    home.length) != RESCUE_NONE ||
		    !file_of(grower, record, &file))
			continue;
		if (!place_add_name(grower, &file, &home))
			return false;
	}
	return true;
}
