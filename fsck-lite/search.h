/* SPDX-License-Identifier: MIT */
/* The search for superblocks through a whole image, with a progress line. */
#ifndef FSCK_LITE_SEARCH_H
#define FSCK_LITE_SEARCH_H

#include <ext/scan.h>

#include "options.h"

/*
 * Looks at bytes `start` to `end` of `source` and sorts what is there into `found`, which is to be
 * cleared. Complains and returns an exit status unless all went well; EXIT_CANCELLED included.
 */
int search_superblocks(const struct options *options, struct ext_source *source, uint64_t start,
		       uint64_t end, struct ext_found_list *found);

/*
 * The offsets of all finds, for ext_choose; to be freed. NULL, and `count` 0, when there are none.
 */
uint64_t *search_offsets(const struct ext_found_list *found, size_t *count);

#endif
