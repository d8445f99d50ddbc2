/* SPDX-License-Identifier: MIT */
/*
 * Three signs, the surest first. A checksum is made with a seed of the directory's inode number and
 * generation, and can be run back to it: leaves with the same seed are of the same directory, and
 * any block that names itself names them all. A directory that a leaf names says in ".." where it
 * is. And all names of a leaf hash into one range of its directory's index.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "rescue/hash_ranges.h"

void loose_add_seed(struct loose_leaves *loose, uint32_t seed, ext_ino ino)
{
	if (!GROW(loose->seeds, loose->seed_count, loose->seed_size)) {
		loose->out_of_memory = true;
		return;
	}
	loose->seeds[loose->seed_count++] = (struct known_seed){seed, ino};
}

void loose_add_first(struct loose_leaves *loose, const struct ext_superblock *sb, ext_ino ino,
		     struct ext_span block)
{
	const enum ext_directory_block_kind kind = ext_directory_block_kind(sb, NULL, 0, block);
	uint32_t seed;

	if (ext_directory_block_seed(sb, kind, block, &seed))
		loose_add_seed(loose, seed, ino);
	else if (kind == EXT_DIRECTORY_HTREE_ROOT)
		loose_add_ranges(loose, sb, ino, block);
}

/* The index of a directory of which some blocks cannot be found. */
static void add_living_index(struct loose_leaves *loose, const struct survey *survey,
			     const struct directory_run *first, uint8_t *buffer)
{
	const struct ext_span block = {buffer, survey->superblock->block_size};

	if (ext_filesystem_read_blocks(survey->filesystem, first->physical, 1, buffer, NULL) ==
		    EXT_OK &&
	    ext_directory_block_kind(survey->superblock, NULL, 0, block) ==
		    EXT_DIRECTORY_HTREE_ROOT)
		loose_add_ranges(loose, survey->superblock, first->ino, block);
}

void loose_add_living(struct loose_leaves *loose, const struct survey *survey)
{
	const struct ext_superblock *sb = survey->superblock;
	uint32_t *mapped = calloc(survey->directory_count + 1, sizeof *mapped);
	uint8_t *buffer = malloc(sb->block_size);

	for (size_t i = 0; sb->has_metadata_csum && i < survey->directory_count; i++)
		loose_add_seed(loose, survey->directories[i].seed, survey->directories[i].ino);
	for (size_t i = 0; mapped && i < survey->directory_run_count; i++) {
		const struct directory_run *run = &survey->directory_runs[i];
		const struct directory *directory = survey_directory(survey, run->ino);

		if (directory)
			mapped[directory - survey->directories] += run->length;
	}
	for (size_t i = 0; mapped && buffer && i < survey->directory_run_count; i++) {
		const struct directory_run *run = &survey->directory_runs[i];
		const struct directory *directory = survey_directory(survey, run->ino);

		if (directory && run->logical == 0 && !sb->has_metadata_csum &&
		    (directory->flags & EXT_INODE_INDEX) &&
		    mapped[directory - survey->directories] < directory->blocks)
			add_living_index(loose, survey, run, buffer);
	}
	loose->out_of_memory |= !mapped || !buffer;
	free(mapped);
	free(buffer);
}

void loose_add_leaf(struct loose_leaves *loose, const struct ext_superblock *sb, uint64_t at,
		    enum loose_home home, struct ext_span block)
{
	struct loose_leaf leaf = {.at = at, .home = (uint8_t)home};

	leaf.has_seed = ext_directory_block_seed(sb, EXT_DIRECTORY_LEAF, block, &leaf.seed);
	if (!GROW(loose->items, loose->count, loose->size)) {
		loose->out_of_memory = true;
		return;
	}
	loose->items[loose->count++] = leaf;
}

bool loose_read(const struct loose_leaf *leaf, const struct survey *survey,
		const struct healing *healing, uint8_t *buffer)
{
	if (leaf->home == LOOSE_VERSION)
		return ext_journal_history_read(healing->history, (uint32_t)leaf->at, buffer,
						NULL) == EXT_OK;
	if (leaf->home == LOOSE_STRAY)
		return ext_journal_block_read(healing->journal, (uint32_t)leaf->at, buffer, NULL) ==
		       EXT_OK;
	return ext_filesystem_read_blocks(survey->filesystem, leaf->at, 1, buffer, NULL) == EXT_OK;
}

static int compare_seeds(const void *left, const void *right)
{
	const struct known_seed *a = left, *b = right;

	if (a->seed != b->seed)
		return a->seed < b->seed ? -1 : 1;
	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

static ext_ino owner_by_seed(const struct loose_leaves *loose, uint32_t seed)
{
	size_t low = 0, high = loose->seed_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (loose->seeds[middle].seed < seed)
			low = middle + 1;
		else
			high = middle;
	}
	return low < loose->seed_count && loose->seeds[low].seed == seed ? loose->seeds[low].ino
									 : 0;
}

/* The next named entry of a leaf. */
bool loose_next_entry(struct ext_dirent_cursor *cursor, struct ext_dirent *entry)
{
	while (ext_dirent_next(cursor, entry, NULL) == EXT_OK)
		if (entry->inode != 0 && entry->name_length > 0)
			return true;
	return false;
}

