/* SPDX-License-Identifier: MIT */
/*
 * An Android sparse image as a source: a list of chunks, each raw blocks, one repeated word, or
 * blocks that do not matter (zeros here). The list is read once, at opening.
 * Doc: AOSP, system/core/libsparse/sparse_format.h.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "bytes/endian.h"
#include "image/source.h"

struct sparse_header {
	struct le32 magic;
	struct le16 major_version, minor_version, file_hdr_sz, chunk_hdr_sz;
	struct le32 blk_sz, total_blks, total_chunks, image_checksum;
};

struct chunk_header {
	struct le16 chunk_type, reserved1;
	struct le32 chunk_sz, total_sz; /* blocks of output; bytes of the file, header and all */
};

static const uint32_t sparse_magic = 0xed26ff3a;

enum {
	CHUNK_RAW = 0xcac1,
	CHUNK_FILL = 0xcac2,
	CHUNK_DONT_CARE = 0xcac3,
	CHUNK_CRC32 = 0xcac4,
	READ_AHEAD = 4096, /* chunk headers are read in pieces of this size */
};

/* What a run of output is made of; runs that do not matter are left out. */
struct run {
	uint32_t start, count; /* blocks of output */
	uint64_t at;	       /* byte of the file, when raw */
	uint8_t fill[4];
	bool is_fill;
};

struct sparse {
	struct ext_source source;
	uint32_t block_size;
	uint64_t known;	  /* bytes of output that the chunks tell of; behind it nothing is known */
	struct run *runs; /* ascending */
	size_t count, room;
};

