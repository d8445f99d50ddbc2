/* SPDX-License-Identifier: MIT */
/*
 * Entries of directories: what a block or an inode holds, and linear directories. Blocks are read
 * and written in directory_block_edit.c, inline directories changed in inline_directory_edit.c,
 * indexed ones in htree_edit.c. Doc: ext4/directory.rst, "Linear (Classic) Directories".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "layout/layout.h"
#include "structure/dirent.h"
#include "structure/filesystem.h"
#include "edit/directory_edit.h"
#include "edit/inode_edit.h"

#include <ext/mapping.h>

uint32_t directory_entry_size(size_t name_length)
{
	return (uint32_t)(sizeof(struct ext_raw_dirent) + name_length + 3) & ~3U;
}

uint32_t directory_record_length(const struct directory_edit *edit, const uint8_t *bytes,
				 uint32_t at)
{
	const struct ext_raw_dirent *raw =
		(const struct ext_raw_dirent *)(const void *)(bytes + at);

	return dirent_record_length(edit->superblock->block_size, get(raw->rec_len));
}

void directory_put_record_length(const struct directory_edit *edit, uint8_t *bytes, uint32_t at,
				 uint32_t length)
{
	struct ext_raw_dirent *raw = (struct ext_raw_dirent *)(void *)(bytes + at);
	uint32_t stored = length;

	/* 64 KiB does not fit 16 bits; lengths are multiples of 4, and two low bits are free. */
	if (length > UINT16_MAX)
		stored = length == 65536 ? UINT16_MAX : (length & 0xfffc) | length >> 16;
	(void)edit;
	put(&raw->rec_len, (uint16_t)stored);
}

enum ext_status directory_edit_open(struct directory_edit *edit, struct ext_editor *editor,
				    const struct reserved_ranges *reserved, ext_ino ino,
				    struct ext_error *error)
{
	const struct ext_filesystem *fs = ext_editor_filesystem(editor);
	enum ext_status status;

	*edit = (struct directory_edit){
		.editor = editor,
		.filesystem = fs,
		.superblock = &fs->superblock,
		.reserved = reserved,
		.ino = ino,
	};
	edit->raw = malloc(fs->superblock.inode_size);
	edit->block = malloc(fs->superblock.block_size);
	if (!edit->raw || !edit->block)
		status = ext_no_memory(error);
	else
		status = ext_inode_read(fs, ino, &edit->inode, edit->raw, error);
	if (status == EXT_OK && edit->inode.type != EXT_TYPE_DIRECTORY)
		status = ext_fail(error, EXT_CORRUPT, EXT_FAST_COMMIT_RECORD,
				  (struct ext_place){.structure = EXT_AT_INODE,
						     .has = EXT_HAS_INODE,
						     .inode = ino},
				  0);
	if (status != EXT_OK) {
		directory_edit_clear(edit);
		return status;
	}
	edit->seed = ext_inode_seed(&fs->superblock, ino, edit->inode.generation);
	return EXT_OK;
}

void directory_edit_clear(struct directory_edit *edit)
{
	free(edit->raw);
	free(edit->block);
	edit->raw = edit->block = NULL;
}

enum ext_status directory_edit_finish(struct directory_edit *edit, struct ext_error *error)
{
	return ext_editor_write_inode(edit->editor, edit->ino, edit->raw, error);
}

static bool name_is(const uint8_t *bytes, uint32_t at, struct span name)
{
	const struct ext_raw_dirent *raw =
		(const struct ext_raw_dirent *)(const void *)(bytes + at);

	return get(raw->inode) != 0 && raw->name_len == name.size &&
	       memcmp(bytes + at + sizeof *raw, name.data, name.size) == 0;
}

/* A record that the next one can be found behind. */
bool directory_record_is_sound(const struct directory_edit *edit, const uint8_t *bytes, uint32_t at,
			       uint32_t end, uint32_t *length)
{
	if (!range_inside(at, sizeof(struct ext_raw_dirent), end))
		return false;

	const struct ext_raw_dirent *raw =
		(const struct ext_raw_dirent *)(const void *)(bytes + at);

	*length = directory_record_length(edit, bytes, at);
	return *length >= directory_entry_size(raw->name_len) && *length % 4 == 0 &&
	       range_inside(at, *length, end);
}

bool directory_find_entry(const struct directory_edit *edit, const uint8_t *bytes, uint32_t from,
			  uint32_t end, struct span name, uint32_t *at, uint32_t *before)
{
	uint32_t length;

	*before = end;
	for (*at = from; directory_record_is_sound(edit, bytes, *at, end, &length); *at += length) {
		if (name_is(bytes, *at, name))
			return true;
		*before = *at;
	}
	return false;
}

bool directory_put_entry(const struct directory_edit *edit, uint8_t *bytes, uint32_t from,
			 uint32_t end, const struct new_entry *entry)
{
	const uint32_t needed = directory_entry_size(entry->name.size);
	uint32_t at = from, length;

	for (; directory_record_is_sound(edit, bytes, at, end, &length); at += length) {
		struct ext_raw_dirent *raw = (struct ext_raw_dirent *)(void *)(bytes + at);
		const uint32_t used =
			get(raw->inode) != 0 ? directory_entry_size(raw->name_len) : 0;

		if (length - used < needed)
			continue;
		if (used > 0) {
			directory_put_record_length(edit, bytes, at, used);
			directory_put_record_length(edit, bytes, at + used, length - used);
			raw = (struct ext_raw_dirent *)(void *)(bytes + at + used);
		}
		put(&raw->inode, entry->inode);
		raw->name_len = (uint8_t)entry->name.size;
		raw->file_type = ext_has_incompat(edit->superblock, EXT_INCOMPAT_FILETYPE)
					 ? entry->file_type
					 : 0;
		memcpy((uint8_t *)raw + sizeof *raw, entry->name.data, entry->name.size);
		return true;
	}
	return false;
}

