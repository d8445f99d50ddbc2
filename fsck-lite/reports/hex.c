/* SPDX-License-Identifier: MIT */
/*
 * Lines of a hex dump in columns: where the columns are, how words are broken, what is coloured.
 * Knows no fields.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "reports/hex.h"
#include "reports/text.h"

enum {
	PAGE_WIDTH = 100,
	ROW_BYTES = 4, /* beside a field: few are longer, and the meaning needs the room */
	DUMP_BYTES = 16,
	NAME_WIDTH = 24,
	VALUE_WIDTH = 12, /* a number of 32 bits, or 16 bits of flags and a short word */
	ZERO_ROWS = 3,	  /* so many rows of zero bytes become one */
	ZERO_DUMPS = 2,
};

/* A line being written: how far it has come. Padding is written only before what follows it. */
struct line {
	const struct hex *hex;
	size_t column;
};

/* Columns that UTF-8 text takes, one for each character. */
static size_t columns(const char *text, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

static void put_part(struct line *line, const char *text, size_t length, enum text_color which)
{
	const struct hex *const hex = line->hex;

	fprintf(hex->out, "%s%.*s%s", text_color(hex->colors, which), (int)length, text,
		which == TEXT_PLAIN ? "" : text_color(hex->colors, TEXT_PLAIN));
	line->column += columns(text, length);
}

static void put_text(struct line *line, const char *text, enum text_color which)
{
	put_part(line, text, strlen(text), which);
}

/* To `column`; at least one space when the line is there already or beyond it. */
static void go_to(struct line *line, size_t column)
{
	const size_t spaces = line->column < column ? column - line->column : 1;

	if (line->column == 0 && column == 0)
		return;
	fprintf(line->hex->out, "%*s", (int)spaces, "");
	line->column += spaces;
}

static void put_offset(struct line *line, size_t at)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%0*" PRIx64, line->hex->offset_width,
		 line->hex->offset + at);
	put_text(line, digits, TEXT_DIM);
	go_to(line, (size_t)line->hex->offset_width + 2);
}

static void put_bytes(struct line *line, const uint8_t *bytes, size_t count)
{
	char digits[4];

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			go_to(line, line->column + 1);
		snprintf(digits, sizeof digits, "%02x", bytes[i]);
		put_text(line, digits, bytes[i] == 0 ? TEXT_DIM : TEXT_PLAIN);
	}
}

static void put_zeros(struct line *line, size_t count)
{
	char text[40];

	snprintf(text, sizeof text, "00 x %zu", count);
	put_text(line, text, TEXT_DIM);
}

static void end_line(const struct line *line)
{
	fputc('\n', line->hex->out);
}

/* Zero bytes from `at` on, `end` at most. */
static size_t zero_run(const struct hex *hex, size_t at, size_t end)
{
	size_t i = at;

	while (i < end && hex->data[i] == 0)
		i++;
	return i - at;
}

struct hex hex_open(FILE *out, bool colors, const uint8_t *data, size_t size, uint64_t offset)
{
	struct hex hex = {out, colors, data, offset, 8};

	while (hex.offset_width < 16 && (offset + size) >> 4 * hex.offset_width != 0)
		hex.offset_width++;
	return hex;
}

void hex_title(const struct hex *hex, const char *title, const char *meaning)
{
	struct line line = {hex, 0};

	put_text(&line, title, TEXT_BOLD);
	if (meaning[0]) {
		go_to(&line, line.column + 2);
		put_text(&line, meaning, TEXT_DIM);
	}
	end_line(&line);
}

/*
 * Bytes of `text` for a line of `width` columns: up to the last space that fits, or as much as fits
 * when there is none.
 */
static size_t line_length(const char *text, size_t width)
{
	size_t length = 0, space = 0, column = 0;

	for (; text[length]; length++) {
		const bool begins = ((unsigned char)text[length] & 0xc0) != 0x80;

		if (text[length] == ' ')
			space = length;
		if (begins && column == width)
			return space > 0 ? space : length;
		column += begins;
	}
	return length;
}

