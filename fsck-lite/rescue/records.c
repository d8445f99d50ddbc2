/* SPDX-License-Identifier: MIT */
/* The collection of names, each (child, parent, name) once, with its best rank. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "accounting/scan.h"
#include "rescue/plausible.h"
#include "rescue/records.h"

#define EMPTY UINT32_MAX

/* Ranks: what is known of the parent counts more than age. */
static const uint32_t rank_parent = (uint32_t)1 << 31;
static const uint32_t rank_history = (uint32_t)1 << 30;

enum { CHUNK = 1 << 20 };

static uint32_t hash_of(ext_ino child, ext_ino parent, const char *name, size_t length)
{
	uint32_t hash = child * 2654435761u ^ parent * 2246822519u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static bool is_same(const struct records *records, const struct name_record *record, ext_ino child,
		    ext_ino parent, const char *name, size_t length)
{
	return record->child == child && record->parent == parent && record->length == length &&
	       memcmp(records->names + record->name_at, name, length) == 0;
}

static bool grow_table(struct records *records)
{
	const size_t size = records->table_size ? records->table_size * 2 : 4096;
	uint32_t *table = malloc(size * sizeof *table);

	if (!table)
		return false;
	memset(table, 0xff, size * sizeof *table);
	for (size_t i = 0; i < records->count; i++) {
		const struct name_record *record = &records->items[i];
		size_t at = hash_of(record->child, record->parent, records->names + record->name_at,
				    record->length) &
			    (size - 1);

		while (table[at] != EMPTY)
			at = (at + 1) & (size - 1);
		table[at] = (uint32_t)i;
	}
	free(records->table);
	records->table = table;
	records->table_size = size;
	return true;
}

static bool keep_name(struct records *records, const char *name, size_t length, uint32_t *at)
{
	if (records->names_length + length > UINT32_MAX)
		return false;
	if (records->names_length + length > records->names_size) {
		const size_t size = records->names_size + records->names_size / 2 + 65536;
		char *names = realloc(records->names, size);

		if (!names)
			return false;
		records->names = names;
		records->names_size = size;
	}
	memcpy(records->names + records->names_length, name, length);
	*at = (uint32_t)records->names_length;
	records->names_length += length;
	return true;
}

static void add(struct records *records, ext_ino child, ext_ino parent, uint32_t rank,
		const struct ext_dirent *entry)
{
	uint32_t name_at;
	size_t at;

	if (parent != 0)
		rank |= rank_parent;
	if (2 * (records->count + 1) > records->table_size && !grow_table(records)) {
		records->out_of_memory = true;
		return;
	}
	at = hash_of(child, parent, entry->name, entry->name_length) & (records->table_size - 1);
	for (; records->table[at] != EMPTY; at = (at + 1) & (records->table_size - 1)) {
		struct name_record *record = &records->items[records->table[at]];

		if (!is_same(records, record, child, parent, entry->name, entry->name_length))
			continue;
		if (rank > record->rank)
			record->rank = rank;
		return;
	}
	if (!GROW(records->items, records->count, records->size) ||
	    !keep_name(records, entry->name, entry->name_length, &name_at)) {
		records->out_of_memory = true;
		return;
	}
	records->table[at] = (uint32_t)records->count;
	records->items[records->count++] = (struct name_record){
		child, parent, rank, name_at, entry->name_length, entry->file_type};
}

static bool is_dots(const struct ext_dirent *entry)
{
	return (entry->name_length == 1 && entry->name[0] == '.') ||
	       (entry->name_length == 2 && entry->name[0] == '.' && entry->name[1] == '.');
}

/* All used entries of one block of directory `parent`. */
static void add_block(struct records *records, const struct survey *survey, struct ext_span block,
		      ext_ino parent, uint32_t rank, const struct records_filter *filter)
{
	const struct ext_superblock *sb = survey->superblock;
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	ext_dirent_cursor_init(&cursor, sb, block, 0,
			       sb->has_metadata_csum && ext_directory_block_has_tail(sb, block));
	while (ext_dirent_next(&cursor, &entry, NULL) == EXT_OK) {
		if (entry.inode == 0 || entry.inode > sb->inode_count || entry.name_length == 0 ||
		    is_dots(&entry) || entry.inode == parent ||
		    (filter->is_wanted && !filter->is_wanted(survey, entry.inode)))
			continue;
		add(records, entry.inode, parent, rank, &entry);
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

void records_add_runs(struct records *records, ext_ino ino, const struct ext_inode *inode,
		      struct ext_mapping *mapping)
{
	struct ext_run run;

	ext_mapping_start(mapping, inode, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		if (run.kind != EXT_RUN_DATA)
			continue;
		if (!GROW(records->old_runs, records->old_run_count, records->old_run_size)) {
			records->out_of_memory = true;
			return;
		}
		records->old_runs[records->old_run_count++] =
			(struct directory_run){run.physical, ino, run.logical, run.length};
	}
}

static int compare_runs(const void *left, const void *right)
{
	const struct directory_run *a = left, *b = right;

	return a->physical < b->physical ? -1 : a->physical > b->physical;
}

static void add_ghost(struct records *records, const struct survey *survey, ext_ino self,
		      ext_ino parent)
{
	if (survey_directory(survey, self))
		return;
	if (!GROW(records->ghosts, records->ghost_count, records->ghost_size)) {
		records->out_of_memory = true;
		return;
	}
	records->ghosts[records->ghost_count++] = (struct ghost_directory){self, parent};
}

void records_from_history(struct records *records, const struct survey *survey,
			  const struct healing *healing, const struct records_filter *filter)
{
	const struct ext_superblock *sb = survey->superblock;
	uint8_t *buffer = malloc(sb->block_size);
	const uint32_t count =
		healing->history ? ext_journal_history_versions(healing->history) : 0;

	if (records->old_run_count > 1)
		qsort(records->old_runs, records->old_run_count, sizeof *records->old_runs,
		      compare_runs);
	for (uint32_t i = 0; buffer && i < count; i++) {
		struct ext_journal_version version;
		ext_ino self = 0, parent = 0;
		uint32_t rank;

		ext_journal_history_version(healing->history, i, &version);
		if (version.confidence == EXT_CONFIDENCE_DOUBTFUL ||
		    ext_journal_history_read(healing->history, i, buffer, NULL) != EXT_OK)
			continue;
		const struct ext_span block = {buffer, sb->block_size};

		if (plausible_first_block(sb, block, &self, &parent)) {
			/* Where nothing else is left of the directory, this is. */
			if (self >= sb->first_inode)
				add_ghost(records, survey, self, parent);
		} else {
			if (!plausible_entries(sb, block))
				continue;
			self = run_owner(survey->directory_runs, survey->directory_run_count,
					 version.block);
			if (self == 0)
				self = run_owner(records->old_runs, records->old_run_count,
						 version.block);
		}
		rank = rank_history | (version.transaction & (rank_history - 1));
		add_block(records, survey, block, self, rank, filter);
	}
	free(buffer);
}

static void take_unowned(struct records *records, const struct survey *survey,
			 struct ext_span block, const struct records_filter *filter)
{
	ext_ino self = 0, parent = 0;

	if (plausible_first_block(survey->superblock, block, &self, &parent))
		add_ghost(records, survey, self, parent);
	else if (!plausible_entries(survey->superblock, block))
		return;
	add_block(records, survey, block, self, 0, filter);
}

void records_from_unowned(struct records *records, const struct survey *survey,
			  const struct records_filter *filter, bool (*stop)(void))
{
	const struct ext_superblock *sb = survey->superblock;
	struct ext_source *source = ext_filesystem_source(survey->filesystem);
	const uint64_t end = ext_filesystem_blocks_present(survey->filesystem)
			     << sb->block_size_log2;
	const uint64_t chunk = CHUNK > sb->block_size ? CHUNK : sb->block_size;
	uint8_t *buffer = malloc((size_t)chunk);
	uint64_t at = 0, start, stretch_end;

	while (buffer && at < end &&
	       ext_source_next_data(source, at, &start, &stretch_end) == EXT_OK) {
		start = start >> sb->block_size_log2 << sb->block_size_log2;
		for (at = start > at ? start : at; at < stretch_end && at < end;) {
			const uint64_t length = end - at < chunk ? end - at : chunk;
			const bool is_read =
				ext_source_read(source, at, buffer, (size_t)length, NULL) == EXT_OK;

			if (stop && stop()) {
				free(buffer);
				return;
			}
			for (uint64_t part = 0; is_read && part + sb->block_size <= length;
			     part += sb->block_size) {
				const ext_block block = (at + part) >> sb->block_size_log2;

				if (!block_set_has(&survey->owned, block >> sb->cluster_log2))
					take_unowned(
						records, survey,
						(struct ext_span){buffer + part, sb->block_size},
						filter);
			}
			at += length;
		}
	}
	free(buffer);
}

struct dangling {
	struct records *records;
	const struct survey *survey;
};

static bool every_directory(const struct directory *directory)
{
	(void)directory;
	return true;
}

static void take_dangling(void *context, const struct directory *directory,
			  const struct ext_dirent *entry)
{
	const struct dangling *dangling = context;
	const struct ext_superblock *sb = dangling->survey->superblock;

	if (entry->inode >= sb->first_inode && entry->inode <= sb->inode_count &&
	    entry->name_length > 0 && !is_dots(entry) &&
	    !(inode_states_get(&dangling->survey->inodes, entry->inode) & STATE_USED))
		add(dangling->records, entry->inode, directory->ino,
		    rank_history - 1 + rank_history, entry);
}

void records_from_dangling(struct records *records, struct survey *survey)
{
	struct dangling dangling = {records, survey};
	const struct directory_visitor visitor = {every_directory, take_dangling, &dangling};

	(void)scan_entries(survey, &visitor, NULL);
}

/* Between the end of an entry and the next one, an older entry may still stand. */
static void slack_of_entry(struct records *records, const struct survey *survey,
			   const struct directory *directory, struct ext_span gap,
			   const struct records_filter *filter)
{
	const struct ext_superblock *sb = survey->superblock;
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
		    memchr(entry.name, '/', entry.name_length) ||
		    (filter->is_wanted && !filter->is_wanted(survey, entry.inode)))
			continue;
		add(records, entry.inode, directory->ino, 1, &entry);
		at += 4 + (entry.name_length + 3u) / 4 * 4;
	}
}

void records_from_slack(struct records *records, const struct survey *survey,
			const struct records_filter *filter)
{
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

				if (entry.record_length > used + 12)
					slack_of_entry(
						records, survey, directory,
						(struct ext_span){buffer + entry.at + used,
								  entry.record_length - used},
						filter);
			}
		}
	}
	free(buffer);
}

