/* SPDX-License-Identifier: MIT */
/*
 * Copy-on-write on another source: what is written stays in memory, and a unit can be made to read
 * from elsewhere, which is how a journal is replayed without copying it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "image/source.h"
#include "image/unit_index.h"

/* A source that units read from, as it lies there or with other bytes at the beginning of each. */
struct origin {
	struct ext_source *source; /* borrowed */
	bool has_head;
	uint8_t head[4];
};

struct overlay {
	struct ext_source source;
	struct ext_source *below; /* borrowed */
	size_t unit;		  /* bytes, a power of two */
	unsigned unit_log2;
	struct unit_index index;
	struct origin *origins; /* what units read from */
	uint16_t origin_count;
};

/* Where a change begins and ends, in bytes. */
static uint64_t start_of(const struct overlay *overlay, const struct unit_change *change)
{
	return (uint64_t)change->unit << overlay->unit_log2;
}
static uint64_t end_of(const struct overlay *overlay, const struct unit_change *change)
{
	return ((uint64_t)change->unit + change->more + 1) << overlay->unit_log2;
}

/* Reads a part of a change: `at` bytes from its start. */
static enum ext_status read_changed(const struct overlay *overlay, const struct unit_change *change,
				    uint64_t at, uint8_t *buffer, size_t length,
				    struct ext_error *error)
{
	const struct origin *origin;
	enum ext_status status;

	if (change->from == WRITTEN) {
		memcpy(buffer, change->data + (size_t)at, length);
		return EXT_OK;
	}
	origin = &overlay->origins[change->from];
	status = ext_source_read(origin->source, change->from_offset + at, buffer, length, error);
	if (status != EXT_OK) {
		source_move_error(error, change->from_offset, start_of(overlay, change));
		return status;
	}
	if (origin->has_head)
		for (; at < sizeof origin->head && length > 0; at++, length--)
			*buffer++ = origin->head[at];
	return EXT_OK;
}

static enum ext_status overlay_read(struct ext_source *source, uint64_t offset, void *buffer,
				    size_t length, struct ext_error *error)
{
	const struct overlay *const overlay = (const struct overlay *)source;
	uint8_t *bytes = buffer;

	while (length > 0) {
		const uint64_t unit = offset >> overlay->unit_log2;
		const struct unit_change *change;
		uint64_t changed = 0;
		enum ext_status status;
		size_t part = length;

		change = unit_index_next(&overlay->index, unit, &changed);
		if (change && changed == unit) {
			part = (size_t)min_u64(length, end_of(overlay, change) - offset);
			status = read_changed(overlay, change, offset - start_of(overlay, change),
					      bytes, part, error);
		} else {
			/* All that lies before the next change, in one read. */
			if (change)
				part = (size_t)min_u64(length, start_of(overlay, change) - offset);
			status = ext_source_read(overlay->below, offset, bytes, part, error);
		}
		if (status != EXT_OK)
			return status;
		bytes += part;
		offset += part;
		length -= part;
	}
	return EXT_OK;
}

static enum ext_status overlay_next_data(struct ext_source *source, uint64_t offset,
					 uint64_t *start, uint64_t *end)
{
	const struct overlay *const overlay = (const struct overlay *)source;
	const enum ext_status status = ext_source_next_data(overlay->below, offset, start, end);
	const struct unit_change *change;
	uint64_t changed = 0;

	change = unit_index_next(&overlay->index, offset >> overlay->unit_log2, &changed);
	if (!change)
		return status;
	changed <<= overlay->unit_log2;
	if (changed < offset)
		changed = offset;
	if (status == EXT_OK && *start <= changed)
		return EXT_OK;
	if (status != EXT_OK && status != EXT_END)
		return status;
	*start = changed;
	*end = min_u64(end_of(overlay, change), source->size);
	return EXT_OK;
}

static void overlay_will_need(struct ext_source *source, uint64_t offset, uint64_t length)
{
	ext_source_will_need(((const struct overlay *)source)->below, offset, length);
}

