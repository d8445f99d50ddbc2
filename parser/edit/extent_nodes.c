/* SPDX-License-Identifier: MIT */
/*
 * The nodes of one inode's extent tree: decoded, found, encoded with their checksums.
 * Doc: ext4/ifork.rst, "Extent Tree".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "structure/filesystem.h"
#include "edit/extent_nodes.h"

#include <ext/extent_node.h>

enum {
	NODES_MOST = 8192, /* of one inode: what is larger is left alone */
};

static enum ext_status corrupt(const struct extent_edit *edit, ext_block block,
			       struct ext_error *error)
{
	const struct ext_place place = {
		.structure = EXT_AT_EXTENT_NODE,
		.has = EXT_HAS_INODE | (block != 0 ? (uint32_t)EXT_HAS_BLOCK : 0),
		.inode = edit->ino,
		.block = block,
	};

	return ext_corrupt(error, EXT_EXTENT_MAGIC, place, 0, EXT_EXTENT_HEADER_MAGIC,
			   EXT_EXTENT_HEADER_MAGIC);
}

/* A new node with room for one entry more than fits on disk. */
enum ext_status extent_node_new(struct extent_edit *edit, unsigned depth, ext_block block,
				uint32_t max, uint32_t *index, struct ext_error *error)
{
	if (edit->node_count == NODES_MOST)
		return ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	if (edit->node_count == edit->node_capacity) {
		const uint32_t capacity = edit->node_capacity ? edit->node_capacity * 2 : 8;
		struct extent_node *nodes = realloc(edit->nodes, capacity * sizeof *nodes);

		if (!nodes)
			return ext_no_memory(error);
		edit->nodes = nodes;
		edit->node_capacity = capacity;
	}

	struct extent_entry *entries = calloc((size_t)max + 1, sizeof *entries);

	if (!entries)
		return ext_no_memory(error);
	edit->nodes[edit->node_count] = (struct extent_node){
		.block = block, .depth = depth, .max = max, .entries = entries};
	*index = edit->node_count++;
	return EXT_OK;
}

/* Decodes a node; entries out of order make it no use. */
static enum ext_status load_node(struct extent_edit *edit, struct ext_span bytes, ext_block block,
				 unsigned depth, uint32_t max, uint32_t *index,
				 struct ext_error *error)
{
	const struct ext_raw_extent_header *header =
		(const struct ext_raw_extent_header *)(const void *)bytes.data;
	enum ext_status status;
	uint64_t behind = 0;

	if (get(header->eh_magic) != EXT_EXTENT_HEADER_MAGIC || get(header->eh_entries) > max ||
	    get(header->eh_depth) != depth)
		return corrupt(edit, block, error);
	status = extent_node_new(edit, depth, block, max, index, error);
	if (status != EXT_OK)
		return status;

	const struct ext_extent_node raw = {.block = bytes, .depth = depth};
	struct extent_node *node = &edit->nodes[*index];

	node->count = get(header->eh_entries);
	for (uint32_t i = 0; i < node->count; i++) {
		struct extent_entry *entry = &node->entries[i];
		struct ext_extent_entry decoded;

		ext_extent_node_entry(&raw, i, &decoded);
		*entry = (struct extent_entry){.logical = decoded.logical,
					       .length = decoded.length,
					       .block = decoded.physical,
					       .unwritten = decoded.is_unwritten};
		if ((i > 0 && entry->logical < behind) || (depth == 0 && entry->length == 0))
			return corrupt(edit, block, error);
		behind = (uint64_t)entry->logical + (depth == 0 ? entry->length : 1);
	}
	return EXT_OK;
}

uint32_t extent_node_room(const struct extent_edit *edit)
{
	return (edit->superblock->block_size - EXTENT_ENTRY_SIZE) / EXTENT_ENTRY_SIZE;
}

/* The node below entry `at` of `parent`. */
enum ext_status extent_node_child(struct extent_edit *edit, uint32_t parent, int64_t at,
				  uint32_t *child, struct ext_error *error)
{
	const uint32_t size = edit->superblock->block_size;
	const struct extent_entry entry = edit->nodes[parent].entries[at];
	const unsigned depth = edit->nodes[parent].depth;
	enum ext_status status;
	uint8_t *bytes;

	if (entry.child != 0) {
		*child = entry.child;
		return EXT_OK;
	}
	bytes = malloc(size);
	if (!bytes)
		return ext_no_memory(error);
	status = ext_filesystem_read_blocks(ext_editor_filesystem(edit->editor), entry.block, 1,
					    bytes, error);
	if (status == EXT_OK)
		status = load_node(edit, (struct ext_span){bytes, size}, entry.block, depth - 1,
				   extent_node_room(edit), child, error);
	if (status == EXT_OK)
		edit->nodes[parent].entries[at].child = *child;
	free(bytes);
	return status;
}