static int compare_records(const void *left, const void *right)
{
	const struct name_record *a = left, *b = right;

	if (a->child != b->child)
		return a->child < b->child ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	return a->name_at < b->name_at ? -1 : a->name_at > b->name_at;
}

static int compare_ghosts(const void *left, const void *right)
{
	const struct ghost_directory *a = left, *b = right;

	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

void records_sort(struct records *records)
{
	size_t kept = 0;

	if (records->count > 1)
		qsort(records->items, records->count, sizeof *records->items, compare_records);
	if (records->ghost_count > 1)
		qsort(records->ghosts, records->ghost_count, sizeof *records->ghosts,
		      compare_ghosts);
	for (size_t i = 0; i < records->ghost_count; i++)
		if (kept == 0 || records->ghosts[kept - 1].ino != records->ghosts[i].ino)
			records->ghosts[kept++] = records->ghosts[i];
	records->ghost_count = kept;
	free(records->table);
	records->table = NULL;
	records->table_size = 0;
}

const struct name_record *records_find(const struct records *records, ext_ino child, size_t *count)
{
	size_t low = 0, high = records->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (records->items[middle].child < child)
			low = middle + 1;
		else
			high = middle;
	}
	*count = 0;
	while (low + *count < records->count && records->items[low + *count].child == child)
		++*count;
	return *count ? &records->items[low] : NULL;
}

const struct ghost_directory *records_ghost(const struct records *records, ext_ino ino)
{
	const struct ghost_directory key = {ino, 0};

	return records->ghost_count ? bsearch(&key, records->ghosts, records->ghost_count,
					      sizeof key, compare_ghosts)
				    : NULL;
}

void records_clear(struct records *records)
{
	free(records->items);
	free(records->names);
	free(records->table);
	free(records->ghosts);
	free(records->old_runs);
	memset(records, 0, sizeof *records);
}
