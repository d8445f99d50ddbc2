/* SPDX-License-Identifier: MIT */
/*
 * What the files that replay fast commits share: the replay in progress, and a function for each
 * kind of record. What a record refers to may be missing or already done; Linux passes over that,
 * and so it is done here.  Doc: ext4/journal.rst, "Fast commits".
 */
#ifndef JOURNAL_FAST_COMMIT_H
#define JOURNAL_FAST_COMMIT_H

#include "edit/allocate.h"
#include "edit/inode_edit.h"
#include "journal/journal.h"

#include <ext/edit.h>

struct fast_commit {
	struct ext_journal *journal;
	struct ext_editor *editor;
	const struct ext_superblock *superblock;
	struct reserved_ranges reserved; /* what ranges of the log will claim */
	size_t reserved_capacity;
	ext_ino *touched; /* inodes whose blocks count at the end */
	size_t touched_count, touched_capacity;
	uint8_t *raw;	      /* an inode */
	bool has_upset_linux; /* see linux_misreads */
};

/* Notes that the blocks of an inode count anew at the end. */
enum ext_status fast_commit_touch(struct fast_commit *replay, ext_ino ino, struct ext_error *error);
enum ext_status fast_commit_get_inode(struct fast_commit *replay, ext_ino ino,
				      struct ext_inode *inode, struct ext_error *error);
enum ext_status fast_commit_put_links(struct fast_commit *replay, ext_ino ino, uint16_t links,
				      struct ext_error *error);
enum ext_status fast_commit_count_blocks(struct fast_commit *replay, ext_ino ino,
					 struct ext_error *error);

/* Records, one kind each. */
enum ext_status fast_commit_inode(struct fast_commit *replay,
				  const struct ext_fast_commit_record *record,
				  struct ext_error *error);
enum ext_status fast_commit_range(struct fast_commit *replay,
				  const struct ext_fast_commit_record *record,
				  struct ext_error *error);
enum ext_status fast_commit_name(struct fast_commit *replay,
				 const struct ext_fast_commit_record *record,
				 struct ext_error *error);
enum ext_status fast_commit_unlink(struct fast_commit *replay,
				   const struct ext_fast_commit_record *record,
				   struct ext_error *error);

/* The end: what was touched counts its blocks, orphans of the log among it. */
enum ext_status fast_commit_touch_orphans(struct fast_commit *replay, struct ext_error *error);
enum ext_status fast_commit_settle(struct fast_commit *replay, struct ext_error *error);

#endif
