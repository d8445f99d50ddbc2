/* SPDX-License-Identifier: MIT */
/*
 * Fast commit records that make or take away a name.
 */
#include "config.h"

#include "edit/directory_edit.h"
#include "journal/fast_commit.h"

static enum ext_status add_name(struct fast_commit *replay,
				const struct ext_fast_commit_record *record, uint8_t file_type,
				struct ext_error *error)
{
	const struct new_entry entry = {
		.name = record->name, .inode = record->inode, .file_type = file_type};
	struct directory_edit edit;
	enum ext_status status = directory_edit_open(&edit, replay->editor, &replay->reserved,
						     record->parent, error);

	if (status != EXT_OK)
		return status;
	status = directory_edit_add(&edit, &entry, error);
	if (status == EXT_OK)
		status = directory_edit_finish(&edit, error);
	directory_edit_clear(&edit);
	return status;
}

static enum ext_status make_directory(struct fast_commit *replay,
				      const struct ext_fast_commit_record *record,
				      struct ext_error *error)
{
	struct directory_edit edit;
	enum ext_status status =
		directory_edit_open(&edit, replay->editor, &replay->reserved, record->inode, error);

	if (status != EXT_OK)
		return status;
	status = directory_edit_make(&edit, record->parent, error);
	if (status == EXT_OK)
		status = directory_edit_finish(&edit, error);
	directory_edit_clear(&edit);
	return status;
}

enum ext_status fast_commit_name(struct fast_commit *replay,
				 const struct ext_fast_commit_record *record,
				 struct ext_error *error)
{
	const bool is_new = record->tag == EXT_FAST_COMMIT_CREAT;
	struct ext_inode inode;
	enum ext_status status;

	if (is_new) {
		status = ext_editor_mark_inode(replay->editor, record->inode, true, false, error);
		if (status != EXT_OK)
			return status;
	}
	status = fast_commit_get_inode(replay, record->inode, &inode, error);
	if (status == EXT_END && !is_new)
		return EXT_OK;
	if (status == EXT_END)
		return ext_fail(error, EXT_CORRUPT, EXT_FAST_COMMIT_RECORD, (struct ext_place){0},
				0);
	if (status == EXT_OK && is_new && inode.type == EXT_TYPE_DIRECTORY)
		status = make_directory(replay, record, error);
	if (status != EXT_OK)
		return status;
	status = add_name(replay, record, (uint8_t)inode.type, error);
	/* A name that is there already is no fault: the block may have come to the disk before. */
	if (status != EXT_OK && status != EXT_END)
		return status;

	const bool added = status == EXT_OK;

	status = fast_commit_get_inode(replay, record->inode, &inode, error);
	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	if (is_new)
		return fast_commit_put_links(replay, record->inode, 1, error);
	return added ? fast_commit_put_links(replay, record->inode, (uint16_t)(inode.links + 1),
					     error)
		     : EXT_OK;
}

enum ext_status fast_commit_unlink(struct fast_commit *replay,
				   const struct ext_fast_commit_record *record,
				   struct ext_error *error)
{
	struct directory_edit edit;
	struct ext_inode inode;
	uint64_t freed;
	enum ext_status status = fast_commit_get_inode(replay, record->inode, &inode, error);

	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	status = directory_edit_open(&edit, replay->editor, &replay->reserved, record->parent,
				     error);
	if (status != EXT_OK)
		return status == EXT_MEMORY ? status : EXT_OK;
	status = directory_edit_remove(&edit, record->name, record->inode, error);
	if (status == EXT_OK)
		status = directory_edit_finish(&edit, error);
	directory_edit_clear(&edit);
	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	status = fast_commit_get_inode(replay, record->inode, &inode, error);
	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	if (inode.links > 1)
		return fast_commit_put_links(replay, record->inode, (uint16_t)(inode.links - 1),
					     error);
	/* The last name: nobody can have the file open, so it goes at once. */
	return inode_delete(replay->editor, record->inode, &freed, error);
}
