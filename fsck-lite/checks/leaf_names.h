/* SPDX-License-Identifier: MIT */
/* The names of one directory block, all together. */
#ifndef CHECKS_LEAF_NAMES_H
#define CHECKS_LEAF_NAMES_H

#include "checks/directories.h"

enum {
	NAMES_AT_ONCE = 8,
	NAME_SLOTS_MOST = 16384, /* twice the entries that 64 KiB can hold, as a power of two */
};

struct leaf_names {
	const struct directory_view *view;
	bool is_indexed;  /* the hashes are wanted */
	bool hash_is_key; /* and tell names apart, too */
	unsigned version, exact_version;
	uint32_t low, high; /* the hashes so far; low above high: none */
	unsigned count;
	struct ext_dirent waiting[NAMES_AT_ONCE];
	/* Where names stand, by their number: byte / 4 + 1, 0 for an empty slot. */
	uint32_t mask;
	uint16_t slots[NAME_SLOTS_MOST];
};

void leaf_names_begin(struct leaf_names *names, const struct directory_view *view, bool is_indexed);

/* Takes the name of an entry in use that is neither "." nor ".." of a first block. */
void leaf_names_add(struct leaf_names *names, const struct ext_dirent *entry);

/* All names were seen: reports those that are there twice, and notes what an index must know. */
void leaf_names_end(struct leaf_names *names);

#endif
