/* SPDX-License-Identifier: MIT */
/*
 * The front door of all sources: checks ranges, so that no kind of source has to, and knows what to
 * answer when a kind of source knows nothing.
 */
#include "config.h"

#include <string.h>

#include "bytes/checked.h"
#include "image/source.h"

void source_init(struct ext_source *source, const struct source_operations *operations,
		 struct ext_source *inner, uint64_t size)
{
	source->operations = operations;
	source->size = size;
	source->name = inner ? inner->name : "memory";
	source->inner = inner;
	source->finding_count = 0;
}

struct ext_place source_place(uint64_t offset)
{
	const struct ext_place place = {
		.structure = EXT_AT_IMAGE, .has = EXT_HAS_OFFSET, .offset = offset};

	return place;
}

struct ext_finding *source_note(struct ext_source *source, enum ext_problem problem,
				uint64_t offset, uint64_t found, uint64_t low, uint64_t high)
{
	struct ext_finding *finding;

	if (source->finding_count == SOURCE_FINDINGS)
		return NULL;
	finding = &source->findings[source->finding_count++];
	memset(finding, 0, sizeof *finding);
	finding->problem = problem;
	finding->place = source_place(offset);
	finding->found = found;
	finding->low = low;
	finding->high = high;
	return finding;
}

enum ext_status source_fail(struct ext_error *error, enum ext_status status,
			    enum ext_problem problem, uint64_t offset, uint64_t found, uint64_t low,
			    uint64_t high, const char *field)
{
	if (error) {
		ext_fail(error, status, problem, source_place(offset), 0);
		error->place.field = field;
		error->found = found;
		error->low = low;
		error->high = high;
	}
	return status;
}

enum ext_status source_truncated(struct ext_error *error, uint64_t offset, uint64_t length,
				 uint64_t size)
{
	uint64_t end;

	if (!add_fits(offset, length, &end))
		end = UINT64_MAX;
	return source_fail(error, EXT_IO, EXT_IMAGE_TRUNCATED, offset < size ? size : offset, end,
			   0, size, NULL);
}

void source_move_error(struct ext_error *error, uint64_t inner_offset, uint64_t offset)
{
	if (!error || !(error->place.has & EXT_HAS_OFFSET))
		return;
	error->place.offset = error->place.offset > inner_offset
				      ? error->place.offset - inner_offset + offset
				      : offset;
}

enum ext_status source_read_some(struct ext_source *source, uint64_t offset, void *buffer,
				 size_t length, size_t *got, struct ext_error *error)
{
	const uint64_t left = offset < source->size ? source->size - offset : 0;
	const size_t part = left < length ? (size_t)left : length;
	const enum ext_status status = ext_source_read(source, offset, buffer, part, error);

	if (status == EXT_OK)
		*got = part;
	return status;
}

void ext_source_close(struct ext_source *source)
{
	if (source)
		source->operations->close(source);
}

uint64_t ext_source_size(const struct ext_source *source)
{
	return source->size;
}

const char *ext_source_name(const struct ext_source *source)
{
	return source->name;
}

bool ext_source_finding(const struct ext_source *source, size_t index, struct ext_finding *finding)
{
	for (; source; source = source->inner) {
		if (index < source->finding_count) {
			*finding = source->findings[index];
			return true;
		}
		index -= source->finding_count;
	}
	return false;
}

enum ext_status ext_source_read(struct ext_source *source, uint64_t offset, void *buffer,
				size_t length, struct ext_error *error)
{
	if (length == 0)
		return EXT_OK;
	if (!range_inside(offset, length, source->size))
		return source_truncated(error, offset, length, source->size);
	return source->operations->read(source, offset, buffer, length, error);
}

enum ext_status ext_source_next_data(struct ext_source *source, uint64_t offset, uint64_t *start,
				     uint64_t *end)
{
	if (offset >= source->size)
		return EXT_END;
	if (source->operations->next_data)
		return source->operations->next_data(source, offset, start, end);
	*start = offset;
	*end = source->size;
	return EXT_OK;
}

void ext_source_will_need(struct ext_source *source, uint64_t offset, uint64_t length)
{
	if (offset < source->size && source->operations->will_need)
		source->operations->will_need(source, offset,
					      min_u64(length, source->size - offset));
}

bool ext_source_in_memory(struct ext_source *source, uint64_t offset)
{
	return offset >= source->size || !source->operations->in_memory ||
	       source->operations->in_memory(source, offset);
}

void ext_source_expect_reads(struct ext_source *source, enum ext_reads reads)
{
	if (source->operations->expect_reads)
		source->operations->expect_reads(source, reads);
}
