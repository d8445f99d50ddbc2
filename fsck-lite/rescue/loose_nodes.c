/* SPDX-License-Identifier: MIT */
/*
 * One pass over all data of the image. Where there are checksums, a node gives away the seed of its
 * inode; where there are none, it has to hold together, and to lie where nobody else is.
 */
#include "config.h"

#include <stdlib.h>

#include "accounting/grow.h"
#include "rescue/block_scan.h"
#include "rescue/loose_nodes.h"

static bool has_seed(const struct loose_search *search, uint32_t seed)
{
	size_t low = 0, high = search->seed_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (search->seeds[middle] < seed)
			low = middle + 1;
		else
			high = middle;
	}
	return low < search->seed_count && search->seeds[low] == seed;
}

/* Entries in order, none over the next, all inside; what they come to. False: it is no node. */
static bool add_up(const struct ext_superblock *sb, const struct ext_extent_node *node,
		   struct loose_node *found)
{
	uint64_t next_cluster = 0;

	for (unsigned i = 0; i < node->entries; i++) {
		struct ext_extent_entry entry;
		uint64_t first, last;

		ext_extent_node_entry(node, i, &entry);
		if (i == 0)
			found->first = found->end = entry.logical;
		if (entry.logical < found->end || entry.physical <= sb->first_data_block ||
		    entry.physical >= sb->block_count ||
		    entry.length > sb->block_count - entry.physical)
			return false;
		if (node->depth > 0) {
			found->end = (uint64_t)entry.logical + 1;
			found->owned += sb->cluster_blocks;
			continue;
		}
		if (entry.length == 0)
			return false;
		found->end = (uint64_t)entry.logical + entry.length;
		first = entry.physical >> sb->cluster_log2;
		last = (entry.physical + entry.length - 1) >> sb->cluster_log2;
		if (first + 1 == next_cluster)
			first++;
		found->owned += (last + 1 - first) << sb->cluster_log2;
		next_cluster = last + 1;
	}
	return true;
}

static bool is_marked(const struct ext_filesystem *filesystem, ext_block block)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	const uint64_t at = block - sb->first_data_block;
	uint8_t *bitmap = malloc(sb->block_size);
	bool marked = false;

	if (bitmap && ext_block_bitmap_read(filesystem, (ext_group)(at / sb->blocks_per_group),
					    bitmap, NULL, NULL) == EXT_OK)
		marked = ext_bit_is_set(bitmap,
					(uint32_t)(at % sb->blocks_per_group) >> sb->cluster_log2);
	free(bitmap);
	return marked;
}

struct finder {
	const struct loose_search *search;
	struct loose_nodes *nodes;
};

static void take(void *context, ext_block block, struct ext_span bytes)
{
	const struct finder *finder = context;
	const struct loose_search *search = finder->search;
	struct loose_nodes *nodes = finder->nodes;
	const struct ext_superblock *sb = ext_filesystem_superblock(search->filesystem);
	struct loose_node found = {.block = block};
	struct ext_extent_node node;

	if (!ext_extent_node_decode(bytes, &node) ||
	    (search->owned && block_set_has(search->owned, block >> sb->cluster_log2)) ||
	    (sb->has_metadata_csum &&
	     (!ext_extent_node_seed(sb, &node, &found.seed) || !has_seed(search, found.seed))) ||
	    !add_up(sb, &node, &found))
		return;
	found.depth = (uint8_t)node.depth;
	found.is_logged = block_set_has(search->log, block);
	found.is_marked = is_marked(search->filesystem, block);
	if (GROW(nodes->items, nodes->count, nodes->size))
		nodes->items[nodes->count++] = found;
	else
		nodes->out_of_memory = true;
}

void loose_nodes_find(const struct loose_search *search, struct loose_nodes *nodes)
{
	struct finder finder = {search, nodes};
	const struct block_scan scan = {
		.filesystem = search->filesystem, .visit = take, .context = &finder};

	nodes->out_of_memory |= block_scan_run(&scan, NULL) != EXT_OK;
}

void loose_nodes_clear(struct loose_nodes *nodes)
{
	free(nodes->items);
	*nodes = (struct loose_nodes){0};
}
