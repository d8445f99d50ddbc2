/* SPDX-License-Identifier: MIT */
/*
 * Entries of linear and inline directories, and the blocks of all directories.
 * Doc: ext4/directory.rst, "Linear (Classic) Directories"; ext4/ifork.rst, "Inline Data".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "layout/layout.h"
#include "structure/dirent.h"
#include "structure/filesystem.h"
#include "structure/inline_data.h"
#include "walk/directory_edit.h"
#include "walk/inode_edit.h"

#include <ext/mapping.h>

enum { TAIL_TYPE = 0xde, SECTOR_LOG2 = 9 };

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

uint32_t directory_block_count(const struct directory_edit *edit)
{
	return (uint32_t)min_u64(edit->inode.size >> edit->superblock->block_size_log2, UINT32_MAX);
}

uint32_t directory_entries_end(const struct directory_edit *edit)
{
	return edit->superblock->block_size -
	       (edit->superblock->has_metadata_csum ? (uint32_t)sizeof(struct ext_raw_dirent_tail)
						    : 0);
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

static void set_size(struct directory_edit *edit, uint64_t size)
{
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)edit->raw;

	put(&core->i_size_lo, (uint32_t)size);
	if (ext_has_incompat(edit->superblock, EXT_INCOMPAT_LARGEDIR))
		put(&core->i_size_high, (uint32_t)(size >> 32));
	edit->inode.size = size;
}

/* After a change of the raw inode's map. */
static void decode_again(struct directory_edit *edit)
{
	ext_inode_decode(edit->superblock, edit->ino, edit->raw, &edit->inode);
}

static enum ext_status locate(struct directory_edit *edit, ext_logical logical, ext_block *physical,
			      struct ext_error *error)
{
	struct ext_mapping *mapping;
	struct ext_run run;
	enum ext_status status = ext_mapping_new(edit->filesystem, &mapping, error);

	if (status != EXT_OK)
		return status;
	status = EXT_END;
	ext_mapping_start(mapping, &edit->inode, logical, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		if (run.kind != EXT_RUN_DATA)
			continue;
		if (run.logical <= logical && logical - run.logical < run.length) {
			*physical = run.physical + (logical - run.logical);
			status = EXT_OK;
		}
		break;
	}
	ext_mapping_free(mapping);
	if (status == EXT_OK)
		return EXT_OK;
	return ext_fail(error, EXT_CORRUPT, EXT_FAST_COMMIT_RECORD,
			(struct ext_place){.structure = EXT_AT_DIRECTORY_BLOCK,
					   .has = EXT_HAS_INODE | EXT_HAS_LOGICAL,
					   .inode = edit->ino,
					   .logical = logical},
			0);
}

enum ext_status directory_block_read(struct directory_edit *edit, ext_logical logical,
				     uint8_t *bytes, struct ext_error *error)
{
	ext_block physical;
	const enum ext_status status = locate(edit, logical, &physical, error);

	if (status != EXT_OK)
		return status;
	return ext_filesystem_read_blocks(edit->filesystem, physical, 1, bytes, error);
}

static void set_leaf_checksum(struct directory_edit *edit, uint8_t *bytes)
{
	const uint32_t at = directory_entries_end(edit);
	struct ext_raw_dirent_tail *tail = (struct ext_raw_dirent_tail *)(void *)(bytes + at);
	uint32_t computed = 0;

	put(&tail->det_reserved_zero1, 0U);
	put(&tail->det_rec_len, (uint16_t)sizeof *tail);
	tail->det_reserved_zero2 = 0;
	tail->det_reserved_ft = TAIL_TYPE;
	ext_directory_block_checksum(edit->superblock, edit->seed, EXT_DIRECTORY_LEAF,
				     (struct ext_span){bytes, edit->superblock->block_size}, NULL,
				     &computed);
	put(&tail->det_checksum, computed);
}

