/* SPDX-License-Identifier: MIT */
/*
 * Evidence for or against a superblock and its descriptors: what lies at the places that they point
 * at. A checksum only says that somebody once wrote these bytes together; whether they describe
 * this image, only the image can say.
 */
#ifndef WALK_EVIDENCE_H
#define WALK_EVIDENCE_H

#include <ext/filesystem.h>

struct evidence {
	uint32_t good, bad;
};

/* The three locations of a descriptor: all of a backup that may be trusted. */
struct ext_group_locations {
	ext_block block_bitmap, inode_bitmap, inode_table;
	bool readable;
	/* The descriptor says that its bitmap was never written: what lies there proves nothing. */
	bool block_uninit, inode_uninit;
};

struct ext_group_locations group_locations(const struct ext_filesystem *filesystem,
					   ext_group group);
bool locations_equal(const struct ext_group_locations *a, const struct ext_group_locations *b);

/* Do all three lie inside the filesystem, apart from each other? */
bool locations_in_range(const struct ext_superblock *superblock,
			const struct ext_group_locations *where);

/*
 * Do they lie where the kernel wants them: without flex_bg inside the group itself? Those of
 * another geometry's table may be true bitmaps and inodes, but another group's.
 */
bool locations_are_own(const struct ext_superblock *superblock, ext_group group,
		       const struct ext_group_locations *where);

/* How many groups begin inside the image: nothing speaks for or against those behind its end. */
ext_group groups_in_image(const struct ext_source *source, const struct ext_superblock *superblock);

/* Goes on with a digest over the locations of one group after another. */
uint64_t locations_digest(uint64_t digest, const struct ext_group_locations *where);

/* Locations in range, and the descriptor's checksum, if there is one, right. */
bool group_is_plausible(const struct ext_filesystem *filesystem, ext_group group);

/*
 * What lies at `where`: is it the group's bitmaps and inode table? `buffer` has two blocks. A group
 * that was never used is evidence for nothing.
 */
void evidence_of_group(struct ext_source *source, const struct ext_superblock *superblock,
		       ext_group group, const struct ext_group_locations *where, uint8_t *buffer,
		       struct evidence *evidence);

/* The same of a few groups: the first ones, and others evenly over the rest. */
void evidence_of_samples(const struct ext_filesystem *fs, struct evidence *evidence);

/* The two halves of evidence_of_group: of bitmaps that were read already. `block` has one block. */
void evidence_of_block_bitmap(const struct ext_superblock *superblock, ext_group group,
			      const struct ext_group_locations *where, const uint8_t *bitmap,
			      struct evidence *evidence);
void evidence_of_inodes(struct ext_source *source, const struct ext_superblock *superblock,
			ext_group group, const struct ext_group_locations *where,
			const uint8_t *bitmap, uint8_t *block, struct evidence *evidence);

/* The root directory and the journal, seen through this filesystem. */
void evidence_of_root(const struct ext_filesystem *filesystem, struct evidence *evidence);

/* Is the evidence clearly in favour? */
bool evidence_is_sound(const struct evidence *evidence);

/* Is `a` better evidence than `b`, beyond chance? For two accounts of the same places. */
bool evidence_is_better(const struct evidence *a, const struct evidence *b);

/* How much of the evidence is in favour, 0 to 1000; few pieces count less. */
uint32_t evidence_quality(const struct evidence *evidence);

#endif
