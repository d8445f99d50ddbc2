/* SPDX-License-Identifier: MIT */
/*
 * Revoke records of a log: for each block the latest transaction that says "do not write older
 * copies of it". A sorted array with an unsorted end, put in order when it is full, so that memory
 * follows the number of different blocks.
 */
#ifndef JOURNAL_REVOKE_TABLE_H
#define JOURNAL_REVOKE_TABLE_H

#include <ext/types.h>

struct revoke_record {
	ext_block block;
	uint32_t transaction; /* sequence, less that of the first */
};

/* All zero is an empty table. */
struct revoke_table {
	struct revoke_record *records;
	size_t count, capacity;
};

/* False without memory. */
bool revoke_table_add(struct revoke_table *table, ext_block block, uint32_t transaction);

/* Sorts, and keeps the latest record of each block. To be called before looking up. */
void revoke_table_sort(struct revoke_table *table);

/* Is a copy of `block` from `transaction` revoked, by its own transaction or a later one? */
bool revoke_table_covers(const struct revoke_table *table, ext_block block, uint32_t transaction);

/* How many of `count` blocks from `block` on have no record at all, up to the first that has one.
 */
uint64_t revoke_table_free_run(const struct revoke_table *table, ext_block block, uint64_t count);

void revoke_table_clear(struct revoke_table *table);

#endif
