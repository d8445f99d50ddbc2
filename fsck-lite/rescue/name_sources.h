/* SPDX-License-Identifier: MIT */
/*
 * Where names come from that are in no directory now: older versions of directory blocks in the
 * journal, directory blocks that no inode owns any more, what deleted entries left behind.
 */
#ifndef RESCUE_NAME_SOURCES_H
#define RESCUE_NAME_SOURCES_H

#include "rescue/heal.h"
#include "rescue/loose_leaves.h"
#include "rescue/records.h"

struct name_sources {
	struct survey *survey;
	const struct healing *healing;
	struct records *records;
	struct loose_leaves loose;
	/* Runs of directories that are gone, from older versions of their inodes. */
	struct directory_run *old_runs;
	size_t old_run_count, old_run_size;
	/* Which inodes are worth a record; NULL: all. */
	bool (*is_wanted)(const struct survey *survey, ext_ino child);
	bool (*stop)(void);
	bool out_of_memory;
};

/* A directory's older inode: its blocks, and its seed, for recognising their versions. */
void names_know_directory(struct name_sources *sources, const struct ext_inode *inode,
			  struct ext_mapping *mapping);

/* All names in all versions of directory blocks. */
void names_from_history(struct name_sources *sources);

/* Reads all blocks that nobody owns and takes those that are directory blocks. */
void names_from_unowned(struct name_sources *sources);

/* After these two: the blocks among them that did not say whose they are. */
void names_from_loose(struct name_sources *sources);

/* Entries of living directories whose inode is not there any more. */
void names_from_dangling(struct name_sources *sources);

/* What deleted entries left in the blocks of living directories. */
void names_from_slack(struct name_sources *sources);

void names_clear(struct name_sources *sources);

#endif