static bool overlay_in_memory(struct ext_source *source, uint64_t offset)
{
	return ext_source_in_memory(((const struct overlay *)source)->below, offset);
}

static void overlay_expect_reads(struct ext_source *source, enum ext_reads reads)
{
	ext_source_expect_reads(((const struct overlay *)source)->below, reads);
}

static void overlay_close(struct ext_source *source)
{
	struct overlay *const overlay = (struct overlay *)source;

	unit_index_clear(&overlay->index);
	free(overlay->origins);
	free(overlay);
}

static const struct source_operations overlay_operations = {
	.read = overlay_read,
	.next_data = overlay_next_data,
	.will_need = overlay_will_need,
	.in_memory = overlay_in_memory,
	.expect_reads = overlay_expect_reads,
	.close = overlay_close,
};

enum ext_status ext_source_open_overlay(struct ext_source *inner, size_t unit,
					struct ext_source **source, struct ext_error *error)
{
	struct overlay *overlay;

	if (!is_power_of_two(unit) || unit < 512 || unit > 65536 ||
	    ext_source_size(inner) / unit > UNIT_MOST)
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	overlay = calloc(1, sizeof *overlay);
	if (!overlay)
		return ext_no_memory(error);
	/* Not as `inner`: that one would be closed, and its findings told twice. */
	source_init(&overlay->source, &overlay_operations, NULL, ext_source_size(inner));
	overlay->source.name = ext_source_name(inner);
	overlay->below = inner;
	overlay->unit = unit;
	while (unit >> overlay->unit_log2 > 1)
		overlay->unit_log2++;
	overlay->index.unit_log2 = overlay->unit_log2;
	*source = &overlay->source;
	return EXT_OK;
}

enum ext_status ext_overlay_extend(struct ext_source *source, uint64_t size,
				   struct ext_error *error)
{
	const struct overlay *const overlay = (const struct overlay *)source;

	if (size < source->size || size >> overlay->unit_log2 > UNIT_MOST)
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	source->size = size;
	return EXT_OK;
}

/* The unit's own bytes, with what it read as before in them unless all of it will be written. */
static enum ext_status make_written(struct overlay *overlay, uint64_t unit, bool whole,
				    struct unit_change **written, struct ext_error *error)
{
	const uint64_t start = unit << overlay->unit_log2;
	const size_t length = (size_t)min_u64(overlay->unit, overlay->source.size - start);
	struct unit_change *change = unit_index_find(&overlay->index, unit);
	enum ext_status status;
	uint8_t *data;

	if (change && change->from == WRITTEN) {
		*written = change;
		return EXT_OK;
	}
	data = calloc(1, overlay->unit);
	if (!data)
		return ext_no_memory(error);
	if (!whole) {
		status = overlay_read(&overlay->source, start, data, length, error);
		if (status != EXT_OK) {
			free(data);
			return status;
		}
	}
	change = unit_index_insert(&overlay->index, unit);
	if (!change) {
		free(data);
		return ext_no_memory(error);
	}
	change->data = data;
	change->from = WRITTEN;
	*written = change;
	return EXT_OK;
}

enum ext_status ext_overlay_write(struct ext_source *source, uint64_t offset, const void *data,
				  size_t length, struct ext_error *error)
{
	struct overlay *const overlay = (struct overlay *)source;
	const uint8_t *bytes = data;

	if (!range_inside(offset, length, source->size))
		return source_truncated(error, offset, length, source->size);
	while (length > 0) {
		const uint64_t unit = offset >> overlay->unit_log2;
		const size_t at = (size_t)(offset & (overlay->unit - 1));
		const size_t part = (size_t)min_u64(length, overlay->unit - at);
		const bool whole =
			at == 0 && (part == overlay->unit || offset + part == source->size);
		struct unit_change *change = NULL;
		const enum ext_status status = make_written(overlay, unit, whole, &change, error);

		if (status != EXT_OK)
			return status;
		memcpy(change->data + at, bytes, part);
		bytes += part;
		offset += part;
		length -= part;
	}
	return EXT_OK;
}

