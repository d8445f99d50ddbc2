/* SPDX-License-Identifier: MIT */
/*
 * Changes to bitmaps, descriptors, inodes and blocks, on an overlay. Checksums are set at the end,
 * once for each structure. What the changes mean is the caller's business.
 */
#include "config.h"

#include <stdlib.h>

#include "bytes/checked.h"
#include "edit/editor.h"

enum { SMALL_INODE = 128 };

enum ext_status ext_editor_open(struct ext_source *overlay, const struct ext_open_options *options,
				struct ext_editor **editor, struct ext_error *error)
{
	struct ext_editor *new = calloc(1, sizeof *new);
	enum ext_status status;

	if (!new)
		return ext_no_memory(error);
	new->overlay = overlay;
	status = ext_filesystem_open(overlay, options, &new->filesystem, error);
	if (status != EXT_OK) {
		ext_editor_close(new);
		return status;
	}
	new->copy_group = options ? options->copy_group : 0;

	const struct ext_superblock *sb = &new->filesystem->superblock;

	new->changed = calloc(1, sb->group_count);
	new->bitmaps[BLOCK_BITMAP].bytes = malloc(sb->block_size);
	new->bitmaps[INODE_BITMAP].bytes = malloc(sb->block_size);
	if (!new->changed || !new->bitmaps[BLOCK_BITMAP].bytes ||
	    !new->bitmaps[INODE_BITMAP].bytes) {
		ext_editor_close(new);
		return ext_no_memory(error);
	}
	*editor = new;
	return EXT_OK;
}

void ext_editor_close(struct ext_editor *editor)
{
	if (!editor)
		return;
	ext_filesystem_close(editor->filesystem);
	free(editor->bitmaps[BLOCK_BITMAP].bytes);
	free(editor->bitmaps[INODE_BITMAP].bytes);
	free(editor->changed);
	free(editor);
}

const struct ext_filesystem *ext_editor_filesystem(const struct ext_editor *editor)
{
	return editor->filesystem;
}

/* Sets or clears one bit; true when that changed it. */
static bool flip(struct cached_bitmap *cached, uint32_t bit, bool used)
{
	const uint8_t mask = (uint8_t)(1u << bit % 8);

	if (((cached->bytes[bit / 8] & mask) != 0) == used)
		return false;
	cached->bytes[bit / 8] ^= mask;
	cached->changed = true;
	return true;
}

enum ext_status ext_editor_mark_blocks(struct ext_editor *editor, ext_block block, uint64_t count,
				       bool used, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	ext_block end;

	if (block < sb->first_data_block || count == 0 || !add_fits(block, count, &end))
		return EXT_OK;
	end = min_u64(end, sb->block_count);
	while (block < end) {
		const uint64_t at = block - sb->first_data_block;
		const ext_group group = (ext_group)(at / sb->blocks_per_group);
		const uint64_t in_group = at % sb->blocks_per_group;
		const uint64_t part = min_u64(end - block, sb->blocks_per_group - in_group);
		const uint32_t first = (uint32_t)(in_group >> sb->cluster_log2);
		const uint32_t last = (uint32_t)((in_group + part - 1) >> sb->cluster_log2);
		struct ext_group_descriptor descriptor;
		uint32_t flipped = 0;
		enum ext_status status;

		status = edit_load_bitmap(editor, BLOCK_BITMAP, group, true, error);
		if (status != EXT_OK)
			return status;
		for (uint32_t bit = first; bit <= last; bit++)
			flipped += flip(&editor->bitmaps[BLOCK_BITMAP], bit, used);
		if (flipped > 0) {
			ext_group_locations(editor->filesystem, group, &descriptor);
			if (!used)
				EDIT_HALVES(editor, group, bg_free_blocks_count,
					    descriptor.free_clusters + flipped);
			else
				EDIT_HALVES(editor, group, bg_free_blocks_count,
					    descriptor.free_clusters > flipped
						    ? descriptor.free_clusters - flipped
						    : 0);
		}
		block += part;
	}
	return EXT_OK;
}

/* With group checksums, inodes at the table's end count as never used until one of them is. */
static void note_inode_in_use(struct ext_editor *editor, ext_group group, uint32_t index)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	struct ext_group_descriptor descriptor;

	ext_group_locations(editor->filesystem, group, &descriptor);
	if (!sb->has_group_csum ||
	    (uint64_t)index + descriptor.itable_unused < sb->inodes_per_group)
		return;
	EDIT_HALVES(editor, group, bg_itable_unused, sb->inodes_per_group - index - 1);
}

