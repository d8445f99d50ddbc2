/* SPDX-License-Identifier: MIT */
/* The checksums of what came out, for `sha256sum -c`. */
#ifndef RESCUE_MANIFEST_H
#define RESCUE_MANIFEST_H

#include <stdio.h>

#include "rescue/writer.h"

/*
 * A line for one file: names with a backslash or a line end are quoted, and the line says so. A
 * comment before it tells that the file is not whole.
 */
void manifest_put(FILE *manifest, const struct copy_item *item, const char *digest);

/* Every byte counts for a checksum: some files have more of holes than anybody waits for. */
bool manifest_has_too_many_holes(struct content *content, const struct ext_inode *inode);

#endif
