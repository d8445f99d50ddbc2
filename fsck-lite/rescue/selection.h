/* SPDX-License-Identifier: MIT */
/* Which nodes are to be written: those that paths or globs name, and what is below them. */
#ifndef RESCUE_SELECTION_H
#define RESCUE_SELECTION_H

#include "rescue/output_names.h"

struct selection {
	uint8_t *bits; /* a bit a node: it, or something below it, is wanted */
	bool *matched; /* for each pattern: did it fit anything? */
	size_t pattern_count;
};

/* No pattern: everything. Fails with MEMORY. */
enum ext_status selection_init(struct selection *selection, const struct output_names *names,
			       const char *const *patterns, size_t pattern_count,
			       struct ext_error *error);
void selection_clear(struct selection *selection);

static inline bool selection_holds(const struct selection *selection, uint32_t node)
{
	return (selection->bits[node / 8] >> node % 8 & 1) != 0;
}

#endif
