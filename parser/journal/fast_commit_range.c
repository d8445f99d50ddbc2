/* SPDX-License-Identifier: MIT */
/*
 * Fast commit records that map or unmap a range of a file.
 */
#include "config.h"

#include <string.h>

#include "bytes/checked.h"
#include "layout/layout.h"
#include "edit/extent_edit.h"
#include "journal/fast_commit.h"

enum { DIRECT_POINTERS = 12 };

/* One stretch of an added range: a hole, or one extent. */
static enum ext_status add_stretch(struct fast_commit *replay, struct extent_edit *edit,
				   const struct extent *wanted, const struct extent *found,
				   struct ext_error *error)
{
	enum ext_status status;

	if (found->length > 0) {
		const ext_block old = found->physical + (wanted->logical - found->logical);

		if (old == wanted->physical && found->unwritten == wanted->unwritten)
			return EXT_OK;
		status = extent_edit_remove(edit, wanted->logical,
					    wanted->logical + wanted->length - 1,
					    old != wanted->physical, error);
		if (status != EXT_OK)
			return status;
	}
	status = extent_edit_insert(edit, wanted, error);
	if (status != EXT_OK)
		return status;
	return ext_editor_mark_blocks(replay->editor, wanted->physical, wanted->length, true,
				      error);
}

static enum ext_status add_range(struct fast_commit *replay, struct extent_edit *edit,
				 const struct ext_fast_commit_record *record,
				 struct ext_error *error)
{
	uint32_t done = 0;

	while (done < record->range_length) {
		struct extent wanted = {
			.logical = record->logical + done,
			.physical = record->physical + done,
			.unwritten = record->unwritten,
		};
		struct extent found;
		uint64_t hole, length = record->range_length - done;
		enum ext_status status =
			extent_edit_find(edit, wanted.logical, &found, &hole, error);

		if (status != EXT_OK)
			return status;
		if (found.length > 0)
			hole = found.length - (wanted.logical - found.logical);
		length = min_u64(length, hole);
		wanted.length = (uint32_t)length;
		status = add_stretch(replay, edit, &wanted, &found, error);
		if (status != EXT_OK)
			return status;
		done += wanted.length;
	}
	return EXT_OK;
}

/*
 * A file that left its inode in this fast commit is still an inline one when its ranges come. Linux
 * takes its content for a block map then; where that leads out of the filesystem it notes an error
 * in the superblock, and with an error noted it leaves the orphans alone.
 */
static bool linux_misreads(const struct fast_commit *replay,
			   const struct ext_fast_commit_record *record,
			   const struct ext_inode *inode)
{
	const struct ext_superblock *sb = replay->superblock;
	const uint64_t end =
		min_u64((uint64_t)record->logical + record->range_length, DIRECT_POINTERS);

	if (!(inode->flags & EXT_INODE_INLINE_DATA))
		return false;
	for (uint64_t i = record->logical; i < end; i++) {
		struct le32 pointer;

		memcpy(&pointer, inode->i_block + i * sizeof pointer, sizeof pointer);
		if (get(pointer) != 0 &&
		    (get(pointer) <= sb->first_data_block || get(pointer) >= sb->block_count))
			return true;
	}
	return false;
}

enum ext_status fast_commit_range(struct fast_commit *replay,
				  const struct ext_fast_commit_record *record,
				  struct ext_error *error)
{
	struct extent_edit *edit;
	struct ext_inode inode;
	uint64_t end;
	enum ext_status status = fast_commit_get_inode(replay, record->inode, &inode, error);

	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	end = (uint64_t)record->logical + record->range_length;
	if (linux_misreads(replay, record, &inode))
		replay->has_upset_linux = true;
	if (record->range_length == 0 || !(inode.flags & EXT_INODE_EXTENTS))
		return EXT_OK;
	if (end > (uint64_t)UINT32_MAX + 1 ||
	    (record->tag == EXT_FAST_COMMIT_ADD_RANGE &&
	     (record->physical < replay->superblock->first_data_block ||
	      !range_inside(record->physical, record->range_length,
			    replay->superblock->block_count))))
		return ext_fail(error, EXT_CORRUPT, EXT_FAST_COMMIT_RECORD, (struct ext_place){0},
				0);
	status = extent_edit_open(replay->editor, record->inode, replay->raw, &replay->reserved,
				  &edit, error);
	if (status != EXT_OK)
		return status;
	if (record->tag == EXT_FAST_COMMIT_ADD_RANGE)
		status = add_range(replay, edit, record, error);
	else
		status =
			extent_edit_remove(edit, record->logical, (uint32_t)(end - 1), true, error);
	/* What was done is kept even when the rest could not be. */
	const enum ext_status finished = extent_edit_finish(edit, status == EXT_OK ? error : NULL);

	extent_edit_close(edit);
	if (status == EXT_OK)
		status = finished;
	if (status == EXT_OK)
		status = fast_commit_count_blocks(replay, record->inode, error);
	if (status == EXT_OK)
		status = ext_editor_write_inode(replay->editor, record->inode, replay->raw, error);
	return status;
}
