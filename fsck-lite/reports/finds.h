/* SPDX-License-Identifier: MIT */
/* What a search for superblocks found: filesystem by filesystem, as text and as JSON. */
#ifndef REPORTS_FINDS_H
#define REPORTS_FINDS_H

#include <ext/scan.h>

#include "reports/json.h"

/* Which of the filesystems can be read, and which is the one to read; parallel to the list. */
struct finds_report {
	const char *image;
	uint64_t size;	/* bytes that were searched */
	uint64_t start; /* byte of the image where `found` counts from */
	const struct ext_found_list *found;
	const bool *is_sound;
	size_t best; /* index; found->count: none */
	char reason[200];
};

void finds_text(const struct finds_report *report);

/* The members `copies`, `best`, `filesystems`. */
void finds_json(struct json *json, const struct finds_report *report);

#endif
