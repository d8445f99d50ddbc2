/* SPDX-License-Identifier: MIT */
/*
 * What the entries of a directory point at: an inode that exists, is in use, may be named and has
 * the type that the entry says.
 */
#include "config.h"

#include <stdlib.h>

#include "accounting/order.h"
#include "checks/directories.h"

/* The list that the pass over the inodes filled; sorted when it is first asked. */
static void sort_list(struct directory_checks *checks)
{
	if (atomic_load_explicit(&checks->bad_inodes_sorted, memory_order_acquire))
		return;
	lock_take(&checks->lock);
	if (!atomic_load_explicit(&checks->bad_inodes_sorted, memory_order_relaxed)) {
		if (checks->bad_inode_count > 1)
			qsort(checks->bad_inodes, checks->bad_inode_count,
			      sizeof *checks->bad_inodes, compare_inos);
		atomic_store_explicit(&checks->bad_inodes_sorted, true, memory_order_release);
	}
	lock_give(&checks->lock);
}

static bool is_bad_inode(struct directory_checks *checks, ext_ino ino)
{
	if (checks->bad_inode_count == 0)
		return false;
	sort_list(checks);
	return bsearch(&ino, checks->bad_inodes, checks->bad_inode_count,
		       sizeof *checks->bad_inodes, compare_inos) != NULL;
}

/* Beyond what the descriptor calls used, where the survey does not look. */
static enum ext_problem unread_part(const struct directory_view *view, ext_ino ino)
{
	const uint32_t per_group = view->superblock->inodes_per_group;
	struct ext_group_descriptor group;

	ext_group_locations(view->survey->filesystem, (ino - 1) / per_group, &group);
	if (group.flags & EXT_GROUP_INODE_UNINIT)
		return EXT_DIRENT_TO_UNINIT_GROUP;
	if ((ino - 1) % per_group >=
	    per_group - (group.itable_unused <= per_group ? group.itable_unused : per_group))
		return EXT_DIRENT_TO_UNUSED_AREA;
	return EXT_NO_PROBLEM;
}

/* An entry for an inode that the survey did not see in use. */
static void report_unused(const struct directory_view *view, const struct ext_dirent *entry)
{
	const enum ext_problem unread = unread_part(view, entry->inode);
	enum ext_problem problem = EXT_DIRENT_TO_UNUSED_INODE;
	struct ext_inode inode;
	const enum ext_status status =
		ext_inode_read(view->survey->filesystem, entry->inode, &inode, NULL, NULL);

	/* What cannot be read is not called wrong. */
	if (status == EXT_IO)
		return;
	if (unread != EXT_NO_PROBLEM)
		report_in_directory(view, unread, entry, "inode", entry->inode, 0, 0);
	if (status == EXT_OK && inode.mode == 0 && inode.links == 0) {
		if (entry->type_stored != 0 &&
		    ext_has_incompat(view->superblock, EXT_INCOMPAT_FILETYPE))
			problem = EXT_DIRENT_TO_BLANK_INODE;
	} else if (unread != EXT_NO_PROBLEM) {
		return;
	}
	report_in_directory(view, problem, entry, "inode", entry->inode, 0, 0);
}

/* Deleted, and only waiting for the end of it: no name leads there. */
static bool is_deleted_orphan(const struct directory_view *view, ext_ino ino, uint8_t state)
{
	struct ext_inode inode;

	return (state & STATE_ORPHAN) &&
	       ext_inode_read(view->survey->filesystem, ino, &inode, NULL, NULL) == EXT_OK &&
	       inode.links == 0;
}

