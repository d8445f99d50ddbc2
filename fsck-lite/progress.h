/* SPDX-License-Identifier: MIT */
/*
 * One line on stderr that tells how far long work has come. It appears after a second, on a
 * terminal, or as --progress says, and is gone when the work ends.
 */
#ifndef FSCK_LITE_PROGRESS_H
#define FSCK_LITE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"

struct progress {
	const char *what; /* "scanning for superblocks"; borrowed */
	bool wanted, shown;
	int64_t begun, last; /* milliseconds of a clock that only runs forward */
	int64_t delay;
};

void progress_begin(struct progress *progress, const struct options *options, const char *what);
void progress_show(struct progress *progress, uint64_t done, uint64_t all);
void progress_end(struct progress *progress);

#endif
