/* SPDX-License-Identifier: MIT */
/*
 * Which inodes e2fsck reads by number while it goes through the tables. It keeps the last four such
 * inodes; one whose checksum is wrong takes the place of the oldest, whose number stays on it. If
 * that was the root's, the checksums of the root's blocks are computed from the wrong generation.
 */
#ifndef CHECKS_INODE_CACHE_H
#define CHECKS_INODE_CACHE_H

#include "accounting/findings.h"
#include "accounting/lock.h"
#include "accounting/survey.h"

/* The root, lost+found, and two more fill the cache; with a third, the root is gone from it. */
enum { INODE_CACHE_READS = 3 };

struct inode_cache {
	struct inode_read {
		ext_ino at;   /* when the tables have got there */
		ext_ino read; /* which one is read */
	} reads[INODE_CACHE_READS];
	_Atomic unsigned count; /* at most INODE_CACHE_READS: more do not matter any more */
	struct lock lock;
};

void inode_cache_init(struct inode_cache *cache);
void inode_cache_clear(struct inode_cache *cache);

/* Notes what is read because of this inode; from any thread. */
void inode_cache_note(struct inode_cache *cache, const struct survey *survey,
		      const struct ext_inode *inode, const uint8_t *raw,
		      const struct inode_facts *facts);

/* Does inode `ino`, whose checksum is wrong, come to stand for the root? */
bool inode_cache_takes_root(const struct inode_cache *cache, const struct survey *survey,
			    ext_ino ino);

#endif
