/* SPDX-License-Identifier: MIT */
/*
 * Names that are not in any directory now: from older versions of directory blocks in the journal,
 * from directory blocks that no inode owns any more, from what deleted entries left behind.
 */
#ifndef RESCUE_RECORDS_H
#define RESCUE_RECORDS_H

#include "accounting/survey.h"
#include "rescue/heal.h"

/* "`child` was called so in directory `parent`." */
struct name_record {
	ext_ino child, parent; /* parent 0: unknown */
	uint32_t rank;	       /* higher is newer or surer */
	uint32_t name_at;
	uint8_t length, type;
};

/* A directory that lives on only in its first block. */
struct ghost_directory {
	ext_ino ino, parent;
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
	/* Runs of directories that are gone, from older versions of their inodes; sorted by block.
	 */
	struct directory_run *old_runs;
	size_t old_run_count, old_run_size;
	bool out_of_memory;
};

/* Which inodes are worth a record; a NULL `is_wanted` means all. */
struct records_filter {
	bool (*is_wanted)(const struct survey *survey, ext_ino child);
};

/* Adds the blocks of a directory's older inode, for recognising their versions. */
void records_add_runs(struct records *records, ext_ino ino, const struct ext_inode *inode,
		      struct ext_mapping *mapping);

/* All names in all versions of directory blocks. */
void records_from_history(struct records *records, const struct survey *survey,
			  const struct healing *healing, const struct records_filter *filter);

/* Reads all blocks that nobody owns and takes those that are directory blocks. */
void records_from_unowned(struct records *records, const struct survey *survey,
			  const struct records_filter *filter, bool (*stop)(void));

/* Entries of living directories whose inode is not there any more. */
void records_from_dangling(struct records *records, struct survey *survey);

/* What deleted entries left in the blocks of living directories. */
void records_from_slack(struct records *records, const struct survey *survey,
			const struct records_filter *filter);

/* Puts them in order: by child, best first. Call once, before finding. */
void records_sort(struct records *records);

/* The records of one child, best first; `count` receives how many. */
const struct name_record *records_find(const struct records *records, ext_ino child, size_t *count);

const struct ghost_directory *records_ghost(const struct records *records, ext_ino ino);

void records_clear(struct records *records);

#endif
