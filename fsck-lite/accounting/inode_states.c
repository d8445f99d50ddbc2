/* SPDX-License-Identifier: MIT */
/* Three bytes for each inode, in chunks. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/inode_states.h"

bool inode_states_init(struct inode_states *states, const struct ext_superblock *superblock)
{
	uint64_t chunks;

	states->inodes_per_group = superblock->inodes_per_group;
	states->chunks_per_group =
		(superblock->inodes_per_group + INODES_PER_CHUNK - 1) / INODES_PER_CHUNK;
	states->inode_count = superblock->inode_count;
	chunks = (uint64_t)states->chunks_per_group * superblock->group_count;
	states->chunks = NULL;
	if (chunks > SIZE_MAX / sizeof *states->chunks)
		return false;
	states->chunk_count = (size_t)chunks;
	states->chunks = calloc(states->chunk_count, sizeof *states->chunks);
	return states->chunks != NULL;
}

void inode_states_clear(struct inode_states *states)
{
	for (size_t i = 0; states->chunks && i < states->chunk_count; i++)
		free(states->chunks[i]);
	free(states->chunks);
	states->chunks = NULL;
	states->chunk_count = 0;
	states->inode_count = 0;
}

bool inode_states_use(struct inode_states *states, ext_ino ino, uint8_t state, uint16_t links)
{
	const size_t group = (ino - 1) / states->inodes_per_group;
	const uint32_t in_group = (ino - 1) % states->inodes_per_group;
	struct inode_chunk **chunk =
		&states->chunks[group * states->chunks_per_group + in_group / INODES_PER_CHUNK];
	const uint32_t index = in_group % INODES_PER_CHUNK;

	if (!*chunk) {
		*chunk = calloc(1, sizeof **chunk);
		if (!*chunk)
			return false;
	}
	atomic_store_explicit(&(*chunk)->links[index], links, memory_order_relaxed);
	atomic_store_explicit(&(*chunk)->state[index], (uint8_t)(state | STATE_USED),
			      memory_order_relaxed);
	return true;
}

void inode_states_mark(struct inode_states *states, ext_ino ino, uint8_t bits)
{
	uint32_t index;
	struct inode_chunk *chunk;

	if (ino == 0 || ino > states->inode_count)
		return;
	chunk = inode_states_chunk(states, ino, &index);
	if (!chunk)
		return;
	/* Most marks are there already; a load is far cheaper than an atomic write. */
	const uint8_t state = atomic_load_explicit(&chunk->state[index], memory_order_relaxed);

	if ((state & STATE_USED) && (state & bits) != bits)
		atomic_fetch_or_explicit(&chunk->state[index], bits, memory_order_relaxed);
}

uint16_t inode_states_links_left(const struct inode_states *states, ext_ino ino)
{
	uint32_t index;
	struct inode_chunk *chunk;

	if (ino == 0 || ino > states->inode_count)
		return 0;
	chunk = inode_states_chunk(states, ino, &index);
	return chunk ? atomic_load_explicit(&chunk->links[index], memory_order_relaxed) : 0;
}

/* Eight states at once, for the passes over all of them, which one thread makes alone. */
enum { AT_ONCE = 8 };
_Static_assert(sizeof(struct inode_chunk) == 3 * INODES_PER_CHUNK, "atomics are plain bytes");
static const uint64_t each = 0x0101010101010101u;

static uint64_t eight_states(const struct inode_chunk *chunk, uint32_t index)
{
	uint64_t states;

	memcpy(&states, (const char *)chunk + offsetof(struct inode_chunk, state) + index,
	       sizeof states);
	return states;
}

void inode_states_reach_named(struct inode_states *states)
{
	for (size_t i = 0; i < states->chunk_count; i++)
		for (uint32_t at = 0; states->chunks[i] && at < INODES_PER_CHUNK; at += AT_ONCE) {
			const uint64_t eight = eight_states(states->chunks[i], at);
			const uint64_t reached = eight | (eight & each * STATE_NAMED) *
								 (STATE_REACHED / STATE_NAMED);

			memcpy((char *)states->chunks[i] + offsetof(struct inode_chunk, state) + at,
			       &reached, sizeof reached);
		}
}

void inode_states_count(const struct inode_states *states, uint64_t counts[256])
{
	memset(counts, 0, 256 * sizeof *counts);
	for (size_t i = 0; i < states->chunk_count; i++)
		for (uint32_t at = 0; states->chunks[i] && at < INODES_PER_CHUNK; at += AT_ONCE) {
			const uint64_t eight = eight_states(states->chunks[i], at);

			/* Neighbours are alike more often than not. */
			if (eight == (eight & 0xff) * each) {
				counts[eight & 0xff] += AT_ONCE;
				continue;
			}
			for (unsigned shift = 0; shift < 64; shift += 8)
				counts[eight >> shift & 0xff]++;
		}
}

static bool is_odd(const struct inode_chunk *chunk, uint32_t index)
{
	const uint8_t state = atomic_load_explicit(&chunk->state[index], memory_order_relaxed);

	return (state & (STATE_USED | STATE_ORPHAN | STATE_SYSTEM)) == STATE_USED &&
	       (!(state & STATE_NAMED) ||
		atomic_load_explicit(&chunk->links[index], memory_order_relaxed) != 0);
}

/* Are these eight all free, or named as often as they should be? */
static bool all_even(const struct inode_chunk *chunk, uint32_t index)
{
	const uint64_t eight = eight_states(chunk, index);
	uint64_t links[2];

	memcpy(links,
	       (const char *)chunk + offsetof(struct inode_chunk, links) +
		       index * sizeof chunk->links[0],
	       sizeof links);
	return (links[0] | links[1]) == 0 &&
	       (eight / STATE_USED & ~(eight / STATE_NAMED) & each) == 0;
}

ext_ino inode_states_next_odd(const struct inode_states *states, ext_ino from)
{
	for (uint64_t ino = from ? from : 1; ino <= states->inode_count;) {
		const uint32_t in_group = (uint32_t)(ino - 1) % states->inodes_per_group;
		uint32_t index;
		const struct inode_chunk *chunk = inode_states_chunk(states, (ext_ino)ino, &index);
		const uint32_t left = states->inodes_per_group - in_group;
		const uint32_t count =
			left < INODES_PER_CHUNK - index ? left : INODES_PER_CHUNK - index;

		for (uint32_t i = 0; chunk && i < count;) {
			if ((index + i) % AT_ONCE == 0 && all_even(chunk, index + i)) {
				i += AT_ONCE;
				continue;
			}
			if (is_odd(chunk, index + i))
				return (ext_ino)(ino + i);
			i++;
		}
		ino += count;
	}
	return 0;
}

ext_ino inode_states_next(const struct inode_states *states, ext_ino from, uint8_t with,
			  uint8_t without)
{
	for (uint64_t ino = from ? from : 1; ino <= states->inode_count;) {
		const uint32_t in_group = (uint32_t)(ino - 1) % states->inodes_per_group;
		uint32_t index;
		struct inode_chunk *chunk = inode_states_chunk(states, (ext_ino)ino, &index);
		const uint32_t left = states->inodes_per_group - in_group;
		const uint32_t count =
			left < INODES_PER_CHUNK - index ? left : INODES_PER_CHUNK - index;

		for (uint32_t i = 0; chunk && i < count; i++) {
			const uint8_t state = atomic_load_explicit(&chunk->state[index + i],
								   memory_order_relaxed);

			if ((state & with) == with && (state & without) == 0)
				return (ext_ino)(ino + i);
		}
		ino += count;
	}
	return 0;
}
