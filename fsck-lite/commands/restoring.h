/* SPDX-License-Identifier: MIT */
/* A run of `restore`, for its parts. */
#ifndef COMMANDS_RESTORING_H
#define COMMANDS_RESTORING_H

#include <stdio.h>

#include "accounting/findings.h"
#include "image.h"
#include "progress.h"
#include "rescue/copy_out.h"
#include "rescue/earlier.h"

struct restoring {
	const struct options *options;
	struct opened_image image;
	struct findings *findings;
	struct survey survey;
	struct deep deep;
	struct rescue_tree tree;
	struct earlier_rescue earlier;
	struct rescue_tree *top, *apart; /* what is written where; `apart` may be NULL */
	struct writer *writer;
	FILE *manifest;
	struct copy_report report;
	struct progress progress;
	uint64_t unread_inodes, unread_directory_blocks; /* what they held is not known */
	bool *matched;					 /* a flag a pattern */
};

void restore_report_json(const struct restoring *restoring);
void restore_report_text(const struct restoring *restoring, FILE *out);

#endif
