/* SPDX-License-Identifier: MIT */
/*
 * Pieces of text reports. Knows no command's report and no structure of the format.
 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ext/field.h>

#include "options.h"
#include "reports/text.h"

size_t text_utf8_length(const char *bytes, size_t length)
{
	const unsigned char *byte = (const unsigned char *)bytes;
	uint32_t character;
	size_t size;

	if (length == 0)
		return 0;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] >= 0xc2 && byte[0] < 0xe0) {
		size = 2;
		character = byte[0] & 0x1fu;
	} else if (byte[0] >= 0xe0 && byte[0] < 0xf0) {
		size = 3;
		character = byte[0] & 0x0fu;
	} else if (byte[0] >= 0xf0 && byte[0] < 0xf5) {
		size = 4;
		character = byte[0] & 0x07u;
	} else {
		return 0;
	}
	if (length < size)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (byte[i] & 0x3fu);
	}
	/* Too long for the character, half of a pair of UTF-16, or beyond the last character. */
	if ((size == 3 && character < 0x800) || (size == 4 && character < 0x10000) ||
	    (character >= 0xd800 && character < 0xe000) || character > 0x10ffff)
		return 0;
	return size;
}

bool text_is_utf8(const char *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		const size_t size = text_utf8_length(bytes + at, length - at);

		if (size == 0)
			return false;
		at += size;
	}
	return true;
}

/* C1 controls (U+0080 to U+009F) drive a terminal as ESC does. */
static bool is_control(const char *bytes, size_t size)
{
	const unsigned char first = (unsigned char)bytes[0];

	if (size == 1)
		return first < 0x20 || first == 0x7f;
	return size == 2 && first == 0xc2 && (unsigned char)bytes[1] < 0xa0;
}

void text_name(FILE *out, const char *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		const size_t size = text_utf8_length(bytes + at, length - at);

		if (size > 0 && !is_control(bytes + at, size)) {
			if (bytes[at] == '\\')
				fputc('\\', out);
			fwrite(bytes + at, 1, size, out);
			at += size;
			continue;
		}
		for (size_t end = at + (size ? size : 1); at < end; at++)
			fprintf(out, "\\x%02x", (unsigned char)bytes[at]);
	}
}

const char *text_size(char text[TEXT_SHORT], uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned unit = 0;
	uint64_t whole = bytes;
	uint64_t rest = 0; /* in 1024ths of the unit */

	while (whole >= 1024) {
		rest = whole % 1024;
		whole /= 1024;
		unit++;
	}
	if (unit == 0 || whole >= 100)
		snprintf(text, TEXT_SHORT, "%" PRIu64 " %s", whole, units[unit]);
	else if (whole >= 10)
		snprintf(text, TEXT_SHORT, "%" PRIu64 ".%" PRIu64 " %s", whole, rest * 10 / 1024,
			 units[unit]);
	else
		snprintf(text, TEXT_SHORT, "%" PRIu64 ".%02" PRIu64 " %s", whole, rest * 100 / 1024,
			 units[unit]);
	return text;
}

const char *text_count(char text[TEXT_SHORT], uint64_t count)
{
	char digits[24];
	const int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
	char *end = text;

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*end++ = ',';
		*end++ = digits[i];
	}
	*end = '\0';
	return text;
}

/* part * scale / whole, without overflow; `part` is at most `whole`, `scale` small. */
static uint64_t portion(uint64_t part, uint64_t whole, uint64_t scale)
{
	while (part > UINT64_MAX / scale) {
		part >>= 1;
		whole >>= 1;
	}
	return whole ? part * scale / whole : 0;
}

const char *text_share(char text[TEXT_SHORT], uint64_t part, uint64_t whole)
{
	uint64_t thousandths = portion(part < whole ? part : whole, whole, 1000);

	/* Among large numbers portion() may lose the difference. */
	if (thousandths > 999)
		thousandths = 999;

	if (part == 0 || whole == 0)
		snprintf(text, TEXT_SHORT, "0%%");
	else if (part >= whole)
		snprintf(text, TEXT_SHORT, "100%%");
	else if (thousandths == 0)
		snprintf(text, TEXT_SHORT, "<0.1%%");
	else
		snprintf(text, TEXT_SHORT, "%" PRIu64 ".%" PRIu64 "%%", thousandths / 10,
			 thousandths % 10);
	return text;
}

void text_bar(FILE *out, uint64_t part, uint64_t whole, unsigned width)
{
	uint64_t full;

	assert(width <= 100);
	full = portion(part < whole ? part : whole, whole, width);
	/* Something is never drawn as nothing. */
	if (full == 0 && part > 0 && whole > 0)
		full = 1;
	for (unsigned i = 0; i < width; i++)
		fputc(i < full ? '#' : '.', out);
}

const char *text_time(char text[TEXT_SHORT], int64_t seconds)
{
	ext_time_show(seconds, text, TEXT_SHORT);
	return text;
}

static char type_letter(unsigned mode)
{
	switch (mode & 0xf000) {
	case 0x1000:
		return 'p';
	case 0x2000:
		return 'c';
	case 0x4000:
		return 'd';
	case 0x6000:
		return 'b';
	case 0x8000:
		return '-';
	case 0xa000:
		return 'l';
	case 0xc000:
		return 's';
	default:
		return '?';
	}
}

const char *text_mode(char text[TEXT_SHORT], unsigned mode)
{
	static const char letters[] = "rwxrwxrwx";

	text[0] = type_letter(mode);
	for (unsigned i = 0; i < 9; i++)
		text[1 + i] = mode & 1u << (8 - i) ? letters[i] : '-';
	if (mode & 04000)
		text[3] = mode & 0100 ? 's' : 'S';
	if (mode & 02000)
		text[6] = mode & 0010 ? 's' : 'S';
	if (mode & 01000)
		text[9] = mode & 0001 ? 't' : 'T';
	text[10] = '\0';
	return text;
}

bool text_has_colors(int when)
{
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (when != WHEN_AUTO)
		return when == WHEN_ALWAYS;
	if ((no_color && *no_color) || !terminal || strcmp(terminal, "dumb") == 0)
		return false;
	return isatty(STDOUT_FILENO) == 1;
}

const char *text_color(bool colors, enum text_color color)
{
	static const char *const sequences[] = {
		[TEXT_PLAIN] = "\x1b[0m", [TEXT_BOLD] = "\x1b[1m",    [TEXT_DIM] = "\x1b[2m",
		[TEXT_RED] = "\x1b[31m",  [TEXT_YELLOW] = "\x1b[33m", [TEXT_GREEN] = "\x1b[32m",
	};

	return colors ? sequences[color] : "";
}
