/* SPDX-License-Identifier: MIT */
/*
 * A part of another source, such as one partition of a disk, counted from its own first byte.
 */
#include "config.h"

#include <stdlib.h>

#include "bytes/checked.h"
#include "image/source.h"

struct window {
	struct ext_source source;
	uint64_t start; /* bytes, in the source below */
};

static enum ext_status window_read(struct ext_source *source, uint64_t offset, void *buffer,
				   size_t length, struct ext_error *error)
{
	const uint64_t start = ((const struct window *)source)->start;
	const enum ext_status status =
		ext_source_read(source->inner, start + offset, buffer, length, error);

	if (status != EXT_OK)
		source_move_error(error, start, 0);
	return status;
}

static enum ext_status window_next_data(struct ext_source *source, uint64_t offset, uint64_t *start,
					uint64_t *end)
{
	const uint64_t window = ((const struct window *)source)->start;
	uint64_t first, last;
	const enum ext_status status =
		ext_source_next_data(source->inner, window + offset, &first, &last);

	if (status != EXT_OK)
		return status;
	if (first - window >= source->size)
		return EXT_END;
	*start = first - window;
	*end = min_u64(last - window, source->size);
	return EXT_OK;
}

static void window_will_need(struct ext_source *source, uint64_t offset, uint64_t length)
{
	ext_source_will_need(source->inner, ((const struct window *)source)->start + offset,
			     length);
}

static bool window_in_memory(struct ext_source *source, uint64_t offset)
{
	return ext_source_in_memory(source->inner, ((const struct window *)source)->start + offset);
}

static void window_expect_reads(struct ext_source *source, enum ext_reads reads)
{
	ext_source_expect_reads(source->inner, reads);
}

static void window_close(struct ext_source *source)
{
	ext_source_close(source->inner);
	free(source);
}

static const struct source_operations window_operations = {
	.read = window_read,
	.next_data = window_next_data,
	.will_need = window_will_need,
	.in_memory = window_in_memory,
	.expect_reads = window_expect_reads,
	.close = window_close,
};

enum ext_status ext_source_open_window(struct ext_source *inner, uint64_t offset, uint64_t size,
				       struct ext_source **source, struct ext_error *error)
{
	const uint64_t start = min_u64(offset, ext_source_size(inner));
	struct window *const window = malloc(sizeof *window);

	if (!window) {
		ext_source_close(inner);
		return ext_no_memory(error);
	}
	source_init(&window->source, &window_operations, inner,
		    min_u64(size, ext_source_size(inner) - start));
	window->start = start;
	*source = &window->source;
	return EXT_OK;
}
