/* SPDX-License-Identifier: MIT */
/* The table of superblock copies, row by row, as text and as JSON. */
#ifndef REPORTS_COPIES_H
#define REPORTS_COPIES_H

#include <ext/copies.h>

#include "image.h"
#include "reports/json.h"

/* What a walk from the root reaches through a copy. */
struct copy_view {
	bool known;
	unsigned number; /* copies with the same number see the same; from 1 */
	uint64_t directories, files, blocks;
};

/* "sparse_super", "sparse_super2", "all_groups" or "meta_bg". */
const char *copies_layout(const struct ext_superblock *superblock);

void copies_text_head(const struct opened_image *image);
void copies_text_row(const struct opened_image *image, const struct ext_copy *copy,
		     const struct copy_view *view);
/* The fields in which the copy differs; nothing when it does not. */
void copies_text_differences(const struct opened_image *image, const struct ext_copy *copy);

/* "12 directories, 300 files, 12.3 MiB" or "-". */
void copies_text_view(const struct opened_image *image, const struct copy_view *view);

/* The member `view`, when it is known. */
void copies_json_view(struct json *json, const struct copy_view *view);

/* One element of `copies`. */
void copies_json_row(struct json *json, const struct opened_image *image,
		     const struct ext_copy *copy, const struct copy_view *view);

#endif
