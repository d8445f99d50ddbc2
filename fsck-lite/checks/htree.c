/* SPDX-License-Identifier: MIT */
/*
 * The hashed index of directories, walked in memory when all blocks were seen (htree_blocks.c).
 * Invariants: every block reached once, at its depth; every name in the leaf where its hash is
 * looked for. Where an index is damaged, its directory is a suspect for names that are there twice.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "checks/directories.h"

enum { UNREACHED = 0xff };

/* One directory's index, out of what was remembered. */
struct index {
	struct directory_checks *checks;
	struct survey *survey;
	const struct directory *directory;
	struct index_block *blocks; /* by logical block */
	size_t block_count;
	const struct index_entry *entries; /* by parent */
	size_t entry_count;
	uint8_t *depth; /* of each block, UNREACHED at first */
	uint8_t *is_twice;
	struct index_range *ranges; /* where names of each block must hash to */
	uint32_t *parents;	    /* of the blocks that are reached: which of them names it */
	unsigned levels;
	size_t continued_count; /* leaves whose last hash may go on in the next */
	bool is_sound;
};

struct index_range {
	uint32_t low, high;
};

static void report_block(struct index *index, enum ext_problem problem,
			 const struct index_block *block, uint64_t found, uint64_t low,
			 uint64_t high)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_HTREE,
			  .has = EXT_HAS_INODE | EXT_HAS_BLOCK | EXT_HAS_LOGICAL,
			  .inode = block->ino,
			  .block = block->physical,
			  .logical = block->logical},
		.found = found,
		.low = low,
		.high = high};

	index->is_sound = false;
	ext_report(index->checks->checks->sink, &finding);
}

static size_t find_block(const struct index *index, ext_logical logical)
{
	size_t low = 0, high = index->block_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (index->blocks[middle].logical < logical)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->block_count && index->blocks[low].logical == logical ? low : SIZE_MAX;
}

static void follow_entry(struct index *index, const struct index_entry *entry, size_t parent,
			 unsigned depth)
{
	const size_t child = find_block(index, entry->child);
	const uint32_t last = index->blocks[index->block_count - 1].logical;
	struct index_range range = {entry->low, entry->high};

	if (child == SIZE_MAX) {
		/* A hole, or a block that could not be read: both were reported. */
		if (depth == index->levels && !index->directory->is_unread &&
		    entry->child < index->directory->blocks)
			report_block(index, EXT_HTREE_LEAF_MISSING, &index->blocks[parent],
				     entry->child, 0, 0);
		if (entry->child >= index->directory->blocks && entry->child > last)
			report_block(index, EXT_HTREE_BLOCK_RANGE, &index->blocks[parent],
				     entry->child, 0, index->directory->blocks);
		return;
	}
	if (index->depth[child] != UNREACHED) {
		if (!index->is_twice[child])
			report_block(index, EXT_HTREE_BLOCK_TWICE, &index->blocks[child], 0, 0, 0);
		index->is_twice[child] = 1;
		return;
	}
	if (range.high == UINT32_MAX)
		range.high = index->ranges[parent].high;
	index->depth[child] = (uint8_t)(depth + 1);
	index->ranges[child] = range;
	index->parents[child] = (uint32_t)parent;
}

/* Level by level; entries are few, so that going over all of them for each level is cheap. */
static void follow_all(struct index *index)
{
	index->depth[0] = 0;
	index->ranges[0] = (struct index_range){0, UINT32_MAX};
	for (unsigned depth = 0; depth <= index->levels; depth++)
		for (size_t i = 0; i < index->entry_count; i++) {
			const size_t parent = find_block(index, index->entries[i].parent);

			if (parent != SIZE_MAX && index->depth[parent] == depth)
				follow_entry(index, &index->entries[i], parent, depth);
		}
}

