/* SPDX-License-Identifier: MIT */
/* Which inodes with more than one name have been written, and under which node first. */
#ifndef RESCUE_HARD_LINKS_H
#define RESCUE_HARD_LINKS_H

#include "rescue/tree.h"

struct hard_link {
	ext_ino ino;
	uint32_t node;	 /* the first that was written; RESCUE_NONE: none so far */
	char digest[65]; /* of its content, for the manifest; "" when there is none */
};

/* Open addressing; `size` is a power of two. */
struct hard_links {
	struct hard_link *slots;
	size_t count, size;
};

/* The entry of an inode, made when there is none. Until the next call. NULL: no memory. */
struct hard_link *hard_links_of(struct hard_links *links, ext_ino ino);
void hard_links_clear(struct hard_links *links);

#endif
