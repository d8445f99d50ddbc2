/* SPDX-License-Identifier: MIT */
/*
 * What one pass over a gzip file finds out: how much it unpacks to, where unpacking can begin, and
 * where long runs of zeros lie, which need not be unpacked again. Memory is bounded: when there is
 * too much, every other checkpoint goes, and later ones are made at twice the distance.
 */
#ifndef IMAGE_GZIP_INDEX_H
#define IMAGE_GZIP_INDEX_H

#include "image/gzip_stream.h"

/* The unit in which gzip is unpacked, kept, and looked through for zeros. */
enum { GZIP_CHUNK_LOG2 = 16, GZIP_CHUNK = 1 << GZIP_CHUNK_LOG2 };

struct gzip_run {
	uint64_t start, end; /* chunks */
};

/* All zero: empty. */
struct gzip_index {
	uint64_t size; /* bytes unpacked */
	struct gzip_checkpoint *checkpoints;
	size_t checkpoint_count, checkpoint_room;
	uint64_t span;		/* bytes between checkpoints, at least */
	uint64_t packed_size;	/* bytes of memory in all windows */
	struct gzip_run *zeros; /* ascending */
	size_t zero_count, zero_room;
};

/*
 * Reads `inner` from front to back. A fault behind at least 512 bytes of output ends the image and
 * is noted in `source`; before that it fails with CORRUPT. LIMIT (image-too-large), MEMORY, IO.
 */
enum ext_status gzip_index_build(struct gzip_index *index, struct ext_source *inner,
				 struct ext_source *source, struct ext_error *error);
void gzip_index_clear(struct gzip_index *index);

/* The last checkpoint at or before byte `out`. There is always one at 0. */
const struct gzip_checkpoint *gzip_index_checkpoint(const struct gzip_index *index, uint64_t out);

/* The first run of zeros that ends behind `chunk`, or NULL. */
const struct gzip_run *gzip_index_zeros(const struct gzip_index *index, uint64_t chunk);

#endif
