/* SPDX-License-Identifier: MIT */
/*
 * Which units of an overlay differ from what lies below, and how: an ordered map from unit numbers
 * to changes. Leaves of a fixed number of entries under one sorted array of leaves, so that an
 * entry costs little more than its own 16 bytes, a lookup is two binary searches, and order comes
 * free.
 */
#ifndef IMAGE_UNIT_INDEX_H
#define IMAGE_UNIT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One changed unit: bytes of its own, or a place in another source. A full log has a million. */
struct unit_change {
	uint64_t unit : 48;
	uint64_t from : 16; /* index of the origin that the unit reads from, or WRITTEN */
	union {
		uint8_t *data;	      /* when from is WRITTEN; the unit's own memory */
		uint64_t from_offset; /* else */
	};
};

enum { WRITTEN = UINT16_MAX };

/* The largest unit number that an index takes. */
#define UNIT_MOST ((UINT64_C(1) << 48) - 1)

struct unit_leaf;

/* All zero: empty. */
struct unit_index {
	struct unit_leaf **leaves; /* ascending, none of them empty */
	size_t count, room;
	size_t last; /* the leaf of the last insertion: the next one is often beside it */
};

/* Frees the bytes that units have of their own, too. */
void unit_index_clear(struct unit_index *index);

/* The change of `unit`, or NULL; stays until the next insertion or removal. */
struct unit_change *unit_index_find(const struct unit_index *index, uint64_t unit);

/* The first change at or after `unit`, or NULL. */
struct unit_change *unit_index_next(const struct unit_index *index, uint64_t unit);

/* The change of `unit`, made with all else zero when it is new; NULL when there is no memory. */
struct unit_change *unit_index_insert(struct unit_index *index, uint64_t unit);

/* Takes the change of `unit` out, if there is one. */
void unit_index_remove(struct unit_index *index, uint64_t unit);

#endif
