/* SPDX-License-Identifier: MIT */
/* Making a primary of a stale copy. */
#ifndef WALK_REFRESH_H
#define WALK_REFRESH_H

#include <ext/choose.h>

#include "walk/tables.h"

/*
 * Brings choice->superblock, a backup, up to date by choice->descriptors: its group, counts, state,
 * needs_recovery, checksum.
 */
enum ext_status superblock_refresh(struct ext_source *source, struct ext_choice *choice,
				   struct ext_error *error);

/* Brings what is not the primary's up to date; where nothing was left, directories are counted. */
enum ext_status table_refresh(struct ext_source *source, struct ext_choice *choice,
			      const struct assembled_table *table, struct ext_error *error);

#endif
