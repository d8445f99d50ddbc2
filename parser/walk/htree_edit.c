/* SPDX-License-Identifier: MIT */
/*
 * The hashed index of a directory, changed as Linux changes it: where a leaf is split, which half
 * gets the new name, when the index gets another node or level. Doc: ext4/directory.rst, "Hash Tree
 * Directories".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "layout/layout.h"
#include "structure/filesystem.h"
#include "walk/directory_edit.h"

enum {
	SLOT = 8, /* bytes of an index entry */
	LEVELS_MOST = 3,
	ROOT_INFO_AT = 0x18,
	ROOT_ENTRIES_AT = 0x20,
	NODE_ENTRIES_AT = 8,
	INFO_LENGTH = 8,
	BLOCK_MASK = 0x0fffffff,
};

/* The way from the root to a leaf. */
struct frames {
	struct frame {
		ext_logical logical;
		uint8_t *bytes;	     /* the whole block */
		uint32_t entries_at; /* byte of the first slot */
		uint32_t at;	     /* slot that was taken */
	} frame[LEVELS_MOST];
	unsigned count;
	uint32_t hash; /* of the name */
	unsigned version;
	ext_logical leaf;
};

static struct ext_raw_htree_countlimit *counts(const struct frame *frame)
{
	return (struct ext_raw_htree_countlimit *)(void *)(frame->bytes + frame->entries_at);
}

static struct ext_raw_htree_entry *slot(const struct frame *frame, uint32_t index)
{
	return (struct ext_raw_htree_entry *)(void *)(frame->bytes + frame->entries_at +
						      (size_t)index * SLOT);
}

static uint32_t slot_hash(const struct frame *frame, uint32_t index)
{
	return index == 0 ? 0 : get(slot(frame, index)->hash);
}

static void frames_clear(struct frames *frames)
{
	for (unsigned i = 0; i < LEVELS_MOST; i++)
		free(frames->frame[i].bytes);
	*frames = (struct frames){.count = 0};
}

static enum ext_status unsupported(const struct directory_edit *edit, struct ext_error *error)
{
	return ext_fail(error, EXT_UNSUPPORTED, EXT_FAST_COMMIT_RECORD,
			(struct ext_place){.structure = EXT_AT_HTREE,
					   .has = EXT_HAS_INODE,
					   .inode = edit->ino},
			0);
}

static enum ext_directory_block_kind kind_of(unsigned level)
{
	return level == 0 ? EXT_DIRECTORY_HTREE_ROOT : EXT_DIRECTORY_HTREE_NODE;
}

/* Finds the leaf of a hash; in an index block, the last slot that is not above it. */
static enum ext_status probe(struct directory_edit *edit, struct span name, struct frames *frames,
			     struct ext_error *error)
{
	const uint32_t size = edit->superblock->block_size;
	ext_logical logical = 0;
	unsigned levels = 0;
	uint32_t minor;

	*frames = (struct frames){.count = 0};
	/* Folded and encrypted names are hashed in another form than they have on disk. */
	if (edit->inode.flags & (EXT_INODE_CASEFOLD | EXT_INODE_ENCRYPT))
		return unsupported(edit, error);
	for (unsigned level = 0; level <= levels; level++) {
		struct frame *frame = &frames->frame[level];
		struct ext_htree_block htree;
		enum ext_status status;

		if (level == LEVELS_MOST)
			return unsupported(edit, error);
		frame->bytes = malloc(size);
		if (!frame->bytes)
			return ext_no_memory(error);
		frame->logical = logical;
		frames->count = level + 1;
		status = directory_block_read(edit, logical, frame->bytes, error);
		if (status == EXT_OK)
			status = ext_htree_decode(edit->superblock, kind_of(level),
						  (struct ext_span){frame->bytes, size}, &htree,
						  error);
		if (status != EXT_OK)
			return status;
		frame->entries_at = (uint32_t)(htree.entries.data - frame->bytes);
		if (htree.count == 0 || htree.count > htree.limit ||
		    frame->entries_at + (uint64_t)htree.limit * SLOT > size)
			return unsupported(edit, error);
		if (level == 0) {
			levels = htree.levels;
			frames->version =
				ext_directory_hash_version(edit->superblock, htree.hash_version);
			status = ext_directory_hash(frames->version, edit->superblock->hash_seed,
						    (const char *)name.data, name.size,
						    &frames->hash, &minor);
			if (status != EXT_OK)
				return unsupported(edit, error);
		}

		uint32_t low = 1, high = htree.count;

		while (low < high) {
			const uint32_t middle = low + (high - low) / 2;

			if (slot_hash(frame, middle) > frames->hash)
				high = middle;
			else
				low = middle + 1;
		}
		frame->at = low - 1;
		logical = get(slot(frame, frame->at)->block) & BLOCK_MASK;
	}
	frames->leaf = logical;
	return EXT_OK;
}

