/* SPDX-License-Identifier: MIT */
/* What changed from one version of a block or inode to the next, field by field. */
#ifndef REPORTS_CHANGES_H
#define REPORTS_CHANGES_H

#include "accounting/block_names.h"
#include "reports/show.h"

enum { CHANGES_MOST = 200 };

/* Changes of one version, as lines or as an array of objects. */
struct changes {
	struct show *show;
	unsigned count;
};

/* The fields of an inode that differ; `prefix` stands before their names. */
void changes_of_inode(struct changes *changes, const char *prefix, struct ext_span before,
		      struct ext_span after);

/* What differs in a block of the kind that `name` says; its bytes when nothing else tells. */
void changes_of_block(struct changes *changes, ext_block block, const struct block_name *name,
		      struct ext_span before, struct ext_span after);

#endif
