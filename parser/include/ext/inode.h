/* SPDX-License-Identifier: MIT */
/*
 * Inodes: found by number, decoded from bytes, and streamed table by table.
 */
#ifndef EXT_INODE_H
#define EXT_INODE_H

#include <ext/filesystem.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	EXT_INO_BAD_BLOCKS = 1,
	EXT_INO_ROOT = 2,
	EXT_INO_USER_QUOTA = 3,
	EXT_INO_GROUP_QUOTA = 4,
	EXT_INO_BOOT_LOADER = 5,
	EXT_INO_UNDELETE = 6,
	EXT_INO_RESIZE = 7,
	EXT_INO_JOURNAL = 8,
	EXT_INO_EXCLUDE = 9,
	EXT_INO_REPLICA = 10,
};

/* Inode flags (i_flags); all of them with names in layout/flags.def. */
enum {
	EXT_INODE_IMMUTABLE = 0x10,
	EXT_INODE_APPEND = 0x20,
	EXT_INODE_ENCRYPT = 0x800,
	EXT_INODE_INDEX = 0x1000,
	EXT_INODE_HUGE_FILE = 0x40000,
	EXT_INODE_EXTENTS = 0x80000,
	EXT_INODE_VERITY = 0x100000,
	EXT_INODE_EA_INODE = 0x200000,
	EXT_INODE_INLINE_DATA = 0x10000000,
	EXT_INODE_CASEFOLD = 0x40000000,
};

/* File types as directory entries store them. */
enum ext_file_type {
	EXT_TYPE_UNKNOWN = 0,
	EXT_TYPE_REGULAR,
	EXT_TYPE_DIRECTORY,
	EXT_TYPE_CHARACTER,
	EXT_TYPE_BLOCK,
	EXT_TYPE_FIFO,
	EXT_TYPE_SOCKET,
	EXT_TYPE_SYMLINK,
};

struct ext_time {
	int64_t seconds; /* since 1970 */
	uint32_t nanoseconds;
};

struct ext_inode {
	ext_ino number;
	uint16_t mode;
	enum ext_file_type type; /* from the mode; UNKNOWN when the mode is none */
	uint16_t links;
	uint32_t uid, gid, project;
	uint64_t size;	     /* bytes */
	uint64_t sectors;    /* i_blocks in units of 512 bytes, huge_file applied */
	uint64_t blocks_raw; /* i_blocks as stored, halves joined */
	uint32_t flags;
	uint32_t generation;
	uint64_t version;
	struct ext_time atime, ctime, mtime, crtime;
	bool has_crtime;
	uint32_t dtime;	       /* deletion time, or next orphan */
	ext_block xattr_block; /* file_acl, 0 if none */
	uint32_t extra_isize;  /* bytes beyond 128 that are in use; 0 for small inodes */
	uint8_t i_block[60];
	uint32_t checksum_stored, checksum_computed;
	enum ext_checksum_state checksum; /* only ext_inode_read fills the three */
	uint64_t stored_at;		  /* bytes; where an older version lies; 0: in its table */
	bool all_zero;			  /* the first 128 bytes are zero: never used, or wiped */
};

/* Offset in bytes of an inode from the start of the filesystem. Fails with ARGUMENT or CORRUPT. */
enum ext_status ext_inode_offset(const struct ext_filesystem *filesystem, ext_ino ino,
				 uint64_t *offset, struct ext_error *error);

/*
 * Reads inode `ino` into `inode` and, when `raw` is not NULL, its inode_size bytes into `raw`.
 * A bad checksum is not an error: see inode->checksum. Fails with ARGUMENT if ino is 0 or beyond
 * the inode count, with IO or CORRUPT (inode-table-range) when its table cannot be read.
 */
enum ext_status ext_inode_read(const struct ext_filesystem *filesystem, ext_ino ino,
			       struct ext_inode *inode, uint8_t *raw, struct ext_error *error);