enum ext_status htree_find_leaf(struct directory_edit *edit, struct span name, ext_logical *leaf,
				struct ext_error *error)
{
	struct frames frames;
	const enum ext_status status = probe(edit, name, &frames, error);

	if (status == EXT_OK)
		*leaf = frames.leaf;
	frames_clear(&frames);
	return status;
}

static uint16_t limit_for(const struct directory_edit *edit, uint32_t entries_at)
{
	const uint32_t tail = edit->superblock->has_metadata_csum
				      ? (uint32_t)sizeof(struct ext_raw_htree_tail)
				      : 0;

	return (uint16_t)((edit->superblock->block_size - entries_at - tail) / SLOT);
}

/* Inserts behind the slot that was taken. There is room. */
static void insert_slot(struct frame *frame, uint32_t hash, ext_logical logical)
{
	struct ext_raw_htree_countlimit *count = counts(frame);
	const uint32_t used = get(count->count);
	struct ext_raw_htree_entry *new = slot(frame, frame->at + 1);

	memmove(new + 1, new, (size_t)(used - frame->at - 1) * SLOT);
	put(&new->hash, hash);
	put(&new->block, logical);
	put(&count->count, (uint16_t)(used + 1));
}

static bool is_full(const struct frame *frame)
{
	return get(counts(frame)->count) >= get(counts(frame)->limit);
}

/* One entry of a leaf, for sorting by hash. */
struct hashed_entry {
	uint32_t hash;
	uint32_t at;   /* byte in the leaf */
	uint32_t size; /* of its record */
};

static int compare_hashed(const void *a, const void *b)
{
	const struct hashed_entry *left = a, *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return (left->at > right->at) - (left->at < right->at);
}

/* The entries in use of a leaf, by hash. */
static uint32_t map_leaf(const struct directory_edit *edit, const struct frames *frames,
			 const uint8_t *leaf, struct hashed_entry *map)
{
	const uint32_t end = directory_entries_end(edit);
	uint32_t count = 0, at = 0;

	while (range_inside(at, sizeof(struct ext_raw_dirent), end)) {
		const struct ext_raw_dirent *raw =
			(const struct ext_raw_dirent *)(const void *)(leaf + at);
		const uint32_t length = directory_record_length(edit, leaf, at);
		uint32_t minor;

		if (length < sizeof *raw + raw->name_len || length % 4 != 0 ||
		    !range_inside(at, length, end))
			break;
		if (get(raw->inode) != 0 && raw->name_len != 0) {
			map[count] = (struct hashed_entry){.at = at, .size = length};
			if (ext_directory_hash(frames->version, edit->superblock->hash_seed,
					       (const char *)leaf + at + sizeof *raw, raw->name_len,
					       &map[count].hash, &minor) == EXT_OK)
				count++;
		}
		at += length;
	}
	qsort(map, count, sizeof *map, compare_hashed);
	return count;
}

/* Half of the bytes move to the new leaf, counted from the highest hash down. */
static uint32_t split_point(const struct directory_edit *edit, const struct hashed_entry *map,
			    uint32_t count)
{
	const uint32_t block_size = edit->superblock->block_size;
	uint32_t size = 0, move = 0, i = count;

	while (i > 0) {
		if (size + map[i - 1].size / 2 > block_size / 2)
			break;
		size += map[i - 1].size;
		move++;
		i--;
	}
	return i > 0 ? count - move : count / 2;
}

/* Packs chosen entries into a block of their own, in the order of the map. */
static void pack(const struct directory_edit *edit, const uint8_t *from,
		 const struct hashed_entry *map, uint32_t count, uint8_t *to)
{
	const uint32_t end = directory_entries_end(edit);
	uint32_t at = 0, last = 0;

	memset(to, 0, edit->superblock->block_size);
	for (uint32_t i = 0; i < count; i++) {
		const struct ext_raw_dirent *raw =
			(const struct ext_raw_dirent *)(const void *)(from + map[i].at);
		const uint32_t size = directory_entry_size(raw->name_len);

		memcpy(to + at, raw, sizeof *raw + raw->name_len);
		directory_put_record_length(edit, to, at, size);
		last = at;
		at += size;
	}
	directory_put_record_length(edit, to, last, end - last);
}

static int compare_place(const void *a, const void *b)
{
	const struct hashed_entry *left = a, *right = b;

	return (left->at > right->at) - (left->at < right->at);
}

