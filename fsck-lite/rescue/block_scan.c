/* SPDX-License-Identifier: MIT */
/* Large reads, and block by block where one of them fails. */
#include "config.h"

#include <stdlib.h>

#include <ext/source.h>

#include "rescue/block_scan.h"

enum { CHUNK = 1 << 20 };

static void visit_all(const struct block_scan *scan, uint64_t at, uint8_t *buffer, uint64_t length)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(scan->filesystem);
	struct ext_source *source = ext_filesystem_source(scan->filesystem);
	const bool is_read = ext_source_read(source, at, buffer, (size_t)length, NULL) == EXT_OK;

	for (uint64_t part = 0; part + sb->block_size <= length; part += sb->block_size)
		if (is_read || ext_source_read(source, at + part, buffer + part, sb->block_size,
					       NULL) == EXT_OK)
			scan->visit(scan->context, (at + part) >> sb->block_size_log2,
				    (struct ext_span){buffer + part, sb->block_size});
}

enum ext_status block_scan_run(const struct block_scan *scan, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(scan->filesystem);
	struct ext_source *source = ext_filesystem_source(scan->filesystem);
	const uint64_t mask = sb->block_size - 1;
	const uint64_t end = ext_filesystem_blocks_present(scan->filesystem) << sb->block_size_log2;
	const uint64_t chunk = CHUNK > sb->block_size ? CHUNK : sb->block_size;
	uint8_t *buffer = malloc((size_t)chunk);
	uint64_t at = 0, start, stop;

	if (!buffer)
		return ext_no_memory(error);
	while (at < end && ext_source_next_data(source, at, &start, &stop) == EXT_OK) {
		/* Up to the end of the stretch: behind it the image may have been cut. */
		stop = stop > end ? end : (stop + mask) & ~mask;
		start &= ~mask;
		for (at = start > at ? start : at; at < stop;) {
			const uint64_t length = stop - at < chunk ? stop - at : chunk;

			if (scan->stop && scan->stop()) {
				free(buffer);
				return EXT_OK;
			}
			visit_all(scan, at, buffer, length);
			at += length;
		}
	}
	free(buffer);
	return EXT_OK;
}
