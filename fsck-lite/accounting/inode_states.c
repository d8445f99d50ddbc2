/* SPDX-License-Identifier: MIT */
/* A word for each inode, in chunks. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/pages.h>

#include "accounting/grow.h"
#include "accounting/inode_states.h"
#include "accounting/order.h"

bool inode_states_init(struct inode_states *states, const struct ext_superblock *superblock)
{
	*states = (struct inode_states){0};
	states->inode_count = superblock->inode_count;
	states->chunk_count = (superblock->inode_count - 1) / INODES_PER_CHUNK + 1;
	states->chunks = calloc(states->chunk_count, sizeof *states->chunks);
	if (states->chunks)
		lock_init(&states->lock);
	return states->chunks != NULL;
}

void inode_states_clear(struct inode_states *states)
{
	if (!states->chunks)
		return;
	for (size_t i = 0; i < states->slab_count; i++)
		free(states->slabs[i].chunks);
	free(states->slabs);
	free(states->crossed);
	free(states->chunks);
	lock_clear(&states->lock);
	*states = (struct inode_states){0};
}

/* Zeroed memory for more chunks; false when there is none. */
static bool make_slab(const struct inode_states *states, struct inode_slab *slab)
{
	*slab = (struct inode_slab){.count = CHUNKS_PER_LARGE_SLAB};
	if (states->slab_count >= SMALL_SLABS)
		slab->chunks = ext_pages_large();
	if (!slab->chunks) {
		slab->count = CHUNKS_PER_SLAB;
		slab->chunks = malloc(CHUNKS_PER_SLAB * sizeof *slab->chunks);
		ext_pages_expect(slab->chunks, CHUNKS_PER_SLAB * sizeof *slab->chunks);
	}
	if (slab->chunks)
		memset(slab->chunks, 0, slab->count * sizeof *slab->chunks);
	return slab->chunks != NULL;
}

/* A chunk that nobody has; NULL when there is no memory. */
static struct inode_chunk *take_chunk(struct inode_states *states)
{
	struct inode_slab *slab =
		states->slab_count > 0 ? &states->slabs[states->slab_count - 1] : NULL;

	if (!slab || slab->used == slab->count) {
		if (!GROW(states->slabs, states->slab_count, states->slab_size))
			return NULL;
		slab = &states->slabs[states->slab_count];
		if (!make_slab(states, slab))
			return NULL;
		states->slab_count++;
	}
	return &slab->chunks[slab->used++];
}

/* The chunk, made if there is none: by whoever comes first, for groups share chunks. */
static struct inode_chunk *make_chunk(struct inode_states *states,
				      struct inode_chunk *_Atomic *place)
{
	struct inode_chunk *chunk;

	lock_take(&states->lock);
	chunk = atomic_load_explicit(place, memory_order_relaxed);
	if (!chunk) {
		chunk = take_chunk(states);
		atomic_store_explicit(place, chunk, memory_order_release);
	}
	lock_give(&states->lock);
	return chunk;
}

bool inode_states_use(struct inode_states *states, ext_ino ino, uint8_t state, uint16_t links)
{
	struct inode_chunk *_Atomic *const place =
		&states->chunks[(ino - 1) >> INODES_PER_CHUNK_LOG2];
	struct inode_chunk *chunk = atomic_load_explicit(place, memory_order_acquire);

	if (!chunk)
		chunk = make_chunk(states, place);
	if (!chunk)
		return false;
	atomic_store_explicit(&chunk->words[(ino - 1) % INODES_PER_CHUNK],
			      links | (uint32_t)(state | STATE_USED) << STATE_SHIFT,
			      memory_order_relaxed);
	return true;
}

void inode_states_mark(struct inode_states *states, ext_ino ino, uint8_t bits)
{
	_Atomic uint32_t *const word = inode_states_word(states, ino);
	uint8_t state;

	if (!word)
		return;
	/* Most marks are there already; a load is far cheaper than an atomic write. */
	state = (uint8_t)(atomic_load_explicit(word, memory_order_relaxed) >> STATE_SHIFT);
	if ((state & STATE_USED) && (state & bits) != bits)
		atomic_fetch_or_explicit(word, (uint32_t)bits << STATE_SHIFT, memory_order_relaxed);
}

uint16_t inode_states_links_left(const struct inode_states *states, ext_ino ino)
{
	_Atomic uint32_t *const word = inode_states_word(states, ino);

	return word ? (uint16_t)(atomic_load_explicit(word, memory_order_relaxed) & STATE_LINKS)
		    : 0;
}

void inode_states_cross(struct inode_states *states, ext_ino ino)
{
	lock_take(&states->lock);
	if (GROW(states->crossed, states->crossed_count, states->crossed_size))
		states->crossed[states->crossed_count++] = ino;
	else
		states->crossed_lost = true;
	lock_give(&states->lock);
}

