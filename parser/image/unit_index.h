/* SPDX-License-Identifier: MIT */
/*
 * Which units of an overlay differ from what lies below, and how: an ordered map from unit numbers
 * to changes, of which one may stand for a run of units. Leaves of a fixed number of entries under
 * one sorted array of leaves, so that an entry costs little more than its own 16 bytes, a lookup is
 * two binary searches, and order comes free.
 */
#ifndef IMAGE_UNIT_INDEX_H
#define IMAGE_UNIT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Changed units: bytes of their own, or a place in another source. A full log has a million of
 * them, many of them in runs.
 */
struct unit_change {
	uint64_t unit : 48;
	uint64_t from : 4;  /* index of the origin that the units read from, or WRITTEN */
	uint64_t more : 12; /* units that follow, here and there; 0 for WRITTEN */
	union {
		uint8_t *data;	      /* when from is WRITTEN; the unit's own memory */
		uint64_t from_offset; /* else: of the first unit */
	};
};

enum { WRITTEN = 15, RUN_MOST = 4096 };

/* The largest unit number that an index takes. */
#define UNIT_MOST ((UINT64_C(1) << 48) - 1)

struct unit_leaf;

/* All zero but for the unit's size: empty. */
struct unit_index {
	unsigned unit_log2;
	struct unit_leaf **leaves; /* ascending, none of them empty */
	size_t count, room;
	size_t last; /* the leaf of the last insertion: the next one is often beside it */
};

/* Frees the bytes that units have of their own, too. */
void unit_index_clear(struct unit_index *index);

/* The change that `unit` has a part in, or NULL; stays until the next insertion or removal. */
struct unit_change *unit_index_find(const struct unit_index *index, uint64_t unit);

/* The change of the first changed unit at or after `unit`, which goes to `*at`; or NULL. */
struct unit_change *unit_index_next(const struct unit_index *index, uint64_t unit, uint64_t *at);

/*
 * The change of `unit` alone, taken out of its run if it is in one, or made with all else zero;
 * NULL when there is no memory.
 */
struct unit_change *unit_index_insert(struct unit_index *index, uint64_t unit);

/*
 * Makes up to `most` unchanged units, from `unit` on, the next ones of the run before them, if they
 * continue that. How many they were: 0 when they do not, or when `unit` is changed.
 */
uint64_t unit_index_append(struct unit_index *index, uint64_t unit, uint64_t most, unsigned from,
			   uint64_t from_offset);

/* Makes `unit` unchanged; its own bytes are the caller's. False when there is no memory. */
bool unit_index_remove(struct unit_index *index, uint64_t unit);

#endif
