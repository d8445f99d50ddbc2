/* SPDX-License-Identifier: MIT */
/* Three bytes for each inode, in chunks. */
#include "config.h"

#include <stdlib.h>

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
