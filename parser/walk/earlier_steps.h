/* SPDX-License-Identifier: MIT */
/*
 * What the steps of the search for an earlier filesystem share. In this order: the scan, which
 * finds directories and inodes that belong together; the tables, which follow from where these
 * inodes lie; the superblock, which says what was found.
 */
#ifndef WALK_EARLIER_STEPS_H
#define WALK_EARLIER_STEPS_H

#include <ext/earlier.h>
#include <ext/extent_node.h>
#include <ext/inode.h>

#include "bytes/endian.h"
#include "layout/layout.h"

/* An inode of a directory, and a block that says it is the first of that directory. */
struct earlier_anchor {
	uint64_t at; /* bytes; of the inode */
	ext_block block;
	ext_ino ino;
	bool has_extents, has_filetype;
};

/* Neighbours by number with one origin. */
struct earlier_run {
	int64_t origin; /* bytes; where inode 1 would be */
	ext_ino first, last;
	uint32_t count;
};

/* The first block of a log, which tells how long it is. */
struct earlier_log {
	uint64_t at; /* bytes */
	uint32_t block_size, blocks;
};

enum { EARLIER_LOGS = 64, EARLIER_SUPERBLOCKS = 64 };

struct earlier {
	const struct ext_filesystem *now;
	struct ext_source *source;
	bool (*stop)(void);
	uint64_t size; /* bytes */

	/* The scan's. */
	struct earlier_anchor *anchors; /* none of them of the filesystem that is there now */
	size_t anchor_count;
	struct earlier_log logs[EARLIER_LOGS];
	size_t log_count;
	uint64_t superblocks[EARLIER_SUPERBLOCKS]; /* bytes; copies that are another filesystem's */
	size_t superblock_count;
	uint32_t block_size;

	/* The tables'. */
	uint32_t inode_size, inodes_per_group, table_blocks;
	ext_block blocks;
	uint32_t first_data_block;
	ext_group group_count;
	ext_block *tables; /* of each group; 0: not known */
	bool has_seed;
	uint32_t seed;
};

/* False when nothing leads to an earlier filesystem; `status` tells whether memory was short. */
bool earlier_scan(struct earlier *earlier, enum ext_status *status);
bool earlier_find_tables(struct earlier *earlier, enum ext_status *status);

/* The second half of finding the tables: which lies where. `runs` in ascending order. */
bool earlier_place_tables(struct earlier *earlier, const struct earlier_run *runs, size_t count,
			  enum ext_status *status);

/* Writes superblock and descriptors. Fails with MEMORY. */
enum ext_status earlier_compose(const struct earlier *earlier, struct ext_choice *choice,
				struct ext_error *error);

/* Does the log that begins at `log` hold the byte at `at`? A log that is a file has gaps, for the
 * nodes of its map. */
static inline bool earlier_log_has(const struct earlier_log *log, uint64_t at)
{
	const uint64_t length = (uint64_t)log->blocks * log->block_size;

	return at >= log->at && at - log->at < length + length / 256 + 16 * log->block_size;
}

static inline uint16_t earlier_u16(const uint8_t *bytes, size_t at)
{
	return (uint16_t)(bytes[at] | bytes[at + 1] << 8);
}

static inline uint32_t earlier_u32(const uint8_t *bytes, size_t at)
{
	return earlier_u16(bytes, at) | (uint32_t)earlier_u16(bytes, at + 2) << 16;
}

/* Is this an inode in use, as far as can be told without a checksum? */
static inline bool earlier_is_plausible(const uint8_t *raw)
{
	const unsigned type = raw[1] >> 4;

	return (type == 1 || type == 2 || type == 4 || type == 6 || type == 8 || type == 10 ||
		type == 12) &&
	       earlier_u16(raw, 0x1a) <= 65000 &&
	       (!(earlier_u32(raw, 0x20) & EXT_INODE_EXTENTS) ||
		earlier_u16(raw, 0x28) == EXT_EXTENT_HEADER_MAGIC);
}

/* Bytes from the start of the image to the table of `group`. 0: it cannot be there. */
static inline uint64_t earlier_table_at(const struct earlier *earlier, int64_t origin,
					ext_group group, uint32_t inodes_per_group)
{
	const uint64_t table = (uint64_t)inodes_per_group * earlier->inode_size;
	const int64_t at = origin + (int64_t)(group * table);

	return at > 0 && (uint64_t)at % earlier->block_size == 0 && (uint64_t)at < earlier->size &&
			       table <= earlier->size - (uint64_t)at
		       ? (uint64_t)at
		       : 0;
}

#endif
