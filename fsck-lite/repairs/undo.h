/* SPDX-License-Identifier: MIT */
/*
 * The undo record: every byte that a repair is about to overwrite, on the disk before the first
 * write. A header, then entries: offset, length, old bytes, new bytes; a checksum over all.
 */
#ifndef REPAIRS_UNDO_H
#define REPAIRS_UNDO_H

#include "repairs/plan.h"
#include "repairs/writer.h"

/*
 * Writes the record of `plan` and flushes it. `path` NULL: beside the image, else in the current
 * directory, under a name that is free; `name` receives it. Complains and returns false on failure.
 */
bool undo_write(const struct plan *plan, const char *image, uint64_t start, const char *path,
		char name[4096]);

/* Puts every byte of the record at `path` back into `image`. Returns an exit status. */
int undo_apply(const char *image, const char *path, bool force);

#endif
