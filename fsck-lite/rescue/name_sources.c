/* SPDX-License-Identifier: MIT */
/* Goes through blocks of directory entries, whole, old or overwritten, and notes what they name. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "accounting/scan.h"
#include "rescue/block_scan.h"
#include "rescue/name_sources.h"
#include "rescue/plausible.h"

static bool is_dots(const struct ext_dirent *entry)
{
	return (entry->name_length == 1 && entry->name[0] == '.') ||
	       (entry->name_length == 2 && entry->name[0] == '.' && entry->name[1] == '.');
}

static bool is_wanted(const struct name_sources *sources, ext_ino child)
{
	return !sources->is_wanted || sources->is_wanted(sources->survey, child);
}

/* All used entries of one block of directory `parent`. */
static void add_block(struct name_sources *sources, struct ext_span block, ext_ino parent,
		      uint32_t rank)
{
	const struct ext_superblock *sb = sources->survey->superblock;
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	ext_dirent_cursor_init(&cursor, sb, block, 0,
			       sb->has_metadata_csum && ext_directory_block_has_tail(sb, block));
	while (ext_dirent_next(&cursor, &entry, NULL) == EXT_OK) {
		if (entry.inode == 0 || entry.inode > sb->inode_count || entry.name_length == 0 ||
		    is_dots(&entry) || entry.inode == parent || !is_wanted(sources, entry.inode))
			continue;
		records_add(sources->records, entry.inode, parent, rank, &entry);
	}
}

static ext_ino run_owner(const struct directory_run *runs, size_t count, ext_block block)
{
	size_t low = 0, high = count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (runs[middle].physical <= block)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || block - runs[low - 1].physical >= runs[low - 1].length)
		return 0;
	return runs[low - 1].ino;
}

void names_know_directory(struct name_sources *sources, const struct ext_inode *inode,
			  struct ext_mapping *mapping)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(sources->healing->filesystem);
	struct ext_run run;

	if (sb->has_metadata_csum)
		loose_add_seed(&sources->loose,
			       ext_inode_seed(sb, inode->number, inode->generation), inode->number);
	ext_mapping_start(mapping, inode, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		if (run.kind != EXT_RUN_DATA)
			continue;
		if (!GROW(sources->old_runs, sources->old_run_count, sources->old_run_size)) {
			sources->out_of_memory = true;
			return;
		}
		sources->old_runs[sources->old_run_count++] = (struct directory_run){
			run.physical, inode->number, run.logical, run.length, 0};
	}
}

static int compare_runs(const void *left, const void *right)
{
	const struct directory_run *a = left, *b = right;

	return a->physical < b->physical ? -1 : a->physical > b->physical;
}

/*
 * A block that names itself: where nothing else is left of the directory, this is. Returns whose
 * entries these are; 0 when the number belongs to a directory of a later life.
 */
static ext_ino take_first(struct name_sources *sources, ext_block at, struct ext_span block,
			  ext_ino self, ext_ino parent)
{
	const struct survey *survey = sources->survey;
	const struct ext_superblock *sb = survey->superblock;
	const struct directory *directory = survey_directory(survey, self);
	uint32_t seed;

	if (directory && ext_directory_block_seed(sb, ext_directory_block_kind(sb, NULL, 0, block),
						  block, &seed))
		return seed == directory->seed ? self : 0;
	if (directory && directory->has_first &&
	    run_owner(survey->directory_runs, survey->directory_run_count, at) != self &&
	    directory->dotdot != parent)
		return 0;
	loose_add_first(&sources->loose, sb, self, block);
	if (self >= sb->first_inode && !directory)
		records_add_ghost(sources->records, self, parent);
	return self;
}

/* Whose block it was: of a directory that has it now, or had it. 0: the block itself must tell. */
static ext_ino owner_of_version(const struct name_sources *sources, ext_block block,
				struct ext_span bytes)
{
	const struct survey *survey = sources->survey;
	const ext_ino now = run_owner(survey->directory_runs, survey->directory_run_count, block);
	uint32_t seed;

	/* With a checksum the block knows better than its place. */
	if (ext_directory_block_seed(survey->superblock, EXT_DIRECTORY_LEAF, bytes, &seed)) {
		const struct directory *directory = now ? survey_directory(survey, now) : NULL;

		return directory && directory->seed == seed ? now : 0;
	}
	return now ? now : run_owner(sources->old_runs, sources->old_run_count, block);
}

