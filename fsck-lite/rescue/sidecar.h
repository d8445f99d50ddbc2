/* SPDX-License-Identifier: MIT */
/*
 * What the target could not take, so that nothing is lost silently: one JSON object a line, in a
 * file of its own at the top of the output.
 */
#ifndef RESCUE_SIDECAR_H
#define RESCUE_SIDECAR_H

#include <stdio.h>

#include <ext/xattr.h>

struct copy_item;

struct sidecar {
	FILE *lines; /* a temporary file until the end; NULL: nothing so far */
	bool failed; /* some of it could not be kept */
};

void sidecar_add_owner(struct sidecar *sidecar, const struct copy_item *item);
void sidecar_add_mode(struct sidecar *sidecar, const struct copy_item *item);
void sidecar_add_times(struct sidecar *sidecar, const struct copy_item *item);
/* A device node, or a socket. */
void sidecar_add_special(struct sidecar *sidecar, const struct copy_item *item);
void sidecar_add_xattr(struct sidecar *sidecar, const struct copy_item *item,
		       const struct ext_xattr *xattr, struct ext_span value);
/* Inode flags and project; nothing when there is nothing to say. True: something was added. */
bool sidecar_add_flags(struct sidecar *sidecar, const struct copy_item *item);
/* Where bytes of the file are missing. */
void sidecar_add_gaps(struct sidecar *sidecar, const struct copy_item *item);

/* How many bytes there are, for who writes them; false: some of it could not be kept. */
bool sidecar_end(struct sidecar *sidecar, uint64_t *size);
/* The next bytes, after sidecar_end; 0 at the end. */
size_t sidecar_read(struct sidecar *sidecar, void *buffer, size_t size);
void sidecar_clear(struct sidecar *sidecar);

#endif
