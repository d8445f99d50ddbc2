/* SPDX-License-Identifier: MIT */
/* The collection of names, each (child, parent, name) once, with its best rank. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "rescue/records.h"

#define EMPTY UINT32_MAX

static const uint32_t rank_parent = (uint32_t)1 << 31;

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

void records_add(struct records *records, ext_ino child, ext_ino parent, uint32_t rank,
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

void records_add_ghost(struct records *records, ext_ino ino, ext_ino parent)
{
	if (!GROW(records->ghosts, records->ghost_count, records->ghost_size)) {
		records->out_of_memory = true;
		return;
	}
	records->ghosts[records->ghost_count++] = (struct ghost_directory){ino, parent};
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

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	/* Of two that tell of the same directory the one with a parent comes first. */
	if ((a->parent == 0) != (b->parent == 0))
		return a->parent == 0 ? 1 : -1;
	return a->parent < b->parent ? -1 : a->parent > b->parent;
}

void records_sort_ghosts(struct records *records)
{
	size_t kept = 0;

	if (records->ghost_count > 1)
		qsort(records->ghosts, records->ghost_count, sizeof *records->ghosts,
		      compare_ghosts);
	for (size_t i = 0; i < records->ghost_count; i++)
		if (kept == 0 || records->ghosts[kept - 1].ino != records->ghosts[i].ino)
			records->ghosts[kept++] = records->ghosts[i];
	records->ghost_count = kept;
}

void records_sort(struct records *records)
{
	if (records->count > 1)
		qsort(records->items, records->count, sizeof *records->items, compare_records);
	records_sort_ghosts(records);
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

bool records_is_now(const struct name_record *record)
{
	return (record->rank & ~rank_parent) == RANK_NOW;
}

bool records_is_stray(const struct name_record *record)
{
	return (record->rank & ~rank_parent) == RANK_STRAY;
}

bool records_is_slack(const struct name_record *record)
{
	return (record->rank & ~rank_parent) == RANK_SLACK;
}

bool records_transaction(const struct name_record *record, uint32_t *transaction)
{
	const uint32_t rank = record->rank & ~rank_parent;

	if (rank < RANK_HISTORY || records_is_now(record))
		return false;
	*transaction = rank - RANK_HISTORY;
	return true;
}

const struct ghost_directory *records_ghost(const struct records *records, ext_ino ino)
{
	size_t low = 0, high = records->ghost_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (records->ghosts[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	return low < records->ghost_count && records->ghosts[low].ino == ino ? &records->ghosts[low]
									     : NULL;
}

void records_clear(struct records *records)
{
	free(records->items);
	free(records->names);
	free(records->table);
	free(records->ghosts);
	memset(records, 0, sizeof *records);
}
