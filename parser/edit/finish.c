/* SPDX-License-Identifier: MIT */
/*
 * The end of editing: checksums of what was changed, descriptors, and the superblock's counts.
 */
#include "config.h"

#include <stddef.h>

#include "bytes/crc32c.h"
#include "edit/editor.h"

static enum ext_status finish_bitmap(struct ext_editor *editor, enum bitmap_kind kind,
				     ext_group group, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	const uint32_t bits = kind == BLOCK_BITMAP ? sb->clusters_per_group : sb->inodes_per_group;
	enum ext_status status = edit_load_bitmap(editor, kind, group, false, error);
	uint32_t checksum;

	if (status != EXT_OK || !sb->has_metadata_csum)
		return status;
	checksum = crc32c(sb->checksum_seed, editor->bitmaps[kind].bytes, bits / 8);
	if (kind == BLOCK_BITMAP)
		EDIT_HALVES(editor, group, bg_block_bitmap_csum, checksum);
	else
		EDIT_HALVES(editor, group, bg_inode_bitmap_csum, checksum);
	return EXT_OK;
}

static enum ext_status finish_group(struct ext_editor *editor, ext_group group,
				    struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	const uint32_t index = group / sb->descriptors_per_block;
	const size_t in_block = (size_t)(group % sb->descriptors_per_block) * sb->descriptor_size;
	struct ext_group_descriptor descriptor;
	enum ext_status status = EXT_OK;

	if (editor->changed[group] & BLOCK_BITMAP_CHANGED)
		status = finish_bitmap(editor, BLOCK_BITMAP, group, error);
	if (status == EXT_OK && editor->changed[group] & INODE_BITMAP_CHANGED)
		status = finish_bitmap(editor, INODE_BITMAP, group, error);
	if (status != EXT_OK)
		return status;
	ext_group_read(editor->filesystem, group, &descriptor);
	if (descriptor.checksum != EXT_CHECKSUM_NONE)
		put(&edited_descriptor(editor, group)->bg_checksum, descriptor.checksum_computed);
	return ext_overlay_write(
		editor->overlay,
		(ext_descriptor_block(sb, editor->copy_group, index) << sb->block_size_log2) +
			in_block,
		edited_descriptor(editor, group), sb->descriptor_size, error);
}

/* The superblock's own counts follow the descriptors, as they do after any mount. */
static enum ext_status finish_superblock(struct ext_editor *editor, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	uint8_t bytes[EXT_SUPERBLOCK_SIZE];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)bytes;
	uint64_t blocks = 0, inodes = 0;

	if (ext_source_read(editor->overlay, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes, NULL) !=
		    EXT_OK ||
	    get(raw->s_magic) != EXT_MAGIC)
		return EXT_OK;
	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(editor->filesystem, group, &descriptor);
		blocks += (uint64_t)descriptor.free_clusters << sb->cluster_log2;
		inodes += descriptor.free_inodes;
	}
	put(&raw->s_free_blocks_count_lo, (uint32_t)blocks);
	if (ext_has_incompat(sb, EXT_INCOMPAT_64BIT))
		put(&raw->s_free_blocks_count_hi, (uint32_t)(blocks >> 32));
	put(&raw->s_free_inodes_count, (uint32_t)inodes);
	if (sb->has_metadata_csum)
		put(&raw->s_checksum,
		    crc32c(UINT32_MAX, bytes, offsetof(struct ext_raw_superblock, s_checksum)));
	return ext_overlay_write(editor->overlay, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes,
				 error);
}

enum ext_status ext_editor_finish(struct ext_editor *editor, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	enum ext_status status = edit_store_bitmap(editor, BLOCK_BITMAP, error);

	if (status == EXT_OK)
		status = edit_store_bitmap(editor, INODE_BITMAP, error);
	for (ext_group group = 0; status == EXT_OK && group < sb->group_count; group++) {
		if (editor->changed[group] == 0)
			continue;
		status = finish_group(editor, group, error);
		editor->changed[group] = 0;
	}
	return status == EXT_OK ? finish_superblock(editor, error) : status;
}
