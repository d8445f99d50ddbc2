/* SPDX-License-Identifier: MIT */
/*
 * What many blocks are, found in one pass over all inodes: for lists such as the journal's, where a
 * search for each block (owner.h) would take too long.
 */
#ifndef ACCOUNTING_BLOCK_NAMES_H
#define ACCOUNTING_BLOCK_NAMES_H

#include <ext/mapping.h>

#include "accounting/owner.h"

struct block_names;

/*
 * `blocks` are sorted, without repetitions, and borrowed until block_names_free. Fails with MEMORY,
 * or LIMIT when the user cancelled.
 */
enum ext_status block_names_new(const struct ext_filesystem *filesystem, const ext_block *blocks,
				size_t count, struct block_names **names, struct ext_error *error);
void block_names_free(struct block_names *names);

/* What one of the blocks is. */
struct block_name {
	const char *is; /* "inode table", "directory block", "journal block" ...; "unowned" */
	bool has_group;
	ext_group group;
	ext_ino first_inode; /* of an inode table block; else 0 */
	uint32_t inodes;
	ext_ino inode;	   /* that owns it; 0: none */
	bool is_directory; /* the inode is a directory */
	bool has_logical;
	uint64_t logical; /* file block */
};
void block_names_get(const struct block_names *names, ext_block block, struct block_name *name);

/* "directory block 0 of inode 12", "inode table of group 0, inodes 1 to 16"; length as snprintf. */
size_t block_name_text(const struct block_name *name, char *text, size_t size);

/*
 * The path of a directory, found by climbing from ".." to "..": false when that does not end at the
 * root. `size` bytes at most, terminated.
 */
bool directory_path(const struct ext_filesystem *filesystem, ext_ino ino, char *path, size_t size);

#endif