static void set_index_checksum(struct directory_edit *edit, enum ext_directory_block_kind kind,
			       uint8_t *bytes)
{
	const struct ext_span block = {bytes, edit->superblock->block_size};
	struct ext_htree_block htree;
	uint32_t computed = 0;

	if (ext_htree_decode(edit->superblock, kind, block, &htree, NULL) != EXT_OK)
		return;

	const size_t at = (size_t)(htree.entries.data - bytes) + (size_t)htree.limit * 8;

	if (at + sizeof(struct ext_raw_htree_tail) > block.size)
		return;
	put(&((struct ext_raw_htree_tail *)(void *)(bytes + at))->dt_reserved, 0U);
	ext_directory_block_checksum(edit->superblock, edit->seed, kind, block, NULL, &computed);
	put(&((struct ext_raw_htree_tail *)(void *)(bytes + at))->dt_checksum, computed);
}

enum ext_status directory_block_write(struct directory_edit *edit, ext_logical logical,
				      enum ext_directory_block_kind kind, uint8_t *bytes,
				      struct ext_error *error)
{
	ext_block physical;
	const enum ext_status status = locate(edit, logical, &physical, error);

	if (status != EXT_OK)
		return status;
	if (edit->superblock->has_metadata_csum) {
		if (kind == EXT_DIRECTORY_LEAF)
			set_leaf_checksum(edit, bytes);
		else
			set_index_checksum(edit, kind, bytes);
	}
	return ext_editor_write_block(edit->editor, physical, bytes, error);
}

enum ext_status directory_block_append(struct directory_edit *edit, ext_logical *logical,
				       struct ext_error *error)
{
	const uint32_t group_blocks = edit->superblock->blocks_per_group;
	const ext_group group = (edit->ino - 1) / edit->superblock->inodes_per_group;
	const ext_block goal = edit->superblock->first_data_block + (uint64_t)group * group_blocks;
	struct extent extent = {.logical = directory_block_count(edit), .length = 1};
	struct extent_edit *extents;
	enum ext_status status;

	if (!(edit->inode.flags & EXT_INODE_EXTENTS))
		return ext_fail(error, EXT_UNSUPPORTED, EXT_FAST_COMMIT_RECORD,
				(struct ext_place){.structure = EXT_AT_BLOCK_MAP,
						   .has = EXT_HAS_INODE,
						   .inode = edit->ino},
				0);
	status = allocate_block(edit->editor, edit->reserved, goal, &extent.physical, error);
	if (status == EXT_OK)
		status = extent_edit_open(edit->editor, edit->ino, edit->raw, edit->reserved,
					  &extents, error);
	if (status != EXT_OK)
		return status;
	status = extent_edit_insert(extents, &extent, error);
	if (status == EXT_OK)
		status = extent_edit_finish(extents, error);
	extent_edit_close(extents);
	if (status != EXT_OK)
		return status;
	decode_again(edit);
	set_size(edit, ((uint64_t)extent.logical + 1) << edit->superblock->block_size_log2);
	inode_put_sectors(edit->superblock, edit->raw,
			  edit->inode.sectors +
				  ((uint64_t)edit->superblock->cluster_size >> SECTOR_LOG2));
	decode_again(edit);
	*logical = extent.logical;
	return EXT_OK;
}

static bool name_is(const uint8_t *bytes, uint32_t at, struct span name)
{
	const struct ext_raw_dirent *raw =
		(const struct ext_raw_dirent *)(const void *)(bytes + at);

	return get(raw->inode) != 0 && raw->name_len == name.size &&
	       memcmp(bytes + at + sizeof *raw, name.data, name.size) == 0;
}