static void put_words(struct line *line, const char **text, size_t width, enum text_color which)
{
	const size_t length = line_length(*text, width);

	put_part(line, *text, length, which);
	*text += length;
	while (**text == ' ')
		++*text;
}

/*
 * The right half of a line: what is left of value and meaning. A value that keeps to its column has
 * its meaning beside it in the next. A longer one takes the room of both, and the meaning stands
 * behind it if all of it fits there, else below in its own column.
 */
static void put_sayings(struct line *line, const char **value, const char **meaning,
			enum text_color which)
{
	const size_t value_column =
		(size_t)line->hex->offset_width + 2 + 3 * ROW_BYTES + 1 + NAME_WIDTH + 1;
	const size_t meaning_column = value_column + VALUE_WIDTH + 1;
	const size_t value_width = columns(*value, strlen(*value));
	const size_t meaning_width = columns(*meaning, strlen(*meaning));

	if ((*value)[0]) {
		go_to(line, value_column);
		if (line->column + value_width >= meaning_column) {
			put_words(line, value, PAGE_WIDTH - line->column, which);
			if ((*value)[0] || line->column + 2 + meaning_width > PAGE_WIDTH)
				return;
			go_to(line, line->column + 2);
			put_words(line, meaning, PAGE_WIDTH, TEXT_DIM);
			return;
		}
		put_words(line, value, VALUE_WIDTH, which);
	}
	if ((*meaning)[0]) {
		go_to(line, meaning_column);
		put_words(line, meaning, PAGE_WIDTH - meaning_column, TEXT_DIM);
	}
}

void hex_row(const struct hex *hex, const struct hex_row *row)
{
	const size_t end = row->at + row->size;
	const char *value = row->value, *meaning = row->meaning;
	size_t at = row->at;

	/* Only the first line has the name; later ones have bytes alone, words alone, or both. */
	for (bool first = true; first || at < end || value[0] || meaning[0]; first = false) {
		const size_t zeros = zero_run(hex, at, end);
		struct line line = {hex, 0};
		size_t count = end - at < ROW_BYTES ? end - at : ROW_BYTES;

		if (at < end) {
			put_offset(&line, at);
			if (row->zeros || zeros >= ROW_BYTES * ZERO_ROWS) {
				/* Whole rows, unless it is the field's end. */
				count = at + zeros == end ? zeros : zeros - zeros % ROW_BYTES;
				put_zeros(&line, count);
			} else {
				put_bytes(&line, hex->data + at, count);
			}
			at += count;
		}
		if (first) {
			go_to(&line, (size_t)hex->offset_width + 2 + 3 * ROW_BYTES + 1);
			put_text(&line, row->name, TEXT_BOLD);
		}
		if (value[0] || meaning[0])
			put_sayings(&line, &value, &meaning, row->odd ? TEXT_YELLOW : TEXT_PLAIN);
		end_line(&line);
	}
}

void hex_dump(const struct hex *hex, size_t at, size_t end)
{
	while (at < end) {
		const size_t zeros = zero_run(hex, at, end);
		struct line line = {hex, 0};
		size_t count = end - at < DUMP_BYTES ? end - at : DUMP_BYTES;

		put_offset(&line, at);
		if (zeros >= DUMP_BYTES * ZERO_DUMPS) {
			count = at + zeros == end ? zeros : zeros - zeros % DUMP_BYTES;
			put_zeros(&line, count);
		} else {
			put_bytes(&line, hex->data + at, count);
			go_to(&line, (size_t)hex->offset_width + 2 + 3 * DUMP_BYTES + 1);
			for (size_t i = 0; i < count; i++) {
				const uint8_t byte = hex->data[at + i];

				fputc(byte >= 0x20 && byte < 0x7f ? byte : '.', hex->out);
			}
		}
		end_line(&line);
		at += count;
	}
}
