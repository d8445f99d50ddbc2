/* SPDX-License-Identifier: MIT */
/*
 * Which nodes are missing, and which of the loose ones belong there. With checksums a node proves
 * whose it is. Without, it is taken only when nothing speaks against it: it lies in a block that is
 * marked in use and that nobody owns, its file blocks fit, no other fits as well, and it comes to
 * just what the inode counts and its map does not reach.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "accounting/shortfall.h"
#include "rescue/loose_nodes.h"
#include "rescue/lost_nodes.h"
#include "rescue/plausible.h"

/* A hostile image has any number of nodes for any number of inodes: so many are looked at. */
enum { TABLE_BUFFER = 512 * 1024, SECTOR_LOG2 = 9, LOOKS_MOST = 1 << 24 };

static const uint64_t logical_end = (uint64_t)1 << 32;

struct lost_node {
	ext_ino ino;
	uint32_t seed;
	ext_block block;      /* where it was */
	uint64_t from, limit; /* file blocks below it */
	uint64_t missing;     /* blocks that the inode counts and its map does not reach */
	uint8_t depth;
	bool is_alone; /* all that is missing is missing here */
};

struct seeker {
	struct healing *healing;
	const struct ext_superblock *superblock;
	struct ext_mapping *mapping;
	struct lost_node *lost;
	size_t lost_count, lost_size;
	struct block_set owned;	  /* clusters; filled without checksums only */
	struct block_set log;	  /* blocks */
	struct loose_nodes loose; /* by seed, the most believed first */
	uint32_t looks;
	bool failed;
};

static bool is_good(const struct seeker *seeker, uint32_t seed, struct ext_span block,
		    unsigned depth)
{
	struct ext_extent_node node;

	return block.data && ext_extent_node_decode(block, &node) && node.depth == depth &&
	       ext_extent_node_checksum(seeker->superblock, seed, &node) != EXT_CHECKSUM_BAD;
}

static void note_lost(struct seeker *seeker, const struct ext_inode *inode, uint32_t seed,
		      const struct ext_run *run)
{
	if (!GROW(seeker->lost, seeker->lost_count, seeker->lost_size)) {
		seeker->failed = true;
		return;
	}
	seeker->lost[seeker->lost_count++] = (struct lost_node){.ino = inode->number,
								.seed = seed,
								.block = run->physical,
								.from = run->logical,
								.limit = logical_end,
								.depth = (uint8_t)run->depth};
}

/* What of the inode's own count its map does not come to, at the nodes that are missing in it. */
static void note_missing(struct seeker *seeker, size_t first, const struct ext_inode *inode,
			 const struct shortfall *reached)
{
	const struct ext_superblock *sb = seeker->superblock;
	const uint64_t counted = inode->sectors >> (sb->block_size_log2 - SECTOR_LOG2);
	const uint64_t owned = (reached->clusters + (inode->xattr_block != 0)) << sb->cluster_log2;

	for (size_t i = first; i < seeker->lost_count; i++) {
		seeker->lost[i].missing = counted > owned ? counted - owned : 0;
		seeker->lost[i].is_alone = seeker->lost_count - first == 1;
	}
}

static void own(struct seeker *seeker, const struct ext_run *run)
{
	const unsigned shift = seeker->superblock->cluster_log2;
	const uint64_t first = run->physical >> shift;

	if (seeker->owned.bits > 0)
		block_set_add(&seeker->owned, first,
			      ((run->physical + run->length - 1) >> shift) + 1 - first, NULL);
}

/* Follows the map of one inode; what stands below a node that is no good counts for nothing. */
static void follow(struct seeker *seeker, const struct ext_inode *inode)
{
	const struct ext_superblock *sb = seeker->superblock;
	const uint32_t seed = ext_inode_seed(sb, inode->number, inode->generation);
	const size_t first = seeker->lost_count;
	struct shortfall reached = {0};
	struct lost_node *inside = NULL;
	struct ext_run run;

	ext_mapping_start(seeker->mapping, inode, 0, NULL);
	while (ext_mapping_next(seeker->mapping, &run) == EXT_OK && !seeker->failed) {
		if (inside && run.kind == EXT_RUN_TREE && run.depth >= inside->depth) {
			inside->limit = run.logical;
			inside = NULL;
		}
		if (inside)
			continue;
		shortfall_add(&reached, sb, inode, &run);
		own(seeker, &run);
		if (run.kind != EXT_RUN_TREE || !(inode->flags & EXT_INODE_EXTENTS) ||
		    is_good(seeker, seed, ext_mapping_tree_block(seeker->mapping), run.depth))
			continue;
		note_lost(seeker, inode, seed, &run);
		if (!seeker->failed)
			inside = &seeker->lost[seeker->lost_count - 1];
	}
	note_missing(seeker, first, inode, &reached);
}