/* A leaf that was hashed with another version than its root turned out to have. */
static void hash_again(struct index *index, struct index_block *block, unsigned version)
{
	const struct ext_superblock *sb = index->survey->superblock;
	uint8_t *bytes = checks_memory(index->checks->checks, sb->block_size);
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	struct ext_span span = {bytes, sb->block_size};

	block->low = UINT32_MAX;
	block->high = 0;
	if (bytes && ext_filesystem_read_blocks(index->survey->filesystem, block->physical, 1,
						bytes, NULL) == EXT_OK) {
		ext_dirent_cursor_init(&cursor, sb, span, 0,
				       ext_directory_block_has_tail(sb, span));
		while (ext_dirent_next(&cursor, &entry, NULL) == EXT_OK) {
			uint32_t hash;

			if (entry.inode == 0 ||
			    !entry_hash(sb, index->directory->flags, version, &entry, &hash))
				continue;
			if (hash < block->low)
				block->low = hash;
			if (hash > block->high)
				block->high = hash;
		}
	}
	free(bytes);
}

static void check_low(struct index *index, const struct index_block *block,
		      const struct index_range *range)
{
	if (block->low < range->low)
		report_block(index, EXT_HTREE_HASH_LOW, block, block->low, range->low, range->low);
}

/* The lowest hash of a leaf is one of the nodes above it, too. */
static void hand_up(struct index *index, size_t leaf)
{
	for (size_t i = index->parents[leaf]; i != 0; i = index->parents[i])
		if (index->blocks[leaf].low < index->blocks[i].low)
			index->blocks[i].low = index->blocks[leaf].low;
}

static void check_leaf(struct index *index, size_t i)
{
	struct index_block *const block = &index->blocks[i];
	const struct index_range *const range = &index->ranges[i];
	const unsigned version = index->blocks[0].version;

	if (block->version != version && version <= EXT_HASH_TEA && block->low <= block->high)
		hash_again(index, block, version);
	if (block->low > block->high || (version > EXT_HASH_TEA && version != EXT_HASH_SIPHASH))
		return;
	check_low(index, block, range);
	if (block->high > range->high)
		report_block(index, EXT_HTREE_HASH_HIGH, block, block->high, range->high,
			     range->high);
	hand_up(index, i);
	/* Names of one hash in two leaves: equal ones might be among them. */
	index->continued_count += block->high == range->high;
}

/* The leaves in which names of this hash are; SIZE_MAX: more than `most`. */
static size_t leaves_of(const struct index *index, uint32_t hash, const struct index_block **leaves,
			size_t most)
{
	size_t count = 0;

	for (size_t i = 1; i < index->block_count; i++) {
		const struct index_block *block = &index->blocks[i];

		if (block->kind != EXT_DIRECTORY_LEAF || block->low > hash || block->high < hash)
			continue;
		if (count == most)
			return SIZE_MAX;
		leaves[count++] = block;
	}
	return count;
}

/* Where a hash goes on in the next leaf, its names are looked at; a few times, as chance has it. */
static void compare_continued(struct index *index)
{
	enum { CONTINUED_MOST = 64, LEAVES_MOST = 8 };
	uint32_t hashes[CONTINUED_MOST];
	size_t hash_count = 0;

	if (index->continued_count > CONTINUED_MOST)
		index->is_sound = false;
	for (size_t i = 1; index->is_sound && i < index->block_count; i++) {
		const struct index_block *leaves[LEAVES_MOST];
		const uint32_t hash = index->blocks[i].high;
		size_t known = 0, count;

		if (index->blocks[i].kind != EXT_DIRECTORY_LEAF || index->blocks[i].low > hash ||
		    hash != index->ranges[i].high)
			continue;
		while (known < hash_count && hashes[known] != hash)
			known++;
		if (known < hash_count)
			continue;
		hashes[hash_count++] = hash;
		count = leaves_of(index, hash, leaves, LEAVES_MOST);
		if (count == SIZE_MAX)
			index->is_sound = false;
		else
			check_duplicates_between(index->checks, index->survey, index->directory,
						 leaves, count);
	}
}