enum ext_status directory_edit_make(struct directory_edit *edit, ext_ino parent,
				    struct ext_error *error)
{
	ext_logical logical;
	enum ext_status status;

	/* An inline one came whole with its inode; one that has blocks was made before. */
	if (directory_is_inline(edit))
		return EXT_OK;
	directory_set_size(edit, 0);
	if (directory_block_locate(edit, 0, &edit->physical, NULL) == EXT_OK) {
		directory_set_size(edit, edit->superblock->block_size);
		logical = 0;
	} else {
		status = directory_block_append(edit, &logical, error);
		if (status != EXT_OK)
			return status;
	}
	directory_make_first_block(edit, parent, edit->block);
	return directory_block_write(edit, logical, EXT_DIRECTORY_LEAF, edit->block, error);
}

/* EXT_END when there is no such name. */
static enum ext_status find(struct directory_edit *edit, struct span name,
			    struct found_entry *found, struct ext_error *error)
{
	uint32_t first = 0, end = directory_block_count(edit);
	ext_logical leaf;

	if (directory_is_inline(edit))
		return inline_directory_find(edit, name, found) ? EXT_OK : EXT_END;
	found->bytes = edit->block;
	found->end = directory_entries_end(edit);
	/* The index names one block; the others are searched when the name is not there. */
	if (edit->inode.flags & EXT_INODE_INDEX &&
	    htree_find_leaf(edit, name, &leaf, NULL) == EXT_OK &&
	    directory_block_read(edit, leaf, edit->block, NULL) == EXT_OK &&
	    directory_find_entry(edit, edit->block, 0, found->end, name, &found->at,
				 &found->before)) {
		found->logical = leaf;
		return EXT_OK;
	}
	for (; first < end; first++) {
		const enum ext_status status =
			directory_block_read(edit, first, edit->block, error);

		if (status == EXT_MEMORY)
			return status;
		if (status == EXT_OK && directory_find_entry(edit, edit->block, 0, found->end, name,
							     &found->at, &found->before)) {
			found->logical = first;
			return EXT_OK;
		}
	}
	return EXT_END;
}

static enum ext_status add_linear(struct directory_edit *edit, const struct new_entry *entry,
				  struct ext_error *error)
{
	const uint32_t blocks = directory_block_count(edit);
	const uint32_t end = directory_entries_end(edit);
	ext_logical logical;
	enum ext_status status;

	for (logical = 0; logical < blocks; logical++) {
		status = directory_block_read(edit, logical, edit->block, error);
		if (status != EXT_OK)
			return status;
		if (directory_put_entry(edit, edit->block, 0, end, entry))
			return directory_block_write(edit, logical, EXT_DIRECTORY_LEAF, edit->block,
						     error);
	}
	if (blocks == 1 && !(edit->inode.flags & EXT_INODE_INDEX) &&
	    ext_has_compat(edit->superblock, EXT_COMPAT_DIR_INDEX)) {
		status = htree_make(edit, entry, error);
		if (status != EXT_UNSUPPORTED)
			return status;
	}
	status = directory_block_append(edit, &logical, error);
	if (status != EXT_OK)
		return status;
	memset(edit->block, 0, edit->superblock->block_size);
	directory_put_record_length(edit, edit->block, 0, end);
	directory_put_entry(edit, edit->block, 0, end, entry);
	return directory_block_write(edit, logical, EXT_DIRECTORY_LEAF, edit->block, error);
}

enum ext_status directory_edit_add(struct directory_edit *edit, const struct new_entry *entry,
				   struct ext_error *error)
{
	struct found_entry found;
	enum ext_status status = find(edit, entry->name, &found, error);

	if (status != EXT_END)
		return status == EXT_OK ? EXT_END : status;
	if (directory_is_inline(edit)) {
		if (inline_directory_add(edit, entry))
			return EXT_OK;
		status = inline_directory_leave(edit, error);
		if (status != EXT_OK)
			return status;
	}
	if (edit->inode.flags & EXT_INODE_INDEX) {
		struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)edit->raw;

		status = htree_add(edit, entry, error);
		if (status != EXT_UNSUPPORTED && status != EXT_CORRUPT)
			return status;
		/* As Linux does with a bad index: from now on the directory is read as a linear
		 * one. */
		put(&core->i_flags, get(core->i_flags) & ~(uint32_t)EXT_INODE_INDEX);
		directory_decode_again(edit);
	}
	return add_linear(edit, entry, error);
}

enum ext_status directory_edit_remove(struct directory_edit *edit, struct span name, ext_ino inode,
				      struct ext_error *error)
{
	struct found_entry found;
	struct ext_raw_dirent *raw;
	uint32_t length;
	const enum ext_status status = find(edit, name, &found, error);

	if (status != EXT_OK)
		return status;
	raw = (struct ext_raw_dirent *)(void *)(found.bytes + found.at);
	if (get(raw->inode) != inode)
		return EXT_END;
	length = directory_record_length(edit, found.bytes, found.at);
	if (found.before < found.at) {
		directory_put_record_length(
			edit, found.bytes, found.before,
			directory_record_length(edit, found.bytes, found.before) + length);
		memset(raw, 0, length);
	} else {
		const struct ext_raw_dirent empty = {.rec_len = raw->rec_len};

		memset(raw, 0, length);
		*raw = empty;
	}
	if (directory_is_inline(edit))
		return EXT_OK;
	return directory_block_write(edit, found.logical, EXT_DIRECTORY_LEAF, edit->block, error);
}