/* Decodes inode_size bytes; no checksum. */
void ext_inode_decode(const struct ext_superblock *superblock, ext_ino ino, const uint8_t *raw,
		      struct ext_inode *inode);

/*
 * Fields that nothing should use: fragments that no kernel ever had, and high halves that count
 * only beside a feature. Where ext_inode_decode leaves a half out, its value is still here.
 */
struct ext_inode_leftovers {
	uint32_t fragment_address;
	uint8_t fragment, fragment_size; /* of the Hurd */
	uint32_t size_high;
	uint16_t blocks_high, xattr_block_high;
};
void ext_inode_leftovers(const uint8_t *raw, struct ext_inode_leftovers *leftovers);

/* Neither mode nor links: an inode that nothing uses. For scans, before anything is decoded. */
static inline bool ext_inode_is_unused(const uint8_t *raw)
{
	/* i_mode at byte 0, i_links_count at byte 26. */
	return (raw[0] | raw[1] | raw[26] | raw[27]) == 0;
}

/* Whether the checksum of a raw inode holds; `stored` and `computed` may be NULL. */
enum ext_checksum_state ext_inode_checksum(const struct ext_superblock *superblock, ext_ino ino,
					   const uint8_t *raw, uint32_t *stored,
					   uint32_t *computed);

/*
 * The same for up to EXT_INODES_AT_ONCE inodes, in the time that two would take alone. `raws` are
 * the bytes of the inodes `inos`.
 */
enum { EXT_INODES_AT_ONCE = 4 };
struct ext_inode_checksum {
	enum ext_checksum_state state;
	uint32_t stored, computed;
};
void ext_inode_checksums(const struct ext_superblock *superblock, const ext_ino *inos,
			 const uint8_t *const *raws, unsigned count,
			 struct ext_inode_checksum *checksums);

/* The seed of everything that belongs to one inode: extents, directory blocks, orphan file. */
uint32_t ext_inode_seed(const struct ext_superblock *superblock, ext_ino ino, uint32_t generation);

/* Where a symlink keeps its target. */
bool ext_inode_is_fast_symlink(const struct ext_inode *inode);

/* Does i_block map blocks (as opposed to holding a target, a device number or inline data)? */
bool ext_inode_maps_blocks(const struct ext_inode *inode);

/* Device number of a device inode. */
void ext_inode_device(const struct ext_inode *inode, uint32_t *major, uint32_t *minor);

/* Streaming (walk/inode_table.c): raw inodes in table order, in large reads. */

struct ext_inode_table;

/*
 * Walks the inode tables of groups first .. last-1, up to the inodes that itable_unused and
 * INODE_UNINIT leave out (unless `whole` is set). `buffer_size` bytes at least are read at a time.
 */
enum ext_status ext_inode_table_open(const struct ext_filesystem *filesystem, ext_group first,
				     ext_group last, bool whole, size_t buffer_size,
				     struct ext_inode_table **table, struct ext_error *error);
void ext_inode_table_close(struct ext_inode_table *table);

/*
 * Reads into these bytes from now on, which outlive the walk. Nothing changes when there are none,
 * or fewer than a block. Not between a run and its use.
 */
void ext_inode_table_lend(struct ext_inode_table *table, void *buffer, size_t size);

/* Goes on with other groups, in the same buffer. */
void ext_inode_table_restart(struct ext_inode_table *table, ext_group first, ext_group last);

/* Hints at all that the walk would read of other groups, which come later. */
void ext_inode_table_hint(const struct ext_inode_table *table, ext_group first, ext_group last);

struct ext_inode_run {
	ext_ino first; /* number of the first inode in `raw` */
	uint32_t count;
	const uint8_t
		*raw; /* count * inode_size bytes, until the next call; NULL: could not be read */
	ext_group group;
	struct ext_error error; /* why, when raw is NULL */
};

/* The next run of inodes, never crossing a group. An unreadable part comes as a run without bytes.
 */
enum ext_status ext_inode_table_next(struct ext_inode_table *table, struct ext_inode_run *run);

#ifdef __cplusplus
}
#endif

#endif
