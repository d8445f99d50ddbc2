/* SPDX-License-Identifier: MIT */
/*
 * A node of an extent tree: a header, entries of 12 bytes, and behind the last one that fits a
 * checksum over all before it, made with the seed of the inode.
 * Doc: ext4/ifork.rst, "Extent Tree".
 */
#include "config.h"

#include <string.h>

#include <ext/extent_node.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "bytes/span.h"
#include "layout/layout.h"

enum { DEPTH_MOST = 4, WRITTEN_MOST = 32768 };

static size_t end_of_room(unsigned room)
{
	return sizeof(struct ext_raw_extent_header) + (size_t)room * sizeof(struct ext_raw_extent);
}

bool ext_extent_node_decode(struct ext_span block, struct ext_extent_node *node)
{
	const struct ext_raw_extent_header *raw = SPAN_AS(struct ext_raw_extent_header, block, 0);

	if (!raw || get(raw->eh_magic) != EXT_EXTENT_HEADER_MAGIC)
		return false;
	*node = (struct ext_extent_node){.block = block,
					 .entries = get(raw->eh_entries),
					 .room = get(raw->eh_max),
					 .depth = get(raw->eh_depth)};
	return node->entries > 0 && node->entries <= node->room &&
	       end_of_room(node->room) <= block.size && node->depth <= DEPTH_MOST;
}

void ext_extent_node_entry(const struct ext_extent_node *node, unsigned index,
			   struct ext_extent_entry *entry)
{
	const uint8_t *bytes = node->block.data + end_of_room(index);
	const struct ext_raw_extent *leaf = (const struct ext_raw_extent *)(const void *)bytes;
	const struct ext_raw_extent_index *inner =
		(const struct ext_raw_extent_index *)(const void *)bytes;
	const uint32_t length = get(leaf->ee_len);

	if (node->depth > 0) {
		*entry = (struct ext_extent_entry){.logical = get(inner->ei_block),
						   .physical = get(inner->ei_leaf_lo) |
							       (uint64_t)get(inner->ei_leaf_hi)
								       << 32};
		return;
	}
	*entry = (struct ext_extent_entry){
		.logical = get(leaf->ee_block),
		.length = length > WRITTEN_MOST ? length - WRITTEN_MOST : length,
		.physical = get(leaf->ee_start_lo) | (uint64_t)get(leaf->ee_start_hi) << 32,
		.is_unwritten = length > WRITTEN_MOST};
}

static const struct ext_raw_extent_tail *tail_of(const struct ext_superblock *sb,
						 const struct ext_extent_node *node)
{
	return sb->has_metadata_csum
		       ? SPAN_AS(struct ext_raw_extent_tail, node->block, end_of_room(node->room))
		       : NULL;
}

enum ext_checksum_state ext_extent_node_checksum(const struct ext_superblock *sb,
						 uint32_t inode_seed,
						 const struct ext_extent_node *node)
{
	const struct ext_raw_extent_tail *tail = tail_of(sb, node);

	if (!tail)
		return EXT_CHECKSUM_NONE;
	return crc32c(inode_seed, node->block.data, end_of_room(node->room)) ==
			       get(tail->et_checksum)
		       ? EXT_CHECKSUM_OK
		       : EXT_CHECKSUM_BAD;
}

bool ext_extent_node_seed(const struct ext_superblock *sb, const struct ext_extent_node *node,
			  uint32_t *inode_seed)
{
	const struct ext_raw_extent_tail *tail = tail_of(sb, node);

	if (tail)
		*inode_seed = crc32c_back(get(tail->et_checksum), node->block.data,
					  end_of_room(node->room));
	return tail != NULL;
}

unsigned ext_extent_node_room(const struct ext_superblock *sb)
{
	return (unsigned)((sb->block_size - sizeof(struct ext_raw_extent_header)) /
			  sizeof(struct ext_raw_extent));
}

void ext_extent_node_make(const struct ext_superblock *sb, uint32_t inode_seed, unsigned depth,
			  const struct ext_extent_entry *entries, unsigned count, uint8_t *block)
{
	const unsigned room = ext_extent_node_room(sb);
	struct ext_raw_extent_header *header = (struct ext_raw_extent_header *)(void *)block;
	struct ext_raw_extent_index *raw =
		(struct ext_raw_extent_index *)(void *)(block + sizeof *header);

	memset(block, 0, sb->block_size);
	put(&header->eh_magic, EXT_EXTENT_HEADER_MAGIC);
	put(&header->eh_max, (uint16_t)room);
	put(&header->eh_depth, (uint16_t)depth);
	put(&header->eh_entries, (uint16_t)(count < room ? count : room));
	for (unsigned i = 0; i < count && i < room; i++) {
		put(&raw[i].ei_block, entries[i].logical);
		put(&raw[i].ei_leaf_lo, (uint32_t)entries[i].physical);
		put(&raw[i].ei_leaf_hi, (uint16_t)(entries[i].physical >> 32));
	}
	if (sb->has_metadata_csum)
		put(&((struct ext_raw_extent_tail *)(void *)(block + end_of_room(room)))
			     ->et_checksum,
		    crc32c(inode_seed, block, end_of_room(room)));
}
