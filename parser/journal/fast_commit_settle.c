/* SPDX-License-Identifier: MIT */
/*
 * What is left to do when all fast commit records are replayed: blocks are counted, orphans kept.
 */
#include "config.h"

#include <stdlib.h>

#include "journal/fast_commit.h"

#include <ext/orphan.h>

static int compare_numbers(const void *a, const void *b)
{
	const ext_ino left = *(const ext_ino *)a, right = *(const ext_ino *)b;

	return (left > right) - (left < right);
}

/* The orphans of the last full commit, sorted. */
static enum ext_status collect_orphans(struct fast_commit *replay, ext_ino **orphans, size_t *count,
				       struct ext_error *error)
{
	struct ext_orphans *cursor;
	struct ext_orphan orphan;
	size_t capacity = 0;
	enum ext_status status =
		ext_orphans_open(ext_editor_filesystem(replay->editor), NULL, &cursor, error);

	if (status != EXT_OK)
		return status;
	while (ext_orphans_next(cursor, &orphan) == EXT_OK) {
		if (*count == capacity) {
			const size_t larger = capacity ? capacity * 2 : 16;
			ext_ino *grown = realloc(*orphans, larger * sizeof *grown);

			if (!grown) {
				status = ext_no_memory(error);
				break;
			}
			*orphans = grown;
			capacity = larger;
		}
		(*orphans)[(*count)++] = orphan.inode;
	}
	ext_orphans_close(cursor);
	if (*count > 0)
		qsort(*orphans, *count, sizeof **orphans, compare_numbers);
	return status;
}

/*
 * What came of a touched inode. A block that one record freed may have been given to another file
 * by an earlier record: in the end everything that the inodes map is in use. One that has lost its
 * last name while it was open stands on no list, because only a full commit would have put it
 * there; it goes as the orphans go. Linux refuses to mount then.
 */
static enum ext_status settle_inode(struct fast_commit *replay, ext_ino ino, const ext_ino *orphans,
				    size_t orphan_count, struct ext_error *error)
{
	struct ext_inode inode;
	bool used = false;
	uint64_t freed;

	if (ext_inode_read(ext_editor_filesystem(replay->editor), ino, &inode, NULL, NULL) !=
	    EXT_OK)
		return EXT_OK;
	if (inode.links != 0)
		return inode.mode != 0 && inode.checksum != EXT_CHECKSUM_BAD
			       ? inode_mark_mapped(replay->editor, &inode, true, NULL, error)
			       : EXT_OK;
	if (inode.mode == 0 || ino < replay->superblock->first_inode ||
	    ext_editor_inode_is_used(replay->editor, ino, &used, NULL) != EXT_OK || !used ||
	    (orphan_count > 0 &&
	     bsearch(&ino, orphans, orphan_count, sizeof *orphans, compare_numbers)))
		return EXT_OK;
	return inode_delete(replay->editor, ino, &freed, error);
}

/*
 * An inode number that was an orphan's may come back as a new file's, which cuts the chain: whoever
 * stands on it now is looked at in the end.
 */
enum ext_status fast_commit_touch_orphans(struct fast_commit *replay, struct ext_error *error)
{
	ext_ino *orphans = NULL;
	size_t count = 0;
	enum ext_status status = collect_orphans(replay, &orphans, &count, error);

	for (size_t i = 0; status == EXT_OK && i < count; i++)
		status = fast_commit_touch(replay, orphans[i], error);
	free(orphans);
	return status;
}

enum ext_status fast_commit_settle(struct fast_commit *replay, struct ext_error *error)
{
	ext_ino *orphans = NULL;
	size_t orphan_count = 0;
	enum ext_status status = collect_orphans(replay, &orphans, &orphan_count, error);

	if (replay->touched_count > 0)
		qsort(replay->touched, replay->touched_count, sizeof *replay->touched,
		      compare_numbers);
	for (size_t i = 0; status == EXT_OK && i < replay->touched_count; i++)
		if (i == 0 || replay->touched[i] != replay->touched[i - 1])
			status = settle_inode(replay, replay->touched[i], orphans, orphan_count,
					      error);
	free(orphans);
	return status;
}
