/* SPDX-License-Identifier: MIT */
/* One pass over all blocks of a filesystem that may hold something, for whoever searches it. */
#ifndef RESCUE_BLOCK_SCAN_H
#define RESCUE_BLOCK_SCAN_H

#include <ext/filesystem.h>

struct block_scan {
	const struct ext_filesystem *filesystem;
	void (*visit)(void *context, ext_block block, struct ext_span bytes);
	void *context;
	bool (*stop)(void); /* ends it early; or NULL */
};

/*
 * In ascending order. Left out is what the source knows to be zeros, and what cannot be read. Fails
 * with MEMORY.
 */
enum ext_status block_scan_run(const struct block_scan *scan, struct ext_error *error);

#endif
