/* SPDX-License-Identifier: MIT */
/*
 * Adding to a hashed directory, and making one of a full block.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "structure/filesystem.h"
#include "edit/htree_index.h"

enum { ROOT_INFO_AT = 0x18, INFO_LENGTH = 8 };

enum ext_status htree_find_leaf(struct directory_edit *edit, struct span name, ext_logical *leaf,
				struct ext_error *error)
{
	struct htree_frames frames;
	const enum ext_status status = htree_probe(edit, name, &frames, error);

	if (status == EXT_OK)
		*leaf = frames.leaf;
	htree_frames_clear(&frames);
	return status;
}

enum ext_status htree_add(struct directory_edit *edit, const struct new_entry *entry,
			  struct ext_error *error)
{
	/* Each round adds a node or a level; there are few levels. */
	for (unsigned round = 0; round < 2 * HTREE_LEVELS_MOST + 2; round++) {
		struct htree_frames frames;
		enum ext_status status = htree_probe(edit, entry->name, &frames, error);

		if (status == EXT_OK)
			status = directory_block_read(edit, frames.leaf, edit->block, error);
		if (status == EXT_OK) {
			if (directory_put_entry(edit, edit->block, 0, directory_entries_end(edit),
						entry)) {
				status = directory_block_write(
					edit, frames.leaf, EXT_DIRECTORY_LEAF, edit->block, error);
				htree_frames_clear(&frames);
				return status;
			}
			status = htree_make_index_room(edit, &frames, error);
			if (status == EXT_OK) {
				status = htree_split_leaf(edit, &frames, entry, error);
				htree_frames_clear(&frames);
				return status;
			}
		}
		htree_frames_clear(&frames);
		if (status != EXT_END)
			return status;
	}
	return htree_unsupported(edit, error);
}

enum ext_status htree_make(struct directory_edit *edit, const struct new_entry *entry,
			   struct ext_error *error)
{
	const uint32_t size = edit->superblock->block_size;
	const uint32_t end = directory_entries_end(edit);
	const uint32_t dot = directory_entry_size(1);
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)edit->raw;
	uint8_t *root = malloc(size), *leaf = malloc(size);
	const struct htree_frame frame = {.bytes = root, .entries_at = HTREE_ROOT_ENTRIES_AT};
	uint32_t first, at, last;
	ext_logical added;
	enum ext_status status;

	if (edit->inode.flags & (EXT_INODE_CASEFOLD | EXT_INODE_ENCRYPT))
		status = htree_unsupported(edit, error);
	else if (!root || !leaf)
		status = ext_no_memory(error);
	else
		status = directory_block_read(edit, 0, root, error);
	if (status != EXT_OK)
		goto out;
	/* Behind "." and "..". */
	first = dot + directory_record_length(edit, root, dot);
	if (directory_record_length(edit, root, 0) != dot || first >= end) {
		status = htree_unsupported(edit, error);
		goto out;
	}
	status = directory_block_append(edit, &added, error);
	if (status != EXT_OK)
		goto out;
	memset(leaf, 0, size);
	memcpy(leaf, root + first, end - first);
	for (at = last = 0; at < end - first;) {
		const uint32_t length = directory_record_length(edit, leaf, at);

		if (length < sizeof(struct ext_raw_dirent) || length > end - first - at)
			break;
		last = at;
		at += length;
	}
	directory_put_record_length(edit, leaf, last, end - last);
	memset(root + ROOT_INFO_AT, 0, size - ROOT_INFO_AT);
	directory_put_record_length(edit, root, dot, size - dot);
	root[0x1c] = edit->superblock->default_hash_version;
	root[0x1d] = INFO_LENGTH;
	put(&htree_counts(&frame)->limit, htree_limit(edit, HTREE_ROOT_ENTRIES_AT));
	put(&htree_counts(&frame)->count, 1);
	put(&htree_counts(&frame)->block, added);
	put(&core->i_flags, get(core->i_flags) | EXT_INODE_INDEX);
	edit->inode.flags |= EXT_INODE_INDEX;
	status = directory_block_write(edit, added, EXT_DIRECTORY_LEAF, leaf, error);
	if (status == EXT_OK)
		status = directory_block_write(edit, 0, EXT_DIRECTORY_HTREE_ROOT, root, error);
	if (status == EXT_OK) {
		/* Linux splits at once, though the moved entries leave a little room. */
		struct htree_frames frames;

		status = htree_probe(edit, entry->name, &frames, error);
		if (status == EXT_OK)
			status = htree_split_leaf(edit, &frames, entry, error);
		htree_frames_clear(&frames);
	}
out:
	free(root);
	free(leaf);
	return status;
}
