/* SPDX-License-Identifier: MIT */
/*
 * The ordered map of an overlay's changed units.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "image/unit_index.h"

enum { LEAF_ENTRIES = 126 };

struct unit_leaf {
	size_t count;
	struct unit_change changes[LEAF_ENTRIES]; /* ascending by unit */
};

void unit_index_clear(struct unit_index *index)
{
	for (size_t i = 0; i < index->count; i++) {
		const struct unit_leaf *const leaf = index->leaves[i];

		for (size_t j = 0; j < leaf->count; j++)
			if (leaf->changes[j].from == WRITTEN)
				free(leaf->changes[j].data);
		free(index->leaves[i]);
	}
	free(index->leaves);
	*index = (struct unit_index){.count = 0};
}

/* The last leaf whose first unit is not above `unit`; 0 when there is none such. */
static size_t leaf_for(const struct unit_index *index, uint64_t unit)
{
	size_t low = 0, high = index->count;

	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;

		if (index->leaves[middle]->changes[0].unit <= unit)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The first entry of the leaf at or above `unit`; its count when there is none. */
static size_t entry_for(const struct unit_leaf *leaf, uint64_t unit)
{
	size_t low = 0, high = leaf->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (leaf->changes[middle].unit < unit)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has_part(const struct unit_change *change, uint64_t unit)
{
	return unit - change->unit <= change->more;
}

struct unit_change *unit_index_next(const struct unit_index *index, uint64_t unit, uint64_t *at)
{
	struct unit_leaf *leaf;
	struct unit_change *change;
	size_t number, entry;

	if (index->count == 0)
		return NULL;
	number = leaf_for(index, unit);
	leaf = index->leaves[number];
	entry = entry_for(leaf, unit);
	*at = unit;
	if (entry > 0 && has_part(&leaf->changes[entry - 1], unit))
		return &leaf->changes[entry - 1];
	if (entry < leaf->count)
		change = &leaf->changes[entry];
	else if (number + 1 < index->count)
		change = &index->leaves[number + 1]->changes[0];
	else
		return NULL;
	*at = change->unit;
	return change;
}

struct unit_change *unit_index_find(const struct unit_index *index, uint64_t unit)
{
	uint64_t at;
	struct unit_change *const change = unit_index_next(index, unit, &at);

	return change && at == unit ? change : NULL;
}

/* Does `unit` belong into leaf `at`, which may not be there any more? */
static bool is_in_leaf(const struct unit_index *index, size_t at, uint64_t unit)
{
	return at < index->count && index->leaves[at]->count > 0 &&
	       index->leaves[at]->changes[0].unit <= unit &&
	       (at + 1 == index->count || unit < index->leaves[at + 1]->changes[0].unit);
}

/* A new empty leaf as number `at`; NULL when there is no memory. */
static struct unit_leaf *add_leaf(struct unit_index *index, size_t at)
{
	struct unit_leaf *leaf;

	if (index->count == index->room) {
		const size_t room = index->room ? index->room * 2 : 16;
		struct unit_leaf **const leaves = realloc(index->leaves, room * sizeof(*leaves));

		if (!leaves)
			return NULL;
		index->leaves = leaves;
		index->room = room;
	}
	leaf = malloc(sizeof *leaf);
	if (!leaf)
		return NULL;
	leaf->count = 0;
	memmove(index->leaves + at + 1, index->leaves + at,
		(index->count - at) * sizeof(*index->leaves));
	index->leaves[at] = leaf;
	index->count++;
	return leaf;
}

/* The change that begins with `unit`, which no run before it reaches; a new one is all zero. */
static struct unit_change *begin_at(struct unit_index *index, uint64_t unit)
{
	struct unit_leaf *leaf;
	size_t at, entry;

	if (index->count == 0 && !add_leaf(index, 0))
		return NULL;
	at = is_in_leaf(index, index->last, unit) ? index->last : leaf_for(index, unit);
	leaf = index->leaves[at];
	entry = entry_for(leaf, unit);
	if (entry < leaf->count && leaf->changes[entry].unit == unit)
		return &leaf->changes[entry];
	if (leaf->count == LEAF_ENTRIES) {
		/* In ascending order, the usual one, leaves stay full: nothing moves over. */
		const size_t keep = entry == LEAF_ENTRIES ? LEAF_ENTRIES : LEAF_ENTRIES / 2;
		struct unit_leaf *const right = add_leaf(index, at + 1);

		if (!right)
			return NULL;
		right->count = LEAF_ENTRIES - keep;
		memcpy(right->changes, leaf->changes + keep,
		       right->count * sizeof(*right->changes));
		leaf->count = keep;
		if (entry > keep || keep == LEAF_ENTRIES) {
			leaf = right;
			entry -= keep;
			at++;
		}
	}
	index->last = at;
	memmove(leaf->changes + entry + 1, leaf->changes + entry,
		(leaf->count - entry) * sizeof(*leaf->changes));
	leaf->count++;
	leaf->changes[entry] = (struct unit_change){.unit = unit & UNIT_MOST};
	return &leaf->changes[entry];
}

/* Makes `unit` the beginning of its change, if it has a part in one. */
static bool cut_before(struct unit_index *index, uint64_t unit)
{
	struct unit_change *const change = unit_index_find(index, unit);
	struct unit_change *right;
	struct unit_change rest;
	uint64_t kept;

	if (!change || change->unit == unit)
		return true;
	rest = *change;
	kept = unit - change->unit;
	change->more = (kept - 1) & (RUN_MOST - 1);
	right = begin_at(index, unit);
	if (!right) {
		change->more = rest.more;
		return false;
	}
	right->from = rest.from;
	right->more = (rest.more - kept) & (RUN_MOST - 1);
	right->from_offset = rest.from_offset + (kept << index->unit_log2);
	return true;
}

struct unit_change *unit_index_insert(struct unit_index *index, uint64_t unit)
{
	if (!cut_before(index, unit) || (unit < UNIT_MOST && !cut_before(index, unit + 1)))
		return NULL;
	return begin_at(index, unit);
}

uint64_t unit_index_append(struct unit_index *index, uint64_t unit, uint64_t most, unsigned from,
			   uint64_t from_offset)
{
	struct unit_leaf *leaf;
	struct unit_change *before;
	const struct unit_change *after = NULL;
	size_t at, entry;
	uint64_t length;

	if (index->count == 0 || most == 0 || from == WRITTEN)
		return 0;
	at = is_in_leaf(index, index->last, unit) ? index->last : leaf_for(index, unit);
	leaf = index->leaves[at];
	entry = entry_for(leaf, unit);
	if (entry == 0)
		return 0;
	before = &leaf->changes[entry - 1];
	length = (uint64_t)before->more + 1;
	if (before->from != from || before->unit + length != unit ||
	    before->from_offset + (length << index->unit_log2) != from_offset)
		return 0;
	if (entry < leaf->count)
		after = &leaf->changes[entry];
	else if (at + 1 < index->count)
		after = &index->leaves[at + 1]->changes[0];
	most = min_u64(most, RUN_MOST - length);
	if (after)
		most = min_u64(most, after->unit - unit);
	before->more = (length + most - 1) & (RUN_MOST - 1);
	index->last = at;
	return most;
}

bool unit_index_remove(struct unit_index *index, uint64_t unit)
{
	struct unit_leaf *leaf;
	size_t at, entry;

	if (!cut_before(index, unit) || (unit < UNIT_MOST && !cut_before(index, unit + 1)))
		return false;
	if (index->count == 0)
		return true;
	at = leaf_for(index, unit);
	leaf = index->leaves[at];
	entry = entry_for(leaf, unit);
	if (entry == leaf->count || leaf->changes[entry].unit != unit)
		return true;
	leaf->count--;
	memmove(leaf->changes + entry, leaf->changes + entry + 1,
		(leaf->count - entry) * sizeof(*leaf->changes));
	if (leaf->count > 0)
		return true;
	free(leaf);
	index->count--;
	memmove(index->leaves + at, index->leaves + at + 1,
		(index->count - at) * sizeof(*index->leaves));
	return true;
}
