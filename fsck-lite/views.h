/* SPDX-License-Identifier: MIT */
/*
 * What a walk from the root reaches through each superblock copy. Copies whose geometry and
 * descriptors agree see the same, and share one walk.
 */
#ifndef FSCK_LITE_VIEWS_H
#define FSCK_LITE_VIEWS_H

#include <ext/copies.h>

#include "image.h"
#include "reports/copies.h"

enum { VIEWS_MAX = 16 };

struct views {
	const struct options *options;
	const struct opened_image *image;
	struct copy_view best; /* what the image is read through, known before */
	unsigned count;
	struct {
		uint64_t locations; /* digest; only with `agrees` */
		bool agrees;	    /* geometry and identity are those of the chosen superblock */
		struct copy_view view;
	} list[VIEWS_MAX];
};

void views_init(struct views *views, const struct options *options,
		const struct opened_image *image, const struct copy_view *best);

/* The view through one copy; `view->known` is false when nothing can be seen through it. */
int views_of_copy(struct views *views, const struct ext_copy *copy, struct copy_view *view);

/* The view through a filesystem that is open. */
int views_of_filesystem(const struct options *options, const char *path,
			const struct ext_filesystem *filesystem, struct copy_view *view);

/* Does `a` reach clearly more than `b`? */
bool views_reach_more(const struct copy_view *a, const struct copy_view *b);

#endif
