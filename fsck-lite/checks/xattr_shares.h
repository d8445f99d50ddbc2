/* SPDX-License-Identifier: MIT */
/*
 * What inodes share: blocks of attributes, and values in inodes of their own. Counted while the
 * inodes pass by, from several threads, and compared with the counts on disk at the end. A block
 * that has one owner, as nearly all do, costs one bit.
 */
#ifndef CHECKS_XATTR_SHARES_H
#define CHECKS_XATTR_SHARES_H

#include "checks/checks.h"

/* What values in inodes of their own add to the inode that has the attributes. */
struct value_share {
	uint64_t clusters, inodes;
	bool is_unread; /* that is not all */
};

bool xattr_shares_init(struct checks *checks);
void xattr_shares_clear(struct checks *checks);

/*
 * Counts one owner of the attribute block. True for the first one, who is to look at its content;
 * for others `share` receives what its values add, as far as known.
 */
bool xattr_shares_first(struct checks *checks, ext_block block, struct value_share *share);
/* What the first owner found: the block's count of owners, and what its values add. */
void xattr_shares_note(struct checks *checks, ext_block block, uint32_t owners,
		       const struct value_share *share);
/* The same when the block cannot be read. */
void xattr_shares_unread(struct checks *checks, ext_block block);
/* Counts one user of the value in inode `ino`. */
void xattr_shares_value(struct checks *checks, ext_ino ino);

/* Counts against what was found, after the survey. */
void check_xattr_shares(struct checks *checks, struct survey *survey);

#endif
