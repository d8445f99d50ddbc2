/* SPDX-License-Identifier: MIT */
/*
 * A full leaf of a hashed directory, split as Linux splits it: by halves of its bytes, in the order
 * of the hashes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "structure/filesystem.h"
#include "edit/htree_index.h"

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
static uint32_t map_leaf(const struct directory_edit *edit, const struct htree_frames *frames,
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
enum ext_status htree_split_leaf(struct directory_edit *edit, struct htree_frames *frames,
				 const struct new_entry *entry, struct ext_error *error)
{
	const uint32_t size = edit->superblock->block_size;
	struct htree_frame *bottom = &frames->frame[frames->count - 1];
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
		status = htree_unsupported(edit, error);
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
		status = htree_unsupported(edit, error);
		goto out;
	}
	htree_insert_slot(bottom, hash + (continued ? 1 : 0), added);
	status = directory_block_write(edit, frames->leaf, EXT_DIRECTORY_LEAF, low, error);
	if (status == EXT_OK)
		status = directory_block_write(edit, added, EXT_DIRECTORY_LEAF, high, error);
	if (status == EXT_OK)
		status = directory_block_write(edit, bottom->logical,
					       htree_index_kind(frames->count - 1), bottom->bytes,
					       error);
out:
	free(map);
	free(leaf);
	free(low);
	free(high);
	return status;
}
