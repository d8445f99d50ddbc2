/* SPDX-License-Identifier: MIT */
/*
 * Truncating, as Linux does for orphans at mount: mapping blocks included.  Doc: ext4/orphan.rst.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "structure/filesystem.h"
#include "edit/extent_edit.h"
#include "edit/inode_edit.h"

#include <ext/mapping.h>
#include <ext/extent_node.h>

enum {
	SECTOR_LOG2 = 9,
	DIRECT_POINTERS = 12,
	POINTERS = 15,
	ROOT_MAX = 4,
};

void inode_make_extent_root(uint8_t *raw)
{
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)raw;
	struct ext_raw_extent_header *header =
		(struct ext_raw_extent_header *)(void *)core->i_block;

	memset(core->i_block, 0, sizeof core->i_block);
	put(&header->eh_magic, EXT_EXTENT_HEADER_MAGIC);
	put(&header->eh_max, ROOT_MAX);
}

void inode_put_sectors(const struct ext_superblock *sb, uint8_t *raw, uint64_t sectors)
{
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)raw;

	if (ext_has_ro_compat(sb, EXT_RO_HUGE_FILE)) {
		if (get(core->i_flags) & EXT_INODE_HUGE_FILE)
			sectors >>= sb->block_size_log2 - SECTOR_LOG2;
		put(&core->i_blocks_high, (uint16_t)(sectors >> 32));
	}
	put(&core->i_blocks_lo, (uint32_t)sectors);
}

/* Goes over all that an inode maps; marks it when there is an editor. */
static enum ext_status visit_mapped(const struct ext_filesystem *fs, struct ext_editor *editor,
				    const struct ext_inode *inode, bool used, uint64_t *blocks,
				    struct ext_error *error)
{
	const struct ext_superblock *sb = &fs->superblock;
	struct ext_mapping *mapping;
	struct ext_run run;
	uint64_t clusters = 0, behind = 0;
	enum ext_status status = ext_mapping_new(fs, &mapping, error);

	if (status != EXT_OK)
		return status;
	ext_mapping_start(mapping, inode, 0, NULL);
	while (status == EXT_OK && ext_mapping_next(mapping, &run) == EXT_OK) {
		uint64_t first = run.physical >> sb->cluster_log2;
		const uint64_t end = ((run.physical + run.length - 1) >> sb->cluster_log2) + 1;

		if (editor)
			status = ext_editor_mark_blocks(editor, run.physical, run.length, used,
							error);
		/* Two runs may lie in one cluster, but only next to each other. */
		if (first + 1 == behind && run.kind != EXT_RUN_TREE)
			first++;
		if (end > first)
			clusters += end - first;
		behind = end;
	}
	ext_mapping_free(mapping);
	if (blocks)
		*blocks = clusters << sb->cluster_log2;
	return status;
}

enum ext_status inode_mapped_blocks(const struct ext_filesystem *fs, const struct ext_inode *inode,
				    uint64_t *blocks, struct ext_error *error)
{
	return visit_mapped(fs, NULL, inode, false, blocks, error);
}

enum ext_status inode_mark_mapped(struct ext_editor *editor, const struct ext_inode *inode,
				  bool used, uint64_t *blocks, struct ext_error *error)
{
	return visit_mapped(ext_editor_filesystem(editor), editor, inode, used, blocks, error);
}

