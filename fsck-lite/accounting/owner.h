/* SPDX-License-Identifier: MIT */
/*
 * Who owns one block: fixed metadata by its place, everything else by a search through all inodes.
 * For a single question; an account of all blocks is the survey's work.
 */
#ifndef ACCOUNTING_OWNER_H
#define ACCOUNTING_OWNER_H

#include <ext/mapping.h>

/* What a block is by the layout alone. */
enum block_purpose {
	PURPOSE_BOOT,
	PURPOSE_SUPERBLOCK,
	PURPOSE_DESCRIPTORS,
	PURPOSE_RESERVED_DESCRIPTORS,
	PURPOSE_BLOCK_BITMAP,
	PURPOSE_INODE_BITMAP,
	PURPOSE_INODE_TABLE,
	PURPOSE_MMP,
};

struct block_fixed {
	enum block_purpose purpose;
	ext_group group; /* whose bitmap, table or copy it is */
	uint32_t index;	 /* which block of the descriptors or of the table */
};

/* The fixed uses of `block`: more than one only where the layout collides. Returns how many. */
unsigned block_fixed_uses(const struct ext_filesystem *filesystem, ext_block block,
			  struct block_fixed *uses, unsigned most);

enum owner_role { OWNER_DATA, OWNER_UNWRITTEN, OWNER_TREE, OWNER_XATTR };

struct block_owner {
	struct ext_inode inode;
	enum owner_role role;
	uint64_t logical; /* file block; of a tree block the first that it maps */
	unsigned depth;	  /* of a tree block */
	bool is_deleted;  /* the inode is free, but still points there */
};

/*
 * Searches all inodes for those that own `block`; `count` receives how many there are, of which
 * the first `most` are stored. Inodes that cannot be read go to `sink`. LIMIT: cancelled.
 */
enum ext_status owner_search(const struct ext_filesystem *filesystem, ext_block block,
			     struct block_owner *owners, unsigned most, unsigned *count,
			     struct ext_sink *sink, struct ext_error *error);

/*
 * A path that leads from the root to inode `ino`, found by a search through all directories. Writes
 * up to `size` bytes, terminated, with what is not printable as it is; false when no directory
 * names the inode, or the way up does not end at the root.
 */
bool owner_path(const struct ext_filesystem *filesystem, ext_ino ino, char *path, size_t size);

#endif
