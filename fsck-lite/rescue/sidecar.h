/* SPDX-License-Identifier: MIT */
/*
 * What the target could not take, so that nothing is lost silently: one JSON object a line, in a
 * file of its own at the top of the output.
 */
#ifndef RESCUE_SIDECAR_H
#define RESCUE_SIDECAR_H

#include "rescue/copy_out.h"

struct sidecar {
	FILE *lines; /* a temporary file until the end; NULL: nothing so far */
	bool failed;
};

void sidecar_add_owner(struct sidecar *sidecar, const struct copy_item *item);
void sidecar_add_mode(struct sidecar *sidecar, const struct copy_item *item);
void sidecar_add_times(struct sidecar *sidecar, const struct copy_item *item);
void sidecar_add_device(struct sidecar *sidecar, const struct copy_item *item,
			uint32_t major_number, uint32_t minor_number);
void sidecar_add_xattr(struct sidecar *sidecar, const struct copy_item *item,
		       const struct ext_xattr *xattr, struct ext_span value);

/* The file's name. */
extern const char sidecar_name[];

/* Writes what was gathered into directory `root`; nothing if there is nothing. False: cannot. */
bool sidecar_write(struct sidecar *sidecar, int root);
void sidecar_clear(struct sidecar *sidecar);

#endif
