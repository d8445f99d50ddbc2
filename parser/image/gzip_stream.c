/* SPDX-License-Identifier: MIT */
/*
 * The gzip format around zlib's raw inflate. gzip's own functions are of no use here: they give no
 * way to begin in mid-stream and no byte offset of a fault.
 * Doc: RFC 1952, section 2.3, "Member format".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/endian.h"
#include "image/gzip_stream.h"

enum { FLAG_CRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS_RESERVED = 0xe0 };

enum ext_status gzip_stream_init(struct gzip_stream *stream, struct ext_source *inner,
				 struct ext_error *error)
{
	stream->inner = inner;
	if (inflateInit2(&stream->z, -MAX_WBITS) != Z_OK)
		return ext_no_memory(error);
	stream->is_ready = true;
	return EXT_OK;
}

void gzip_stream_clear(struct gzip_stream *stream)
{
	if (stream->is_ready)
		inflateEnd(&stream->z);
	stream->is_ready = false;
}

uint64_t gzip_stream_position(const struct gzip_stream *stream)
{
	return stream->next_in - stream->z.avail_in;
}

static enum ext_status damaged(const struct gzip_stream *stream, uint64_t at,
			       struct ext_error *error)
{
	return source_fail(error, EXT_CORRUPT, EXT_GZIP_DAMAGED, at, at, 0, stream->out, NULL);
}

static enum ext_status truncated(const struct gzip_stream *stream, struct ext_error *error)
{
	return source_fail(error, EXT_CORRUPT, EXT_GZIP_TRUNCATED, stream->next_in, stream->next_in,
			   0, stream->out, NULL);
}

/* Makes sure of at least one byte of input; EXT_END at the end of the file. */
static enum ext_status refill(struct gzip_stream *stream, struct ext_error *error)
{
	enum ext_status status;
	size_t got = 0;

	if (stream->z.avail_in > 0)
		return EXT_OK;
	/* A checkpoint may need bits of the byte before, which must not be lost here. */
	if (stream->z.next_in)
		stream->input[0] = stream->z.next_in[-1];
	status = source_read_some(stream->inner, stream->next_in, stream->input + 1,
				  sizeof stream->input - 1, &got, error);
	if (status != EXT_OK)
		return status;
	if (got == 0)
		return EXT_END;
	stream->z.next_in = stream->input + 1;
	stream->z.avail_in = (unsigned)got;
	stream->next_in += got;
	return EXT_OK;
}

static enum ext_status take_byte(struct gzip_stream *stream, uint8_t *byte, struct ext_error *error)
{
	const enum ext_status status = refill(stream, error);

	if (status != EXT_OK)
		return status;
	*byte = *stream->z.next_in++;
	stream->z.avail_in--;
	return EXT_OK;
}

static enum ext_status take_bytes(struct gzip_stream *stream, uint8_t *bytes, size_t count,
				  struct ext_error *error)
{
	enum ext_status status = EXT_OK;

	for (size_t i = 0; i < count && status == EXT_OK; i++)
		status = take_byte(stream, &bytes[i], error);
	return status;
}

static enum ext_status skip_bytes(struct gzip_stream *stream, unsigned count,
				  struct ext_error *error)
{
	enum ext_status status = EXT_OK;
	uint8_t byte;

	for (unsigned i = 0; i < count && status == EXT_OK; i++)
		status = take_byte(stream, &byte, error);
	return status;
}

/* A name or comment: up to a zero byte. */
static enum ext_status skip_string(struct gzip_stream *stream, struct ext_error *error)
{
	enum ext_status status;
	uint8_t byte = 0;

	do
		status = take_byte(stream, &byte, error);
	while (status == EXT_OK && byte != 0);
	return status;
}

/* EXT_END when the file ends before the header or inside it. */
static enum ext_status read_header(struct gzip_stream *stream, struct ext_error *error)
{
	enum ext_status status;
	uint8_t fixed[10] = {0};
	struct le16 extra;

	stream->header_at = gzip_stream_position(stream);
	status = take_bytes(stream, fixed, sizeof fixed, error);
	if (status != EXT_OK)
		return status;
	if (fixed[0] != 0x1f || fixed[1] != 0x8b || fixed[2] != 8 || fixed[3] & FLAGS_RESERVED)
		return damaged(stream, stream->header_at, error);
	if (fixed[3] & FLAG_EXTRA) {
		status = take_bytes(stream, extra.byte, 2, error);
		if (status == EXT_OK)
			status = skip_bytes(stream, get(extra), error);
	}
	if (status == EXT_OK && fixed[3] & FLAG_NAME)
		status = skip_string(stream, error);
	if (status == EXT_OK && fixed[3] & FLAG_COMMENT)
		status = skip_string(stream, error);
	if (status == EXT_OK && fixed[3] & FLAG_CRC)
		status = skip_bytes(stream, 2, error);
	if (status != EXT_OK)
		return status;
	inflateReset(&stream->z);
	stream->state = GZIP_BODY;
	stream->is_whole = true;
	stream->member_out = 0;
	stream->checksum = 0;
	return EXT_OK;
}

static enum ext_status read_trailer(struct gzip_stream *stream, struct ext_error *error)
{
	struct {
		struct le32 checksum, length;
	} trailer;
	uint8_t bytes[sizeof trailer] = {0};
	const enum ext_status status = take_bytes(stream, bytes, sizeof bytes, error);

	if (status != EXT_OK)
		return status;
	memcpy(&trailer, bytes, sizeof trailer);
	stream->checksum_stored = get(trailer.checksum);
	stream->has_bad_checksum =
		stream->is_whole && (stream->checksum != stream->checksum_stored ||
				     (uint32_t)stream->member_out != get(trailer.length));
	stream->state = GZIP_HEADER;
	stream->members++;
	return EXT_OK;
}

