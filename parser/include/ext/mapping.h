/* SPDX-License-Identifier: MIT */
/*
 * Where the blocks of a file lie: one cursor over extent trees and indirect block maps alike.
 */
#ifndef EXT_MAPPING_H
#define EXT_MAPPING_H

#include <ext/inode.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ext_run_kind {
	EXT_RUN_DATA,	   /* blocks of the file */
	EXT_RUN_UNWRITTEN, /* allocated, reads as zeros */
	EXT_RUN_TREE,	   /* a block of the mapping itself: extent node or indirect block */
};

struct ext_run {
	enum ext_run_kind kind;
	ext_logical logical; /* first file block covered */
	uint32_t length;     /* blocks; 1 for EXT_RUN_TREE */
	ext_block physical;
	unsigned depth;	  /* of a tree block: 0 is a leaf */
	bool is_doubtful; /* extents: out of order, mapped already, cut at the end, or in a node
			     whose header nobody accepts: not to be counted */
};

struct ext_mapping;

/* A cursor that may be used for one inode after another; holds buffers for the deepest tree seen.
 */
enum ext_status ext_mapping_new(const struct ext_filesystem *filesystem,
				struct ext_mapping **mapping, struct ext_error *error);
void ext_mapping_free(struct ext_mapping *mapping);

/* Reads tree blocks that lie side by side into these bytes, which outlive the cursor. Nothing
 * changes when there are none. Not between a start and the last of its runs. */
void ext_mapping_lend(struct ext_mapping *mapping, void *buffer, size_t size);

/*
 * Starts on `inode` (borrowed until the next start), from file block `from` on. What is wrong goes
 * to `sink` (may be NULL); the damaged part is left out and the rest still comes.
 */
void ext_mapping_start(struct ext_mapping *mapping, const struct ext_inode *inode, uint64_t from,
		       struct ext_sink *sink);

/*
 * The next run, in file order, tree blocks before what they map. Only blocks inside the filesystem
 * come; holes do not. Returns EXT_END at the end, and never fails otherwise: what could not be read
 * was reported, and ext_mapping_damaged tells that something is missing.
 */
enum ext_status ext_mapping_next(struct ext_mapping *mapping, struct ext_run *run);
/*
 * The next runs of data, at most `room`, of which there is nothing to say; returns how many. 0: ask
 * ext_mapping_next, which has a tree block, a fault or the end to give, or just one run.
 */
unsigned ext_mapping_several(struct ext_mapping *mapping, struct ext_run *runs, unsigned room);

bool ext_mapping_damaged(const struct ext_mapping *mapping);

/* Was a tree block ever called unreadable because there was no memory to read it into? */
bool ext_mapping_out_of_memory(const struct ext_mapping *mapping);

/* The raw bytes of the tree block that was just returned as EXT_RUN_TREE, until the next call. */
struct ext_span ext_mapping_tree_block(const struct ext_mapping *mapping);

enum { EXT_SMALL_MAP = 12 };

/*
 * The runs of a map that lies in the inode whole and has no fault, as a cursor from file block 0 on
 * would give them; most files have such a map. False for any other: ask a cursor.
 */
bool ext_mapping_small(const struct ext_superblock *superblock, const struct ext_inode *inode,
		       struct ext_run runs[EXT_SMALL_MAP], unsigned *count);

/*
 * Blocks that a reader of this inode will want before any data: the first inner blocks of its map
 * and its attribute block, in no order, as they are stored (perhaps out of range). Returns how
 * many.
 */
enum { EXT_INNER_BLOCKS = 5 };
unsigned ext_inode_inner_blocks(const struct ext_superblock *superblock, const uint8_t *raw,
				ext_block blocks[EXT_INNER_BLOCKS]);

/*
 * Are there two levels or more of tree blocks between this inode and its data? Then its map may be
 * a thousand times as long as others.
 */
bool ext_inode_map_is_deep(const uint8_t *raw);

/*
 * Hints at the blocks that the tree block just returned as EXT_RUN_TREE leads to
 * (ext_source_will_need), when these are tree blocks too, and lets them be read several at a time
 * from here on. For who walks the whole map.
 */
void ext_mapping_hint(struct ext_mapping *mapping, const struct ext_run *run);

/*
 * Reads file content: `length` bytes at `offset`, clipped to i_size, holes and unwritten parts as
 * zeros, inline data and fast symlinks included. `got` receives how many bytes there are.
 * Fails with IO or CORRUPT when a block in the range cannot be had.
 */
enum ext_status ext_file_read(struct ext_mapping *mapping, const struct ext_inode *inode,
			      uint64_t offset, void *buffer, size_t length, size_t *got,
			      struct ext_error *error);

/* The target of a symlink: at most `size` bytes, no terminator; `length` receives the whole length.
 */
enum ext_status ext_symlink_read(struct ext_mapping *mapping, const struct ext_inode *inode,
				 char *target, size_t size, size_t *length,
				 struct ext_error *error);

#ifdef __cplusplus
}
#endif

#endif