static uint32_t rank_of_version(const struct ext_journal_version *version)
{
	return RANK_HISTORY | (version->transaction & (RANK_HISTORY - 1));
}

static void take_version(struct name_sources *sources, uint32_t index, struct ext_span bytes)
{
	const struct ext_superblock *sb = sources->survey->superblock;
	struct ext_journal_version version;
	ext_ino self = 0, parent = 0;

	ext_journal_history_version(sources->healing->history, index, &version);
	if (plausible_first_block(sb, bytes, &self, &parent)) {
		self = take_first(sources, version.block, bytes, self, parent);
	} else {
		if (!plausible_entries(sb, bytes))
			return;
		self = owner_of_version(sources, version.block, bytes);
		if (self == 0) {
			loose_add_leaf(&sources->loose, sb, index, LOOSE_VERSION, bytes);
			return;
		}
	}
	add_block(sources, bytes, self, rank_of_version(&version));
}

/* A copy in the log of which nothing is known but that it is older than the rest. */
static void take_stray(struct name_sources *sources, uint32_t log, struct ext_span bytes)
{
	const struct ext_superblock *sb = sources->survey->superblock;
	ext_ino self = 0, parent = 0;

	if (plausible_first_block(sb, bytes, &self, &parent)) {
		self = take_first(sources, 0, bytes, self, parent);
		add_block(sources, bytes, self, RANK_STRAY);
	} else if (plausible_entries(sb, bytes)) {
		loose_add_leaf(&sources->loose, sb, log, LOOSE_STRAY, bytes);
	}
}

void names_from_history(struct name_sources *sources)
{
	const struct ext_superblock *sb = sources->survey->superblock;
	struct ext_journal_history *history = sources->healing->history;
	const uint32_t count = history ? ext_journal_history_versions(history) : 0;
	uint8_t *buffer = malloc(sb->block_size);

	if (sources->old_run_count > 1)
		qsort(sources->old_runs, sources->old_run_count, sizeof *sources->old_runs,
		      compare_runs);
	for (uint32_t i = 0; buffer && i < count; i++) {
		struct ext_journal_version version;

		ext_journal_history_version(history, i, &version);
		if (version.confidence != EXT_CONFIDENCE_DOUBTFUL &&
		    ext_journal_history_read(history, i, buffer, NULL) == EXT_OK)
			take_version(sources, i, (struct ext_span){buffer, sb->block_size});
	}
	for (size_t i = 0; buffer && i < sources->healing->strays.count; i++) {
		const struct stray_copy *stray = &sources->healing->strays.items[i];

		if (stray->first == 0 &&
		    ext_journal_block_read(sources->healing->journal, stray->log_block, buffer,
					   NULL) == EXT_OK)
			take_stray(sources, stray->log_block,
				   (struct ext_span){buffer, sb->block_size});
	}
	sources->out_of_memory |= !buffer;
	free(buffer);
}

static void take_unowned(void *context, ext_block block, struct ext_span bytes)
{
	struct name_sources *sources = context;
	const struct ext_superblock *sb = sources->survey->superblock;
	ext_ino self = 0, parent = 0;

	if (block_set_has(&sources->survey->owned, block >> sb->cluster_log2))
		return;
	if (plausible_first_block(sb, bytes, &self, &parent)) {
		self = take_first(sources, block, bytes, self, parent);
		add_block(sources, bytes, self, RANK_BLOCK);
	} else if (plausible_entries(sb, bytes)) {
		loose_add_leaf(&sources->loose, sb, block, LOOSE_BLOCK, bytes);
	}
}

void names_from_unowned(struct name_sources *sources)
{
	const struct block_scan scan = {.filesystem = sources->survey->filesystem,
					.visit = take_unowned,
					.context = sources,
					.stop = sources->stop};

	sources->out_of_memory |= block_scan_run(&scan, NULL) != EXT_OK;
}

