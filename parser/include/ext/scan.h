/* SPDX-License-Identifier: MIT */
/*
 * Searching an image of unknown geometry for superblocks, at every position where one can lie, in
 * one sequential pass; and what the finds mean together: which filesystems there are or were, and
 * where each begins.
 */
#ifndef EXT_SCAN_H
#define EXT_SCAN_H

#include <ext/superblock.h>
#include <ext/source.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EXT_SCAN_STEP = 512 }; /* bytes between positions that are looked at */

struct ext_scan;

/* Searches bytes `start` to `end` of `source`, which is borrowed; its memory is one buffer. */
enum ext_status ext_scan_open(struct ext_source *source, uint64_t start, uint64_t end,
			      struct ext_scan **scan, struct ext_error *error);
void ext_scan_close(struct ext_scan *scan);

/*
 * The next superblock: 1024 bytes that decode, until the next call. Now and then comes NULL, so
 * that the caller can show progress and be stopped. EXT_END at the end. What cannot be read is
 * skipped.
 */
enum ext_status ext_scan_next(struct ext_scan *scan, uint64_t *offset, const uint8_t **raw,
			      struct ext_superblock *superblock);

/* How far it has come, in bytes of the source; and how many could not be read. */
uint64_t ext_scan_position(const struct ext_scan *scan);
uint64_t ext_scan_unreadable(const struct ext_scan *scan);

/* The finds, sorted into filesystems. */

struct ext_find {
	uint64_t offset; /* bytes from the start of the source */
	ext_group group;
	enum ext_checksum_state checksum;
};

enum ext_find_kind {
	EXT_FIND_FILESYSTEM,
	EXT_FIND_OLDER,	  /* made before another one that begins at the same place */
	EXT_FIND_JOURNAL, /* a copy inside its own filesystem: in the journal, or a backup moved */
	EXT_FIND_NESTED, /* inside another filesystem: an image in a file, or what is left of one */
	EXT_FIND_EXTERNAL_JOURNAL /* no filesystem: the journal of one */
};

/* Superblocks of one run of mke2fs that all say that the filesystem begins at the same place. */
struct ext_found_filesystem {
	enum ext_find_kind kind;
	uint64_t start, end;		  /* bytes; of the filesystem, by its superblock */
	struct ext_superblock superblock; /* of the first find with a good checksum */
	uint8_t raw[EXT_SUPERBLOCK_SIZE];
	struct ext_find *finds; /* owned by the list */
	size_t count;
	size_t inside; /* JOURNAL and NESTED: the index of the filesystem that it lies in */
};

struct ext_found_list {
	struct ext_found_filesystem
		*filesystems; /* by start, then by time of mkfs, the newest first */
	size_t count;
};

void ext_found_init(struct ext_found_list *list);
void ext_found_clear(struct ext_found_list *list);

/* Adds one find. Fails with MEMORY. */
enum ext_status ext_found_add(struct ext_found_list *list, uint64_t offset, const uint8_t raw[1024],
			      const struct ext_superblock *superblock, struct ext_error *error);

/* After the last one: sorts the list and sets `kind` and `inside`. */
void ext_found_finish(struct ext_found_list *list);

#ifdef __cplusplus
}
#endif

#endif
