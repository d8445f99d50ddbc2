/* SPDX-License-Identifier: MIT */
/*
 * Whole inodes changed in memory: cut to a length, emptied, deleted. Shared by the orphans and the
 * fast commits.
 */
#ifndef EDIT_INODE_EDIT_H
#define EDIT_INODE_EDIT_H

#include <ext/edit.h>

/* Empties the map: the root of an extent tree that maps nothing. `raw` is an inode. */
void inode_make_extent_root(uint8_t *raw);

/* Sets i_blocks of a raw inode, in units of 512 bytes, in the form that its flags ask for. */
void inode_put_sectors(const struct ext_superblock *superblock, uint8_t *raw, uint64_t sectors);

/* Blocks, in whole clusters, that an inode maps, blocks of the mapping included. */
enum ext_status inode_mapped_blocks(const struct ext_filesystem *filesystem,
				    const struct ext_inode *inode, uint64_t *blocks,
				    struct ext_error *error);

/* Marks all blocks that an inode maps used or free. `blocks` (may be NULL) counts them. */
enum ext_status inode_mark_mapped(struct ext_editor *editor, const struct ext_inode *inode,
				  bool used, uint64_t *blocks, struct ext_error *error);

/* Frees what lies behind i_size, and writes the inode. `freed` counts blocks. */
enum ext_status inode_truncate(struct ext_editor *editor, ext_ino ino, uint64_t *freed,
			       struct ext_error *error);

/* Frees everything that the inode owns and the inode itself. `freed` counts blocks. */
enum ext_status inode_delete(struct ext_editor *editor, ext_ino ino, uint64_t *freed,
			     struct ext_error *error);

#endif
