/* SPDX-License-Identifier: MIT */
/*
 * Rescue of a filesystem that is damaged: a healed view, surveyed with its inode tables read whole,
 * names from wherever they survive, deleted inodes if wanted. What it finds goes into a rescue
 * tree.
 */
#ifndef RESCUE_DEEP_H
#define RESCUE_DEEP_H

#include "rescue/deleted.h"
#include "rescue/heal.h"
#include "rescue/records.h"
#include "rescue/tree.h"

struct deep_options {
	bool deleted; /* deleted files too */
	unsigned threads;
	bool (*stop)(void);
	/* Is the inode's place in its table another filesystem's by now? NULL: none is. */
	bool (*is_foreign)(void *context, ext_ino ino);
	void *foreign_context;
	struct ext_sink *sink; /* for the survey of the healed view; may be NULL */
};

struct deep {
	struct healing healing;
	struct survey survey;
	uint64_t inodes_unread; /* handed out, and neither on the medium nor in the log */
	struct records records;
	struct deleted_list deleted;
	const struct ext_filesystem *original;
	bool wants_deleted;
	bool (*is_foreign)(void *context, ext_ino ino); /* or NULL */
	void *foreign_context;
};

/*
 * Does a filesystem whose first survey came out like this need more than what its directories say?
 */
bool deep_is_needed(const struct opened_image *image, const struct survey *survey);

/* Fails with MEMORY. deep->survey.stopped tells of an early end. */
enum ext_status deep_open(const struct opened_image *image, const struct deep_options *options,
			  struct deep *deep, struct ext_error *error);
enum ext_status deep_tree(struct deep *deep, struct rescue_tree *tree, struct ext_error *error);
void deep_close(struct deep *deep);

#endif
