/* SPDX-License-Identifier: MIT */
/*
 * An image as every command opens it: the file, the partition in it, the superblock copy to read
 * through, the journal's pending changes laid over it. What was decided on the way is kept for the
 * reports; what a user must hear of at once is said on stderr.
 */
#ifndef FSCK_LITE_IMAGE_H
#define FSCK_LITE_IMAGE_H

#include <ext/filesystem.h>
#include <ext/recovery.h>

#include "options.h"

enum superblock_source { SUPERBLOCK_IS_PRIMARY, SUPERBLOCK_IS_BACKUP, SUPERBLOCK_IS_FOUND };

enum journal_state {
	JOURNAL_IS_NONE,
	JOURNAL_IS_CLEAN,
	JOURNAL_IS_REPLAYED,
	JOURNAL_IS_IGNORED,
	JOURNAL_IS_DAMAGED,
};

struct opened_image {
	const char *path; /* borrowed from the command line */

	/* Sources, each on top of the one before; those that are not there are NULL. */
	struct ext_source *base;    /* the whole image, unwrapped; owns the file */
	struct ext_source *window;  /* the partition, or what is behind --offset; owns `base` */
	struct ext_source *overlay; /* with the journal replayed; `recovery` owns it */
	struct ext_source *external_journal; /* what -j names */
	struct ext_recovery *recovery;	     /* the journal as it was found, and what came of it */

	struct ext_filesystem *filesystem;
	const struct ext_superblock *superblock; /* inside `filesystem` */

	uint64_t start;		 /* bytes from the start of the image to the filesystem */
	unsigned partition;	 /* its number, from 1; 0 when none was chosen */
	uint64_t partition_size; /* bytes */

	/* The superblock copy that is read through. */
	uint64_t superblock_offset; /* bytes from the start of the filesystem */
	ext_block superblock_block;
	ext_group copy_group;
	enum superblock_source source;
	uint8_t superblock_raw[EXT_SUPERBLOCK_SIZE]; /* a backup comes brought up to date */
	unsigned doubts;			     /* EXT_DOUBT_ bits about the primary */
	ext_group replaced_groups; /* whose descriptors are not the primary table's */
	ext_group rebuilt_groups;  /* of these, made from what lies in the groups */
	bool is_rebuilt;	   /* no copy was left: what nothing else tells is made up */
	char reason[200];	   /* why not the primary as it is stored, in words; else empty */

	/* Why it could not be opened; EXT_NO_PROBLEM when it was, or when it takes words to say. */
	struct ext_error refusal;

	enum journal_state journal;
	uint64_t transactions; /* replayed, or waiting to be */
};

/*
 * Opens the image at `path` as `options` want it. What is wrong with superblock and descriptors
 * goes to `sink` (may be NULL). Returns EXIT_CLEAN, or complains in one line and returns the exit
 * status of the command; `image` is to be closed in either case.
 */
int open_image(const struct options *options, const char *path, struct opened_image *image,
	       struct ext_sink *sink);

/* Only the source, behind --offset or inside --partition: for what needs no filesystem. */
int open_image_source(const struct options *options, const char *path, struct opened_image *image);
void close_image(struct opened_image *image);

/* What the filesystem is read from: the overlay when there is one, else what lies below. */
struct ext_source *image_view(const struct opened_image *image);

#endif
