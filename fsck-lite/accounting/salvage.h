/* SPDX-License-Identifier: MIT */
/*
 * What e2fsck makes of an entry that is none. One that passes the end of the block, but whose name
 * fits, is shortened; one whose record fits goes into the entry before; for another, all the rest
 * of the block does, the place of the checksum with it.
 */
#ifndef ACCOUNTING_SALVAGE_H
#define ACCOUNTING_SALVAGE_H

#include <string.h>

#include <ext/directory.h>

enum { SALVAGE_HEADER = 8, SALVAGE_LEAST = 12 };

static inline uint32_t salvage_length(struct ext_span block, uint64_t at)
{
	return (uint32_t)block.data[at + 4] | (uint32_t)block.data[at + 5] << 8;
}

static inline ext_ino salvage_inode(struct ext_span block, uint64_t at)
{
	return (ext_ino)block.data[at] | (ext_ino)block.data[at + 1] << 8 |
	       (ext_ino)block.data[at + 2] << 16 | (ext_ino)block.data[at + 3] << 24;
}

/* Is the entry at `at` shortened, so that it ends at `end`? */
static inline bool salvage_shortens(const struct ext_superblock *sb, struct ext_span block,
				    uint64_t at, uint64_t end)
{
	size_t length;

	if (at + SALVAGE_LEAST > end || at + salvage_length(block, at) <= end)
		return false;
	length = block.data[at + 6];
	return at + SALVAGE_HEADER + length <= end && salvage_inode(block, at) <= sb->inode_count &&
	       memchr(block.data + at + SALVAGE_HEADER, 0, length) == NULL;
}

#endif
