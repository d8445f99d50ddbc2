/* SPDX-License-Identifier: MIT */
/*
 * The collection of names that are in no directory now, or in none that the root reaches: each
 * (child, parent, name) once. Where they come from is name_sources.c's.
 */
#ifndef RESCUE_RECORDS_H
#define RESCUE_RECORDS_H

#include "accounting/survey.h"

/* "`child` was called so in directory `parent`." */
struct name_record {
	ext_ino child, parent; /* parent 0: unknown */
	uint32_t rank;	       /* higher is newer or surer */
	uint32_t name_at;
	uint8_t length, type;
};

/* Ranks. A known parent is added by records_add and counts more than all of them. */
enum {
	RANK_BLOCK = 0, /* from a block that nobody owns */
	RANK_SLACK = 1,
	RANK_STRAY = 2,		/* from the log, of unknown age */
	RANK_HISTORY = 1 << 30, /* plus the transaction's index */
	RANK_NOW = INT32_MAX,	/* a directory of today says so */
};

/* A directory that lives on only in blocks of its own. */
struct ghost_directory {
	ext_ino ino, parent; /* parent 0: unknown */
};

struct records {
	struct name_record *items;
	size_t count, size;
	char *names;
	size_t names_length, names_size;
	uint32_t *table; /* open addressing over items, to keep each name once */
	size_t table_size;
	struct ghost_directory *ghosts;
	size_t ghost_count, ghost_size;
	bool out_of_memory;
};

/* Adds a name, or raises the rank that it has. */
void records_add(struct records *records, ext_ino child, ext_ino parent, uint32_t rank,
		 const struct ext_dirent *entry);

/* A directory that only blocks of its own tell of. Sort before finding. */
void records_add_ghost(struct records *records, ext_ino ino, ext_ino parent);
void records_sort_ghosts(struct records *records);

/* Puts them in order: by child, best first. Call once, before finding. */
void records_sort(struct records *records);

/* The records of one child, best first; `count` receives how many. */
const struct name_record *records_find(const struct records *records, ext_ino child, size_t *count);

/* Does a directory of today say so? A copy in the log of unknown age? Remains of an entry? */
bool records_is_now(const struct name_record *record);
bool records_is_stray(const struct name_record *record);
bool records_is_slack(const struct name_record *record);

/* The index of the transaction that a record comes from. False: it is from no journal. */
bool records_transaction(const struct name_record *record, uint32_t *transaction);

const struct ghost_directory *records_ghost(const struct records *records, ext_ino ino);

void records_clear(struct records *records);

#endif
