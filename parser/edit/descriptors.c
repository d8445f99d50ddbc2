/* SPDX-License-Identifier: MIT */
/*
 * Fields of group descriptors, changed in place; their checksums come at the end.
 */
#include "config.h"

#include "edit/editor.h"

struct ext_raw_group_descriptor *edited_descriptor(struct ext_editor *editor, ext_group group)
{
	const size_t size = editor->filesystem->superblock.descriptor_size;

	return (struct ext_raw_group_descriptor *)(void *)(editor->filesystem->descriptors +
							   group * size);
}

struct ext_raw_group_descriptor_high *edited_descriptor_high(struct ext_editor *editor,
							     ext_group group)
{
	struct ext_raw_group_descriptor *low = edited_descriptor(editor, group);

	if (editor->filesystem->superblock.descriptor_size <
	    sizeof *low + sizeof(struct ext_raw_group_descriptor_high))
		return NULL;
	return (struct ext_raw_group_descriptor_high *)(void *)(low + 1);
}

void put_halves(struct le16 *low, struct le16 *high, uint32_t value)
{
	put(low, (uint16_t)value);
	if (high)
		put(high, (uint16_t)(value >> 16));
}

void edit_free_clusters(struct ext_editor *editor, ext_group group, uint32_t count)
{
	struct ext_raw_group_descriptor_high *high = edited_descriptor_high(editor, group);

	put_halves(&edited_descriptor(editor, group)->bg_free_blocks_count_lo,
		   high ? &high->bg_free_blocks_count_hi : NULL, count);
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}

void edit_free_inodes(struct ext_editor *editor, ext_group group, uint32_t count)
{
	struct ext_raw_group_descriptor_high *high = edited_descriptor_high(editor, group);

	put_halves(&edited_descriptor(editor, group)->bg_free_inodes_count_lo,
		   high ? &high->bg_free_inodes_count_hi : NULL, count);
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}

void edit_directories(struct ext_editor *editor, ext_group group, uint32_t count)
{
	struct ext_raw_group_descriptor_high *high = edited_descriptor_high(editor, group);

	put_halves(&edited_descriptor(editor, group)->bg_used_dirs_count_lo,
		   high ? &high->bg_used_dirs_count_hi : NULL, count);
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}

void edit_clear_flag(struct ext_editor *editor, ext_group group, uint16_t flag)
{
	struct ext_raw_group_descriptor *raw = edited_descriptor(editor, group);

	put(&raw->bg_flags, (uint16_t)(get(raw->bg_flags) & ~flag));
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}