void loose_begin_entries(struct ext_dirent_cursor *cursor, const struct ext_superblock *sb,
			 struct ext_span block)
{
	ext_dirent_cursor_init(cursor, sb, block, 0, ext_directory_block_has_tail(sb, block));
}

/* What a directory itself says of its parent. 0: nothing. */
static ext_ino parent_of(const struct survey *survey, const struct records *records, ext_ino child)
{
	const struct directory *directory = survey_directory(survey, child);
	const struct ghost_directory *ghost;

	if (directory)
		return directory->dotdot;
	ghost = records_ghost(records, child);
	return ghost ? ghost->parent : 0;
}

/* The parent that most of the directories in the leaf name; a majority, or none. */
static void vote(struct loose_leaf *leaf, const struct survey *survey,
		 const struct records *records, struct ext_span block)
{
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	ext_ino favourite = 0;
	uint32_t lead = 0, voters = 0;

	for (unsigned round = 0; round < 2; round++) {
		loose_begin_entries(&cursor, survey->superblock, block);
		while (loose_next_entry(&cursor, &entry)) {
			const ext_ino parent = entry.file_type == EXT_TYPE_DIRECTORY ||
							       entry.file_type == EXT_TYPE_UNKNOWN
						       ? parent_of(survey, records, entry.inode)
						       : 0;

			if (parent == 0)
				continue;
			if (round == 0) {
				if (lead == 0)
					favourite = parent;
				lead += parent == favourite ? 1 : UINT32_MAX;
				voters++;
			} else {
				leaf->votes += parent == favourite;
			}
		}
	}
	leaf->owner = favourite != 0 && 2 * leaf->votes > voters ? favourite : 0;
}

static int compare_leaves(const void *left, const void *right)
{
	const struct loose_leaf *a = left, *b = right;

	if (a->has_seed != b->has_seed)
		return a->has_seed ? -1 : 1;
	if (a->has_seed && a->seed != b->seed)
		return a->seed < b->seed ? -1 : 1;
	if (a->home != b->home)
		return a->home < b->home ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* Does the owner that was voted for live on with another seed? Then the leaf is of an older life.
 */
static bool has_other_seed(const struct survey *survey, const struct loose_leaf *leaf, ext_ino ino)
{
	const struct directory *directory = survey_directory(survey, ino);

	return leaf->has_seed && directory && directory->seed != leaf->seed;
}

/* Leaves of one seed have one owner: the known one, else whom the votes of all name. */
static void settle_seed(struct loose_leaves *loose, const struct survey *survey, size_t first,
			size_t end)
{
	struct loose_leaf *leaves = loose->items;
	ext_ino owner = owner_by_seed(loose, leaves[first].seed);
	const bool is_known = owner != 0;
	uint64_t lead = 0;

	for (size_t i = first; !is_known && i < end; i++) {
		const struct loose_leaf *leaf = &leaves[i];

		if (leaf->owner == 0 || has_other_seed(survey, leaf, leaf->owner))
			continue;
		if (leaf->owner == owner) {
			lead += leaf->votes;
		} else if (lead >= leaf->votes) {
			lead -= leaf->votes;
		} else {
			lead = leaf->votes - lead;
			owner = leaf->owner;
		}
	}
	for (size_t i = first; i < end; i++)
		leaves[i].owner = owner;
}

void loose_settle(struct loose_leaves *loose, const struct survey *survey,
		  const struct healing *healing, struct records *records)
{
	const struct ext_superblock *sb = survey->superblock;
	uint8_t *buffer = malloc(sb->block_size);
	const struct ext_span block = {buffer, sb->block_size};

	if (loose->seed_count > 1)
		qsort(loose->seeds, loose->seed_count, sizeof *loose->seeds, compare_seeds);
	for (size_t i = 0; buffer && i < loose->count; i++) {
		struct loose_leaf *leaf = &loose->items[i];

		if (!loose_read(leaf, survey, healing, buffer))
			continue;
		vote(leaf, survey, records, block);
		if (!leaf->has_seed && leaf->owner == 0 && loose->range_count > 0)
			leaf->owner = loose_owner_by_hashes(loose, sb, block);
	}
	if (loose->count > 1)
		qsort(loose->items, loose->count, sizeof *loose->items, compare_leaves);
	for (size_t first = 0, end; first < loose->count; first = end) {
		end = first + 1;
		while (end < loose->count && loose->items[first].has_seed &&
		       loose->items[end].has_seed &&
		       loose->items[end].seed == loose->items[first].seed)
			end++;
		if (loose->items[first].has_seed)
			settle_seed(loose, survey, first, end);
	}
	for (size_t i = 0; i < loose->count; i++) {
		const ext_ino owner = loose->items[i].owner;

		if (owner != 0 && owner <= sb->inode_count && !survey_directory(survey, owner) &&
		    (i == 0 || loose->items[i - 1].owner != owner))
			records_add_ghost(records, owner, 0);
	}
	loose->out_of_memory |= !buffer;
	free(buffer);
}

void loose_clear(struct loose_leaves *loose)
{
	for (size_t i = 0; i < loose->range_count; i++)
		free(loose->ranges[i].starts);
	free(loose->items);
	free(loose->seeds);
	free(loose->ranges);
	memset(loose, 0, sizeof *loose);
}
