/* SPDX-License-Identifier: MIT */
/*
 * One line on stderr that tells how far long work has come. It appears after a second, on a
 * terminal, or as --progress says, and is gone when the work ends.
 */
#ifndef FSCK_LITE_PROGRESS_H
#define FSCK_LITE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "accounting/lock.h"
#include "options.h"

struct progress {
	const char *what; /* "scanning for superblocks"; borrowed */
	bool wanted, shown;
	int64_t begun, last; /* milliseconds of a clock that only runs forward */
	int64_t delay;

	/* -C: lines for fsck(8), and what stands at their end; fd is -1 without. */
	int fd;
	const char *device;
	unsigned pass; /* the last one told */
	struct lock lock;
};

void progress_begin(struct progress *progress, const struct options *options, const char *what);

/*
 * How far pass `pass` (1 to 5, as e2fsck counts them) has come. Any thread may call it. As a line
 * "PASS DONE ALL DEVICE" to the descriptor of -C, and on the progress line.
 */
void progress_pass(struct progress *progress, unsigned pass, uint64_t done, uint64_t all);

/* How far it has come, in bytes; or in things that are counted. */
void progress_show(struct progress *progress, uint64_t done, uint64_t all);
void progress_count(struct progress *progress, uint64_t done, uint64_t all);
void progress_end(struct progress *progress);

#endif
