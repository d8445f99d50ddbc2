/* SPDX-License-Identifier: MIT */
/*
 * The rescue of a filesystem that was in the image before mke2fs was run again with another layout:
 * a tree of its own, beside that of the filesystem that is there now.
 */
#ifndef RESCUE_EARLIER_H
#define RESCUE_EARLIER_H

#include "image.h"
#include "rescue/deep.h"

struct earlier_rescue {
	bool found;
	struct opened_image image; /* on the sources of the other one, which are borrowed */
	struct deep deep;
	struct rescue_tree tree;
	const struct survey *now; /* of the filesystem that is there now; borrowed */
	struct table_index *tables, *tables_now;
	struct ext_mapping *mapping;
};

/*
 * Looks for one, and builds its tree. `survey` is that of `image`, as it stands; where something
 * was found, it has to stay. Fails with MEMORY. earlier->deep.survey.stopped tells of an early end.
 */
enum ext_status earlier_open(const struct opened_image *image, const struct survey *survey,
			     const struct deep_options *options, struct earlier_rescue *earlier,
			     struct ext_error *error);
void earlier_close(struct earlier_rescue *earlier);

/* For the rescue of the filesystem that is there now: is what stands at its inode the earlier
 * one's? */
bool earlier_has_inode(void *context, ext_ino ino);

/* How many data blocks of a file of the earlier filesystem the one of today may have written. */
uint64_t earlier_overwritten(void *context, const struct ext_inode *inode);

/*
 * Which of two trees is written at the top, and which, if it holds any file, in a directory of its
 * own: the top is whose files the root reaches today; of an empty filesystem, that
 * which has more of them in their places.
 * `apart` is NULL when there is nothing to write apart; then nothing is changed.
 */
enum ext_status earlier_arrange(struct earlier_rescue *earlier, struct rescue_tree *now,
				struct rescue_tree **top, struct rescue_tree **apart,
				struct ext_error *error);

#endif