static void check_block(struct index *index, size_t i)
{
	struct index_block *block = &index->blocks[i];
	const bool is_bottom = index->depth[i] == index->levels + 1;

	if (index->depth[i] == UNREACHED) {
		/* A node that could not be read might have led here. */
		if (index->levels > 0 && index->directory->is_unread)
			return;
		report_block(index, EXT_HTREE_BLOCK_UNREFERENCED, block, 0, 0, 0);
		return;
	}
	if (is_bottom != (block->kind == EXT_DIRECTORY_LEAF)) {
		report_block(index, EXT_HTREE_NODE, block, index->depth[i], index->levels + 1,
			     index->levels + 1);
		return;
	}
	if (is_bottom)
		check_leaf(index, i);
}

/* Once all leaves are known. The first entry of a node has no hash: names below it that lie before
 * the node's own are seen here. (Its last leaf ends where the node does.) */
static void check_node(struct index *index, size_t i)
{
	const struct index_block *const block = &index->blocks[i];

	if (index->depth[i] != UNREACHED && index->depth[i] <= index->levels &&
	    block->kind != EXT_DIRECTORY_LEAF)
		check_low(index, block, &index->ranges[i]);
}

static void suspect(struct directory_checks *checks, ext_ino ino)
{
	if (GROW(checks->suspects, checks->suspect_count, checks->suspect_size))
		checks->suspects[checks->suspect_count++] = ino;
	else
		checks->checks->out_of_memory = true;
}

static void check_index(struct index *index)
{
	const size_t count = index->block_count;
	const struct index_block *root = &index->blocks[0];

	index->is_sound = true;
	/* Without a root nothing can be said of the rest. */
	if (root->logical != 0 || root->kind != EXT_DIRECTORY_HTREE_ROOT || root->is_broken) {
		suspect(index->checks, root->ino);
		return;
	}
	index->levels = root->levels;
	index->depth = malloc(count);
	index->is_twice = calloc(count, 1);
	index->ranges = malloc(count * sizeof *index->ranges);
	index->parents = calloc(count, sizeof *index->parents);
	if (index->depth && index->is_twice && index->ranges && index->parents) {
		memset(index->depth, UNREACHED, count);
		follow_all(index);
		for (size_t i = 1; i < count; i++)
			check_block(index, i);
		for (size_t i = 1; i < count; i++)
			check_node(index, i);
		if (index->is_sound && index->continued_count > 0)
			compare_continued(index);
	} else {
		index->checks->checks->out_of_memory = true;
	}
	free(index->depth);
	free(index->is_twice);
	free(index->ranges);
	free(index->parents);
	if (!index->is_sound)
		suspect(index->checks, root->ino);
}

static int compare_blocks(const void *left, const void *right)
{
	const struct index_block *a = left, *b = right;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->logical != b->logical)
		return a->logical < b->logical ? -1 : 1;
	return a->physical < b->physical ? -1 : a->physical > b->physical;
}

static int compare_entries(const void *left, const void *right)
{
	const struct index_entry *a = left, *b = right;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (a->child != b->child)
		return a->child < b->child ? -1 : 1;
	return a->high < b->high ? -1 : a->high > b->high;
}

void check_indexes(struct directory_checks *checks, struct survey *survey)
{
	size_t entry = 0;

	if (checks->block_count > 1)
		qsort(checks->blocks, checks->block_count, sizeof *checks->blocks, compare_blocks);
	if (checks->entry_count > 1)
		qsort(checks->entries, checks->entry_count, sizeof *checks->entries,
		      compare_entries);
	for (size_t first = 0, last; first < checks->block_count; first = last) {
		struct index index = {.checks = checks, .survey = survey};
		const ext_ino ino = checks->blocks[first].ino;

		for (last = first; last < checks->block_count && checks->blocks[last].ino == ino;)
			last++;
		index.directory = survey_directory(survey, ino);
		index.blocks = checks->blocks + first;
		index.block_count = last - first;
		/* There may be no entries at all, and then no array. */
		index.entries = entry < checks->entry_count ? &checks->entries[entry] : NULL;
		for (; entry < checks->entry_count && checks->entries[entry].ino == ino; entry++)
			index.entry_count++;
		if (index.directory)
			check_index(&index);
	}
	free(checks->blocks);
	free(checks->entries);
	checks->blocks = NULL;
	checks->entries = NULL;
	checks->block_count = checks->entry_count = 0;
}
