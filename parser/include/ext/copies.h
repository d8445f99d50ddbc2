/* SPDX-License-Identifier: MIT */
/*
 * The copies of the superblock and of the group descriptor table: whether each is there, whether it
 * holds, whether it belongs to this filesystem, and in which fields it differs.
 */
#ifndef EXT_COPIES_H
#define EXT_COPIES_H

#include <ext/field.h>
#include <ext/filesystem.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ext_copy_state {
	EXT_COPY_VALID,	  /* a copy of this filesystem's superblock; fields that may be older may
			     differ */
	EXT_COPY_DAMAGED, /* the checksum is wrong, or a field differs that never may */
	EXT_COPY_MISSING, /* no superblock there, or not readable */
	EXT_COPY_FOREIGN, /* a superblock, but of another filesystem: most often an older mkfs's */
};

enum ext_table_state { EXT_TABLE_VALID, EXT_TABLE_DAMAGED, EXT_TABLE_MISSING };

struct ext_copy {
	ext_group group;
	ext_block block;
	uint64_t offset; /* bytes from the start of the filesystem */
	enum ext_copy_state state;
	bool decoded;
	uint8_t raw[EXT_SUPERBLOCK_SIZE]; /* zeros when unreadable */
	struct ext_superblock superblock; /* of these bytes, when decoded */

	/* The descriptor table that goes with it, read by the reference superblock's numbers. */
	bool has_table; /* it was looked at */
	enum ext_table_state descriptors;
	ext_group bad_descriptors; /* how many have a wrong checksum or point out of bounds */
	uint64_t locations; /* a digest of all locations: equal when two tables point at the same */
};

/* The first group behind `group` that holds a superblock copy, or group_count when there is none.
 */
ext_group ext_copy_next_group(const struct ext_superblock *superblock, ext_group group);

/*
 * Reads and judges the copy in `group` by comparison with `reference`, a superblock that is taken
 * as right (1024 bytes, must decode); with `table` also the descriptor table that goes with it.
 * What is wrong is in `copy`; fails with MEMORY, or as ext_superblock_decode does on `reference`.
 */
enum ext_status ext_copy_read(struct ext_source *source, const uint8_t reference[1024],
			      ext_group group, bool table, struct ext_copy *copy,
			      struct ext_error *error);

/* Do two superblocks name the same filesystem, by UUID, time of mkfs and hash seed? */
bool ext_superblock_same_filesystem(const struct ext_superblock *a, const struct ext_superblock *b);

/* Do they give the same geometry: everything that decides where things lie? */
bool ext_superblock_same_geometry(const struct ext_superblock *a, const struct ext_superblock *b);

/*
 * Does this copy lie where its own numbers say, `offset` bytes behind the start of the filesystem?
 * Copies in journals and images within the image fail this.
 */
bool ext_superblock_is_placed(const struct ext_superblock *superblock, uint64_t offset);

/*
 * Makes of a primary the copy that belongs in `group`: writers clear the clean bit and
 * needs_recovery in it, name its group, and give it a checksum of its own. The two may be the same
 * memory; group 0 only gets a checksum.
 */
void ext_superblock_make_copy(const uint8_t primary[1024], ext_group group, uint8_t copy[1024]);

/*
 * The block where copy `which` (from 0, the one that is used first) of descriptor block `index`
 * lies, and the group that it belongs to. False when there are no more.
 */
bool ext_descriptor_copy(const struct ext_superblock *superblock, uint32_t index, uint32_t which,
			 ext_block *block, ext_group *group);

struct ext_copy_difference {
	const struct ext_field *field;
	unsigned index; /* the first element that differs */
	bool expected;	/* a backup may legitimately be older here */
};

/* Does nobody who reads the filesystem look at this field? */
bool ext_copy_field_is_idle(const struct ext_field *field);

/*
 * The next field in which `copy` differs from `primary`, 1024 bytes each. `cursor` begins at 0.
 * False when there are no more.
 */
bool ext_copy_next_difference(const uint8_t primary[1024], const uint8_t copy[1024], size_t *cursor,
			      struct ext_copy_difference *difference);

/*
 * Can `later` have come from `earlier` by what is done to a primary alone: counts and times that
 * went on, known features that were added?
 */
bool ext_superblock_is_later(const uint8_t later[1024], const uint8_t earlier[1024]);

#ifdef __cplusplus
}
#endif

#endif
