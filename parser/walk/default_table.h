/* SPDX-License-Identifier: MIT */
/* Group descriptors as mke2fs lays them out by default, for groups of which no descriptor is left.
 */
#ifndef WALK_DEFAULT_TABLE_H
#define WALK_DEFAULT_TABLE_H

#include <ext/filesystem.h>

/*
 * Fills in the descriptors of the groups with a bit in `missing`, where what lies at the default
 * places is what belongs there, and clears their bits. `descriptors` is a whole table. What cannot
 * be told without it (flags, counts) is set as for a group that was never used; a refresh settles
 * that. Returns how many groups are still missing.
 */
ext_group default_table_fill(struct ext_source *source, const struct ext_superblock *superblock,
			     uint8_t *descriptors, uint8_t *missing);

#endif
