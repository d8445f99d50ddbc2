/* SPDX-License-Identifier: MIT */
/*
 * What a repair will write, before it writes anything: a list of writes in the order in which they
 * are to reach the disk, and whether the image is better with them.
 */
#ifndef REPAIRS_PLAN_H
#define REPAIRS_PLAN_H

#include <ext/filesystem.h>

enum planned_kind { PLANNED_SUPERBLOCK, PLANNED_DESCRIPTORS, PLANNED_RESERVED };

/*
 * Phases, with a flush between: what a later phase makes valid is complete before it. The primary
 * comes first, since the copies that it is made from must stay untouched until it is whole.
 */
enum planned_phase {
	PHASE_PRIMARY_DESCRIPTORS,
	PHASE_PRIMARY_SUPERBLOCK,
	PHASE_COPY_DESCRIPTORS,
	PHASE_COPY_SUPERBLOCKS,
	PHASE_COUNT
};

struct planned_write {
	enum planned_kind kind;
	enum planned_phase phase;
	ext_group group; /* whose copy it belongs to */
	uint32_t index;	 /* of the descriptor block */
	uint64_t offset; /* bytes from the start of the filesystem */
	uint32_t length;
	const char *why;	 /* a string constant */
	uint8_t *before, *after; /* `length` bytes each; owned by the plan */
};

struct plan {
	struct planned_write *writes; /* sorted by phase */
	size_t count, room;
};

/* What a walk through the image comes to, for the proof. */
struct proof {
	bool opens;
	uint64_t reached_inodes, reached_blocks, lost_inodes, used_but_marked_free, shared_blocks;
};

void plan_clear(struct plan *plan);

/* Adds a write unless the bytes are there already. Both buffers are copied. False: no memory. */
bool plan_add(struct plan *plan, const struct planned_write *write);

#endif
