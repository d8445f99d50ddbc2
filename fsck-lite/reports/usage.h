/* SPDX-License-Identifier: MIT */
/* The account of a filesystem, as text and as JSON: df's numbers, owners, what is reached. */
#ifndef REPORTS_USAGE_H
#define REPORTS_USAGE_H

#include "accounting/kernel_df.h"
#include "accounting/survey.h"
#include "image.h"
#include "reports/json.h"

/* The members `df`, `owners`, `reachable`, `lost`, `counts`, `shared_blocks` ... of an open object.
 */
void usage_json(struct json *json, const struct survey *survey, const struct kernel_df *df);

/* df's own two lines; the account as a tree with bars; free space counted three times. */
void usage_text_df(FILE *out, const struct opened_image *image, const struct kernel_df *df,
		   bool human, bool with_head);
void usage_text_owners(FILE *out, const struct survey *survey, bool human, bool colors);
void usage_text_counts(FILE *out, const struct survey *survey);

/* One sentence for each kind of disagreement between df and the tree; false when there is none. */
bool usage_text_verdict(FILE *out, const struct survey *survey, const struct kernel_df *df,
			bool colors);

#endif