enum ext_status extent_edit_open(struct ext_editor *editor, ext_ino ino, uint8_t *raw,
				 const struct reserved_ranges *reserved, struct extent_edit **edit,
				 struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(ext_editor_filesystem(editor));
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)raw;
	const struct ext_raw_extent_header *header =
		(const struct ext_raw_extent_header *)(const void *)core->i_block;
	struct extent_edit *new = calloc(1, sizeof *new);
	enum ext_status status;
	uint32_t root;

	if (!new)
		return ext_no_memory(error);
	new->editor = editor;
	new->superblock = sb;
	new->reserved = reserved;
	new->ino = ino;
	new->raw = raw;
	new->seed = ext_inode_seed(sb, ino, get(core->i_generation));
	if (get(header->eh_depth) > EXTENT_DEEPEST)
		status = corrupt(new, 0, error);
	else
		status = load_node(
			new,
			(struct ext_span){(const uint8_t *)core->i_block, sizeof core->i_block}, 0,
			get(header->eh_depth), EXTENT_ROOT_MAX, &root, error);
	if (status != EXT_OK) {
		extent_edit_close(new);
		return status;
	}
	*edit = new;
	return EXT_OK;
}

void extent_edit_close(struct extent_edit *edit)
{
	if (!edit)
		return;
	for (uint32_t i = 0; i < edit->node_count; i++)
		free(edit->nodes[i].entries);
	free(edit->nodes);
	free(edit);
}

/* The last entry at or before `logical`; -1 when all lie behind. */
static int64_t entry_before(const struct extent_node *node, uint32_t logical)
{
	int64_t low = 0, high = (int64_t)node->count;

	while (low < high) {
		const int64_t middle = low + (high - low) / 2;

		if (node->entries[middle].logical <= logical)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

enum ext_status extent_path_to(struct extent_edit *edit, uint32_t logical, struct extent_path *path,
			       struct ext_error *error)
{
	path->depth = edit->nodes[0].depth;
	path->node[0] = 0;
	for (unsigned level = 0;; level++) {
		const uint32_t index = path->node[level];

		path->at[level] = entry_before(&edit->nodes[index], logical);
		if (level == path->depth)
			return EXT_OK;
		/* What lies before the first key belongs to the first child. */
		if (path->at[level] < 0)
			path->at[level] = 0;
		if (edit->nodes[index].count == 0)
			return corrupt(edit, edit->nodes[index].block, error);

		const enum ext_status status = extent_node_child(edit, index, path->at[level],
								 &path->node[level + 1], error);

		if (status != EXT_OK)
			return status;
	}
}

/* The first key behind the leaf of `path`, or 2^32 when it is the last leaf. */
uint64_t extent_path_next_key(const struct extent_edit *edit, const struct extent_path *path)
{
	for (unsigned level = path->depth; level-- > 0;) {
		const struct extent_node *node = &edit->nodes[path->node[level]];

		if (path->at[level] + 1 < (int64_t)node->count)
			return node->entries[path->at[level] + 1].logical;
	}
	return (uint64_t)UINT32_MAX + 1;
}

static void encode_node(const struct extent_node *node, uint8_t *bytes)
{
	struct ext_raw_extent_header *header = (struct ext_raw_extent_header *)(void *)bytes;

	put(&header->eh_magic, EXT_EXTENT_HEADER_MAGIC);
	put(&header->eh_entries, (uint16_t)node->count);
	put(&header->eh_max, (uint16_t)node->max);
	put(&header->eh_depth, (uint16_t)node->depth);
	for (uint32_t i = 0; i < node->count; i++) {
		const struct extent_entry *entry = &node->entries[i];
		uint8_t *at = bytes + sizeof *header + (size_t)i * EXTENT_ENTRY_SIZE;

		if (node->depth == 0) {
			struct ext_raw_extent *raw = (struct ext_raw_extent *)(void *)at;

			put(&raw->ee_block, entry->logical);
			put(&raw->ee_len,
			    (uint16_t)(entry->unwritten ? entry->length + EXTENT_WRITTEN_MOST
							: entry->length));
			put(&raw->ee_start_hi, (uint16_t)(entry->block >> 32));
			put(&raw->ee_start_lo, (uint32_t)entry->block);
		} else {
			struct ext_raw_extent_index *raw =
				(struct ext_raw_extent_index *)(void *)at;

			put(&raw->ei_block, entry->logical);
			put(&raw->ei_leaf_lo, (uint32_t)entry->block);
			put(&raw->ei_leaf_hi, (uint16_t)(entry->block >> 32));
			put(&raw->ei_unused, 0);
		}
	}
}

enum ext_status extent_edit_finish(struct extent_edit *edit, struct ext_error *error)
{
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)edit->raw;
	const uint32_t size = edit->superblock->block_size;
	uint8_t *bytes = malloc(size);
	enum ext_status status = EXT_OK;

	if (!bytes)
		return ext_no_memory(error);
	if (edit->nodes[0].changed) {
		memset(core->i_block, 0, sizeof core->i_block);
		encode_node(&edit->nodes[0], (uint8_t *)core->i_block);
		edit->nodes[0].changed = false;
	}
	for (uint32_t i = 1; i < edit->node_count && status == EXT_OK; i++) {
		struct extent_node *node = &edit->nodes[i];

		if (!node->changed || node->gone)
			continue;
		memset(bytes, 0, size);
		encode_node(node, bytes);
		if (edit->superblock->has_metadata_csum) {
			const size_t tail_at =
				EXTENT_ENTRY_SIZE + (size_t)node->max * EXTENT_ENTRY_SIZE;
			struct ext_raw_extent_tail *tail =
				(struct ext_raw_extent_tail *)(void *)(bytes + tail_at);

			put(&tail->et_checksum, crc32c(edit->seed, bytes, tail_at));
		}
		status = ext_editor_write_block(edit->editor, node->block, bytes, error);
		node->changed = false;
	}
	free(bytes);
	return status;
}
