/* SPDX-License-Identifier: MIT */
/* The order of a deep rescue: heal, survey, look for the deleted, gather names. */
#include "config.h"

#include <string.h>

#include "rescue/deep.h"
#include "rescue/name_sources.h"
#include "rescue/plausible.h"
#include "rescue/reuse.h"

bool deep_is_needed(const struct opened_image *image, const struct survey *survey)
{
	return image->source != SUPERBLOCK_IS_PRIMARY || image->replaced_groups > 0 ||
	       survey->lost_inodes > 0 || !survey->root_readable || survey->shared_blocks > 0 ||
	       survey->owners[OWNER_LEAKED] > 0 || survey->inodes_unreadable > 0 ||
	       survey->used_but_marked_free > 0;
}

/* Was this inode ever handed out, by the marks of its group? Those of a backup table are old. */
static bool was_handed_out(const struct ext_filesystem *filesystem, ext_ino ino)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	struct ext_group_descriptor descriptor;

	ext_group_locations(filesystem, (ino - 1) / sb->inodes_per_group, &descriptor);
	return !(descriptor.flags & EXT_GROUP_INODE_UNINIT) &&
	       (ino - 1) % sb->inodes_per_group < sb->inodes_per_group - descriptor.itable_unused;
}

/* Inodes that were handed out and are in no block that can be read, nor in the log. */
static uint64_t count_unread(const struct deep *deep)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(deep->original);
	struct ext_inode_table *table;
	struct ext_inode_run run;
	uint64_t unread = 0;

	if (deep->survey.inodes_unread == 0 ||
	    ext_inode_table_open(deep->healing.filesystem, 0, sb->group_count, true, 0, &table,
				 NULL) != EXT_OK)
		return 0;
	while (ext_inode_table_next(table, &run) == EXT_OK)
		for (uint32_t i = 0; !run.raw && run.error.status != EXT_CORRUPT && i < run.count;
		     i++)
			unread += was_handed_out(deep->original, run.first + i);
	ext_inode_table_close(table);
	return unread;
}

/*
 * Without a checksum that proves it, an inode has to look right; and one that this filesystem never
 * handed out is an older one's, which belongs to the deleted.
 */
static bool accept(const void *context, const struct ext_inode *inode, const uint8_t *raw)
{
	const struct deep *deep = context;

	if (inode->number == EXT_INO_ROOT && inode->type != EXT_TYPE_DIRECTORY)
		return false;
	if (deep->is_foreign && deep->is_foreign(deep->foreign_context, inode->number))
		return false;
	return plausible_inode(ext_filesystem_superblock(deep->original), inode, raw) &&
	       (deep->wants_deleted || was_handed_out(deep->original, inode->number));
}

/* What has no place yet: lost, or not in use any more; or more links than names. */
static bool has_no_place(const struct survey *survey, ext_ino child)
{
	const uint8_t state = inode_states_get(&survey->inodes, child);

	return !(state & STATE_REACHED) || ((state & STATE_TYPE) != EXT_TYPE_DIRECTORY &&
					    inode_states_links_left(&survey->inodes, child) != 0);
}

/* A file may have had more names than it has; a directory has no more than one. */
static bool has_room_for_names(const struct survey *survey, ext_ino child)
{
	return has_no_place(survey, child) ||
	       (inode_states_get(&survey->inodes, child) & STATE_TYPE) != EXT_TYPE_DIRECTORY;
}

/* Directories that are gone have names below each other, too; so what is not in use is wanted. */
static void gather_names(struct deep *deep, struct name_sources *sources)
{
	/* A number may live again as another file while its old name is wanted. */
	sources->is_wanted = deep->wants_deleted ? NULL : has_no_place;
	names_from_history(sources);
	names_from_dangling(sources);
	if (deep->wants_deleted || deep->survey.lost_inodes > 0 || !deep->survey.root_readable)
		names_from_unowned(sources);
	names_from_loose(sources);
	sources->is_wanted = has_room_for_names;
	if (deep->wants_deleted)
		names_from_slack(sources);
	records_sort(&deep->records);
}

enum ext_status deep_open(const struct opened_image *image, const struct deep_options *options,
			  struct deep *deep, struct ext_error *error)
{
	struct survey_options survey_options = {.sink = options->sink,
						.threads = options->threads,
						.stop = options->stop,
						.accept = accept,
						.accept_context = deep};
	struct name_sources sources = {.survey = &deep->survey,
				       .healing = &deep->healing,
				       .records = &deep->records,
				       .stop = options->stop};
	enum ext_status status;

	memset(deep, 0, sizeof *deep);
	deep->original = image->filesystem;
	deep->wants_deleted = options->deleted;
	deep->is_foreign = options->is_foreign;
	deep->foreign_context = options->foreign_context;
	status = heal_open(image, &deep->healing, error);
	if (status == EXT_OK)
		status =
			survey_run(deep->healing.filesystem, &survey_options, &deep->survey, error);
	if (status == EXT_OK && !deep->survey.stopped) {
		deep->inodes_unread = count_unread(deep);
		if (options->deleted &&
		    !deleted_find(&deep->healing, &deep->survey, &sources, &deep->deleted))
			status = ext_no_memory(error);
		else
			gather_names(deep, &sources);
		if (sources.out_of_memory || deep->records.out_of_memory)
			status = ext_no_memory(error);
	}
	names_clear(&sources);
	if (status != EXT_OK)
		deep_close(deep);
	return status;
}

enum ext_status deep_tree(struct deep *deep, struct rescue_tree *tree, struct ext_error *error)
{
	const struct rescue_options options = {.lost = true,
					       .healing = &deep->healing,
					       .records = &deep->records,
					       .deleted =
						       deep->wants_deleted ? &deep->deleted : NULL};

	const enum ext_status status = rescue_tree_build(&deep->survey, &options, tree, error);

	if (status == EXT_OK && deep->wants_deleted) {
		tree->deleted = &deep->deleted;
		reuse_find(&deep->deleted, tree);
	}
	return status;
}

void deep_close(struct deep *deep)
{
	deleted_clear(&deep->deleted);
	records_clear(&deep->records);
	survey_clear(&deep->survey);
	heal_close(&deep->healing);
}