/* A record that the next one can be found behind. */
static bool record_is_sound(const struct directory_edit *edit, const uint8_t *bytes, uint32_t at,
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
	for (*at = from; record_is_sound(edit, bytes, *at, end, &length); *at += length) {
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

	for (; record_is_sound(edit, bytes, at, end, &length); at += length) {
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

/* Inline directories: entries behind the parent's number, and in the attribute's value. */

static bool is_inline(const struct directory_edit *edit)
{
	return (edit->inode.flags & EXT_INODE_INLINE_DATA) != 0;
}

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

	for (; record_is_sound(edit, from, at, end, &length); at += length) {
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

static void make_first_block(struct directory_edit *edit, ext_ino parent, uint8_t *block)
{
	const uint32_t end = directory_entries_end(edit);
	struct ext_raw_dirent *dot = (struct ext_raw_dirent *)(void *)block;
	struct ext_raw_dirent *dotdot =
		(struct ext_raw_dirent *)(void *)(block + directory_entry_size(1));
	const bool has_types = ext_has_incompat(edit->superblock, EXT_INCOMPAT_FILETYPE);

	memset(block, 0, edit->superblock->block_size);
	put(&dot->inode, edit->ino);
	dot->name_len = 1;
	dot->file_type = has_types ? EXT_TYPE_DIRECTORY : 0;
	block[sizeof *dot] = '.';
	directory_put_record_length(edit, block, 0, directory_entry_size(1));
	put(&dotdot->inode, parent);
	dotdot->name_len = 2;
	dotdot->file_type = dot->file_type;
	memcpy((uint8_t *)dotdot + sizeof *dotdot, "..", 2);
	directory_put_record_length(edit, block, directory_entry_size(1),
				    end - directory_entry_size(1));
}

/* An inline directory that is full gets a block. */
static enum ext_status leave_inline(struct directory_edit *edit, struct ext_error *error)
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
	make_first_block(edit, get(parent), edit->block);
	move_entries(edit, inline_root(edit), INLINE_PARENT_SIZE, INLINE_IN_I_BLOCK, edit->block);
	if (tail)
		move_entries(edit, tail, 0, tail_size, edit->block);
	/* The attribute stays behind, empty of meaning without the flag; Linux removes it. */
	memset(core->i_block, 0, sizeof core->i_block);
	put(&header->eh_magic, 0xf30a);
	put(&header->eh_max, 4);
	put(&core->i_flags,
	    (get(core->i_flags) & ~(uint32_t)EXT_INODE_INLINE_DATA) | EXT_INODE_EXTENTS);
	decode_again(edit);
	set_size(edit, 0);
	status = directory_block_append(edit, &logical, error);
	return status == EXT_OK ? directory_block_write(edit, logical, EXT_DIRECTORY_LEAF,
							edit->block, error)
				: status;
}

enum ext_status directory_edit_make(struct directory_edit *edit, ext_ino parent,
				    struct ext_error *error)
{
	ext_logical logical;
	enum ext_status status;

	/* An inline one came whole with its inode; one that has blocks was made before. */
	if (is_inline(edit))
		return EXT_OK;
	set_size(edit, 0);
	if (locate(edit, 0, &edit->physical, NULL) == EXT_OK) {
		set_size(edit, edit->superblock->block_size);
		logical = 0;
	} else {
		status = directory_block_append(edit, &logical, error);
		if (status != EXT_OK)
			return status;
	}
	make_first_block(edit, parent, edit->block);
	return directory_block_write(edit, logical, EXT_DIRECTORY_LEAF, edit->block, error);
}

/* Where a name stands: the block in edit->block, or the inode when `inlined` is set. */
struct found_entry {
	uint8_t *bytes;
	uint32_t at, before, end;
	ext_logical logical;
};

static bool find_inline(struct directory_edit *edit, struct span name, struct found_entry *found)
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

/* EXT_END when there is no such name. */
static enum ext_status find(struct directory_edit *edit, struct span name,
			    struct found_entry *found, struct ext_error *error)
{
	uint32_t first = 0, end = directory_block_count(edit);
	ext_logical leaf;

	if (is_inline(edit))
		return find_inline(edit, name, found) ? EXT_OK : EXT_END;
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
	if (is_inline(edit)) {
		uint32_t tail_size;
		uint8_t *tail = inline_tail(edit, &tail_size);

		if (directory_put_entry(edit, inline_root(edit), INLINE_PARENT_SIZE,
					INLINE_IN_I_BLOCK, entry) ||
		    (tail && directory_put_entry(edit, tail, 0, tail_size, entry)))
			return EXT_OK;
		status = leave_inline(edit, error);
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
		decode_again(edit);
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
	if (is_inline(edit))
		return EXT_OK;
	return directory_block_write(edit, found.logical, EXT_DIRECTORY_LEAF, edit->block, error);
}
