/* SPDX-License-Identifier: MIT */
/*
 * A sink for commands that are not about findings (ls, cat, show): what is wrong with the image on
 * the way is said on stderr, a line each, and counted.
 */
#ifndef FSCK_LITE_FINDINGS_ALOUD_H
#define FSCK_LITE_FINDINGS_ALOUD_H

#include <ext/error.h>

struct findings_aloud {
	struct ext_sink sink; /* first, so that the sink is the whole */
	const char *image;    /* borrowed */
	bool quiet;	      /* count, and say nothing */
	uint64_t count;
	uint64_t missing; /* those that kept something from being read */
};

/* Ready to receive; nothing to clear. */
struct findings_aloud findings_aloud_for(const char *image);

/* Says how many findings were not listed, if any; call once at the end. */
void findings_aloud_end(const struct findings_aloud *findings);

/* Says and counts what stopped a call, and the command goes on. */
void findings_aloud_error(struct findings_aloud *findings, const struct ext_error *error);

#endif
