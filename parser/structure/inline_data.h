/* SPDX-License-Identifier: MIT */
/* The two places where an inode keeps inline data. */
#ifndef STRUCTURE_INLINE_DATA_H
#define STRUCTURE_INLINE_DATA_H

#include <ext/inode.h>

enum {
	INLINE_IN_I_BLOCK = 60, /* bytes: the first part */
	INLINE_PARENT_SIZE = 4, /* of these, in a directory, hold the parent's inode number */
};

/*
 * The second part: the value of system.data among the attributes in the inode. Empty when it is
 * empty, data NULL when there is no such attribute. `raw` is the whole inode, and lends the bytes.
 */
struct ext_span inline_data_tail(const struct ext_superblock *superblock, struct ext_span raw);

#endif
