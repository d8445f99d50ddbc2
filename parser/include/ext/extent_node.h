/* SPDX-License-Identifier: MIT */
/*
 * One node of an extent tree in a block of its own, looked at by itself: for whoever finds nodes to
 * which no inode leads. To follow the map of an inode, use <ext/mapping.h>.
 */
#ifndef EXT_EXTENT_NODE_H
#define EXT_EXTENT_NODE_H

#include <ext/inode.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What every node begins with, the root in the inode included. */
enum { EXT_EXTENT_HEADER_MAGIC = 0xf30a };

struct ext_extent_node {
	struct ext_span block; /* borrowed */
	unsigned entries;
	unsigned room;	/* entries that fit, by its own word */
	unsigned depth; /* levels below; 0 maps data */
};

struct ext_extent_entry {
	ext_logical logical;
	uint32_t length;    /* blocks; 0 in an inner node, where only the start is told */
	ext_block physical; /* of the data, or of the node below */
	bool is_unwritten;
};

/* False when the block holds no node: magic, room, number of entries, depth. */
bool ext_extent_node_decode(struct ext_span block, struct ext_extent_node *node);

/* Entry `index`, which is below node->entries. */
void ext_extent_node_entry(const struct ext_extent_node *node, unsigned index,
			   struct ext_extent_entry *entry);

/* Whether its checksum holds under the seed of an inode (ext_inode_seed). */
enum ext_checksum_state ext_extent_node_checksum(const struct ext_superblock *superblock,
						 uint32_t inode_seed,
						 const struct ext_extent_node *node);

/*
 * The only seed under which its checksum holds; false when it has none. Noise has a seed, too: that
 * it means something, only a second sign can tell.
 */
bool ext_extent_node_seed(const struct ext_superblock *superblock,
			  const struct ext_extent_node *node, uint32_t *inode_seed);

/* Entries that fit a block. */
unsigned ext_extent_node_room(const struct ext_superblock *superblock);

/* Makes an inner node of `count` entries in `block`, a block's worth of bytes, checksum included.
 */
void ext_extent_node_make(const struct ext_superblock *superblock, uint32_t inode_seed,
			  unsigned depth, const struct ext_extent_entry *entries, unsigned count,
			  uint8_t *block);

#ifdef __cplusplus
}
#endif

#endif
