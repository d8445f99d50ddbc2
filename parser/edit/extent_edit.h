/* SPDX-License-Identifier: MIT */
/*
 * Changing the extent tree of one inode in memory, as Linux changes it: insertion with merging and
 * splitting, removal with empty nodes given back. Nodes are loaded when an operation meets them and
 * written at the end. Blocks of data are the caller's; blocks of the tree are allocated and freed
 * here.
 */
#ifndef EDIT_EXTENT_EDIT_H
#define EDIT_EXTENT_EDIT_H

#include <ext/edit.h>

#include "edit/allocate.h"

struct extent {
	uint32_t logical, length; /* length in blocks */
	ext_block physical;
	bool unwritten;
};

struct extent_edit;

/* `raw` is the whole inode, whose i_block holds the root; borrowed, changed by extent_edit_finish.
 */
enum ext_status extent_edit_open(struct ext_editor *editor, ext_ino ino, uint8_t *raw,
				 const struct reserved_ranges *reserved, struct extent_edit **edit,
				 struct ext_error *error);
void extent_edit_close(struct extent_edit *edit);

/*
 * The extent that holds `logical`; or, when none does, length is 0 and `hole` says how many blocks
 * from there on are unmapped.
 */
enum ext_status extent_edit_find(struct extent_edit *edit, uint32_t logical, struct extent *extent,
				 uint64_t *hole, struct ext_error *error);

/* Maps a range that is a hole. */
enum ext_status extent_edit_insert(struct extent_edit *edit, const struct extent *extent,
				   struct ext_error *error);

/*
 * Unmaps first .. last. The data blocks are freed when `free_data` is set, else left to the caller.
 */
enum ext_status extent_edit_remove(struct extent_edit *edit, uint32_t first, uint32_t last,
				   bool free_data, struct ext_error *error);

/* Writes changed nodes to the overlay and the root into the inode. The inode itself is not written.
 */
enum ext_status extent_edit_finish(struct extent_edit *edit, struct ext_error *error);

#endif