static void check_type(const struct directory_view *view, const struct ext_dirent *entry,
		       uint8_t state)
{
	const uint8_t type = state & STATE_TYPE;

	if (!ext_has_incompat(view->superblock, EXT_INCOMPAT_FILETYPE)) {
		if (entry->type_stored != 0)
			report_in_directory(view, EXT_DIRENT_TYPE_WITHOUT_FEATURE, entry,
					    "file_type", entry->type_stored, 0, 0);
		return;
	}
	if (entry->file_type != 0 && is_bad_inode(view->checks, entry->inode))
		report_in_directory(view, EXT_DIRENT_TO_BAD_INODE, entry, "file_type",
				    entry->file_type, entry->inode, entry->inode);
	else if (entry->file_type == type)
		return;
	else if (entry->file_type == 0)
		report_in_directory(view, EXT_DIRENT_TYPE_MISSING, entry, "file_type", 0, type,
				    type);
	else
		report_in_directory(view, EXT_DIRENT_TYPE, entry, "file_type", entry->file_type,
				    type, type);
}

/* Does the inode hold the value of an attribute? Other inodes without a name have low numbers. */
static bool is_value(const struct directory_view *view, ext_ino ino, uint8_t state)
{
	const struct ext_superblock *sb = view->superblock;

	return (state & STATE_SYSTEM) && ext_has_incompat(sb, EXT_INCOMPAT_EA_INODE) &&
	       ino >= sb->first_inode && ino != sb->journal_inode && ino != sb->user_quota_inode &&
	       ino != sb->group_quota_inode && ino != sb->project_quota_inode &&
	       ino != sb->orphan_file_inode;
}

/* A root without links is deleted, whatever it still holds. */
static bool is_deleted_root(const struct directory_view *view, ext_ino ino)
{
	const struct directory *root;
	struct ext_inode inode;

	if (ino != EXT_INO_ROOT)
		return false;
	root = survey_directory(view->survey, ino);
	return (!root || root->is_unlinked) &&
	       ext_inode_read(view->survey->filesystem, ino, &inode, NULL, NULL) == EXT_OK &&
	       inode.links == 0;
}

/* An entry in use. `position` is 1 and 2 for "." and "..". */
void check_entry_target(const struct directory_view *view, const struct ext_dirent *entry,
			unsigned position)
{
	const struct ext_superblock *sb = view->superblock;
	const ext_ino ino = entry->inode;
	uint8_t state;

	if (ino > sb->inode_count || (ino < sb->first_inode && ino != EXT_INO_ROOT)) {
		report_in_directory(view, EXT_DIRENT_INODE_RANGE, entry, "inode", ino,
				    sb->first_inode, sb->inode_count);
		return;
	}
	if (view->survey->bad_blocks.has_any &&
	    bad_blocks_hold_inode(&view->survey->bad_blocks, view->survey->filesystem, ino)) {
		report_in_directory(view, EXT_DIRENT_TO_BAD_BLOCKS, entry, "inode", ino, 0, 0);
		/* No more is known of it. */
		if (view->survey->bad_blocks.is_heeded)
			return;
	}
	if (position > 2) {
		if (entry_is_dot(entry))
			report_in_directory(view, EXT_DOT_DUPLICATE, entry, "name", ino, 0, 0);
		else if (entry_is_dotdot(entry))
			report_in_directory(view, EXT_DOTDOT_DUPLICATE, entry, "name", ino, 0, 0);
		else if (ino == EXT_INO_ROOT)
			report_in_directory(view, EXT_DIRENT_TO_ROOT, entry, "inode", ino, 0, 0);
		else if (entry->name_length == 0)
			report_in_directory(view, EXT_DIRENT_NAME_EMPTY, entry, "name_len", ino, 0,
					    0);
	}
	state = inode_states_get(&view->survey->inodes, ino);
	if (!(state & STATE_USED) || is_deleted_orphan(view, ino, state) ||
	    is_deleted_root(view, ino)) {
		report_unused(view, entry);
	} else {
		check_type(view, entry, state);
		if (is_value(view, ino, state))
			report_in_directory(view, EXT_DIRENT_TO_EA_INODE, entry, "inode", ino, 0,
					    0);
	}
	if (!entry_is_dot(entry) && !entry_is_dotdot(entry) &&
	    (position > 2 || !view->is_encrypted))
		check_entry_name(view, entry);
	if (position > 2 && !entry_is_dot(entry) && !entry_is_dotdot(entry)) {
		if (state & STATE_USED)
			check_entry_policy(view, entry, state);
	}
}
