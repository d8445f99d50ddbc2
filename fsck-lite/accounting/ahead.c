/* SPDX-License-Identifier: MIT */
/* Gathers ranges of the image that will be read, and hints at them in the order of the disk. */
#include "config.h"

#include <stdlib.h>

#include "accounting/ahead.h"

/* Bytes between two ranges that cost less to read than a request of its own. */
enum { GAP = 32 * 1024 };

void ahead_init(struct ahead *ahead, struct ext_source *source)
{
	ahead->source = source;
	ahead->count = 0;
}

void ahead_add(struct ahead *ahead, uint64_t offset, uint64_t length)
{
	struct ahead_range *last = ahead->count > 0 ? &ahead->ranges[ahead->count - 1] : NULL;
	const uint64_t end = offset + length;

	if (last && offset >= last->start && offset <= last->end) {
		if (end > last->end)
			last->end = end;
		return;
	}
	if (ahead->count == AHEAD_RANGES)
		ahead_tell(ahead);
	ahead->ranges[ahead->count++] = (struct ahead_range){offset, end};
}

static int compare(const void *left, const void *right)
{
	const struct ahead_range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

void ahead_tell(struct ahead *ahead)
{
	struct ahead_range told;

	if (ahead->count > 1)
		qsort(ahead->ranges, ahead->count, sizeof *ahead->ranges, compare);
	for (unsigned i = 0; i < ahead->count;) {
		told = ahead->ranges[i++];
		for (; i < ahead->count && ahead->ranges[i].start <= told.end + GAP; i++)
			if (ahead->ranges[i].end > told.end)
				told.end = ahead->ranges[i].end;
		ext_source_will_need(ahead->source, told.start, told.end - told.start);
	}
	ahead->count = 0;
}
