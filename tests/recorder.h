/* SPDX-License-Identifier: MIT */
/* Makes a source remember what it was told that will be needed. */
#ifndef TESTS_RECORDER_H
#define TESTS_RECORDER_H

#include "image/source.h"

enum { RECORDED = 64 };

struct recorded {
	uint64_t offset, length;
};

static struct recorded recorded[RECORDED];
static unsigned recorded_count;

static inline void record(struct ext_source *source, uint64_t offset, uint64_t length)
{
	(void)source;
	if (recorded_count < RECORDED)
		recorded[recorded_count] = (struct recorded){offset, length};
	recorded_count++;
}

static inline bool never_in_memory(struct ext_source *source, uint64_t offset)
{
	(void)source;
	(void)offset;
	return false;
}

/* `source` goes on as before, but as if one had to wait for it, and its hints are recorded. */
static inline void record_hints(struct ext_source *source)
{
	static struct source_operations operations;

	operations = *source->operations;
	operations.will_need = record;
	operations.in_memory = never_in_memory;
	source->operations = &operations;
	recorded_count = 0;
}

#endif
