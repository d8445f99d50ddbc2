/* SPDX-License-Identifier: MIT */
/*
 * Reports for other programs, written to files beside the one on stdout: SARIF 2.1.0, whose results
 * stand at byte regions of the image, and JUnit, where every question that check asks is a test.
 */
#ifndef REPORTS_SARIF_H
#define REPORTS_SARIF_H

#include <stdio.h>

#include "accounting/findings.h"
#include "image.h"

struct paths; /* accounting/paths.h */

void report_sarif(FILE *out, const struct opened_image *image, const struct findings *findings,
		  const struct paths *paths);

/* `options`: the profile, under which warnings fail, too, and what is ignored. */
void report_junit(FILE *out, const struct opened_image *image, const struct findings *findings,
		  const struct paths *paths, const struct options *options);

#endif
