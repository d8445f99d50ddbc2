/* SPDX-License-Identifier: MIT */
/*
 * A gzip file as a source that can be read anywhere: from the nearest checkpoint, or from one of a
 * few streams that happen to stand closer, so that readers at several places each go forward only.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "image/cache.h"
#include "image/gzip_index.h"
#include "image/lock.h"

enum {
	STREAMS = 3,
	SLOTS = 24, /* chunks kept */
	KEEP = 8,   /* of the chunks passed on the way to one, the last so many are kept */
};

struct gzip {
	struct ext_source source;
	struct gzip_index index;
	struct lock lock; /* over all that follows */
	bool has_lock;
	struct cache chunks;
	struct gzip_stream streams[STREAMS]; /* each stands at a chunk's start, or is not ready */
	uint64_t used[STREAMS], clock;
};

/*
 * The stream that has least to unpack before `out`; set to a checkpoint when none is near. It may
 * stand in mid-chunk then.
 */
static enum ext_status stream_before(struct gzip *gzip, uint64_t out, struct gzip_stream **stream,
				     struct ext_error *error)
{
	const struct gzip_checkpoint *const checkpoint = gzip_index_checkpoint(&gzip->index, out);
	unsigned nearest = STREAMS, oldest = 0;
	enum ext_status status = EXT_OK;

	for (unsigned i = 0; i < STREAMS; i++) {
		const struct gzip_stream *const candidate = &gzip->streams[i];

		if (gzip->used[i] < gzip->used[oldest])
			oldest = i;
		if (candidate->is_ready && candidate->out <= out &&
		    candidate->out >= checkpoint->out &&
		    (nearest == STREAMS || candidate->out > gzip->streams[nearest].out))
			nearest = i;
	}
	if (nearest == STREAMS) {
		nearest = oldest;
		if (!gzip->streams[nearest].is_ready)
			status = gzip_stream_init(&gzip->streams[nearest], gzip->source.inner,
						  error);
		if (status == EXT_OK)
			status = gzip_stream_seek(&gzip->streams[nearest], checkpoint, error);
	}
	gzip->used[nearest] = ++gzip->clock;
	*stream = &gzip->streams[nearest];
	return status;
}

/* Unpacks exactly `length` bytes. */
static enum ext_status unpack(struct gzip_stream *stream, uint8_t *buffer, size_t length,
			      struct ext_error *error)
{
	size_t got;
	enum ext_status status = gzip_stream_read(stream, buffer, length, false, &got, error);

	/* zlib may look at what follows, and a damaged image ends right before the damage. */
	if (got == length)
		return EXT_OK;
	if (status == EXT_END || status == EXT_OK)
		status = source_fail(error, EXT_IO, EXT_GZIP_TRUNCATED,
				     gzip_stream_position(stream), 0, 0, stream->out, NULL);
	return status;
}

/* Unpacks up to and with the chunk, which is in no slot yet. */
static enum ext_status unpack_chunk(struct gzip *gzip, uint64_t number, struct cache_slot **filled,
				    struct ext_error *error)
{
	struct gzip_stream *stream = NULL;
	struct cache_slot *slot = NULL;
	enum ext_status status = stream_before(gzip, number << GZIP_CHUNK_LOG2, &stream, error);

	while (status == EXT_OK) {
		const uint64_t chunk = stream->out >> GZIP_CHUNK_LOG2;
		const size_t left = GZIP_CHUNK - (size_t)(stream->out & (GZIP_CHUNK - 1));
		const uint64_t end = min_u64(stream->out + left, gzip->source.size);
		const bool is_whole = left == GZIP_CHUNK && number - chunk < KEEP &&
				      !cache_find(&gzip->chunks, chunk);

		/* A slot that cannot be kept is used again for the next chunk. */
		if (!slot || slot->is_valid)
			slot = cache_claim(&gzip->chunks, chunk);
		slot->key = chunk;
		slot->size = (size_t)(end - stream->out);
		status = unpack(stream, slot->data, slot->size, error);
		slot->is_valid = status == EXT_OK && is_whole;
		if (status == EXT_OK && chunk == number) {
			*filled = slot;
			return EXT_OK;
		}
	}
	/* Where it stands now is no chunk's start. */
	if (stream)
		gzip_stream_clear(stream);
	if (stream)
		*stream = (struct gzip_stream){.out = 0};
	return status;
}

