/* SPDX-License-Identifier: MIT */
/* Revoke records of a log, by block. Knows nothing of where they come from. */
#include "config.h"

#include <stdlib.h>

#include "bytes/checked.h"
#include "journal/revoke_table.h"

static int compare(const void *a, const void *b)
{
	const struct revoke_record *left = a, *right = b;

	if (left->block != right->block)
		return left->block < right->block ? -1 : 1;
	return (left->transaction > right->transaction) - (left->transaction < right->transaction);
}

void revoke_table_sort(struct revoke_table *table)
{
	size_t kept = 0;

	if (table->count < 2)
		return;
	qsort(table->records, table->count, sizeof *table->records, compare);
	for (size_t i = 0; i < table->count; i++) {
		/* The last of a block's records is its latest. */
		if (i + 1 < table->count && table->records[i].block == table->records[i + 1].block)
			continue;
		table->records[kept++] = table->records[i];
	}
	table->count = kept;
}

bool revoke_table_add(struct revoke_table *table, ext_block block, uint32_t transaction)
{
	if (table->count == table->capacity) {
		revoke_table_sort(table);
		/* Grows only when most records are of different blocks. */
		if (table->count >= table->capacity / 2) {
			const size_t capacity = table->capacity ? table->capacity * 2 : 64;
			struct revoke_record *records;

			if (capacity > SIZE_MAX / sizeof *records)
				return false;
			records = realloc(table->records, capacity * sizeof *records);
			if (!records)
				return false;
			table->records = records;
			table->capacity = capacity;
		}
	}
	table->records[table->count++] =
		(struct revoke_record){.block = block, .transaction = transaction};
	return true;
}

/* The first record at or above `block`; the count when there is none. */
static size_t first_from(const struct revoke_table *table, ext_block block)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (table->records[middle].block < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool revoke_table_covers(const struct revoke_table *table, ext_block block, uint32_t transaction)
{
	const size_t at = first_from(table, block);

	return at < table->count && table->records[at].block == block &&
	       transaction <= table->records[at].transaction;
}

uint64_t revoke_table_free_run(const struct revoke_table *table, ext_block block, uint64_t count)
{
	const size_t at = first_from(table, block);

	return at < table->count ? min_u64(count, table->records[at].block - block) : count;
}

void revoke_table_clear(struct revoke_table *table)
{
	free(table->records);
	*table = (struct revoke_table){0};
}
