/* SPDX-License-Identifier: MIT */
/*
 * Where in an image the filesystem begins, and which superblock copy it is read through: first what
 * costs nothing, then partition tables, likely places, and at last the whole image.
 */
#ifndef FSCK_LITE_LOCATE_H
#define FSCK_LITE_LOCATE_H

#include <ext/choose.h>
#include <ext/scan.h>

#include "options.h"

struct located {
	uint64_t start; /* bytes from the start of `source` */
	uint64_t size;	/* bytes to the end of the partition; UINT64_MAX: to the end of the image */
	unsigned partition;
	bool by_search;		  /* no partition table names this place */
	struct ext_choice choice; /* to be cleared */
};

/*
 * Finds the filesystem in `source` when nothing was said about where it begins. When there is none
 * that is complained of, and `refusal` says why.
 */
int locate_filesystem(const struct options *options, const char *path, struct ext_source *source,
		      struct located *located, struct ext_error *refusal);

/* Decides through which superblock to read the filesystem that begins `source`; else as above. */
int locate_superblock(const struct options *options, const char *path, struct ext_source *source,
		      struct ext_choice *choice, struct ext_error *refusal);

/* Can what a search found be read? `agreeing`: how many copies of it agree. */
bool locate_is_sound(struct ext_source *source, const struct ext_found_filesystem *found,
		     unsigned *agreeing);

/* Where partition `options->partition` lies. */
int locate_partition(const struct options *options, const char *path, struct ext_source *source,
		     struct located *located);

#endif
