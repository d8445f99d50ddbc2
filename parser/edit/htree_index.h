/* SPDX-License-Identifier: MIT */
/*
 * The index blocks of a hashed directory as they are changed: the way to a leaf, room for one more
 * slot, and what splits a full leaf.
 */
#ifndef EDIT_HTREE_INDEX_H
#define EDIT_HTREE_INDEX_H

#include "layout/layout.h"
#include "edit/directory_edit.h"

enum {
	HTREE_SLOT = 8, /* bytes of an index entry */
	HTREE_LEVELS_MOST = 3,
	HTREE_ROOT_ENTRIES_AT = 0x20,
};

/* One index block on the way, and the slot that was taken. */
struct htree_frame {
	ext_logical logical;
	uint8_t *bytes;	     /* the whole block */
	uint32_t entries_at; /* byte of the first slot */
	uint32_t at;	     /* slot that was taken */
};

/* The way from the root to a leaf. */
struct htree_frames {
	struct htree_frame frame[HTREE_LEVELS_MOST];
	unsigned count;
	uint32_t hash; /* of the name */
	unsigned version;
	ext_logical leaf;
};

static inline struct ext_raw_htree_countlimit *htree_counts(const struct htree_frame *frame)
{
	return (struct ext_raw_htree_countlimit *)(void *)(frame->bytes + frame->entries_at);
}

static inline struct ext_raw_htree_entry *htree_slot(const struct htree_frame *frame,
						     uint32_t index)
{
	return (struct ext_raw_htree_entry *)(void *)(frame->bytes + frame->entries_at +
						      (size_t)index * HTREE_SLOT);
}

static inline uint32_t htree_slot_hash(const struct htree_frame *frame, uint32_t index)
{
	return index == 0 ? 0 : get(htree_slot(frame, index)->hash);
}

/* The kind of an index block at this level, for its checksum. */
static inline enum ext_directory_block_kind htree_index_kind(unsigned level)
{
	return level == 0 ? EXT_DIRECTORY_HTREE_ROOT : EXT_DIRECTORY_HTREE_NODE;
}

/* Finds the leaf of a name's hash. `frames` is to be cleared whatever the answer. */
enum ext_status htree_probe(struct directory_edit *edit, struct span name,
			    struct htree_frames *frames, struct ext_error *error);
void htree_frames_clear(struct htree_frames *frames);

/* How many slots there are in a block of which they begin at this byte. */
uint16_t htree_limit(const struct directory_edit *edit, uint32_t entries_at);

/* Puts a slot behind the one that was taken. */
void htree_insert_slot(struct htree_frame *frame, uint32_t hash, ext_logical logical);

/* EXT_OK when the lowest index block has room; EXT_END when there is some now: probe again. */
enum ext_status htree_make_index_room(struct directory_edit *edit, struct htree_frames *frames,
				      struct ext_error *error);

/* Splits the full leaf in two and adds the entry (htree_leaf.c). */
enum ext_status htree_split_leaf(struct directory_edit *edit, struct htree_frames *frames,
				 const struct new_entry *entry, struct ext_error *error);

/* The error of a directory that cannot be changed through its index. */
enum ext_status htree_unsupported(const struct directory_edit *edit, struct ext_error *error);

#endif