static bool has_tree(const struct ext_inode *inode)
{
	/* eh_depth of the root. */
	return (inode->flags & EXT_INODE_EXTENTS) &&
	       (inode->i_block[6] != 0 || inode->i_block[7] != 0);
}

static enum ext_status follow_all(struct seeker *seeker, struct ext_error *error)
{
	const struct ext_superblock *sb = seeker->superblock;
	struct ext_inode_table *table = NULL;
	struct ext_inode_run run;
	enum ext_status status = ext_inode_table_open(
		seeker->healing->filesystem, 0, sb->group_count, true, TABLE_BUFFER, &table, error);

	while (status == EXT_OK && (status = ext_inode_table_next(table, &run)) == EXT_OK) {
		for (uint32_t i = 0; run.raw && i < run.count && !seeker->failed; i++) {
			const uint8_t *raw = run.raw + (size_t)i * sb->inode_size;
			struct ext_inode inode;

			if (ext_inode_is_unused(raw))
				continue;
			ext_inode_decode(sb, run.first + i, raw, &inode);
			if (ext_inode_maps_blocks(&inode) &&
			    (has_tree(&inode) || seeker->owned.bits > 0) &&
			    ((inode.links > 0 && plausible_inode(sb, &inode, raw)) ||
			     run.first + i < sb->first_inode))
				follow(seeker, &inode);
		}
	}
	ext_inode_table_close(table);
	if (seeker->failed)
		return ext_no_memory(error);
	return status == EXT_END ? EXT_OK : status;
}

static void note_log(struct seeker *seeker)
{
	const ext_ino ino = seeker->superblock->journal_inode;
	struct ext_inode inode;
	struct ext_run run;

	if (ino == 0 || ext_inode_read(seeker->healing->filesystem, ino, &inode, NULL, NULL) ||
	    !ext_inode_maps_blocks(&inode))
		return;
	ext_mapping_start(seeker->mapping, &inode, 0, NULL);
	while (ext_mapping_next(seeker->mapping, &run) == EXT_OK)
		block_set_add(&seeker->log, run.physical, run.length, NULL);
}