/* Reads a part of one chunk. */
static enum ext_status read_chunk(struct gzip *gzip, uint64_t number, size_t at, uint8_t *buffer,
				  size_t length, struct ext_error *error)
{
	const struct gzip_run *const zeros = gzip_index_zeros(&gzip->index, number);
	struct cache_slot *slot;

	if (zeros && zeros->start <= number) {
		memset(buffer, 0, length);
		return EXT_OK;
	}
	slot = cache_find(&gzip->chunks, number);
	if (!slot) {
		const enum ext_status status = unpack_chunk(gzip, number, &slot, error);

		if (status != EXT_OK)
			return status;
	}
	memcpy(buffer, slot->data + at, length);
	return EXT_OK;
}

static enum ext_status gzip_read(struct ext_source *source, uint64_t offset, void *buffer,
				 size_t length, struct ext_error *error)
{
	struct gzip *const gzip = (struct gzip *)source;
	enum ext_status status = EXT_OK;
	uint8_t *bytes = buffer;

	lock_take(&gzip->lock);
	while (length > 0 && status == EXT_OK) {
		const size_t at = (size_t)(offset & (GZIP_CHUNK - 1));
		const size_t part = (size_t)min_u64(length, GZIP_CHUNK - at);

		status = read_chunk(gzip, offset >> GZIP_CHUNK_LOG2, at, bytes, part, error);
		if (status != EXT_OK)
			break;
		bytes += part;
		offset += part;
		length -= part;
	}
	lock_release(&gzip->lock);
	if (status == EXT_OK || status == EXT_MEMORY)
		return status;
	/* The whole file was unpacked once: now it has changed, or the medium fails. */
	if (error) {
		error->status = EXT_IO;
		error->place = source_place(offset);
	}
	return EXT_IO;
}

static enum ext_status gzip_next_data(struct ext_source *source, uint64_t offset, uint64_t *start,
				      uint64_t *end)
{
	const struct gzip *const gzip = (const struct gzip *)source;
	const struct gzip_run *zeros = gzip_index_zeros(&gzip->index, offset >> GZIP_CHUNK_LOG2);
	uint64_t first = offset;

	if (zeros && zeros->start <= offset >> GZIP_CHUNK_LOG2) {
		first = zeros->end << GZIP_CHUNK_LOG2;
		if (first >= source->size)
			return EXT_END;
		zeros = gzip_index_zeros(&gzip->index, zeros->end);
	}
	*start = first;
	*end = zeros ? zeros->start << GZIP_CHUNK_LOG2 : source->size;
	return EXT_OK;
}

static void gzip_close(struct ext_source *source)
{
	struct gzip *const gzip = (struct gzip *)source;

	for (unsigned i = 0; i < STREAMS; i++)
		gzip_stream_clear(&gzip->streams[i]);
	cache_clear(&gzip->chunks);
	if (gzip->has_lock)
		lock_clear(&gzip->lock);
	gzip_index_clear(&gzip->index);
	ext_source_close(source->inner);
	free(gzip);
}

static const struct source_operations gzip_operations = {
	.read = gzip_read,
	.next_data = gzip_next_data,
	.close = gzip_close,
};

enum ext_status ext_source_open_gzip(struct ext_source *inner, struct ext_source **source,
				     struct ext_error *error)
{
	struct gzip *const gzip = calloc(1, sizeof *gzip);
	enum ext_status status;

	if (!gzip) {
		ext_source_close(inner);
		return ext_no_memory(error);
	}
	source_init(&gzip->source, &gzip_operations, inner, 0);
	gzip->has_lock = lock_init(&gzip->lock);
	if (!gzip->has_lock || !cache_init(&gzip->chunks, SLOTS, GZIP_CHUNK))
		status = ext_no_memory(error);
	else
		status = gzip_index_build(&gzip->index, inner, &gzip->source, error);
	if (status != EXT_OK) {
		gzip_close(&gzip->source);
		return status;
	}
	gzip->source.size = gzip->index.size;
	*source = &gzip->source;
	return EXT_OK;
}