void names_from_loose(struct name_sources *sources)
{
	const struct ext_superblock *sb = sources->survey->superblock;
	uint8_t *buffer = malloc(sb->block_size);

	loose_add_living(&sources->loose, sources->survey);
	records_sort_ghosts(sources->records);
	loose_settle(&sources->loose, sources->survey, sources->healing, sources->records);
	for (size_t i = 0; buffer && i < sources->loose.count; i++) {
		const struct loose_leaf *leaf = &sources->loose.items[i];
		struct ext_journal_version version;
		uint32_t rank = leaf->home == LOOSE_STRAY ? RANK_STRAY : RANK_BLOCK;

		if (leaf->home == LOOSE_VERSION) {
			ext_journal_history_version(sources->healing->history, (uint32_t)leaf->at,
						    &version);
			rank = rank_of_version(&version);
		}
		if (loose_read(leaf, sources->survey, sources->healing, buffer))
			add_block(sources, (struct ext_span){buffer, sb->block_size}, leaf->owner,
				  rank);
	}
	sources->out_of_memory |= !buffer || sources->loose.out_of_memory;
	free(buffer);
}

static bool every_directory(const struct directory *directory)
{
	(void)directory;
	return true;
}

static void take_dangling(void *context, const struct entry_place *place,
			  const struct ext_dirent *entry)
{
	struct name_sources *sources = context;
	const struct ext_superblock *sb = sources->survey->superblock;

	if (entry->inode >= sb->first_inode && entry->inode <= sb->inode_count &&
	    entry->name_length > 0 && !is_dots(entry) &&
	    !(inode_states_get(&sources->survey->inodes, entry->inode) & STATE_USED))
		records_add(sources->records, entry->inode, place->directory->ino, RANK_NOW, entry);
}

void names_from_dangling(struct name_sources *sources)
{
	const struct directory_visitor visitor = {every_directory, take_dangling, sources};

	(void)scan_entries(sources->survey, &visitor, NULL);
}

/* Between the end of an entry and the next one, an older entry may still stand. */
static void slack_of_entry(struct name_sources *sources, const struct directory *directory,
			   struct ext_span gap)
{
	const struct ext_superblock *sb = sources->survey->superblock;
	const uint8_t *data = gap.data;

	for (size_t at = 0; at + 12 <= gap.size; at += 4) {
		const struct ext_dirent entry = {
			.inode = (uint32_t)data[at] | (uint32_t)data[at + 1] << 8 |
				 (uint32_t)data[at + 2] << 16 | (uint32_t)data[at + 3] << 24,
			.name_length = data[at + 6],
			.file_type = data[at + 7],
			.name = (const char *)data + at + 8};
		const uint32_t length = (uint32_t)data[at + 4] | (uint32_t)data[at + 5] << 8;

		if (entry.inode < sb->first_inode || entry.inode > sb->inode_count ||
		    entry.name_length == 0 || length % 4 != 0 || length < 8u + entry.name_length ||
		    entry.file_type > EXT_TYPE_SYMLINK || at + 8 + entry.name_length > gap.size ||
		    memchr(entry.name, '\0', entry.name_length) ||
		    memchr(entry.name, '/', entry.name_length) || !is_wanted(sources, entry.inode))
			continue;
		records_add(sources->records, entry.inode, directory->ino, RANK_SLACK, &entry);
		at += 4 + (entry.name_length + 3u) / 4 * 4;
	}
}

void names_from_slack(struct name_sources *sources)
{
	const struct survey *survey = sources->survey;
	const struct ext_superblock *sb = survey->superblock;
	uint8_t *buffer = malloc(sb->block_size);

	for (size_t i = 0; buffer && i < survey->directory_run_count; i++) {
		const struct directory_run *run = &survey->directory_runs[i];
		const struct directory *directory = survey_directory(survey, run->ino);

		for (uint32_t j = 0; directory && j < run->length; j++) {
			struct ext_span block = {buffer, sb->block_size};
			struct ext_dirent_cursor cursor;
			struct ext_dirent entry;

			if (ext_filesystem_read_blocks(survey->filesystem, run->physical + j, 1,
						       buffer, NULL) != EXT_OK)
				break;
			ext_dirent_cursor_init(&cursor, sb, block, 0,
					       sb->has_metadata_csum &&
						       ext_directory_block_has_tail(sb, block));
			while (ext_dirent_next(&cursor, &entry, NULL) == EXT_OK) {
				const uint32_t used =
					entry.inode ? 8 + (entry.name_length + 3u) / 4 * 4 : 0;

				if (entry.record_length >= used + 12)
					slack_of_entry(
						sources, directory,
						(struct ext_span){buffer + entry.at + used,
								  entry.record_length - used});
			}
		}
	}
	free(buffer);
}

void names_clear(struct name_sources *sources)
{
	loose_clear(&sources->loose);
	free(sources->old_runs);
	memset(sources, 0, sizeof *sources);
}
