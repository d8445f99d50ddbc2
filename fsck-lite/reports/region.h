/* SPDX-License-Identifier: MIT */
/* Where a finding stands in the image, in bytes: for readers who know bytes and no filesystem. */
#ifndef REPORTS_REGION_H
#define REPORTS_REGION_H

#include "image.h"

struct region {
	uint64_t offset, length; /* bytes from the start of the image; length is at least 1 */
};

/* False when the place is no stretch of bytes, such as a whole tree, or cannot be found. */
bool region_of(const struct opened_image *image, const struct ext_place *place,
	       struct region *region);

#endif
