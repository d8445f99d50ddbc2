/* SPDX-License-Identifier: MIT */
/* What the parts of placing share: a file without a place, and a place. */
#ifndef RESCUE_PLACE_H
#define RESCUE_PLACE_H

#include "rescue/grow_tree.h"

/* Where something without a name belongs, as far as any record tells. */
struct home {
	uint32_t parent;
	const char *name;
	size_t length;
	char made_up[16];
};

/* What a file without a place becomes. */
struct found_file {
	ext_ino ino;
	uint8_t type, origin, confidence;
	uint16_t links;
	uint64_t offset;
};

/* The node of directory `ino`, however it is known; RESCUE_NONE if it is none. */
uint32_t place_node_of(const struct grower *grower, ext_ino ino);

/* Hangs the file there. False: no memory. */
bool place_add_name(struct grower *grower, const struct found_file *file, const struct home *home);

/* Names that files had before, where there was a link that was removed. False: no memory. */
bool place_old_names(struct grower *grower);

#endif