void inode_states_sort_crossed(struct inode_states *states)
{
	if (states->crossed_count > 1)
		qsort(states->crossed, states->crossed_count, sizeof *states->crossed,
		      compare_inos);
}

uint64_t inode_states_names(const struct inode_states *states, ext_ino ino, uint16_t links)
{
	size_t at = first_ino_at(states->crossed, states->crossed_count, ino);
	uint64_t names = links;

	for (; at < states->crossed_count && states->crossed[at] == ino; at++)
		names += STATE_LINKS + 1;
	return names - inode_states_links_left(states, ino);
}

/* One word of a chunk that nobody changes now. */
static uint32_t word_of(const struct inode_chunk *chunk, uint32_t index)
{
	return atomic_load_explicit(&chunk->words[index], memory_order_relaxed);
}

void inode_states_reach_named(struct inode_states *states)
{
	const uint32_t named = (uint32_t)STATE_NAMED << STATE_SHIFT;

	for (size_t i = 0; i < states->chunk_count; i++) {
		struct inode_chunk *const chunk = states->chunks[i];

		for (uint32_t at = 0; chunk && at < INODES_PER_CHUNK; at++) {
			const uint32_t word = word_of(chunk, at);

			atomic_store_explicit(&chunk->words[at],
					      word | (word & named) * (STATE_REACHED / STATE_NAMED),
					      memory_order_relaxed);
		}
	}
}

void inode_states_count(const struct inode_states *states, uint64_t counts[256])
{
	memset(counts, 0, 256 * sizeof *counts);
	for (size_t i = 0; i < states->chunk_count; i++) {
		const struct inode_chunk *const chunk = states->chunks[i];
		uint32_t state = 0, alike = 0;

		/* Neighbours are alike more often than not. */
		for (uint32_t at = 0; chunk && at < INODES_PER_CHUNK; at++) {
			const uint32_t next = word_of(chunk, at) >> STATE_SHIFT;

			if (next != state) {
				counts[state] += alike;
				state = next;
				alike = 0;
			}
			alike++;
		}
		counts[state] += alike;
	}
}

/* The first inode at or after `from` whose word `is_wanted`; inlined into its callers. */
static inline ext_ino next_inode(const struct inode_states *states, ext_ino from,
				 bool (*is_wanted)(uint32_t word, uint32_t with, uint32_t without),
				 uint32_t with, uint32_t without)
{
	for (uint64_t at = from ? from - 1 : 0; at < states->inode_count;) {
		const struct inode_chunk *const chunk = states->chunks[at >> INODES_PER_CHUNK_LOG2];
		const uint64_t end = (at | (INODES_PER_CHUNK - 1)) + 1;

		for (; chunk && at < end; at++)
			if (is_wanted(word_of(chunk, (uint32_t)at % INODES_PER_CHUNK), with,
				      without))
				return (ext_ino)(at + 1);
		at = end;
	}
	return 0;
}

static inline bool has_bits(uint32_t word, uint32_t with, uint32_t without)
{
	return (word & with) == with && (word & without) == 0;
}

/* In use, not excused by `without`, and without a name or with links that nothing accounts for. */
static inline bool is_odd(uint32_t word, uint32_t with, uint32_t without)
{
	return has_bits(word, with, without) &&
	       (word & (STATE_LINKS | (uint32_t)STATE_NAMED << STATE_SHIFT)) !=
		       (uint32_t)STATE_NAMED << STATE_SHIFT;
}

ext_ino inode_states_next(const struct inode_states *states, ext_ino from, uint8_t with,
			  uint8_t without)
{
	return next_inode(states, from, has_bits, (uint32_t)with << STATE_SHIFT,
			  (uint32_t)without << STATE_SHIFT);
}

ext_ino inode_states_next_odd(const struct inode_states *states, ext_ino from)
{
	return next_inode(states, from, is_odd, (uint32_t)STATE_USED << STATE_SHIFT,
			  (uint32_t)(STATE_ORPHAN | STATE_SYSTEM) << STATE_SHIFT);
}

uint64_t inode_states_used(const struct inode_states *states, ext_ino first, unsigned count)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < count;) {
		const uint64_t at = (uint64_t)first - 1 + i;
		const unsigned left = INODES_PER_CHUNK - (unsigned)(at % INODES_PER_CHUNK);
		const unsigned end = i + (left < count - i ? left : count - i);
		const struct inode_chunk *const chunk =
			at < states->inode_count ? states->chunks[at >> INODES_PER_CHUNK_LOG2]
						 : NULL;

		for (unsigned j = i; chunk && j < end; j++)
			used |= (uint64_t)(word_of(chunk,
						   (uint32_t)(at + j - i) % INODES_PER_CHUNK) >>
						   STATE_SHIFT &
					   STATE_USED) /
					STATE_USED
				<< j;
		i = end;
	}
	return used;
}
