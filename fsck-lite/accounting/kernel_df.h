/* SPDX-License-Identifier: MIT */
/*
 * What statfs(2) says of the filesystem when Linux mounts it: fs/ext4's arithmetic, which nothing
 * outside the kernel gets right.
 */
#ifndef ACCOUNTING_KERNEL_DF_H
#define ACCOUNTING_KERNEL_DF_H

#include <ext/filesystem.h>

/* Blocks are filesystem blocks; the names are those of df's columns. */
struct kernel_df {
	uint64_t blocks;      /* f_blocks: without what the filesystem needs for itself */
	uint64_t free;	      /* f_bfree */
	uint64_t available;   /* f_bavail: without what is kept for root and for the kernel */
	uint64_t inodes;      /* f_files */
	uint64_t inodes_free; /* f_ffree */
};

/*
 * Computes them from descriptors, journal inode and superblock as they stand after journal replay.
 * Cannot fail: a journal that cannot be read counts nothing.
 */
void kernel_df(const struct ext_filesystem *filesystem, struct kernel_df *df);

#endif
