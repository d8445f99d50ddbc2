/* SPDX-License-Identifier: MIT */
/*
 * Entries of directories that live in their inode: behind the parent's number in i_block, and in
 * the value of the attribute system.data.  Doc: ext4/ifork.rst, "Inline Data".
 */
#include "config.h"

#include <string.h>

#include "layout/layout.h"
#include "structure/dirent.h"
#include "structure/filesystem.h"
#include "structure/inline_data.h"
#include "edit/directory_edit.h"
#include "edit/inode_edit.h"

#include <ext/xattr.h>

enum { LIST_END = 4 };

static uint8_t *inline_root(struct directory_edit *edit)
{
	return (uint8_t *)((struct ext_raw_inode *)(void *)edit->raw)->i_block;
}

/* The part of an inline directory behind i_block, to be changed in place. */
static uint8_t *inline_tail(struct directory_edit *edit, uint32_t *size)
{
	const struct ext_span raw = {edit->raw, edit->superblock->inode_size};
	const struct ext_span tail = inline_data_tail(edit->superblock, raw);

	*size = (uint32_t)tail.size;
	return tail.data && tail.size > 0 ? edit->raw + (tail.data - edit->raw) : NULL;
}

bool inline_directory_find(struct directory_edit *edit, struct span name, struct found_entry *found)
{
	uint32_t tail_size;
	uint8_t *tail = inline_tail(edit, &tail_size);

	found->bytes = inline_root(edit);
	found->end = INLINE_IN_I_BLOCK;
	if (directory_find_entry(edit, found->bytes, INLINE_PARENT_SIZE, found->end, name,
				 &found->at, &found->before))
		return true;
	found->bytes = tail;
	found->end = tail_size;
	return tail &&
	       directory_find_entry(edit, tail, 0, tail_size, name, &found->at, &found->before);
}

/*
 * Makes the value of system.data as large as the space behind the inode's fields allows, with one
 * free entry in it. Linux does so once, when i_block is full and the value still empty; the
 * directory's size shows it.
 */
static bool grow_tail(struct directory_edit *edit)
{
	const struct ext_span raw = {edit->raw, edit->superblock->inode_size};
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;
	struct ext_raw_xattr_entry *entry = NULL;
	size_t lowest, size;
	uint8_t *space;

	if (ext_xattr_inode_begin(edit->superblock, raw, &cursor, NULL) != EXT_OK)
		return false;
	space = edit->raw + (cursor.space.data - edit->raw);
	lowest = cursor.space.size;
	while (ext_xattr_next(&cursor, &xattr, NULL) == EXT_OK) {
		if (ext_xattr_is_inline_data(&xattr))
			entry = (struct ext_raw_xattr_entry *)(void *)(space + xattr.at);
		else if (xattr.value_inode == 0 && xattr.value_size > 0 &&
			 xattr.value_offset < lowest)
			lowest = xattr.value_offset;
	}
	/* Four zero bytes end the list of entries. */
	if (!entry || get(entry->e_value_size) != 0 || lowest < cursor.at + LIST_END)
		return false;
	size = lowest - cursor.at - LIST_END;
	size -= size % 4;
	if (size <= directory_entry_size(1))
		return false;
	memset(space + lowest - size, 0, size);
	put(&entry->e_value_offs, (uint16_t)(lowest - size));
	put(&entry->e_value_size, (uint32_t)size);
	directory_put_record_length(edit, space + lowest - size, 0, (uint32_t)size);
	directory_set_size(edit, INLINE_IN_I_BLOCK + size);
	return true;
}

bool inline_directory_add(struct directory_edit *edit, const struct new_entry *entry)
{
	uint32_t tail_size;
	uint8_t *tail;

	if (directory_put_entry(edit, inline_root(edit), INLINE_PARENT_SIZE, INLINE_IN_I_BLOCK,
				entry))
		return true;
	tail = inline_tail(edit, &tail_size);
	if (!tail && grow_tail(edit))
		tail = inline_tail(edit, &tail_size);
	return tail && directory_put_entry(edit, tail, 0, tail_size, entry);
}

/* The last of the records in `size` bytes reaches to byte `end` from now on. */
static void stretch_last(const struct directory_edit *edit, uint8_t *bytes, uint32_t size,
			 uint32_t end)
{
	uint32_t last = 0, at = 0, length;

	for (; directory_record_is_sound(edit, bytes, at, size, &length); at += length)
		last = at;
	directory_put_record_length(edit, bytes, last, end - last);
}

/* Takes system.data out of the attributes, with its value; the entries behind it move up. */
static void drop_tail(struct directory_edit *edit)
{
	const struct ext_span raw = {edit->raw, edit->superblock->inode_size};
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;
	uint32_t at = 0, behind = 0;
	uint8_t *space;

	if (ext_xattr_inode_begin(edit->superblock, raw, &cursor, NULL) != EXT_OK)
		return;
	space = edit->raw + (cursor.space.data - edit->raw);
	while (ext_xattr_next(&cursor, &xattr, NULL) == EXT_OK) {
		if (!ext_xattr_is_inline_data(&xattr))
			continue;
		at = xattr.at;
		behind = cursor.at;
		if (xattr.value.data && xattr.value.size > 0)
			memset(space + (xattr.value.data - space), 0, xattr.value.size);
	}
	if (behind == 0)
		return;
	memmove(space + at, space + behind, cursor.at - behind);
	memset(space + at + (cursor.at - behind), 0, behind - at);
}

/* An inline directory that is full gets a block. */
enum ext_status inline_directory_leave(struct directory_edit *edit, struct ext_error *error)
{
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)edit->raw;
	const uint32_t head_size = INLINE_IN_I_BLOCK - INLINE_PARENT_SIZE;
	const uint32_t dots = 2 * directory_entry_size(1);
	const uint32_t end = directory_entries_end(edit);
	struct le32 parent;
	uint32_t tail_size;
	const uint8_t *tail = inline_tail(edit, &tail_size);
	ext_logical logical;
	enum ext_status status;

	if (tail_size > end - dots - head_size)
		return ext_fail(error, EXT_CORRUPT, EXT_FAST_COMMIT_RECORD,
				(struct ext_place){.structure = EXT_AT_INLINE_DATA,
						   .has = EXT_HAS_INODE,
						   .inode = edit->ino},
				0);
	memcpy(&parent, inline_root(edit), sizeof parent);
	/* As they lie, free ones too: which later name finds room depends on that. */
	directory_make_first_block(edit, get(parent), edit->block);
	directory_put_record_length(edit, edit->block, dots / 2, dots / 2);
	memcpy(edit->block + dots, inline_root(edit) + INLINE_PARENT_SIZE, head_size);
	if (tail)
		memcpy(edit->block + dots + head_size, tail, tail_size);
	stretch_last(edit, edit->block, dots + head_size + tail_size, end);
	drop_tail(edit);
	inode_make_extent_root(edit->raw);
	put(&core->i_flags,
	    (get(core->i_flags) & ~(uint32_t)EXT_INODE_INLINE_DATA) | EXT_INODE_EXTENTS);
	directory_decode_again(edit);
	directory_set_size(edit, 0);
	status = directory_block_append(edit, &logical, error);
	return status == EXT_OK ? directory_block_write(edit, logical, EXT_DIRECTORY_LEAF,
							edit->block, error)
				: status;
}
