/* SPDX-License-Identifier: MIT */
/* What one thread of the pass over the inode tables gathers. */
#ifndef ACCOUNTING_INODE_WORKER_H
#define ACCOUNTING_INODE_WORKER_H

#include "accounting/ahead.h"
#include "accounting/scan.h"

struct deep_inodes;

struct inode_worker {
	struct survey *survey;
	const struct block_set *orphans;
	struct deep_inodes *deep; /* put off, by all workers */
	struct ext_sink *sink;
	struct ext_mapping *mapping;
	struct directory *directories;
	size_t directory_count, directory_size;
	struct directory_run *runs;
	size_t run_count, run_size;
	size_t target_count; /* of symlinks, among the runs */
	ext_ino *inline_directories;
	size_t inline_count, inline_size;
	ext_ino *ea_inodes; /* inodes that hold values of attributes */
	size_t ea_count, ea_size;
	uint64_t unreadable;
	uint64_t inodes_unread, maps_unread, directory_maps_unread;
	uint64_t garbage_block; /* the table block that `garbage` is counted in */
	uint32_t garbage;	/* inodes with a wrong checksum there */
	enum ext_status status;
	struct claims claims;
	struct ahead ahead;
};

/*
 * Takes in one inode that has mode, links, or a place on the orphan list. False when there is no
 * memory.
 */
bool scan_inode(struct inode_worker *worker, ext_ino ino, const uint8_t *raw,
		const struct ext_inode_checksum *checksum);

static inline bool inode_worker_is_orphan(const struct inode_worker *worker, ext_ino ino)
{
	return worker->orphans->pages && block_set_has(worker->orphans, ino);
}

#endif
