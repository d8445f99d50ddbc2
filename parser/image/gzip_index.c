/* SPDX-License-Identifier: MIT */
/*
 * The pass over a gzip file that makes random access possible.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "image/gzip_index.h"

/* Less than a sector is no image: a file that unpacks to so little and then fails is not gzip. */
enum { LEAST_OUTPUT = 512 };

static const uint64_t most_output = (uint64_t)64 << 40;
static const uint64_t first_span = (uint64_t)1 << 20;
enum { MOST_CHECKPOINTS = 8192, MOST_ZERO_RUNS = 65536 };

/* Bytes of windows that an image of `size` bytes is worth. */
static uint64_t window_budget(uint64_t size)
{
	const uint64_t least = (uint64_t)4 << 20, most = (uint64_t)32 << 20;
	const uint64_t share = size / 2048;

	return share < least ? least : share > most ? most : share;
}

void gzip_index_clear(struct gzip_index *index)
{
	for (size_t i = 0; i < index->checkpoint_count; i++)
		free(index->checkpoints[i].packed);
	free(index->checkpoints);
	free(index->zeros);
	*index = (struct gzip_index){.size = 0};
}

const struct gzip_checkpoint *gzip_index_checkpoint(const struct gzip_index *index, uint64_t out)
{
	size_t low = 0, high = index->checkpoint_count;

	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;

		if (index->checkpoints[middle].out <= out)
			low = middle;
		else
			high = middle;
	}
	return &index->checkpoints[low];
}

const struct gzip_run *gzip_index_zeros(const struct gzip_index *index, uint64_t chunk)
{
	size_t low = 0, high = index->zero_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (index->zeros[middle].end <= chunk)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->zero_count ? &index->zeros[low] : NULL;
}

/* Keeps the first, third, fifth ... checkpoint. */
static void thin_out(struct gzip_index *index)
{
	size_t kept = 0;

	index->packed_size = 0;
	for (size_t i = 0; i < index->checkpoint_count; i++) {
		if (i % 2 != 0) {
			free(index->checkpoints[i].packed);
			continue;
		}
		index->packed_size += index->checkpoints[i].packed_size;
		index->checkpoints[kept++] = index->checkpoints[i];
	}
	index->checkpoint_count = kept;
	index->span *= 2;
}

static enum ext_status add_checkpoint(struct gzip_index *index, struct gzip_stream *stream,
				      struct ext_error *error)
{
	struct gzip_checkpoint *checkpoint;
	enum ext_status status;

	if (index->checkpoint_count == index->checkpoint_room) {
		const size_t room = index->checkpoint_room ? 2 * index->checkpoint_room : 16;
		struct gzip_checkpoint *const more =
			realloc(index->checkpoints, room * sizeof *more);

		if (!more)
			return ext_no_memory(error);
		index->checkpoints = more;
		index->checkpoint_room = room;
	}
	checkpoint = &index->checkpoints[index->checkpoint_count];
	status = gzip_stream_mark(stream, checkpoint, error);
	if (status != EXT_OK)
		return status;
	index->checkpoint_count++;
	index->packed_size += checkpoint->packed_size;
	if (index->checkpoint_count > 2 && (index->checkpoint_count == MOST_CHECKPOINTS ||
					    index->packed_size > window_budget(stream->out)))
		thin_out(index);
	return EXT_OK;
}

static bool is_all_zero(const uint8_t *bytes, size_t length)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static enum ext_status add_zeros(struct gzip_index *index, uint64_t chunk, struct ext_error *error)
{
	if (index->zero_count > 0 && index->zeros[index->zero_count - 1].end == chunk) {
		index->zeros[index->zero_count - 1].end++;
		return EXT_OK;
	}
	/* Further runs are unpacked like data: slower, not wrong. */
	if (index->zero_count == MOST_ZERO_RUNS)
		return EXT_OK;
	if (index->zero_count == index->zero_room) {
		const size_t room = index->zero_room ? 2 * index->zero_room : 64;
		struct gzip_run *const more = realloc(index->zeros, room * sizeof *more);

		if (!more)
			return ext_no_memory(error);
		index->zeros = more;
		index->zero_room = room;
	}
	index->zeros[index->zero_count++] = (struct gzip_run){chunk, chunk + 1};
	return EXT_OK;
}

