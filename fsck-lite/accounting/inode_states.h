/* SPDX-License-Identifier: MIT */
/*
 * What is known of each inode in three bytes: its type, what was seen of it, and how many of its
 * links no entry has accounted for yet. Kept in chunks that exist only where an inode is in use.
 * Any number of threads may mark and count at once; a chunk is made by the one that scans its
 * group.
 */
#ifndef ACCOUNTING_INODE_STATES_H
#define ACCOUNTING_INODE_STATES_H

#include <stdatomic.h>

#include <ext/inode.h>

enum {
	STATE_TYPE = 7,	    /* enum ext_file_type */
	STATE_USED = 8,	    /* links, or on the orphan list */
	STATE_NAMED = 16,   /* some directory entry names it */
	STATE_REACHED = 32, /* the root reaches it */
	STATE_ORPHAN = 64,  /* deleted, but still on the orphan list */
	STATE_SYSTEM = 128, /* needs no name: reserved, journal, quota, orphan file, value of an
			       attribute */
};

struct inode_states {
	uint32_t inodes_per_group, chunks_per_group;
	uint32_t inode_count;
	size_t chunk_count;
	struct inode_chunk **chunks; /* NULL: no inode of the chunk is in use */
};

enum { INODES_PER_CHUNK = 1024 };

struct inode_chunk {
	_Atomic uint16_t
		links[INODES_PER_CHUNK]; /* i_links_count less the entries seen, modulo 65536 */
	_Atomic uint8_t state[INODES_PER_CHUNK];
};

bool inode_states_init(struct inode_states *states, const struct ext_superblock *superblock);
void inode_states_clear(struct inode_states *states);

/* Marks an inode as used, with `links` links to be accounted for. False when there is no memory. */
bool inode_states_use(struct inode_states *states, ext_ino ino, uint8_t state, uint16_t links);

static inline struct inode_chunk *inode_states_chunk(const struct inode_states *states, ext_ino ino,
						     uint32_t *index)
{
	const uint32_t group = (ino - 1) / states->inodes_per_group;
	const uint32_t in_group = (ino - 1) % states->inodes_per_group;

	*index = in_group % INODES_PER_CHUNK;
	return states
		->chunks[(size_t)group * states->chunks_per_group + in_group / INODES_PER_CHUNK];
}

/* State bits; 0 for an inode that is not in use or does not exist. */
static inline uint8_t inode_states_get(const struct inode_states *states, ext_ino ino)
{
	uint32_t index;
	struct inode_chunk *chunk;

	if (ino == 0 || ino > states->inode_count)
		return 0;
	chunk = inode_states_chunk(states, ino, &index);
	return chunk ? atomic_load_explicit(&chunk->state[index], memory_order_relaxed) : 0;
}

/* Adds state bits to an inode in use; does nothing to another. */
void inode_states_mark(struct inode_states *states, ext_ino ino, uint8_t bits);

/* Counts one entry that names `ino`, and returns the state it had before; 0 if it is not in use. */
static inline uint8_t inode_states_count_link(struct inode_states *states, ext_ino ino)
{
	uint32_t index;
	struct inode_chunk *chunk;
	uint8_t state;

	if (ino == 0 || ino > states->inode_count)
		return 0;
	chunk = inode_states_chunk(states, ino, &index);
	if (!chunk)
		return 0;
	state = atomic_load_explicit(&chunk->state[index], memory_order_relaxed);
	if (state & STATE_USED)
		atomic_fetch_sub_explicit(&chunk->links[index], 1, memory_order_relaxed);
	return state;
}

/* Links that no entry accounted for, modulo 65536: 0 when the count on disk is right. */
uint16_t inode_states_links_left(const struct inode_states *states, ext_ino ino);

/* All inodes with a name are reached by the root. Nobody else may use the states meanwhile. */
void inode_states_reach_named(struct inode_states *states);

/* How many inodes have each combination of state bits. */
void inode_states_count(const struct inode_states *states, uint64_t counts[256]);

/*
 * The next inode in use at or after `from` that needs a name and has none, or whose links are not
 * all accounted for; 0 at the end.
 */
ext_ino inode_states_next_odd(const struct inode_states *states, ext_ino from);

/*
 * The next inode at or after `from` that has all bits of `with` and none of `without`; 0 at the
 * end.
 */
ext_ino inode_states_next(const struct inode_states *states, ext_ino from, uint8_t with,
			  uint8_t without);

#endif