/* The first run that ends behind `block`; the count of runs when there is none. */
static size_t run_for(const struct sparse *sparse, uint64_t block)
{
	size_t low = 0, high = sparse->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct run *const run = &sparse->runs[middle];

		if ((uint64_t)run->start + run->count <= block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum ext_status read_run(const struct sparse *sparse, const struct run *run, uint64_t offset,
				uint8_t *bytes, size_t length, struct ext_error *error)
{
	const uint64_t at = offset - (uint64_t)run->start * sparse->block_size;
	enum ext_status status;

	if (run->is_fill) {
		/* A block is a multiple of 4 bytes, so the word's phase is that of the offset. */
		for (size_t i = 0; i < length; i++)
			bytes[i] = run->fill[(at + i) & 3];
		return EXT_OK;
	}
	status = ext_source_read(sparse->source.inner, run->at + at, bytes, length, error);
	if (status != EXT_OK)
		source_move_error(error, run->at + at, offset);
	return status;
}

static enum ext_status sparse_read(struct ext_source *source, uint64_t offset, void *buffer,
				   size_t length, struct ext_error *error)
{
	const struct sparse *const sparse = (const struct sparse *)source;
	uint8_t *bytes = buffer;

	while (length > 0) {
		const size_t next = run_for(sparse, offset / sparse->block_size);
		const struct run *const run = next < sparse->count ? &sparse->runs[next] : NULL;
		const uint64_t start =
			run ? (uint64_t)run->start * sparse->block_size : sparse->known;
		enum ext_status status = EXT_OK;
		size_t part;

		if (run && start <= offset) {
			part = (size_t)min_u64(
				length, start + (uint64_t)run->count * sparse->block_size - offset);
			status = read_run(sparse, run, offset, bytes, part, error);
		} else if (offset < start) {
			part = (size_t)min_u64(length, start - offset);
			memset(bytes, 0, part);
		} else {
			return source_fail(error, EXT_IO, EXT_SPARSE_TRUNCATED, offset,
					   sparse->known, 0, source->size, NULL);
		}
		if (status != EXT_OK)
			return status;
		bytes += part;
		offset += part;
		length -= part;
	}
	return EXT_OK;
}

static enum ext_status sparse_next_data(struct ext_source *source, uint64_t offset, uint64_t *start,
					uint64_t *end)
{
	const struct sparse *const sparse = (const struct sparse *)source;
	const size_t next = run_for(sparse, offset / sparse->block_size);

	if (next < sparse->count) {
		const struct run *const run = &sparse->runs[next];
		const uint64_t first = (uint64_t)run->start * sparse->block_size;

		*start = first > offset ? first : offset;
		*end = first + (uint64_t)run->count * sparse->block_size;
		return EXT_OK;
	}
	if (sparse->known == source->size)
		return EXT_END;
	/* Not zeros but unknown: whoever reads it is told. */
	*start = sparse->known > offset ? sparse->known : offset;
	*end = source->size;
	return EXT_OK;
}

static void sparse_close(struct ext_source *source)
{
	struct sparse *const sparse = (struct sparse *)source;

	free(sparse->runs);
	ext_source_close(source->inner);
	free(sparse);
}

static const struct source_operations sparse_operations = {
	.read = sparse_read,
	.next_data = sparse_next_data,
	.close = sparse_close,
};

static enum ext_status add_run(struct sparse *sparse, const struct run *run,
			       struct ext_error *error)
{
	if (sparse->count == sparse->room) {
		const size_t room = sparse->room ? 2 * sparse->room : 64;
		struct run *more;

		if (room > SIZE_MAX / sizeof *more)
			return ext_no_memory(error);
		more = realloc(sparse->runs, room * sizeof *more);
		if (!more)
			return ext_no_memory(error);
		sparse->runs = more;
		sparse->room = room;
	}
	sparse->runs[sparse->count++] = *run;
	return EXT_OK;
}

/* Reads small things in ascending order without a call to the system for each. */
struct reader {
	struct ext_source *inner;
	uint64_t start;
	size_t size;
	uint8_t bytes[READ_AHEAD];
};

/* `length` bytes at `at`, or NULL with the status why; EXT_END when the file ends before. */
static const uint8_t *reader_at(struct reader *reader, uint64_t at, size_t length,
				enum ext_status *status, struct ext_error *error)
{
	if (at < reader->start || !range_inside(at - reader->start, length, reader->size)) {
		reader->start = at;
		reader->size = 0;
		*status = source_read_some(reader->inner, at, reader->bytes, sizeof reader->bytes,
					   &reader->size, error);
		if (*status != EXT_OK)
			return NULL;
	}
	*status = reader->size - (at - reader->start) < length ? EXT_END : EXT_OK;
	return *status == EXT_OK ? reader->bytes + (at - reader->start) : NULL;
}

/* How a chunk is to be understood; EXT_CORRUPT when it cannot be. */
static enum ext_status take_chunk(struct sparse *sparse, struct reader *reader,
				  const struct sparse_header *header, uint64_t at, uint64_t *block,
				  uint64_t *length, struct ext_error *error)
{
	const uint16_t header_size = get(header->chunk_hdr_sz);
	enum ext_status status;
	const struct chunk_header *const raw =
		(const void *)reader_at(reader, at, sizeof *raw, &status, error);
	struct run run = {.start = (uint32_t)*block, .at = at + header_size};
	uint64_t content;
	uint16_t type;

	if (!raw)
		return status;
	type = get(raw->chunk_type);
	run.count = get(raw->chunk_sz);
	*length = get(raw->total_sz);
	if (*length < header_size || run.count > get(header->total_blks) - *block)
		return EXT_CORRUPT;
	content = *length - header_size;
	*block += run.count;
	switch (type) {
	case CHUNK_RAW:
		if (content != (uint64_t)run.count * sparse->block_size)
			return EXT_CORRUPT;
		return run.count > 0 ? add_run(sparse, &run, error) : EXT_OK;
	case CHUNK_FILL: {
		static const uint8_t zeros[4];
		const uint8_t *const fill =
			content == 4 ? reader_at(reader, run.at, 4, &status, error) : NULL;

		if (!fill)
			return content == 4 ? status : EXT_CORRUPT;
		memcpy(run.fill, fill, 4);
		run.is_fill = true;
		if (run.count == 0 || memcmp(fill, zeros, 4) == 0)
			return EXT_OK;
		return add_run(sparse, &run, error);
	}
	case CHUNK_DONT_CARE:
		return content == 0 ? EXT_OK : EXT_CORRUPT;
	case CHUNK_CRC32:
		return content == 4 && run.count == 0 ? EXT_OK : EXT_CORRUPT;
	}
	return EXT_CORRUPT;
}

/* Reads the list of chunks. What ends it early is noted, unless nothing was read before. */
static enum ext_status read_chunks(struct sparse *sparse, const struct sparse_header *header,
				   struct ext_error *error)
{
	struct reader reader = {.inner = sparse->source.inner};
	const uint32_t chunks = get(header->total_chunks);
	uint64_t at = get(header->file_hdr_sz), block = 0, length = 0;

	sparse->known = sparse->source.size;
	for (uint32_t i = 0; i < chunks; i++, at += length) {
		const uint64_t before = block;
		const enum ext_status status =
			take_chunk(sparse, &reader, header, at, &block, &length, error);

		if (status == EXT_OK)
			continue;
		if (status != EXT_END && status != EXT_CORRUPT)
			return status;
		sparse->known = before * sparse->block_size;
		if (i == 0)
			return source_fail(error, EXT_CORRUPT,
					   status == EXT_END ? EXT_SPARSE_TRUNCATED
							     : EXT_SPARSE_CHUNK,
					   at, 0, 0, sparse->source.size, NULL);
		source_note(&sparse->source,
			    status == EXT_END ? EXT_SPARSE_TRUNCATED : EXT_SPARSE_CHUNK, at,
			    sparse->known, 0, sparse->source.size);
		return EXT_OK;
	}
	/* The data of the last chunk may be cut, which no header tells. */
	if (at > ext_source_size(sparse->source.inner))
		source_note(&sparse->source, EXT_SPARSE_TRUNCATED,
			    ext_source_size(sparse->source.inner),
			    block * sparse->block_size -
				    min_u64(at - ext_source_size(sparse->source.inner),
					    block * sparse->block_size),
			    0, sparse->source.size);
	return EXT_OK;
}

static enum ext_status bad_header(struct ext_error *error, const char *field, uint64_t found,
				  uint64_t low, uint64_t high)
{
	return source_fail(error, EXT_CORRUPT, EXT_SPARSE_HEADER, 0, found, low, high, field);
}

static enum ext_status check_header(struct sparse *sparse, struct ext_error *error)
{
	const uint64_t file_size = ext_source_size(sparse->source.inner);
	struct sparse_header header;
	enum ext_status status;

	if (file_size < sizeof header)
		return source_truncated(error, 0, sizeof header, file_size);
	status = ext_source_read(sparse->source.inner, 0, &header, sizeof header, error);
	if (status != EXT_OK)
		return status;
	if (get(header.magic) != sparse_magic)
		return bad_header(error, "magic", get(header.magic), sparse_magic, sparse_magic);
	if (get(header.major_version) != 1)
		return bad_header(error, "major_version", get(header.major_version), 1, 1);
	if (get(header.file_hdr_sz) < sizeof header)
		return bad_header(error, "file_hdr_sz", get(header.file_hdr_sz), sizeof header,
				  UINT16_MAX);
	if (get(header.chunk_hdr_sz) < sizeof(struct chunk_header))
		return bad_header(error, "chunk_hdr_sz", get(header.chunk_hdr_sz),
				  sizeof(struct chunk_header), UINT16_MAX);
	sparse->block_size = get(header.blk_sz);
	if (sparse->block_size == 0 || sparse->block_size % 4 != 0)
		return bad_header(error, "blk_sz", sparse->block_size, 4, UINT32_MAX - 3);
	sparse->source.size = (uint64_t)get(header.total_blks) * sparse->block_size;
	return read_chunks(sparse, &header, error);
}

enum ext_status ext_source_open_android_sparse(struct ext_source *inner, struct ext_source **source,
					       struct ext_error *error)
{
	struct sparse *const sparse = calloc(1, sizeof *sparse);
	enum ext_status status;

	if (!sparse) {
		ext_source_close(inner);
		return ext_no_memory(error);
	}
	source_init(&sparse->source, &sparse_operations, inner, 0);
	status = check_header(sparse, error);
	if (status != EXT_OK) {
		sparse_close(&sparse->source);
		return status;
	}
	*source = &sparse->source;
	return EXT_OK;
}