/* Splits a full leaf, puts the entry into the half where it belongs, and the new leaf into the
 * index. */
static enum ext_status split_leaf(struct directory_edit *edit, struct frames *frames,
				  const struct new_entry *entry, struct ext_error *error)
{
	const uint32_t size = edit->superblock->block_size;
	struct frame *bottom = &frames->frame[frames->count - 1];
	struct hashed_entry *map = calloc(size / sizeof(struct ext_raw_dirent), sizeof *map);
	uint8_t *leaf = malloc(size), *low = malloc(size), *high = malloc(size);
	uint32_t count, split, hash;
	bool continued;
	ext_logical added;
	enum ext_status status;

	if (!map || !leaf || !low || !high)
		status = ext_no_memory(error);
	else
		status = directory_block_read(edit, frames->leaf, leaf, error);
	if (status != EXT_OK)
		goto out;
	count = map_leaf(edit, frames, leaf, map);
	if (count < 2) {
		status = unsupported(edit, error);
		goto out;
	}
	status = directory_block_append(edit, &added, error);
	if (status != EXT_OK)
		goto out;
	split = split_point(edit, map, count);
	if (split == 0)
		split = 1;
	hash = map[split].hash;
	continued = hash == map[split - 1].hash;
	pack(edit, leaf, map + split, count - split, high);
	/* What stays keeps its order. */
	qsort(map, split, sizeof *map, compare_place);
	pack(edit, leaf, map, split, low);
	if (!directory_put_entry(edit, frames->hash >= hash ? high : low, 0,
				 directory_entries_end(edit), entry)) {
		status = unsupported(edit, error);
		goto out;
	}
	insert_slot(bottom, hash + (continued ? 1 : 0), added);
	status = directory_block_write(edit, frames->leaf, EXT_DIRECTORY_LEAF, low, error);
	if (status == EXT_OK)
		status = directory_block_write(edit, added, EXT_DIRECTORY_LEAF, high, error);
	if (status == EXT_OK)
		status = directory_block_write(edit, bottom->logical, kind_of(frames->count - 1),
					       bottom->bytes, error);
out:
	free(map);
	free(leaf);
	free(low);
	free(high);
	return status;
}

static void make_node(const struct directory_edit *edit, uint8_t *bytes)
{
	struct ext_raw_htree_countlimit *count =
		(struct ext_raw_htree_countlimit *)(void *)(bytes + NODE_ENTRIES_AT);

	memset(bytes, 0, edit->superblock->block_size);
	directory_put_record_length(edit, bytes, 0, edit->superblock->block_size);
	put(&count->limit, limit_for(edit, NODE_ENTRIES_AT));
}

/* Everything of the root moves into a new node below it. */
static enum ext_status add_level(struct directory_edit *edit, struct frames *frames,
				 struct ext_error *error)
{
	struct frame *root = &frames->frame[0];
	struct ext_raw_htree_root *info = (struct ext_raw_htree_root *)(void *)root->bytes;
	uint8_t *node = malloc(edit->superblock->block_size);
	const uint32_t used = get(counts(root)->count);
	const struct frame below = {.bytes = node, .entries_at = NODE_ENTRIES_AT};
	ext_logical added;
	enum ext_status status =
		node ? directory_block_append(edit, &added, error) : ext_no_memory(error);

