/* SPDX-License-Identifier: MIT */
/* What to do next: a sentence, and the exact command line. */
#ifndef REPORTS_ADVICE_H
#define REPORTS_ADVICE_H

#include "accounting/findings.h"
#include "accounting/survey.h"
#include "image.h"
#include "reports/json.h"

enum { ADVICE_MOST = 8 };

struct advice {
	unsigned count;
	bool about_superblock; /* to be set before: advise about it, too, though stderr has told */
	struct {
		const char *message;
		char command[512];
	} items[ADVICE_MOST];
};

/*
 * Gathers what fits this image, most urgent first. `check` does not send people to itself.
 */
void advice_gather(struct advice *advice, const struct opened_image *image,
		   const struct survey *survey, const struct findings *findings, bool is_check);
void advice_json(struct json *json, const struct advice *advice);
void advice_text(FILE *out, const struct advice *advice, bool colors);

#endif
