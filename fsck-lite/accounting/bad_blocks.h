/* SPDX-License-Identifier: MIT */
/*
 * The list of bad blocks that inode 1 keeps, and which inodes lie on them. Where the medium fails
 * under an inode table, what is read there is nobody's word: such inodes are neither free nor in
 * use by what they seem to hold.
 */
#ifndef ACCOUNTING_BAD_BLOCKS_H
#define ACCOUNTING_BAD_BLOCKS_H

#include <ext/inode.h>

#include "accounting/block_set.h"

struct bad_blocks {
	struct block_set blocks; /* without pages when there is none */
	bool has_any;
	/* The list says nothing against itself: inodes on its blocks are not to be read. */
	bool is_heeded;
};

/* Is it nothing but a block map: no mode, owner, links, attributes, and no wrong checksum? */
bool bad_blocks_inode_is_plain(const struct ext_inode *inode);

/* Reads the list; an empty one where it cannot be read. Fails with MEMORY only. */
enum ext_status bad_blocks_read(const struct ext_filesystem *filesystem, struct bad_blocks *list,
				struct ext_error *error);
void bad_blocks_clear(struct bad_blocks *list);

/* Does the list name the table block in which `ino` lies? Sure and quick where there is no list. */
bool bad_blocks_hold_inode(const struct bad_blocks *list, const struct ext_filesystem *filesystem,
			   ext_ino ino);

#endif
