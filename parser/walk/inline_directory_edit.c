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
#include "walk/directory_edit.h"

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

/* Copies used entries into a block that has just ".", ".." and one free entry. */
static void move_entries(struct directory_edit *edit, const uint8_t *from, uint32_t at,
			 uint32_t end, uint8_t *block)
{
	uint32_t length;

	for (; directory_record_is_sound(edit, from, at, end, &length); at += length) {
		const struct ext_raw_dirent *raw =
			(const struct ext_raw_dirent *)(const void *)(from + at);
		const struct new_entry entry = {
			.name = {from + at + sizeof *raw, raw->name_len},
			.inode = get(raw->inode),
			.file_type = raw->file_type,
		};

		if (entry.inode != 0)
			directory_put_entry(edit, block, 0, directory_entries_end(edit), &entry);
	}
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

bool inline_directory_add(struct directory_edit *edit, const struct new_entry *entry)
{
	uint32_t tail_size;
	uint8_t *tail = inline_tail(edit, &tail_size);

	return directory_put_entry(edit, inline_root(edit), INLINE_PARENT_SIZE, INLINE_IN_I_BLOCK,
				   entry) ||
	       (tail && directory_put_entry(edit, tail, 0, tail_size, entry));
}

/* An inline directory that is full gets a block. */
enum ext_status inline_directory_leave(struct directory_edit *edit, struct ext_error *error)
{
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)edit->raw;
	struct ext_raw_extent_header *header =
		(struct ext_raw_extent_header *)(void *)core->i_block;
	struct le32 parent;
	uint32_t tail_size;
	const uint8_t *tail = inline_tail(edit, &tail_size);
	ext_logical logical;
	enum ext_status status;

	memcpy(&parent, inline_root(edit), sizeof parent);
	directory_make_first_block(edit, get(parent), edit->block);
	move_entries(edit, inline_root(edit), INLINE_PARENT_SIZE, INLINE_IN_I_BLOCK, edit->block);
	if (tail)
		move_entries(edit, tail, 0, tail_size, edit->block);
	/* The attribute stays behind, empty of meaning without the flag; Linux removes it. */
	memset(core->i_block, 0, sizeof core->i_block);
	put(&header->eh_magic, 0xf30a);
	put(&header->eh_max, 4);
	put(&core->i_flags,
	    (get(core->i_flags) & ~(uint32_t)EXT_INODE_INLINE_DATA) | EXT_INODE_EXTENTS);
	directory_decode_again(edit);
	directory_set_size(edit, 0);
	status = directory_block_append(edit, &logical, error);
	return status == EXT_OK ? directory_block_write(edit, logical, EXT_DIRECTORY_LEAF,
							edit->block, error)
				: status;
}
