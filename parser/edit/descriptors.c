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

void edit_halves(struct ext_editor *editor, ext_group group, size_t low_at, size_t high_at,
		 uint32_t value)
{
	uint8_t *low = (uint8_t *)edited_descriptor(editor, group) + low_at;
	uint8_t *high = (uint8_t *)edited_descriptor_high(editor, group);

	put((struct le16 *)(void *)low, (uint16_t)value);
	if (high)
		put((struct le16 *)(void *)(high + high_at), (uint16_t)(value >> 16));
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}

void edit_clear_flag(struct ext_editor *editor, ext_group group, uint16_t flag)
{
	struct ext_raw_group_descriptor *raw = edited_descriptor(editor, group);

	put(&raw->bg_flags, (uint16_t)(get(raw->bg_flags) & ~flag));
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}
