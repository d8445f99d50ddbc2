/* SPDX-License-Identifier: MIT */
/* Findings as text and as JSON; every command that has any prints them here. */
#ifndef REPORTS_FINDINGS_H
#define REPORTS_FINDINGS_H

#include "accounting/findings.h"
#include "reports/json.h"

struct paths; /* accounting/paths.h */

const char *report_severity_name(enum ext_severity severity);

/* The members `findings`, `summary` of a document. `paths` may be NULL. */
void report_findings_json(struct json *json, const struct findings *findings,
			  const struct paths *paths);

/* The member `summary` alone. */
void report_summary_json(struct json *json, const struct findings *findings);

/* One finding as a JSON object, under `key` or in an array. */
void report_finding_json(struct json *json, const char *key, const struct ext_finding *finding,
			 const struct paths *paths);

/*
 * One line for each, worst first, `most` of each code, with a line for those left out. Returns how
 * many there were.
 */
uint64_t report_findings_text(FILE *out, const struct findings *findings, const struct paths *paths,
			      unsigned most, bool colors);

/* The same under headings that say what they mean to the owner of the data. */
void report_findings_grouped(FILE *out, const struct findings *findings, const struct paths *paths,
			     unsigned most, bool colors);

#endif
