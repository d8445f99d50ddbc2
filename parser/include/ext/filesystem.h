/* SPDX-License-Identifier: MIT */
/*
 * An ext2, ext3 or ext4 filesystem opened for reading: a source, a decoded superblock and the group
 * descriptor table. Read-only and without hidden state, so threads may share it.
 */
#ifndef EXT_FILESYSTEM_H
#define EXT_FILESYSTEM_H

#include <ext/source.h>
#include <ext/superblock.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ext_filesystem;

struct ext_open_options {
	/* Superblock and descriptor table to read through; all zero: the primary. */
	uint64_t
		superblock_offset; /* bytes from the start of the source; 0: the primary, at 1024 */
	ext_group copy_group;	   /* the group whose descriptor table goes with it */
	const uint8_t
		*superblock; /* 1024 bytes to use instead of reading any; borrowed for the call */
	const uint8_t *descriptors; /* a whole table to use instead of reading one; borrowed for the
				       call */
	size_t descriptors_size;
	bool stale_descriptors; /* trust only the three locations (format-facts 2.6), as for any
				   backup */
	struct ext_sink
		*sink; /* receives what is wrong with superblock and descriptors; may be NULL */
};

/*
 * Opens the filesystem in `source` (borrowed, must outlive it). `options` may be NULL.
 * Damaged descriptors are reported to the sink and do not fail the open. Memory: the raw descriptor
 * table, which is never larger than the source.
 */
enum ext_status ext_filesystem_open(struct ext_source *source,
				    const struct ext_open_options *options,
				    struct ext_filesystem **filesystem, struct ext_error *error);
void ext_filesystem_close(struct ext_filesystem *filesystem);

/*
 * The same filesystem, with the superblock and descriptors that it has in memory, over another
 * source (borrowed). `stale` as in the options: flags and counts of descriptors are not to be
 * believed, and inode tables are read whole.
 */
enum ext_status ext_filesystem_reopen(const struct ext_filesystem *filesystem,
				      struct ext_source *source, bool stale,
				      struct ext_filesystem **reopened, struct ext_error *error);

const struct ext_superblock *ext_filesystem_superblock(const struct ext_filesystem *filesystem);
struct ext_source *ext_filesystem_source(const struct ext_filesystem *filesystem);

/* Was it opened with a descriptor table whose counts and flags are old by design? */
bool ext_filesystem_is_stale(const struct ext_filesystem *filesystem);

/* Blocks of the filesystem that the source really has: less than block_count when it was cut. */
uint64_t ext_filesystem_blocks_present(const struct ext_filesystem *filesystem);

/* Reads `count` whole blocks from `block` on. Fails with IO, or CORRUPT (block-range). */
enum ext_status ext_filesystem_read_blocks(const struct ext_filesystem *filesystem, ext_block block,
					   uint32_t count, void *buffer, struct ext_error *error);

/* Group descriptors (structure/group.c). */

enum { EXT_GROUP_INODE_UNINIT = 1, EXT_GROUP_BLOCK_UNINIT = 2, EXT_GROUP_INODE_ZEROED = 4 };

struct ext_group_descriptor {
	ext_block block_bitmap, inode_bitmap, inode_table;
	uint32_t free_clusters, free_inodes, directories; /* counts as stored */
	uint32_t itable_unused; /* 0 when the filesystem has no group checksums */
	uint16_t flags;		/* EXT_GROUP_ bits; 0 when the filesystem has no group checksums */
	uint32_t block_bitmap_checksum, inode_bitmap_checksum;
	uint16_t checksum_stored, checksum_computed;
	enum ext_checksum_state checksum;
	bool readable; /* false: this part of the table could not be read; all else is 0 */
};

/* Decodes the descriptor of `group` (must be below group_count). Cheap but for the checksum. */
void ext_group_read(const struct ext_filesystem *filesystem, ext_group group,
		    struct ext_group_descriptor *descriptor);

/* The same without computing the checksum (checksum is EXT_CHECKSUM_NONE): for loops over
 * everything. */
void ext_group_locations(const struct ext_filesystem *filesystem, ext_group group,
			 struct ext_group_descriptor *descriptor);

/* The descriptor's raw bytes, descriptor_size of them; borrowed from the filesystem. */
struct ext_span ext_group_raw(const struct ext_filesystem *filesystem, ext_group group);

/* Bitmaps (structure/bitmap.c). */

/*
 * Reads a bitmap block as it lies on disk into `bitmap` (block_size bytes). `checksum` (may be
 * NULL) says whether its checksum holds; a group flagged uninit has none and its block means
 * nothing.
 */
enum ext_status ext_block_bitmap_read(const struct ext_filesystem *filesystem, ext_group group,
				      uint8_t *bitmap, enum ext_checksum_state *checksum,
				      struct ext_error *error);
enum ext_status ext_inode_bitmap_read(const struct ext_filesystem *filesystem, ext_group group,
				      uint8_t *bitmap, enum ext_checksum_state *checksum,
				      struct ext_error *error);

/* Whether the first `bits` bits of a bitmap have the checksum that the descriptor keeps. */
enum ext_checksum_state ext_bitmap_checksum(const struct ext_superblock *superblock,
					    const uint8_t *bitmap, uint32_t bits, uint32_t stored);

static inline bool ext_bit_is_set(const uint8_t *bitmap, uint32_t bit)
{
	return (bitmap[bit / 8] >> bit % 8 & 1) != 0;
}

#ifdef __cplusplus
}
#endif

#endif
