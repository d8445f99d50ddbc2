/* SPDX-License-Identifier: MIT */
/*
 * Do these bytes look like what they ought to be? For choosing between versions of damaged
 * metadata, where a checksum proves it if there is one, and everything else has to fit if there is
 * none.
 */
#ifndef RESCUE_PLAUSIBLE_H
#define RESCUE_PLAUSIBLE_H

#include <ext/directory.h>

/*
 * An inode that could be in use or could have been: sane mode, flags, size, map. Noise passes about
 * once in a million.
 */
bool plausible_inode(const struct ext_superblock *sb, const struct ext_inode *inode,
		     const uint8_t *raw);

/* A whole block of the directory with this inode number and seed, at file block `logical`. */
bool plausible_directory_block(const struct ext_superblock *sb, const struct ext_inode *directory,
			       ext_logical logical, struct ext_span block);

/*
 * A first directory block of whatever directory: "." and "..", then entries to the end. `self` and
 * `parent` receive their inode numbers.
 */
bool plausible_first_block(const struct ext_superblock *sb, struct ext_span block, ext_ino *self,
			   ext_ino *parent);

/* Any block that is entries from its start to its end, at least one in use. */
bool plausible_entries(const struct ext_superblock *sb, struct ext_span block);

/* A node of an extent tree; or an indirect block that maps something, all of it inside. */
bool plausible_extent_node(const struct ext_superblock *sb, struct ext_span block);
bool plausible_indirect(const struct ext_superblock *sb, struct ext_span block);

bool all_zero(struct ext_span bytes);

#endif