	if (status == EXT_OK) {
		make_node(edit, node);
		memcpy(slot(&below, 1), slot(root, 1), (size_t)(used - 1) * SLOT);
		put(&counts(&below)->block, get(counts(root)->block));
		put(&counts(&below)->count, (uint16_t)used);
		put(&counts(root)->count, 1);
		put(&counts(root)->block, added);
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
static enum ext_status split_index(struct directory_edit *edit, struct frames *frames,
				   unsigned level, struct ext_error *error)
{
	struct frame *frame = &frames->frame[level], *parent = &frames->frame[level - 1];
	uint8_t *node = malloc(edit->superblock->block_size);
	const struct frame new = {.bytes = node, .entries_at = NODE_ENTRIES_AT};
	const uint32_t used = get(counts(frame)->count), kept = used / 2;
	ext_logical added;
	uint32_t hash;
	enum ext_status status =
		node ? directory_block_append(edit, &added, error) : ext_no_memory(error);

	if (status == EXT_OK) {
		make_node(edit, node);
		hash = slot_hash(frame, kept);
		put(&counts(&new)->block, get(slot(frame, kept)->block));
		memcpy(slot(&new, 1), slot(frame, kept + 1), (size_t)(used - kept - 1) * SLOT);
		put(&counts(&new)->count, (uint16_t)(used - kept));
		put(&counts(frame)->count, (uint16_t)kept);
		insert_slot(parent, hash, added);
		status = directory_block_write(edit, added, EXT_DIRECTORY_HTREE_NODE, node, error);
	}
	if (status == EXT_OK)
		status = directory_block_write(edit, frame->logical, EXT_DIRECTORY_HTREE_NODE,
					       frame->bytes, error);
	if (status == EXT_OK)
		status = directory_block_write(edit, parent->logical, kind_of(level - 1),
					       parent->bytes, error);
	free(node);
	return status;
}

/* Makes room for one more slot above the leaf. EXT_END: done, look for the leaf again. */
static enum ext_status make_index_room(struct directory_edit *edit, struct frames *frames,
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

enum ext_status htree_add(struct directory_edit *edit, const struct new_entry *entry,
			  struct ext_error *error)
{
	/* Each round adds a node or a level; there are few levels. */
	for (unsigned round = 0; round < 2 * LEVELS_MOST + 2; round++) {
		struct frames frames;
		enum ext_status status = probe(edit, entry->name, &frames, error);

		if (status == EXT_OK)
			status = directory_block_read(edit, frames.leaf, edit->block, error);
		if (status == EXT_OK) {
			if (directory_put_entry(edit, edit->block, 0, directory_entries_end(edit),
						entry)) {
				status = directory_block_write(
					edit, frames.leaf, EXT_DIRECTORY_LEAF, edit->block, error);
				frames_clear(&frames);
				return status;
			}
			status = make_index_room(edit, &frames, error);
			if (status == EXT_OK) {
				status = split_leaf(edit, &frames, entry, error);
				frames_clear(&frames);
				return status;
			}
		}
		frames_clear(&frames);
		if (status != EXT_END)
			return status;
	}
	return unsupported(edit, error);
}

enum ext_status htree_make(struct directory_edit *edit, const struct new_entry *entry,
			   struct ext_error *error)
{
	const uint32_t size = edit->superblock->block_size;
	const uint32_t end = directory_entries_end(edit);
	const uint32_t dot = directory_entry_size(1);
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)edit->raw;
	uint8_t *root = malloc(size), *leaf = malloc(size);
	const struct frame frame = {.bytes = root, .entries_at = ROOT_ENTRIES_AT};
	uint32_t first, at, last;
	ext_logical added;
	enum ext_status status;

	if (edit->inode.flags & (EXT_INODE_CASEFOLD | EXT_INODE_ENCRYPT))
		status = unsupported(edit, error);
	else if (!root || !leaf)
		status = ext_no_memory(error);
	else
		status = directory_block_read(edit, 0, root, error);
	if (status != EXT_OK)
		goto out;
	/* Behind "." and "..". */
	first = dot + directory_record_length(edit, root, dot);
	if (directory_record_length(edit, root, 0) != dot || first >= end) {
		status = unsupported(edit, error);
		goto out;
	}
	status = directory_block_append(edit, &added, error);
	if (status != EXT_OK)
		goto out;
	memset(leaf, 0, size);
	memcpy(leaf, root + first, end - first);
	for (at = last = 0; at < end - first;) {
		const uint32_t length = directory_record_length(edit, leaf, at);

		if (length < sizeof(struct ext_raw_dirent) || length > end - first - at)
			break;
		last = at;
		at += length;
	}
	directory_put_record_length(edit, leaf, last, end - last);
	memset(root + ROOT_INFO_AT, 0, size - ROOT_INFO_AT);
	directory_put_record_length(edit, root, dot, size - dot);
	root[0x1c] = edit->superblock->default_hash_version;
	root[0x1d] = INFO_LENGTH;
	put(&counts(&frame)->limit, limit_for(edit, ROOT_ENTRIES_AT));
	put(&counts(&frame)->count, 1);
	put(&counts(&frame)->block, added);
	put(&core->i_flags, get(core->i_flags) | EXT_INODE_INDEX);
	edit->inode.flags |= EXT_INODE_INDEX;
	status = directory_block_write(edit, added, EXT_DIRECTORY_LEAF, leaf, error);
	if (status == EXT_OK)
		status = directory_block_write(edit, 0, EXT_DIRECTORY_HTREE_ROOT, root, error);
	if (status == EXT_OK) {
		/* Linux splits at once, though the moved entries leave a little room. */
		struct frames frames;

		status = probe(edit, entry->name, &frames, error);
		if (status == EXT_OK)
			status = split_leaf(edit, &frames, entry, error);
		frames_clear(&frames);
	}
out:
	free(root);
	free(leaf);
	return status;
}
