/* SPDX-License-Identifier: MIT */
/*
 * Blocks of directory entries that do not say whose they are, and how their directory is found all
 * the same: by the seed of their checksum, by the ".." of directories that they name, by the ranges
 * of hashes that the index of a directory has for its leaves.
 */
#ifndef RESCUE_LOOSE_LEAVES_H
#define RESCUE_LOOSE_LEAVES_H

#include "rescue/heal.h"
#include "rescue/records.h"

enum loose_home { LOOSE_BLOCK, LOOSE_VERSION, LOOSE_STRAY };

/* One block without "."; in the image, or as the journal has it. */
struct loose_leaf {
	uint64_t at;	/* block number, index of a version, or log block */
	uint32_t votes; /* directories named in it whose ".." says `owner` */
	uint32_t seed;
	ext_ino owner; /* 0: not known */
	uint8_t home;  /* enum loose_home */
	bool has_seed;
};

struct known_seed {
	uint32_t seed;
	ext_ino ino;
};

/* Where the hashes of each leaf of an indexed directory begin. */
struct hash_ranges {
	ext_ino ino;
	uint32_t count;
	uint32_t *starts; /* ascending, the first 0; owned */
};

struct loose_leaves {
	struct loose_leaf *items;
	size_t count, size;
	struct known_seed *seeds;
	size_t seed_count, seed_size;
	struct hash_ranges *ranges;
	size_t range_count, range_size;
	bool out_of_memory;
};

/* Directory `ino` has, or had, this seed. */
void loose_add_seed(struct loose_leaves *loose, uint32_t seed, ext_ino ino);

/* What a first block tells of the other blocks of its directory: its seed, its index. */
void loose_add_first(struct loose_leaves *loose, const struct ext_superblock *superblock,
		     ext_ino ino, struct ext_span block);

/* The directories of the survey: their seeds, and the index of those whose blocks are not all in
 * sight. */
void loose_add_living(struct loose_leaves *loose, const struct survey *survey);

/* A block of entries without an owner. */
void loose_add_leaf(struct loose_leaves *loose, const struct ext_superblock *superblock,
		    uint64_t at, enum loose_home home, struct ext_span block);

/*
 * Finds the owner of each leaf. `records` knows the ghosts; owners of which nothing else is left
 * become ghosts themselves.
 */
void loose_settle(struct loose_leaves *loose, const struct survey *survey,
		  const struct healing *healing, struct records *records);

/* Reads a leaf again. */
bool loose_read(const struct loose_leaf *leaf, const struct survey *survey,
		const struct healing *healing, uint8_t *buffer);

void loose_clear(struct loose_leaves *loose);

#endif
