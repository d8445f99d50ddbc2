/* SPDX-License-Identifier: MIT */
/* What is inside an open filesystem, for the structure and walk layers. */
#ifndef STRUCTURE_FILESYSTEM_H
#define STRUCTURE_FILESYSTEM_H

#include <ext/filesystem.h>

struct ext_filesystem {
	struct ext_source *source; /* borrowed */
	struct ext_superblock superblock;
	uint8_t *descriptors; /* the raw table, group_count descriptors */
	uint8_t *unreadable;  /* a bit for each descriptor block that could not be read */
	bool stale_descriptors;
	uint64_t blocks_present;
};

#endif
