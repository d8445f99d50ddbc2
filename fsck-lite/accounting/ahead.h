/* SPDX-License-Identifier: MIT */
/*
 * What will be read soon, told to the system before it is read, so that the device is never idle
 * while something is wanted from it. Ranges are gathered in any order; told, they are sorted and
 * joined.
 */
#ifndef ACCOUNTING_AHEAD_H
#define ACCOUNTING_AHEAD_H

#include <ext/source.h>

enum { AHEAD_RANGES = 256 };

struct ahead {
	struct ext_source *source;
	unsigned count;
	struct ahead_range {
		uint64_t start, end; /* bytes */
	} ranges[AHEAD_RANGES];
};

void ahead_init(struct ahead *ahead, struct ext_source *source);

/* Adds a range; what does not fit is told at once with all before. */
void ahead_add(struct ahead *ahead, uint64_t offset, uint64_t length);

/* Tells what was added since the last time. */
void ahead_tell(struct ahead *ahead);

#endif
