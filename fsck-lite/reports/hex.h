/* SPDX-License-Identifier: MIT */
/*
 * Lines of a hex dump, 100 columns wide: bytes beside a name, a value and a meaning, or bytes
 * beside their characters. Runs of zero bytes take one line.
 */
#ifndef REPORTS_HEX_H
#define REPORTS_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct hex {
	FILE *out;
	bool colors;
	const uint8_t *data; /* the piece being dumped */
	uint64_t offset;     /* of its first byte, from the start of the image */
	int offset_width;    /* hex digits */
};

/* A dump of `size` bytes at `data`; `out` and `data` are borrowed. */
struct hex hex_open(FILE *out, bool colors, const uint8_t *data, size_t size, uint64_t offset);

/* A line of its own: the name of what follows, and what it is ("" for nothing). */
void hex_title(const struct hex *hex, const char *title, const char *meaning);

struct hex_row {
	size_t at, size; /* bytes, in the piece */
	const char *name;
	const char *value;   /* "" when the bytes say it all */
	const char *meaning; /* may be "" */
	bool odd;	     /* the value is to be noticed */
	bool zeros;	     /* all bytes are zero and go into one line, however few */
};

/* As many lines as the bytes, the value or the meaning need. */
void hex_row(const struct hex *hex, const struct hex_row *row);

/* Bytes `at` to `end` of the piece, 16 a line, and their characters. */
void hex_dump(const struct hex *hex, size_t at, size_t end);

#endif