static enum ext_status truncate_extents(struct ext_editor *editor, ext_ino ino, uint8_t *raw,
					uint64_t keep, struct ext_error *error)
{
	struct extent_edit *edit;
	enum ext_status status = extent_edit_open(editor, ino, raw, NULL, &edit, error);

	if (status != EXT_OK)
		return status;
	if (keep <= UINT32_MAX)
		status = extent_edit_remove(edit, (uint32_t)keep, UINT32_MAX, true, error);
	if (status == EXT_OK)
		status = extent_edit_finish(edit, error);
	extent_edit_close(edit);
	return status;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Indirect blocks on the border: first blocks of the file that their pointers stand for. */
struct border_block {
	ext_block block;
	uint64_t logical;
	unsigned depth;
};

/* Zeroes the pointers of one indirect block from file block `keep` on; says if none is left. */
static enum ext_status trim_indirect(struct ext_editor *editor, const struct border_block *border,
				     uint64_t keep, uint8_t *bytes, bool *empty,
				     struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(ext_editor_filesystem(editor));
	const uint64_t pointers = sb->block_size / 4;
	uint64_t span = 1, first;
	enum ext_status status;

	for (unsigned i = 0; i < border->depth; i++)
		span *= pointers;
	/* A pointer whose range only begins before `keep` stays; its own block was trimmed. */
	first = divide_up(keep - border->logical, span);
	status = ext_filesystem_read_blocks(ext_editor_filesystem(editor), border->block, 1, bytes,
					    error);
	if (status != EXT_OK)
		return status;
	if (first < pointers)
		memset(bytes + first * 4, 0, (size_t)(pointers - first) * 4);
	*empty = all_zero(bytes, sb->block_size);
	return ext_editor_write_block(editor, border->block, bytes, error);
}

static void zero_pointer(uint8_t *pointers, size_t size, ext_block block)
{
	struct le32 wanted;

	put(&wanted, (uint32_t)block);
	for (size_t at = 0; at < size; at += sizeof wanted)
		if (memcmp(pointers + at, &wanted, sizeof wanted) == 0) {
			memset(pointers + at, 0, sizeof wanted);
			return;
		}
}

/* Takes a block that holds no pointer any more out of its parent. */
static enum ext_status unlink_indirect(struct ext_editor *editor, uint8_t *root,
				       const struct border_block *parent, ext_block block,
				       uint8_t *bytes, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(ext_editor_filesystem(editor));
	enum ext_status status = ext_editor_mark_blocks(editor, block, 1, false, error);

	if (status != EXT_OK)
		return status;
	if (!parent) {
		zero_pointer(root, (size_t)POINTERS * 4, block);
		return EXT_OK;
	}
	status = ext_filesystem_read_blocks(ext_editor_filesystem(editor), parent->block, 1, bytes,
					    error);
	if (status != EXT_OK)
		return status;
	zero_pointer(bytes, sb->block_size, block);
	return ext_editor_write_block(editor, parent->block, bytes, error);
}

static enum ext_status truncate_block_map(struct ext_editor *editor, const struct ext_inode *inode,
					  uint8_t *raw, uint64_t keep, struct ext_error *error)
{
	const struct ext_filesystem *fs = ext_editor_filesystem(editor);
	const struct ext_superblock *sb = &fs->superblock;
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)raw;
	uint8_t *root = (uint8_t *)core->i_block;
	struct border_block border[4];
	unsigned borders = 0;
	struct ext_mapping *mapping;
	struct ext_run run;
	uint8_t *bytes = malloc(sb->block_size);
	uint64_t start = DIRECT_POINTERS, span = 1;
	enum ext_status status =
		bytes ? ext_mapping_new(fs, &mapping, error) : ext_no_memory(error);

	if (status != EXT_OK) {
		free(bytes);
		return status;
	}
	ext_mapping_start(mapping, inode, 0, NULL);
	while (status == EXT_OK && ext_mapping_next(mapping, &run) == EXT_OK) {
		uint64_t cut = run.logical < keep ? keep - run.logical : 0;

		if (run.kind == EXT_RUN_TREE && run.logical < keep) {
			/* Of the blocks that begin before, the last of each depth is on the border.
			 */
			while (borders > 0 && border[borders - 1].depth <= run.depth)
				borders--;
			border[borders++] =
				(struct border_block){run.physical, run.logical, run.depth};
			continue;
		}
		if (run.kind == EXT_RUN_TREE)
			cut = 0;
		if (cut < run.length)
			status = ext_editor_mark_blocks(editor, run.physical + cut,
							run.length - cut, false, error);
	}
	ext_mapping_free(mapping);
	for (uint64_t i = keep; i < DIRECT_POINTERS; i++)
		memset(root + i * 4, 0, 4);
	for (unsigned i = DIRECT_POINTERS; i < POINTERS; i++) {
		span *= sb->block_size / 4;
		if (start >= keep)
			memset(root + (size_t)i * 4, 0, 4);
		start += span;
	}
	while (status == EXT_OK && borders > 0) {
		bool empty = false;

		borders--;
		status = trim_indirect(editor, &border[borders], keep, bytes, &empty, error);
		if (status == EXT_OK && empty)
			status = unlink_indirect(editor, root,
						 borders > 0 ? &border[borders - 1] : NULL,
						 border[borders].block, bytes, error);
	}
	free(bytes);
	return status;
}

enum ext_status inode_truncate(struct ext_editor *editor, ext_ino ino, uint64_t *freed,
			       struct ext_error *error)
{
	const struct ext_filesystem *fs = ext_editor_filesystem(editor);
	const struct ext_superblock *sb = &fs->superblock;
	uint8_t *raw = malloc(sb->inode_size);
	struct ext_inode inode, after;
	uint64_t keep, blocks_before = 0, blocks_after = 0;
	enum ext_status status =
		raw ? ext_inode_read(fs, ino, &inode, raw, error) : ext_no_memory(error);

	*freed = 0;
	if (status != EXT_OK || !ext_inode_maps_blocks(&inode)) {
		free(raw);
		return status;
	}
	keep = divide_up(inode.size, sb->block_size);
	status = inode_mapped_blocks(fs, &inode, &blocks_before, error);
	if (status == EXT_OK)
		status = inode.flags & EXT_INODE_EXTENTS
				 ? truncate_extents(editor, ino, raw, keep, error)
				 : truncate_block_map(editor, &inode, raw, keep, error);
	if (status == EXT_OK) {
		ext_inode_decode(sb, ino, raw, &after);
		/* A cluster of which a part is still in use was marked free with the rest. */
		status = inode_mark_mapped(editor, &after, true, &blocks_after, error);
	}
	if (status == EXT_OK && blocks_after < blocks_before) {
		const uint64_t sectors = (blocks_before - blocks_after)
					 << (sb->block_size_log2 - SECTOR_LOG2);

		*freed = blocks_before - blocks_after;
		inode_put_sectors(sb, raw, inode.sectors > sectors ? inode.sectors - sectors : 0);
	}
	if (status == EXT_OK) {
		put(&((struct ext_raw_inode *)(void *)raw)->i_dtime, 0U);
		status = ext_editor_write_inode(editor, ino, raw, error);
	}
	free(raw);
	return status;
}
