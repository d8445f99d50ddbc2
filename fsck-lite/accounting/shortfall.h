/* SPDX-License-Identifier: MIT */
/*
 * What an inode says it owns, i_blocks, against what its map comes to. An indirect block that was
 * overwritten with zeros maps nothing but holes, and without checksums that count alone remembers
 * that there was more.
 */
#ifndef ACCOUNTING_SHORTFALL_H
#define ACCOUNTING_SHORTFALL_H

#include <ext/mapping.h>

/* Sums over the runs of one map. Begin with zeros. */
struct shortfall {
	uint64_t clusters;	/* that the map comes to */
	uint64_t next_cluster;	/* the last one counted, plus 1 */
	uint64_t covered;	/* file blocks before the end of the file that are no holes */
	uint64_t covered_until; /* file block behind the last of them */
};

void shortfall_add(struct shortfall *shortfall, const struct ext_superblock *superblock,
		   const struct ext_inode *inode, const struct ext_run *run);

/*
 * At most how many bytes of the file's holes were no holes; 0 when its map, its attributes and
 * their values come to what the inode counts. To be asked at the end of the map.
 */
uint64_t shortfall_bytes(const struct shortfall *shortfall, const struct ext_filesystem *filesystem,
			 const struct ext_inode *inode);

#endif
