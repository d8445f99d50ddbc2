/* SPDX-License-Identifier: MIT */
/*
 * Unpacking gzip from front to back: members one after another, headers, deflate data, trailers.
 * Can begin at a checkpoint in mid-stream.
 */
#ifndef IMAGE_GZIP_STREAM_H
#define IMAGE_GZIP_STREAM_H

#include <zlib.h>

#include "image/source.h"

enum { GZIP_WINDOW = 32768 };

/* A place where unpacking can begin: at a member's header, or between two deflate blocks. */
struct gzip_checkpoint {
	uint64_t out; /* bytes unpacked before it */
	uint64_t in;  /* first byte of the file that belongs wholly to what follows */
	bool at_header;
	uint8_t bits, byte;   /* so many bits of the byte before, which is this one, belong too */
	uint16_t window_size; /* bytes that the data behind may refer back to; packed below */
	uint32_t packed_size;
	uint8_t *packed; /* owned by the index; NULL when window_size is 0 */
};

enum gzip_state { GZIP_HEADER, GZIP_BODY, GZIP_TRAILER, GZIP_ENDED };

struct gzip_stream {
	struct ext_source *inner; /* borrowed */
	uint64_t next_in;	  /* first byte of inner that is not in `input` yet */
	uint64_t out;		  /* bytes unpacked so far, from the start of the file */
	uint64_t member_out;	  /* of these, in the member under way */
	uint64_t members;	  /* ended so far */
	uint64_t header_at;	  /* where the last header began */
	enum gzip_state state;
	bool is_ready;		/* z is initialised */
	bool is_whole;		/* the member was unpacked from its start: its checksum is known */
	bool is_between_blocks; /* the last read ended where a checkpoint can be made */
	bool has_bad_checksum;	/* the trailer just read does not agree; the numbers follow */
	uint32_t checksum, checksum_stored;
	z_stream z;
	uint8_t input[1 + 16384]; /* the first: the byte before those of the last refill */
};

/* `stream` is all zero; `inner` is borrowed. Fails with MEMORY. */
enum ext_status gzip_stream_init(struct gzip_stream *stream, struct ext_source *inner,
				 struct ext_error *error);
void gzip_stream_clear(struct gzip_stream *stream);

/* Goes to a checkpoint. Fails with MEMORY, or with CORRUPT if it is none. */
enum ext_status gzip_stream_seek(struct gzip_stream *stream,
				 const struct gzip_checkpoint *checkpoint, struct ext_error *error);

/*
 * Unpacks up to `length` bytes; `got` receives how many, on failure too. With `stop_at_blocks` it
 * returns at each end of a deflate block or member, perhaps with nothing. EXT_END when the file
 * ended behind a whole member. CORRUPT (gzip-damaged, gzip-truncated) with the byte of the file.
 */
enum ext_status gzip_stream_read(struct gzip_stream *stream, uint8_t *buffer, size_t length,
				 bool stop_at_blocks, size_t *got, struct ext_error *error);

/* The byte of the file at which unpacking stands. */
uint64_t gzip_stream_position(const struct gzip_stream *stream);

/* Makes a checkpoint of where the stream stands (between blocks, or before a header). */
enum ext_status gzip_stream_mark(struct gzip_stream *stream, struct gzip_checkpoint *checkpoint,
				 struct ext_error *error);

#endif
