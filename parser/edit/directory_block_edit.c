/* SPDX-License-Identifier: MIT */
/*
 * Blocks of directories that are changed: found, read, written with the checksum that each kind
 * has, added at the end.  Doc: ext4/directory.rst.
 */
#include "config.h"

#include <string.h>

#include "bytes/checked.h"
#include "layout/layout.h"
#include "structure/dirent.h"
#include "structure/filesystem.h"
#include "edit/directory_edit.h"
#include "edit/inode_edit.h"

#include <ext/mapping.h>

enum { TAIL_TYPE = 0xde, SECTOR_LOG2 = 9 };

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

void directory_set_size(struct directory_edit *edit, uint64_t size)
{
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)edit->raw;

	put(&core->i_size_lo, (uint32_t)size);
	if (ext_has_incompat(edit->superblock, EXT_INCOMPAT_LARGEDIR))
		put(&core->i_size_high, (uint32_t)(size >> 32));
	edit->inode.size = size;
}

/* After a change of the raw inode's map. */
void directory_decode_again(struct directory_edit *edit)
{
	ext_inode_decode(edit->superblock, edit->ino, edit->raw, &edit->inode);
}

enum ext_status directory_block_locate(struct directory_edit *edit, ext_logical logical,
				       ext_block *physical, struct ext_error *error)
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
	const enum ext_status status = directory_block_locate(edit, logical, &physical, error);

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
	const enum ext_status status = directory_block_locate(edit, logical, &physical, error);

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
	directory_decode_again(edit);
	directory_set_size(edit, ((uint64_t)extent.logical + 1)
					 << edit->superblock->block_size_log2);
	inode_put_sectors(edit->superblock, edit->raw,
			  edit->inode.sectors +
				  ((uint64_t)edit->superblock->cluster_size >> SECTOR_LOG2));
	directory_decode_again(edit);
	*logical = extent.logical;
	return EXT_OK;
}

void directory_make_first_block(struct directory_edit *edit, ext_ino parent, uint8_t *block)
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
