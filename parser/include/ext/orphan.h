/* SPDX-License-Identifier: MIT */
/*
 * Orphans: inodes that lost their last name, or are being truncated, while still open. They stand
 * on a chain that starts in the superblock, or in the orphan file, until the kernel is done with
 * them.
 */
#ifndef EXT_ORPHAN_H
#define EXT_ORPHAN_H

#include <ext/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ext_orphans;

/* A cursor over all orphans: the chain first, then the orphan file. What is wrong goes to `sink`.
 */
enum ext_status ext_orphans_open(const struct ext_filesystem *filesystem, struct ext_sink *sink,
				 struct ext_orphans **orphans, struct ext_error *error);
void ext_orphans_close(struct ext_orphans *orphans);

struct ext_orphan {
	ext_ino inode;
	bool from_file;	 /* stands in the orphan file */
	ext_block block; /* block of the orphan file that names it */
	uint32_t at;	 /* bytes within that block */
};

/* The next orphan, or EXT_END. An inode number may come twice in a damaged image. */
enum ext_status ext_orphans_next(struct ext_orphans *orphans, struct ext_orphan *orphan);

#ifdef __cplusplus
}
#endif

#endif
