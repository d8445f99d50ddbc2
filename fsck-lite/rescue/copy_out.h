/* SPDX-License-Identifier: MIT */
/*
 * Copies a rescue tree out: walks it, decides what each node becomes, and hands it to a writer (a
 * directory, or a tar archive).
 */
#ifndef RESCUE_COPY_OUT_H
#define RESCUE_COPY_OUT_H

#include <stdio.h>

#include "rescue/writer.h"

struct copy_failure {
	char *path; /* of the output; NULL: no memory was left for it */
	ext_ino ino;
	char *reason;
};

struct copy_report {
	uint64_t files, directories, symlinks, other, bytes;
	uint64_t lost_restored, deleted_restored, skipped;
	uint64_t unread_bytes, damaged_files;
	struct copy_failure *failures; /* the first of them */
	size_t failure_count, failure_size;
	uint64_t failure_total;
	uint64_t names_only; /* of the failures: entries whose inodes are gone */
	bool full, stopped;
};

struct copy_options {
	const char *const *patterns; /* paths or globs; none: everything */
	size_t pattern_count;
	bool dry_run;
	bool judge_folders; /* the image is damaged: are the blocks of directories theirs? */
	FILE *manifest;	    /* or NULL */
	FILE *listing;	    /* where --dry-run and -v list; or NULL */
	/* How many blocks of a file may be written over; or NULL. */
	uint64_t (*overwritten)(void *context, const struct ext_inode *inode);
	void *overwritten_context;
	bool *matched; /* a flag a pattern, set where it fits something; or NULL without patterns */
	bool (*stop)(void);
	void (*progress)(void *context, uint64_t done, uint64_t all);
	void *progress_context;
};

/*
 * Copies `tree` to `writer` (NULL with dry_run), and adds to `report`. Where no pattern fits
 * anything, nothing is written. Fails with MEMORY only.
 */
enum ext_status copy_out(const struct rescue_tree *tree, struct writer *writer,
			 const struct copy_options *options, struct copy_report *report,
			 struct ext_error *error);

/* Both texts are copied. */
void copy_report_fail(struct copy_report *report, const char *path, ext_ino ino,
		      const char *reason);
/* Counts what the content of a written item misses, and says so; `item` has gaps, and takes the
 * words as its reason. */
void copy_report_gaps(struct copy_report *report, struct copy_item *item);
/* Counts what was written. */
void copy_report_count(struct copy_report *report, const struct copy_item *item);
void copy_report_clear(struct copy_report *report);

#endif
