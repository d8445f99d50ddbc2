/* SPDX-License-Identifier: MIT */
/* One descriptor table out of all copies of it, each group by evidence. */
#ifndef WALK_TABLES_H
#define WALK_TABLES_H

#include <ext/filesystem.h>

#include "walk/evidence.h"

struct assembled_table {
	uint8_t *descriptors; /* a whole table; owned */
	size_t size;
	uint8_t *replaced; /* a bit for each group that is not the primary table's; owned */
	ext_group replaced_count;
	ext_group rebuilt_count; /* of the replaced ones: made, not copied */
	ext_group missing_count; /* groups for which no copy has a plausible descriptor */
	uint8_t *missing;	 /* a bit for each of them; owned */
	uint8_t *rebuilt;	 /* a bit for each rebuilt one; owned; NULL when there are none */
};

/*
 * Reads the primary table and as many copies as are needed, by the numbers of `superblock` (1024
 * bytes). `first_copy` is a group whose copy is tried before the others (0: none).
 */
enum ext_status table_assemble(struct ext_source *source, const uint8_t superblock[1024],
			       ext_group first_copy, struct assembled_table *table,
			       struct ext_error *error);
void table_clear(struct assembled_table *table);

#endif
