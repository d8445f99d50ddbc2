/* SPDX-License-Identifier: MIT */
/* The order of a deep rescue: heal, survey, look for the deleted, gather names. */
#include "config.h"

#include <string.h>

#include "rescue/deep.h"
#include "rescue/plausible.h"

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

/*
 * Without a checksum that proves it, an inode has to look right; and one that this filesystem never
 * handed out is an older one's, which belongs to the deleted.
 */
static bool accept(const void *context, const struct ext_inode *inode, const uint8_t *raw)
{
	const struct deep *deep = context;

	if (inode->number == EXT_INO_ROOT && inode->type != EXT_TYPE_DIRECTORY)
		return false;
	return plausible_inode(ext_filesystem_superblock(deep->original), inode, raw) &&
	       (deep->wants_deleted || was_handed_out(deep->original, inode->number));
}

static bool is_lost(const struct survey *survey, ext_ino child)
{
	return survey_is_lost(inode_states_get(&survey->inodes, child));
}

/* What has no place yet: lost, or not in use any more. */
static bool has_no_place(const struct survey *survey, ext_ino child)
{
	return !(inode_states_get(&survey->inodes, child) & STATE_REACHED);
}

static bool any(const struct survey *survey, ext_ino child)
{
	(void)survey;
	(void)child;
	return true;
}

static void gather_names(struct deep *deep, const struct deep_options *options)
{
	const struct records_filter lost = {is_lost}, nowhere = {has_no_place}, all = {any};
	const struct records_filter *filter = options->deleted ? &nowhere : &lost;
	const bool reads_unowned = deep->survey.lost_inodes > 0 || !deep->survey.root_readable;

	/* A number may live again as another file while its old name is wanted. */
	records_from_history(&deep->records, &deep->survey, &deep->healing,
			     options->deleted ? &all : filter);
	records_from_dangling(&deep->records, &deep->survey);
	if (reads_unowned)
		records_from_unowned(&deep->records, &deep->survey, filter, options->stop);
	if (options->deleted)
		records_from_slack(&deep->records, &deep->survey, filter);
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
	enum ext_status status;

	memset(deep, 0, sizeof *deep);
	deep->original = image->filesystem;
	deep->wants_deleted = options->deleted;
	status = heal_open(image, &deep->healing, error);
	if (status == EXT_OK)
		status =
			survey_run(deep->healing.filesystem, &survey_options, &deep->survey, error);
	if (status == EXT_OK && !deep->survey.stopped) {
		if (options->deleted &&
		    !deleted_find(&deep->healing, &deep->survey, &deep->records, &deep->deleted))
			status = ext_no_memory(error);
		gather_names(deep, options);
	}
	if (status != EXT_OK)
		deep_close(deep);
	return status;
}

enum ext_status deep_tree(struct deep *deep, struct rescue_tree *tree, struct ext_error *error)
{
	const struct rescue_options options = {.lost = true,
					       .records = &deep->records,
					       .deleted =
						       deep->wants_deleted ? &deep->deleted : NULL};

	return rescue_tree_build(&deep->survey, &options, tree, error);
}

void deep_close(struct deep *deep)
{
	deleted_clear(&deep->deleted);
	records_clear(&deep->records);
	survey_clear(&deep->survey);
	heal_close(&deep->healing);
}
