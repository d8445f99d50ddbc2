/* SPDX-License-Identifier: MIT */
/*
 * The bitmap that the editor has in hand. Groups that were never initialised get theirs when they
 * are first touched.
 */
#include "config.h"

#include <string.h>

#include "bytes/checked.h"
#include "edit/editor.h"

static ext_block bitmap_block(const struct ext_editor *editor, enum bitmap_kind kind,
			      ext_group group)
{
	struct ext_group_descriptor descriptor;

	ext_group_locations(editor->filesystem, group, &descriptor);
	return kind == BLOCK_BITMAP ? descriptor.block_bitmap : descriptor.inode_bitmap;
}

enum ext_status edit_store_bitmap(struct ext_editor *editor, enum bitmap_kind kind,
				  struct ext_error *error)
{
	struct cached_bitmap *cached = &editor->bitmaps[kind];
	enum ext_status status;

	if (!cached->loaded || !cached->changed)
		return EXT_OK;
	status = ext_editor_write_block(editor, bitmap_block(editor, kind, cached->group),
					cached->bytes, error);
	cached->changed = false;
	editor->changed[cached->group] |=
		kind == BLOCK_BITMAP ? BLOCK_BITMAP_CHANGED : INODE_BITMAP_CHANGED;
	return status;
}

static void set_bits(uint8_t *bitmap, uint64_t first, uint64_t end)
{
	for (uint64_t bit = first; bit < end; bit++)
		bitmap[bit / 8] |= (uint8_t)(1u << bit % 8);
}

/* Blocks of this group as bits, when they lie in it. */
static void set_blocks(const struct ext_superblock *sb, ext_group group, uint8_t *bitmap,
		       ext_block block, uint64_t count)
{
	const ext_block start = ext_group_first_block(sb, group);
	const uint64_t size = ext_group_block_count(sb, group);

	if (count == 0 || block < start || block - start >= size)
		return;
	count = min_u64(count, size - (block - start));
	set_bits(bitmap, (block - start) >> sb->cluster_log2,
		 ((block - start + count - 1) >> sb->cluster_log2) + 1);
}

uint32_t clusters_in_group(const struct ext_superblock *sb, ext_group group)
{
	return (uint32_t)divide_up(ext_group_block_count(sb, group), sb->cluster_blocks);
}

/* What the bitmap of a group flagged BLOCK_UNINIT would hold: what the layout itself occupies. */
static void make_block_bitmap(struct ext_editor *editor, ext_group group, uint8_t *bitmap)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	struct ext_group_descriptor descriptor;
	struct ext_group_layout layout;
	uint32_t unused = 0;
	const uint32_t clusters = clusters_in_group(sb, group);

	memset(bitmap, 0, sb->block_size);
	ext_group_locations(editor->filesystem, group, &descriptor);
	ext_group_layout(sb, group, &layout);
	if (layout.has_superblock)
		set_blocks(sb, group, bitmap, layout.superblock_block, 1);
	set_blocks(sb, group, bitmap, layout.descriptors_start,
		   (uint64_t)layout.descriptor_blocks + layout.reserved_blocks);
	set_blocks(sb, group, bitmap, descriptor.block_bitmap, 1);
	set_blocks(sb, group, bitmap, descriptor.inode_bitmap, 1);
	set_blocks(sb, group, bitmap, descriptor.inode_table, sb->inode_table_blocks);
	for (uint32_t bit = 0; bit < clusters; bit++)
		unused += !ext_bit_is_set(bitmap, bit);
	set_bits(bitmap, clusters, (uint64_t)sb->block_size * 8);
	EDIT_HALVES(editor, group, bg_free_blocks_count, unused);
	edit_clear_flag(editor, group, EXT_GROUP_BLOCK_UNINIT);
}

static void make_inode_bitmap(struct ext_editor *editor, ext_group group, uint8_t *bitmap)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;

	memset(bitmap, 0, sb->block_size);
	set_bits(bitmap, sb->inodes_per_group, (uint64_t)sb->block_size * 8);
	edit_clear_flag(editor, group, EXT_GROUP_INODE_UNINIT);
}

/* The bitmap of `group` in the cache. One that was never initialised is made up only `to_change`
 * it. */
enum ext_status edit_load_bitmap(struct ext_editor *editor, enum bitmap_kind kind, ext_group group,
				 bool to_change, struct ext_error *error)
{
	struct cached_bitmap *cached = &editor->bitmaps[kind];
	const uint16_t uninit =
		kind == BLOCK_BITMAP ? EXT_GROUP_BLOCK_UNINIT : EXT_GROUP_INODE_UNINIT;
	struct ext_group_descriptor descriptor;
	enum ext_status status;

	ext_group_locations(editor->filesystem, group, &descriptor);
	if (cached->loaded && cached->group == group && !(to_change && descriptor.flags & uninit))
		return EXT_OK;
	status = edit_store_bitmap(editor, kind, error);
	if (status != EXT_OK)
		return status;
	cached->loaded = false;
	if (descriptor.flags & uninit) {
		const uint8_t changed_before = editor->changed[group];
		struct ext_raw_group_descriptor before = *edited_descriptor(editor, group);
		struct ext_raw_group_descriptor_high high_before;
		struct ext_raw_group_descriptor_high *high = edited_descriptor_high(editor, group);

		if (high)
			high_before = *high;
		if (kind == BLOCK_BITMAP)
			make_block_bitmap(editor, group, cached->bytes);
		else
			make_inode_bitmap(editor, group, cached->bytes);
		cached->changed = to_change;
		if (!to_change) {
			editor->changed[group] = changed_before;
			*edited_descriptor(editor, group) = before;
			if (high)
				*high = high_before;
		}
	} else {
		status = kind == BLOCK_BITMAP ? ext_block_bitmap_read(editor->filesystem, group,
								      cached->bytes, NULL, error)
					      : ext_inode_bitmap_read(editor->filesystem, group,
								      cached->bytes, NULL, error);
		if (status != EXT_OK)
			return status;
		cached->changed = false;
	}
	cached->group = group;
	cached->loaded = true;
	return EXT_OK;
}
