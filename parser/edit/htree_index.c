/* SPDX-License-Identifier: MIT */
/*
 * The hashed index of a directory, changed as Linux changes it: when it gets another node or level.
 * Doc: ext4/directory.rst, "Hash Tree Directories".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "structure/filesystem.h"
#include "edit/htree_index.h"

enum { NODE_ENTRIES_AT = 8, INFO_LENGTH = 8, BLOCK_MASK = 0x0fffffff };

enum ext_status htree_unsupported(const struct directory_edit *edit, struct ext_error *error)
{
	return ext_fail(error, EXT_UNSUPPORTED, EXT_FAST_COMMIT_RECORD,
			(struct ext_place){.structure = EXT_AT_HTREE,
					   .has = EXT_HAS_INODE,
					   .inode = edit->ino},
			0);
}

void htree_frames_clear(struct htree_frames *frames)
{
	for (unsigned i = 0; i < HTREE_LEVELS_MOST; i++)
		free(frames->frame[i].bytes);
	*frames = (struct htree_frames){.count = 0};
}

/* Finds the leaf of a hash; in an index block, the last slot that is not above it. */
enum ext_status htree_probe(struct directory_edit *edit, struct span name,
			    struct htree_frames *frames, struct ext_error *error)
{
	const uint32_t size = edit->superblock->block_size;
	ext_logical logical = 0;
	unsigned levels = 0;
	uint32_t minor;

	*frames = (struct htree_frames){.count = 0};
	/* Folded and encrypted names are hashed in another form than they have on disk. */
	if (edit->inode.flags & (EXT_INODE_CASEFOLD | EXT_INODE_ENCRYPT))
		return htree_unsupported(edit, error);
	for (unsigned level = 0; level <= levels; level++) {
		struct htree_frame *frame = &frames->frame[level];
		struct ext_htree_block htree;
		enum ext_status status;

		if (level == HTREE_LEVELS_MOST)
			return htree_unsupported(edit, error);
		frame->bytes = malloc(size);
		if (!frame->bytes)
			return ext_no_memory(error);
		frame->logical = logical;
		frames->count = level + 1;
		status = directory_block_read(edit, logical, frame->bytes, error);
		if (status == EXT_OK)
			status = ext_htree_decode(edit->superblock, htree_index_kind(level),
						  (struct ext_span){frame->bytes, size}, &htree,
						  error);
		if (status != EXT_OK)
			return status;
		frame->entries_at = (uint32_t)(htree.entries.data - frame->bytes);
		if (htree.count == 0 || htree.count > htree.limit ||
		    frame->entries_at + (uint64_t)htree.limit * HTREE_SLOT > size)
			return htree_unsupported(edit, error);
		if (level == 0) {
			levels = htree.levels;
			frames->version =
				ext_directory_hash_version(edit->superblock, htree.hash_version);
			status = ext_directory_hash(frames->version, edit->superblock->hash_seed,
						    (const char *)name.data, name.size,
						    &frames->hash, &minor);
			if (status != EXT_OK)
				return htree_unsupported(edit, error);
		}

		uint32_t low = 1, high = htree.count;

		while (low < high) {
			const uint32_t middle = low + (high - low) / 2;

			if (htree_slot_hash(frame, middle) > frames->hash)
				high = middle;
			else
				low = middle + 1;
		}
		frame->at = low - 1;
		logical = get(htree_slot(frame, frame->at)->block) & BLOCK_MASK;
	}
	frames->leaf = logical;
	return EXT_OK;
}

uint16_t htree_limit(const struct directory_edit *edit, uint32_t entries_at)
{
	const uint32_t tail = edit->superblock->has_metadata_csum
				      ? (uint32_t)sizeof(struct ext_raw_htree_tail)
				      : 0;

	return (uint16_t)((edit->superblock->block_size - entries_at - tail) / HTREE_SLOT);
}

/* Inserts behind the slot that was taken. There is room. */
void htree_insert_slot(struct htree_frame *frame, uint32_t hash, ext_logical logical)
{
	struct ext_raw_htree_countlimit *count = htree_counts(frame);
	const uint32_t used = get(count->count);
	struct ext_raw_htree_entry *new = htree_slot(frame, frame->at + 1);

	memmove(new + 1, new, (size_t)(used - frame->at - 1) * HTREE_SLOT);
	put(&new->hash, hash);
	put(&new->block, logical);
	put(&count->count, (uint16_t)(used + 1));
}

static bool is_full(const struct htree_frame *frame)
{
	return get(htree_counts(frame)->count) >= get(htree_counts(frame)->limit);
}

