/* SPDX-License-Identifier: MIT */
/* Headers of POSIX.1-2001: text in fields of fixed width, records where that is too narrow. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "rescue/tar_header.h"

enum { BLOCKS_AT_END = 2, RECORD = 20 * TAR_BLOCK };

_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a header is one block");

bool tar_put(struct tar_stream *stream, const void *data, size_t length)
{
	stream->written += length;
	return fwrite(data, 1, length, stream->out) == length;
}

bool tar_put_zeros(struct tar_stream *stream, uint64_t length)
{
	static const char zeros[8 * TAR_BLOCK];

	while (length > 0) {
		const size_t part = length < sizeof zeros ? (size_t)length : sizeof zeros;

		if (!tar_put(stream, zeros, part))
			return false;
		length -= part;
	}
	return true;
}

bool tar_pad(struct tar_stream *stream)
{
	const uint64_t left = stream->written % TAR_BLOCK;

	return left == 0 || tar_put_zeros(stream, TAR_BLOCK - left);
}

/* Octal digits to the width of the field; false when they do not fit. */
static bool octal(char *field, size_t width, uint64_t value)
{
	field[--width] = '\0';
	while (width > 0) {
		field[--width] = (char)('0' + value % 8);
		value /= 8;
	}
	return value == 0;
}

static void copy_text(char *field, size_t width, const char *text, size_t length)
{
	memcpy(field, text, length < width ? length : width);
}

static bool put_header(struct tar_stream *stream, struct ustar *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	unsigned sum = 0;

	memcpy(header->magic, "ustar", 6);
	memcpy(header->version, "00", 2);
	memset(header->checksum, ' ', sizeof header->checksum);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += bytes[i];
	octal(header->checksum, 7, sum);
	return tar_put(stream, header, TAR_BLOCK);
}

/* The extended header that goes before an entry. */
static bool put_records(struct tar_stream *stream)
{
	struct ustar header = {0};

	if (stream->pax.failed) {
		errno = ENOMEM;
		return false;
	}
	if (stream->pax.length == 0)
		return true;
	copy_text(header.name, sizeof header.name, "PaxHeaders/x", 12);
	octal(header.mode, sizeof header.mode, 0644);
	octal(header.uid, sizeof header.uid, 0);
	octal(header.gid, sizeof header.gid, 0);
	octal(header.size, sizeof header.size, stream->pax.length);
	octal(header.mtime, sizeof header.mtime, 0);
	header.type[0] = 'x';
	return put_header(stream, &header) &&
	       tar_put(stream, stream->pax.data, stream->pax.length) && tar_pad(stream);
}

/* Ranges of letters that no normal form takes apart or joins with their neighbours. */
static const struct {
	uint32_t first, last;
} composed[] = {{0x20, 0x7e},	  {0xa0, 0x2ff},    {0x388, 0x482},   {0x48a, 0x52f},
		{0x3041, 0x3098}, {0x309b, 0x30ff}, {0x4e00, 0x9fff}, {0xac00, 0xd7a3}};

/* The code point at `*at`, which is moved on; 0: no UTF-8. */
static uint32_t next_letter(const unsigned char **at)
{
	const unsigned char first = *(*at)++;
	const unsigned more = first < 0x80	   ? 0
			      : first >> 5 == 0x06 ? 1
			      : first >> 4 == 0x0e ? 2
						   : 3;
	uint32_t letter = more == 0 ? first : first & (0x3fu >> more);

	if (first >> 6 == 2 || first >= 0xf8)
		return 0;
	for (unsigned i = 0; i < more; i++) {
		if (**at >> 6 != 2)
			return 0;
		letter = letter << 6 | (*(*at)++ & 0x3f);
	}
	return letter;
}

/* Is it UTF-8 that a reader may turn into another form of Unicode and back without a change? */
static bool is_stable(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		const uint32_t letter = next_letter(&at);
		size_t i = 0;

		while (i < sizeof composed / sizeof *composed &&
		       (letter < composed[i].first || letter > composed[i].last))
			i++;
		if (i == sizeof composed / sizeof *composed)
			return false;
	}
	return true;
}

void tar_add_name(struct pax *pax, const char *key, const char *text)
{
	/* Else libarchive takes the bytes for UTF-8 and composes it; GNU tar warns of the record
	 * and takes the bytes as they are in any case. */
	if (!is_stable(text))
		pax_add(pax, "hdrcharset", "BINARY", 6);
	pax_add(pax, key, text, strlen(text));
}

/*
 * Bytes that fit the field stand there as they are, whatever they are: every reader takes them
 * unchanged, which is not so of a record. Longer ones stand in a record, too.
 */
static void put_text(struct pax *pax, const char *key, char *field, size_t width, const char *text)
{
	const size_t length = strlen(text);

	if (length > width)
		tar_add_name(pax, key, text);
	copy_text(field, width, text, length);
}

static void put_number(struct pax *pax, const char *key, char *field, size_t width, uint64_t value)
{
	if (octal(field, width, value))
		return;
	pax_add_number(pax, key, value);
	octal(field, width, 0);
}

bool tar_put_entry(struct tar_stream *stream, const struct tar_entry *entry)
{
	struct pax *pax = &stream->pax;
	struct ustar header = {0};
	bool fits, done;

	put_text(pax, "path", header.name, sizeof header.name, entry->name);
	octal(header.mode, sizeof header.mode, entry->mode);
	put_number(pax, "uid", header.uid, sizeof header.uid, entry->uid);
	put_number(pax, "gid", header.gid, sizeof header.gid, entry->gid);
	put_number(pax, "size", header.size, sizeof header.size, entry->stored);
	fits = entry->mtime.seconds >= 0 &&
	       octal(header.mtime, sizeof header.mtime, (uint64_t)entry->mtime.seconds);
	if (!fits)
		octal(header.mtime, sizeof header.mtime, 0);
	if (!fits || entry->mtime.nanoseconds != 0)
		pax_add_time(pax, "mtime", entry->mtime);
	header.type[0] = entry->type;
	if (entry->link)
		put_text(pax, "linkpath", header.link, sizeof header.link, entry->link);
	octal(header.major, sizeof header.major, entry->major);
	octal(header.minor, sizeof header.minor, entry->minor);
	done = put_records(stream) && put_header(stream, &header);
	pax_clear(pax);
	return done;
}

bool tar_end(struct tar_stream *stream)
{
	/* Whole records, as tape drives wanted and some readers still warn about. */
	const uint64_t end = stream->written + (uint64_t)BLOCKS_AT_END * TAR_BLOCK;
	const uint64_t whole = (end + RECORD - 1) / RECORD * RECORD;

	return tar_put_zeros(stream, whole - stream->written) && fflush(stream->out) == 0;
}