enum ext_status ext_editor_mark_inode(struct ext_editor *editor, ext_ino ino, bool used,
				      bool directory, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	const struct ext_place place = {
		.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = ino};
	struct ext_group_descriptor descriptor;
	enum ext_status status;

	if (ino == 0 || ino > sb->inode_count)
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, place, 0);

	const ext_group group = (ino - 1) / sb->inodes_per_group;
	const uint32_t index = (ino - 1) % sb->inodes_per_group;
	bool was_unused;

	ext_group_locations(editor->filesystem, group, &descriptor);
	was_unused = (descriptor.flags & EXT_GROUP_INODE_UNINIT) != 0;
	status = edit_load_bitmap(editor, INODE_BITMAP, group, true, error);
	if (status != EXT_OK || !flip(&editor->bitmaps[INODE_BITMAP], index, used))
		return status;
	if (used) {
		EDIT_HALVES(editor, group, bg_free_inodes_count,
			    descriptor.free_inodes > 0 ? descriptor.free_inodes - 1 : 0);
		/* The count means nothing in such a group; none of its inodes were used. */
		if (was_unused)
			EDIT_HALVES(editor, group, bg_itable_unused, sb->inodes_per_group);

		note_inode_in_use(editor, group, index);
		if (directory)
			EDIT_HALVES(editor, group, bg_used_dirs_count, descriptor.directories + 1);
	} else {
		EDIT_HALVES(editor, group, bg_free_inodes_count, descriptor.free_inodes + 1);
		if (directory && descriptor.directories > 0)
			EDIT_HALVES(editor, group, bg_used_dirs_count, descriptor.directories - 1);
	}
	return EXT_OK;
}

enum ext_status ext_editor_block_is_used(struct ext_editor *editor, ext_block block, bool *used,
					 struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	enum ext_status status;

	if (block < sb->first_data_block || block >= sb->block_count)
		return ext_corrupt(error, EXT_BLOCK_RANGE, (struct ext_place){0}, block,
				   sb->first_data_block, sb->block_count - 1);

	const uint64_t at = block - sb->first_data_block;

	status = edit_load_bitmap(editor, BLOCK_BITMAP, (ext_group)(at / sb->blocks_per_group),
				  false, error);
	if (status == EXT_OK)
		*used = ext_bit_is_set(editor->bitmaps[BLOCK_BITMAP].bytes,
				       (uint32_t)(at % sb->blocks_per_group >> sb->cluster_log2));
	return status;
}

enum ext_status ext_editor_inode_is_used(struct ext_editor *editor, ext_ino ino, bool *used,
					 struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	enum ext_status status;

	if (ino == 0 || ino > sb->inode_count)
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	status = edit_load_bitmap(editor, INODE_BITMAP, (ino - 1) / sb->inodes_per_group, false,
				  error);
	if (status == EXT_OK)
		*used = ext_bit_is_set(editor->bitmaps[INODE_BITMAP].bytes,
				       (ino - 1) % sb->inodes_per_group);
	return status;
}

enum ext_status ext_editor_find_free(struct ext_editor *editor, ext_block goal, ext_block *block,
				     struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;

	if (goal < sb->first_data_block || goal >= sb->block_count)
		goal = sb->first_data_block;

	const uint64_t at = goal - sb->first_data_block;
	const ext_group start = (ext_group)(at / sb->blocks_per_group);
	uint32_t bit = (uint32_t)(at % sb->blocks_per_group >> sb->cluster_log2);

	/* The first group comes twice: from the goal on, and whole at the end. */
	for (uint64_t i = 0; i <= sb->group_count; i++) {
		const ext_group group = (ext_group)((start + i) % sb->group_count);
		struct ext_group_descriptor descriptor;
		const uint32_t clusters = clusters_in_group(sb, group);

		ext_group_locations(editor->filesystem, group, &descriptor);
		if (descriptor.free_clusters > 0 &&
		    edit_load_bitmap(editor, BLOCK_BITMAP, group, false, NULL) == EXT_OK)
			for (; bit < clusters; bit++)
				if (!ext_bit_is_set(editor->bitmaps[BLOCK_BITMAP].bytes, bit)) {
					*block = ext_group_first_block(sb, group) +
						 ((uint64_t)bit << sb->cluster_log2);
					return EXT_OK;
				}
		bit = 0;
	}
	(void)error;
	return EXT_END;
}

enum ext_status ext_editor_write_block(struct ext_editor *editor, ext_block block,
				       const uint8_t *bytes, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;

	if (block >= sb->block_count)
		return ext_corrupt(error, EXT_BLOCK_RANGE, (struct ext_place){0}, block,
				   sb->first_data_block, sb->block_count - 1);
	return ext_overlay_write(editor->overlay, block << sb->block_size_log2, bytes,
				 sb->block_size, error);
}

enum ext_status ext_editor_write_inode(struct ext_editor *editor, ext_ino ino, uint8_t *raw,
				       struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)raw;
	uint32_t computed = 0;
	uint64_t offset;
	enum ext_status status = ext_inode_offset(editor->filesystem, ino, &offset, error);

	if (status != EXT_OK)
		return status;
	if (ext_inode_checksum(sb, ino, raw, NULL, &computed) != EXT_CHECKSUM_NONE) {
		put(&core->i_checksum_lo, (uint16_t)computed);
		if (sb->inode_size > SMALL_INODE) {
			struct ext_raw_inode_extra *extra =
				(struct ext_raw_inode_extra *)(void *)(raw + SMALL_INODE);

			if (get(extra->i_extra_isize) >= 4)
				put(&extra->i_checksum_hi, (uint16_t)(computed >> 16));
		}
	}
	return ext_overlay_write(editor->overlay, offset, raw, sb->inode_size, error);
}