static int compare_seeds(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void find_loose(struct seeker *seeker)
{
	struct loose_search search = {.filesystem = seeker->healing->filesystem,
				      .owned = seeker->owned.bits > 0 ? &seeker->owned : NULL,
				      .log = &seeker->log};
	uint32_t *seeds = malloc(seeker->lost_count * sizeof *seeds);

	if (!seeds) {
		seeker->failed = true;
		return;
	}
	for (size_t i = 0; i < seeker->lost_count; i++)
		seeds[i] = seeker->lost[i].seed;
	qsort(seeds, seeker->lost_count, sizeof *seeds, compare_seeds);
	search.seeds = seeds;
	search.seed_count = seeker->lost_count;
	loose_nodes_find(&search, &seeker->loose);
	seeker->failed |= seeker->loose.out_of_memory;
	free(seeds);
}

/* Nodes of one inode together, in the order in which they are believed. */
static int compare_belief(const void *left, const void *right)
{
	const struct loose_node *a = left, *b = right;

	if (a->seed != b->seed)
		return a->seed < b->seed ? -1 : 1;
	if (a->is_logged != b->is_logged)
		return a->is_logged ? 1 : -1;
	if (a->is_marked != b->is_marked)
		return a->is_marked ? -1 : 1;
	if (a->owned != b->owned)
		return a->owned > b->owned ? -1 : 1;
	return a->block < b->block ? -1 : a->block > b->block;
}

/* The first that may be of the same inode, among nodes that are sorted. */
static size_t first_of(const struct seeker *seeker, const struct lost_node *lost)
{
	const uint32_t seed = seeker->superblock->has_metadata_csum ? lost->seed : 0;
	size_t low = 0, high = seeker->loose.count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (seeker->loose.items[middle].seed < seed)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool may_look(struct seeker *seeker, const struct lost_node *lost, size_t at)
{
	return at < seeker->loose.count && seeker->looks++ < LOOKS_MOST &&
	       (!seeker->superblock->has_metadata_csum ||
		seeker->loose.items[at].seed == lost->seed);
}

static bool is_of(const struct seeker *seeker, const struct lost_node *lost,
		  const struct loose_node *node, unsigned depth)
{
	if (node->depth != depth || node->block == lost->block || node->first < lost->from ||
	    node->end > lost->limit)
		return false;
	return seeker->superblock->has_metadata_csum || node->is_marked;
}

/* An older version of a leaf: the one that comes nearest to what is missing, and not beyond. */
static bool heal_leaf(struct seeker *seeker, const struct lost_node *lost, uint8_t *block)
{
	const struct loose_node *best = NULL;
	bool is_only = true;

	for (size_t i = first_of(seeker, lost); may_look(seeker, lost, i); i++) {
		const struct loose_node *node = &seeker->loose.items[i];

		if (!is_of(seeker, lost, node, 0) || node->first != lost->from ||
		    node->owned > lost->missing)
			continue;
		is_only = !best;
		if (!best || node->owned > best->owned)
			best = node;
	}
	if (!best || (!seeker->superblock->has_metadata_csum &&
		      (!is_only || !lost->is_alone || best->owned != lost->missing)))
		return false;
	return ext_filesystem_read_blocks(seeker->healing->filesystem, best->block, 1, block,
					  NULL) == EXT_OK &&
	       heal_put(seeker->healing, lost->block, block);
}

static int compare_entries(const void *left, const void *right)
{
	const struct ext_extent_entry *a = left, *b = right;

	return a->logical < b->logical ? -1 : a->logical > b->logical;
}

/* Does `node` lie over one of those that were taken before it? */
static bool is_taken(const struct loose_node *const *taken, unsigned count,
		     const struct loose_node *node)
{
	for (unsigned i = 0; i < count; i++)
		if (node->first < taken[i]->end && taken[i]->first < node->end)
			return true;
	return false;
}

/* An inner node anew, from the nodes that were below it. */
static bool heal_inner(struct seeker *seeker, const struct lost_node *lost, uint8_t *block)
{
	const struct ext_superblock *sb = seeker->superblock;
	const unsigned room = ext_extent_node_room(sb);
	const struct loose_node **taken = malloc(room * sizeof *taken);
	struct ext_extent_entry *entries = malloc(room * sizeof *entries);
	unsigned count = 0;
	uint64_t owned = 0;
	bool is_clear = true, done = false;

	for (size_t i = first_of(seeker, lost);
	     taken && entries && count < room && may_look(seeker, lost, i); i++) {
		const struct loose_node *node = &seeker->loose.items[i];

		if (!is_of(seeker, lost, node, lost->depth - 1u))
			continue;
		if (is_taken(taken, count, node)) {
			is_clear = false;
			continue;
		}
		entries[count] = (struct ext_extent_entry){.logical = (ext_logical)node->first,
							   .physical = node->block};
		taken[count++] = node;
		owned += node->owned + sb->cluster_blocks;
	}
	/* What lies deeper than a leaf's parent is not added up here. */
	if (count > 0 && (sb->has_metadata_csum || (is_clear && lost->is_alone &&
						    lost->depth == 1 && owned == lost->missing))) {
		qsort(entries, count, sizeof *entries, compare_entries);
		ext_extent_node_make(sb, lost->seed, lost->depth, entries, count, block);
		done = heal_put(seeker->healing, lost->block, block);
	}
	seeker->failed |= !taken || !entries;
	free(taken);
	free(entries);
	return done;
}

static void heal_lost(struct seeker *seeker)
{
	uint8_t *block = malloc(seeker->superblock->block_size);

	if (seeker->loose.count > 1)
		qsort(seeker->loose.items, seeker->loose.count, sizeof *seeker->loose.items,
		      compare_belief);
	seeker->failed |= !block;
	for (size_t i = 0; i < seeker->lost_count && !seeker->failed; i++) {
		const struct lost_node *lost = &seeker->lost[i];

		seeker->healing->map_blocks += lost->depth == 0 ? heal_leaf(seeker, lost, block)
								: heal_inner(seeker, lost, block);
	}
	free(block);
}

enum ext_status lost_nodes_heal(struct healing *healing, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(healing->filesystem);
	struct seeker seeker = {.healing = healing, .superblock = sb};
	enum ext_status status;

	if (!ext_has_incompat(sb, EXT_INCOMPAT_EXTENTS))
		return EXT_OK;
	if (!block_set_init(&seeker.log, sb->block_count) ||
	    (!sb->has_metadata_csum &&
	     !block_set_init(&seeker.owned,
			     (sb->block_count + sb->cluster_blocks - 1) >> sb->cluster_log2)))
		status = ext_no_memory(error);
	else
		status = ext_mapping_new(healing->filesystem, &seeker.mapping, error);
	if (status == EXT_OK)
		status = follow_all(&seeker, error);
	if (status == EXT_OK && seeker.lost_count > 0) {
		note_log(&seeker);
		find_loose(&seeker);
		if (!seeker.failed)
			heal_lost(&seeker);
		if (seeker.failed || seeker.log.out_of_memory || seeker.owned.out_of_memory)
			status = ext_no_memory(error);
	}
	loose_nodes_clear(&seeker.loose);
	ext_mapping_free(seeker.mapping);
	block_set_clear(&seeker.owned);
	block_set_clear(&seeker.log);
	free(seeker.lost);
	return status;
}
