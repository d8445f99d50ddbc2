/* SPDX-License-Identifier: MIT */
/*
 * What the files of the editor share: the editor itself, descriptor fields as they are changed, and
 * the bitmap in hand.
 */
#ifndef EDIT_EDITOR_H
#define EDIT_EDITOR_H

#include <stddef.h>

#include "layout/layout.h"
#include "structure/filesystem.h"

#include <ext/edit.h>

enum { BLOCK_BITMAP_CHANGED = 1, INODE_BITMAP_CHANGED = 2, DESCRIPTOR_CHANGED = 4 };
enum bitmap_kind { BLOCK_BITMAP, INODE_BITMAP };

/* The bitmap of one group, kept while changes stay in that group. */
struct cached_bitmap {
	uint8_t *bytes;
	ext_group group;
	bool loaded, changed;
};

struct ext_editor {
	struct ext_filesystem *filesystem; /* ours: its descriptors are changed in place */
	struct ext_source *overlay;	   /* borrowed */
	struct cached_bitmap bitmaps[2];   /* by bitmap_kind */
	uint8_t *changed;		   /* for each group */
	ext_group copy_group;
};

/* Descriptor fields. The halves join only when the descriptor has the second one: else NULL. */
struct ext_raw_group_descriptor *edited_descriptor(struct ext_editor *editor, ext_group group);
struct ext_raw_group_descriptor_high *edited_descriptor_high(struct ext_editor *editor,
							     ext_group group);
/* Sets a field that has a half in each part, at these bytes of them. */
void edit_halves(struct ext_editor *editor, ext_group group, size_t low_at, size_t high_at,
		 uint32_t value);
#define EDIT_HALVES(editor, group, field, value)                                                   \
	edit_halves((editor), (group), offsetof(struct ext_raw_group_descriptor, field##_lo),      \
		    offsetof(struct ext_raw_group_descriptor_high, field##_hi), (value))

void edit_clear_flag(struct ext_editor *editor, ext_group group, uint16_t flag);

uint32_t clusters_in_group(const struct ext_superblock *sb, ext_group group);

/* The bitmap of `group` in the cache. One that was never initialised is made up only `to_change`
 * it.
 */
enum ext_status edit_load_bitmap(struct ext_editor *editor, enum bitmap_kind kind, ext_group group,
				 bool to_change, struct ext_error *error);

/* Writes the bitmap in hand, if it was changed. */
enum ext_status edit_store_bitmap(struct ext_editor *editor, enum bitmap_kind kind,
				  struct ext_error *error);

#endif
