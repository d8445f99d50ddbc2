/* SPDX-License-Identifier: MIT */
/*
 * A sink for commands that are not about findings (ls, cat, show): what is wrong with the image on
 * the way is said on stderr, a line each, and counted.
 */
#ifndef FSCK_LITE_FINDINGS_ALOUD_H
#define FSCK_LITE_FINDINGS_ALOUD_H

#include "reports/json.h"

#include <ext/error.h>

struct findings_aloud {
	struct ext_sink sink; /* first, so that the sink is the whole */
	const char *image;    /* borrowed */
	bool quiet;	      /* count, and say nothing */
	uint64_t count;
	uint64_t missing; /* those that kept something from being read */
	struct ext_finding
		*kept; /* the first ones, for the JSON document; NULL until there is one */
	size_t kept_count;
};

/* Ready to receive; to be ended. */
struct findings_aloud findings_aloud_for(const char *image);

/* The member `findings` of a document: those that were said. */
void findings_aloud_write(const struct findings_aloud *findings, struct json *json);

/* Says how many findings were not listed, if any, and forgets them all; call once at the end. */
void findings_aloud_end(struct findings_aloud *findings);

/* Says and counts what stopped a call, and the command goes on. */
void findings_aloud_error(struct findings_aloud *findings, const struct ext_error *error);

#endif