/* What lies behind the last member: padding of zeros is usual on tapes, anything else is told. */
static void note_trailing(struct ext_source *source, struct ext_source *inner, uint64_t start)
{
	const uint64_t size = ext_source_size(inner);
	uint8_t bytes[4096];

	for (uint64_t at = start; at < size;) {
		size_t got = 0;

		if (source_read_some(inner, at, bytes, sizeof bytes, &got, NULL) != EXT_OK ||
		    !is_all_zero(bytes, got)) {
			source_note(source, EXT_GZIP_TRAILING, start, size - start, 0, 0);
			return;
		}
		at += got;
	}
}

/* Unpacks everything once, chunk by chunk in `chunk`. Returns how the stream ended. */
static enum ext_status unpack_all(struct gzip_index *index, struct gzip_stream *stream,
				  uint8_t *chunk, struct ext_source *source,
				  struct ext_error *error)
{
	for (;;) {
		const size_t held = (size_t)(stream->out & (GZIP_CHUNK - 1));
		enum ext_status status, kept = EXT_OK;
		size_t got;

		status = gzip_stream_read(stream, chunk + held, GZIP_CHUNK - held, true, &got,
					  error);
		if (held + got == GZIP_CHUNK && is_all_zero(chunk, GZIP_CHUNK))
			kept = add_zeros(index, (stream->out >> GZIP_CHUNK_LOG2) - 1, error);
		if (kept != EXT_OK)
			return kept;
		if (status != EXT_OK)
			return status;
		if (stream->out > most_output)
			return source_fail(error, EXT_LIMIT, EXT_IMAGE_TOO_LARGE, 0, stream->out, 0,
					   most_output, NULL);
		if (stream->has_bad_checksum)
			source_note(source, EXT_GZIP_CHECKSUM, gzip_stream_position(stream) - 8,
				    stream->checksum, stream->checksum_stored, 0);
		if ((stream->is_between_blocks || stream->state == GZIP_HEADER) &&
		    stream->out - index->checkpoints[index->checkpoint_count - 1].out >=
			    index->span)
			kept = add_checkpoint(index, stream, error);
		if (kept != EXT_OK)
			return kept;
	}
}

enum ext_status gzip_index_build(struct gzip_index *index, struct ext_source *inner,
				 struct ext_source *source, struct ext_error *error)
{
	struct gzip_stream *const stream = calloc(1, sizeof *stream);
	uint8_t *const chunk = malloc(GZIP_CHUNK);
	struct ext_error fault = {EXT_OK, EXT_NO_PROBLEM, {0}, 0, 0, 0, 0};
	enum ext_status status;

	index->span = first_span;
	if (!stream || !chunk) {
		status = ext_no_memory(error);
		goto out;
	}
	status = gzip_stream_init(stream, inner, error);
	if (status != EXT_OK)
		goto out;
	status = add_checkpoint(index, stream, error);
	if (status != EXT_OK)
		goto out;
	status = unpack_all(index, stream, chunk, source, &fault);
	index->size = stream->out;
	if (status == EXT_CORRUPT && stream->state == GZIP_HEADER && stream->members > 0) {
		note_trailing(source, inner, stream->header_at);
		status = EXT_OK;
	} else if ((status == EXT_CORRUPT || status == EXT_IO) && stream->out >= LEAST_OUTPUT) {
		source_note(source, fault.problem, fault.place.offset, fault.found, fault.low,
			    stream->out);
		status = EXT_OK;
	} else if (status == EXT_END) {
		status = EXT_OK;
	} else if (error) {
		*error = fault;
	}
out:
	if (stream)
		gzip_stream_clear(stream);
	free(stream);
	free(chunk);
	return status;
}
