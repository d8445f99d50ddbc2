/* SPDX-License-Identifier: MIT */
/*
 * Blocks of a directory that are not in its map, or do not hold what a block of it holds: names
 * that stood there lead nowhere any more, and the files come back elsewhere if at all.
 */
#ifndef RESCUE_FOLDER_GAPS_H
#define RESCUE_FOLDER_GAPS_H

#include <ext/mapping.h>

struct folder_gaps {
	uint64_t blocks;   /* by its size */
	uint64_t unmapped; /* of these; a directory has no holes */
	uint64_t damaged;  /* mapped, but unreadable, or of other content */
};

/*
 * `judge`: also read the blocks. True when there are gaps. A directory that keeps its entries in
 * its inode has none.
 */
bool folder_gaps_find(const struct ext_filesystem *filesystem, const struct ext_inode *directory,
		      bool judge, struct folder_gaps *gaps);

#endif