/* One call of inflate: advances in the input, in the output, or both. */
static enum ext_status read_body(struct gzip_stream *stream, uint8_t *buffer, size_t length,
				 bool stop_at_blocks, size_t *got, struct ext_error *error)
{
	const size_t most = length < 1 << 30 ? length : 1 << 30;
	unsigned before;
	int result;

	stream->z.next_out = buffer;
	stream->z.avail_out = (unsigned)most;
	before = stream->z.avail_in;
	result = inflate(&stream->z, stop_at_blocks ? Z_BLOCK : Z_NO_FLUSH);
	*got = most - stream->z.avail_out;
	if (stream->is_whole && stop_at_blocks)
		stream->checksum = (uint32_t)crc32(stream->checksum, buffer, (unsigned)*got);
	stream->out += *got;
	stream->member_out += *got;
	switch (result) {
	case Z_STREAM_END:
		stream->state = GZIP_TRAILER;
		return EXT_OK;
	case Z_OK:
		stream->is_between_blocks = stop_at_blocks && (stream->z.data_type & 128) &&
					    !(stream->z.data_type & 64);
		return EXT_OK;
	case Z_BUF_ERROR:
		if (before != stream->z.avail_in || *got > 0)
			return EXT_OK;
		break;
	case Z_MEM_ERROR:
		return ext_no_memory(error);
	}
	return damaged(stream, gzip_stream_position(stream), error);
}

enum ext_status gzip_stream_read(struct gzip_stream *stream, uint8_t *buffer, size_t length,
				 bool stop_at_blocks, size_t *got, struct ext_error *error)
{
	*got = 0;
	stream->is_between_blocks = false;
	stream->has_bad_checksum = false;
	while (*got < length) {
		enum ext_status status = EXT_OK;
		size_t part = 0;

		switch (stream->state) {
		case GZIP_HEADER:
			status = refill(stream, error);
			if (status == EXT_END) {
				if (stream->members == 0)
					return truncated(stream, error);
				stream->state = GZIP_ENDED;
				return *got > 0 ? EXT_OK : EXT_END;
			}
			if (status == EXT_OK)
				status = read_header(stream, error);
			break;
		case GZIP_BODY:
			status = refill(stream, error);
			if (status == EXT_OK)
				status = read_body(stream, buffer + *got, length - *got,
						   stop_at_blocks, &part, error);
			*got += part;
			break;
		case GZIP_TRAILER:
			status = read_trailer(stream, error);
			if (status == EXT_OK && stop_at_blocks)
				return EXT_OK;
			break;
		case GZIP_ENDED:
			return *got > 0 ? EXT_OK : EXT_END;
		}
		if (status == EXT_END)
			return truncated(stream, error);
		if (status != EXT_OK)
			return status;
		if (stream->is_between_blocks)
			return EXT_OK;
	}
	return EXT_OK;
}

enum ext_status gzip_stream_mark(struct gzip_stream *stream, struct gzip_checkpoint *checkpoint,
				 struct ext_error *error)
{
	uint8_t window[GZIP_WINDOW];
	uLong bound = compressBound(GZIP_WINDOW);
	unsigned size = sizeof window;
	uint8_t *packed, *smaller;

	*checkpoint = (struct gzip_checkpoint){
		.out = stream->out,
		.in = gzip_stream_position(stream),
		.at_header = stream->state == GZIP_HEADER,
	};
	if (checkpoint->at_header)
		return EXT_OK;
	checkpoint->bits = stream->z.data_type & 7;
	if (checkpoint->bits > 0)
		checkpoint->byte = stream->z.next_in[-1];
	if (inflateGetDictionary(&stream->z, window, &size) != Z_OK)
		return ext_no_memory(error);
	if (size == 0)
		return EXT_OK;
	packed = malloc(bound);
	if (!packed)
		return ext_no_memory(error);
	if (compress2(packed, &bound, window, size, 1) != Z_OK) {
		free(packed);
		return ext_no_memory(error);
	}
	smaller = realloc(packed, bound);
	checkpoint->packed = smaller ? smaller : packed;
	checkpoint->packed_size = (uint32_t)bound;
	checkpoint->window_size = (uint16_t)size;
	return EXT_OK;
}

enum ext_status gzip_stream_seek(struct gzip_stream *stream,
				 const struct gzip_checkpoint *checkpoint, struct ext_error *error)
{
	uint8_t window[GZIP_WINDOW];
	uLong size = sizeof window;

	stream->input[0] = checkpoint->byte;
	stream->z.next_in = stream->input + 1;
	stream->z.avail_in = 0;
	stream->next_in = checkpoint->in;
	stream->out = checkpoint->out;
	stream->is_whole = false;
	stream->state = checkpoint->at_header ? GZIP_HEADER : GZIP_BODY;
	if (inflateReset(&stream->z) != Z_OK)
		return damaged(stream, checkpoint->in, error);
	if (checkpoint->bits > 0 &&
	    inflatePrime(&stream->z, checkpoint->bits,
			 checkpoint->byte >> (8 - checkpoint->bits)) != Z_OK)
		return damaged(stream, checkpoint->in, error);
	if (checkpoint->window_size == 0)
		return EXT_OK;
	if (uncompress(window, &size, checkpoint->packed, checkpoint->packed_size) != Z_OK ||
	    inflateSetDictionary(&stream->z, window, (unsigned)size) != Z_OK)
		return damaged(stream, checkpoint->in, error);
	return EXT_OK;
}