static bool is_origin(const struct origin *origin, const struct ext_source *from,
		      const uint8_t *head)
{
	return origin->source == from && origin->has_head == (head != NULL) &&
	       (!head || memcmp(origin->head, head, sizeof origin->head) == 0);
}

/* The number of this source, with this head, among the origins. */
static enum ext_status number_of_origin(struct overlay *overlay, struct ext_source *from,
					const uint8_t *head, uint16_t *number,
					struct ext_error *error)
{
	struct origin *origins;

	for (uint16_t i = 0; i < overlay->origin_count; i++) {
		if (is_origin(&overlay->origins[i], from, head)) {
			*number = i;
			return EXT_OK;
		}
	}
	if (overlay->origin_count == WRITTEN)
		return ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	origins = realloc(overlay->origins, (overlay->origin_count + 1u) * sizeof *origins);
	if (!origins)
		return ext_no_memory(error);
	overlay->origins = origins;
	origins[overlay->origin_count] = (struct origin){.source = from, .has_head = head != NULL};
	if (head)
		memcpy(origins[overlay->origin_count].head, head, sizeof origins->head);
	*number = overlay->origin_count++;
	return EXT_OK;
}

/* One unit, whatever it was. */
static enum ext_status redirect_unit(struct overlay *overlay, uint64_t unit, unsigned from,
				     uint64_t from_offset, struct ext_error *error)
{
	struct unit_change *const change = unit_index_insert(&overlay->index, unit);

	if (!change)
		return ext_no_memory(error);
	if (change->from == WRITTEN)
		free(change->data);
	change->from_offset = from_offset;
	change->from = from & WRITTEN;
	return EXT_OK;
}

enum ext_status ext_overlay_redirect(struct ext_source *source, uint64_t offset, uint64_t count,
				     struct ext_source *from, uint64_t from_offset,
				     const uint8_t head[4], struct ext_error *error)
{
	struct overlay *const overlay = (struct overlay *)source;
	uint64_t unit = offset >> overlay->unit_log2;
	enum ext_status status;
	uint16_t number = 0;
	uint64_t length;

	if ((offset & (overlay->unit - 1)) != 0 || from == source || count == 0 ||
	    !shift_fits(count, overlay->unit_log2, &length))
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, source_place(offset), 0);
	if (offset >= source->size || length - overlay->unit >= source->size - offset)
		return source_truncated(error, offset, length, source->size);
	if (!range_inside(from_offset, min_u64(length, source->size - offset),
			  ext_source_size(from)))
		return source_truncated(error, from_offset, length, ext_source_size(from));
	status = number_of_origin(overlay, from, head, &number, error);
	while (status == EXT_OK && count > 0) {
		/* Each unit has a head of its own. */
		uint64_t done =
			head ? 0
			     : unit_index_append(&overlay->index, unit, count, number, from_offset);

		if (done == 0) {
			status = redirect_unit(overlay, unit, number, from_offset, error);
			done = 1;
		}
		unit += done;
		count -= done;
		from_offset += done << overlay->unit_log2;
	}
	return status;
}

void ext_overlay_revert(struct ext_source *source, uint64_t offset)
{
	struct overlay *const overlay = (struct overlay *)source;
	const uint64_t unit = offset >> overlay->unit_log2;
	const struct unit_change *const change = unit_index_find(&overlay->index, unit);
	uint8_t *const own = change && change->from == WRITTEN ? change->data : NULL;

	if (unit_index_remove(&overlay->index, unit))
		free(own);
}

enum ext_status ext_overlay_next_changed(const struct ext_source *source, uint64_t offset,
					 uint64_t *changed)
{
	const struct overlay *const overlay = (const struct overlay *)source;
	const uint64_t mask = overlay->unit - 1;
	uint64_t unit;

	if (offset > UINT64_MAX - mask ||
	    !unit_index_next(&overlay->index, (offset + mask) >> overlay->unit_log2, &unit))
		return EXT_END;
	*changed = unit << overlay->unit_log2;
	return EXT_OK;
}