static void make_node(const struct directory_edit *edit, uint8_t *bytes)
{
	struct ext_raw_htree_countlimit *count =
		(struct ext_raw_htree_countlimit *)(void *)(bytes + NODE_ENTRIES_AT);

	memset(bytes, 0, edit->superblock->block_size);
	directory_put_record_length(edit, bytes, 0, edit->superblock->block_size);
	put(&count->limit, htree_limit(edit, NODE_ENTRIES_AT));
}

/* Everything of the root moves into a new node below it. */
static enum ext_status add_level(struct directory_edit *edit, struct htree_frames *frames,
				 struct ext_error *error)
{
	struct htree_frame *root = &frames->frame[0];
	struct ext_raw_htree_root *info = (struct ext_raw_htree_root *)(void *)root->bytes;
	uint8_t *node = malloc(edit->superblock->block_size);
	const uint32_t used = get(htree_counts(root)->count);
	const struct htree_frame below = {.bytes = node, .entries_at = NODE_ENTRIES_AT};
	ext_logical added;
	enum ext_status status =
		node ? directory_block_append(edit, &added, error) : ext_no_memory(error);

	if (status == EXT_OK) {
		make_node(edit, node);
		memcpy(htree_slot(&below, 1), htree_slot(root, 1), (size_t)(used - 1) * HTREE_SLOT);
		put(&htree_counts(&below)->block, get(htree_counts(root)->block));
		put(&htree_counts(&below)->count, (uint16_t)used);
		put(&htree_counts(root)->count, 1);
		put(&htree_counts(root)->block, added);
		info->indirect_levels++;
		status = directory_block_write(edit, added, EXT_DIRECTORY_HTREE_NODE, node, error);
	}
	if (status == EXT_OK)
		status = directory_block_write(edit, 0, EXT_DIRECTORY_HTREE_ROOT, root->bytes,
					       error);
	free(node);
	return status;
}

/* The upper half of a full node moves into a new one; its parent has room. */
static enum ext_status split_index(struct directory_edit *edit, struct htree_frames *frames,
				   unsigned level, struct ext_error *error)
{
	struct htree_frame *frame = &frames->frame[level], *parent = &frames->frame[level - 1];
	uint8_t *node = malloc(edit->superblock->block_size);
	const struct htree_frame new = {.bytes = node, .entries_at = NODE_ENTRIES_AT};
	const uint32_t used = get(htree_counts(frame)->count), kept = used / 2;
	ext_logical added;
	uint32_t hash;
	enum ext_status status =
		node ? directory_block_append(edit, &added, error) : ext_no_memory(error);

	if (status == EXT_OK) {
		make_node(edit, node);
		hash = htree_slot_hash(frame, kept);
		put(&htree_counts(&new)->block, get(htree_slot(frame, kept)->block));
		memcpy(htree_slot(&new, 1), htree_slot(frame, kept + 1),
		       (size_t)(used - kept - 1) * HTREE_SLOT);
		put(&htree_counts(&new)->count, (uint16_t)(used - kept));
		put(&htree_counts(frame)->count, (uint16_t)kept);
		htree_insert_slot(parent, hash, added);
		status = directory_block_write(edit, added, EXT_DIRECTORY_HTREE_NODE, node, error);
	}
	if (status == EXT_OK)
		status = directory_block_write(edit, frame->logical, EXT_DIRECTORY_HTREE_NODE,
					       frame->bytes, error);
	if (status == EXT_OK)
		status = directory_block_write(edit, parent->logical, htree_index_kind(level - 1),
					       parent->bytes, error);
	free(node);
	return status;
}

/* Makes room for one more slot above the leaf. EXT_END: done, look for the leaf again. */
enum ext_status htree_make_index_room(struct directory_edit *edit, struct htree_frames *frames,
				      struct ext_error *error)
{
	const unsigned levels_most =
		ext_has_incompat(edit->superblock, EXT_INCOMPAT_LARGEDIR) ? 3 : 2;
	unsigned level = frames->count - 1;
	enum ext_status status;

	if (!is_full(&frames->frame[level]))
		return EXT_OK;
	while (level > 0 && is_full(&frames->frame[level - 1]))
		level--;
	if (level > 0)
		status = split_index(edit, frames, level, error);
	else if (frames->count == levels_most)
		return ext_fail(error, EXT_LIMIT, EXT_FAST_COMMIT_RECORD, (struct ext_place){0}, 0);
	else
		status = add_level(edit, frames, error);
	return status == EXT_OK ? EXT_END : status;
}
