/* SPDX-License-Identifier: MIT */
/*
 * What is known of each inode in one word: its type, what was seen of it, and how many of its links
 * no entry has accounted for yet. Kept in chunks that exist only where an inode is in use. Any
 * number of threads may use, mark and count at once.
 */
#ifndef ACCOUNTING_INODE_STATES_H
#define ACCOUNTING_INODE_STATES_H

#include <stdatomic.h>

#include <ext/inode.h>
#include <ext/pages.h>

#include "accounting/lock.h"

enum {
	STATE_TYPE = 7,	    /* enum ext_file_type */
	STATE_USED = 8,	    /* links, or on the orphan list */
	STATE_NAMED = 16,   /* some directory entry names it */
	STATE_REACHED = 32, /* the root reaches it */
	STATE_ORPHAN = 64,  /* deleted, but still on the orphan list */
	STATE_SYSTEM = 128, /* needs no name: reserved, journal, quota, orphan file, value of an
			       attribute */
};

enum {
	INODES_PER_CHUNK_LOG2 = 10,
	INODES_PER_CHUNK = 1 << INODES_PER_CHUNK_LOG2,
	/* i_links_count less the entries seen, modulo 65536, in the low half of a word. */
	STATE_LINKS = 0xffff,
	STATE_SHIFT = 16, /* the state bits above it */
	/* Where few inodes are in use, slabs are small. */
	CHUNKS_PER_SLAB = 32,
	SMALL_SLABS = 10,
	CHUNKS_PER_LARGE_SLAB = EXT_LARGE_PAGE / 4 / INODES_PER_CHUNK,
};

struct inode_chunk {
	_Atomic uint32_t words[INODES_PER_CHUNK];
};

/* Chunks come from the system several at a time. */
struct inode_slab {
	struct inode_chunk *chunks;
	unsigned used, count;
};

struct inode_states {
	uint32_t inode_count;
	size_t chunk_count;
	struct inode_chunk *_Atomic *chunks; /* NULL: no inode of the chunk is in use */
	struct inode_slab *slabs;
	size_t slab_count, slab_size;
	ext_ino *crossed; /* each time that a link count in a word went below zero */
	size_t crossed_count, crossed_size;
	bool crossed_lost; /* no memory for one */
	struct lock lock;  /* of the slabs, and of these */
};

bool inode_states_init(struct inode_states *states, const struct ext_superblock *superblock);
void inode_states_clear(struct inode_states *states);

/* Marks an inode as used, with `links` links to be accounted for. False when there is no memory. */
bool inode_states_use(struct inode_states *states, ext_ino ino, uint8_t state, uint16_t links);

/* The word of an inode; NULL for one that does not exist, or none near which is in use. */
static inline _Atomic uint32_t *inode_states_word(const struct inode_states *states, ext_ino ino)
{
	struct inode_chunk *chunk;

	if (ino == 0 || ino > states->inode_count)
		return NULL;
	chunk = atomic_load_explicit(&states->chunks[(ino - 1) >> INODES_PER_CHUNK_LOG2],
				     memory_order_acquire);
	return chunk ? &chunk->words[(ino - 1) % INODES_PER_CHUNK] : NULL;
}

/* Its state will soon be asked for and changed: entries name inodes in no order of memory. */
static inline void inode_states_expect(const struct inode_states *states, ext_ino ino)
{
#if defined __GNUC__
	_Atomic uint32_t *const word = inode_states_word(states, ino);

	if (word)
		__builtin_prefetch(word, 1);
#else
	(void)states;
	(void)ino;
#endif
}

/* State bits; 0 for an inode that is not in use or does not exist. */
static inline uint8_t inode_states_get(const struct inode_states *states, ext_ino ino)
{
	_Atomic uint32_t *const word = inode_states_word(states, ino);

	return word ? (uint8_t)(atomic_load_explicit(word, memory_order_relaxed) >> STATE_SHIFT)
		    : 0;
}

/* Adds state bits to an inode in use; does nothing to another. */
void inode_states_mark(struct inode_states *states, ext_ino ino, uint8_t bits);

/* Notes that more entries than links, or 65536 more, name an inode: words count in 16 bits. */
void inode_states_cross(struct inode_states *states, ext_ino ino);

/*
 * Counts one entry that names `ino`, adds `bits` to its state, and returns the state it had before;
 * 0 (and nothing is done) if it is not in use.
 */
static inline uint8_t inode_states_count_link(struct inode_states *states, ext_ino ino,
					      uint8_t bits)
{
	_Atomic uint32_t *const word = inode_states_word(states, ino);
	uint32_t before, after;

	if (!word)
		return 0;
	before = atomic_load_explicit(word, memory_order_relaxed);
	do {
		if (!(before >> STATE_SHIFT & STATE_USED))
			return 0;
		after = (before & ~(uint32_t)STATE_LINKS) | ((before - 1) & STATE_LINKS) |
			(uint32_t)bits << STATE_SHIFT;
	} while (!atomic_compare_exchange_weak_explicit(word, &before, after, memory_order_relaxed,
							memory_order_relaxed));
	if ((before & STATE_LINKS) == 0)
		inode_states_cross(states, ino);
	return (uint8_t)(before >> STATE_SHIFT);
}

/* Links that no entry accounted for, modulo 65536: 0 when the count on disk is right. */
uint16_t inode_states_links_left(const struct inode_states *states, ext_ino ino);

/* What follows looks at all inodes; nobody may change a state meanwhile. */

/* To be called once, when all entries are counted: puts in order what inode_states_names() asks. */
void inode_states_sort_crossed(struct inode_states *states);

/* How many entries name an inode that has `links` links on disk. */
uint64_t inode_states_names(const struct inode_states *states, ext_ino ino, uint16_t links);

/* All inodes with a name are reached by the root. */
void inode_states_reach_named(struct inode_states *states);

/* How many inodes have each combination of state bits. */
void inode_states_count(const struct inode_states *states, uint64_t counts[256]);

/*
 * The next inode at or after `from` that has all bits of `with` and none of `without`; 0 at the
 * end.
 */
ext_ino inode_states_next(const struct inode_states *states, ext_ino from, uint8_t with,
			  uint8_t without);

/*
 * The next inode in use at or after `from` that needs a name and has none, or whose links are not
 * all accounted for, modulo 65536; 0 at the end.
 */
ext_ino inode_states_next_odd(const struct inode_states *states, ext_ino from);

/* `count` inodes from `first` on, 64 at most: a bit for each that is in use, the first in bit 0. */
uint64_t inode_states_used(const struct inode_states *states, ext_ino first, unsigned count);

#endif
