/* SPDX-License-Identifier: MIT */
/* Whose a leaf is, by the hashes of its names. A part of loose_leaves. */
#ifndef RESCUE_HASH_RANGES_H
#define RESCUE_HASH_RANGES_H

#include "rescue/loose_leaves.h"

/* What the first block of directory `ino` says of its leaves, if it is an index of several. */
void loose_add_ranges(struct loose_leaves *loose, const struct ext_superblock *superblock,
		      ext_ino ino, struct ext_span block);

/* The directory that the names of this block are of. 0: cannot be told. */
ext_ino loose_owner_by_hashes(const struct loose_leaves *loose,
			      const struct ext_superblock *superblock, struct ext_span block);

/* The named entries of a leaf. */
void loose_begin_entries(struct ext_dirent_cursor *cursor, const struct ext_superblock *superblock,
			 struct ext_span block);
bool loose_next_entry(struct ext_dirent_cursor *cursor, struct ext_dirent *entry);

#endif
