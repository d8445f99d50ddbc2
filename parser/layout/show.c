/* SPDX-License-Identifier: MIT */
/*
 * Field values as a person reads them: numbers in the base that suits them, flags with their names,
 * times as UTC. All text from disk is escaped, so that it may go to a terminal. Depends neither on
 * the locale nor on the time zone.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <ext/field.h>

#include "bytes/uuid.h"

/* Text that is cut at the buffer's end but counted to its own, as snprintf does. */
struct text {
	char *data;
	size_t size, length;
};

static void append(struct text *text, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++, text->length++)
		if (text->length + 1 < text->size)
			text->data[text->length] = bytes[i];
}

static void append_string(struct text *text, const char *string)
{
	append(text, string, strlen(string));
}

static void append_decimal(struct text *text, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, value);
	append_string(text, digits);
}

static void append_signed(struct text *text, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRId64, value);
	append_string(text, digits);
}

static void append_hex(struct text *text, uint64_t value, size_t width)
{
	char digits[24];

	snprintf(digits, sizeof digits, "0x%0*" PRIx64, (int)(2 * width), value);
	append_string(text, digits);
}

static size_t finish(struct text *text)
{
	if (text->size > 0)
		text->data[text->length < text->size ? text->length : text->size - 1] = '\0';
	return text->length;
}

static void append_time(struct text *text, int64_t seconds)
{
	char line[40];

	ext_time_show(seconds, line, sizeof line);
	append_string(text, line);
}

/* Times of 64 bits may be any number; what no int64_t holds is shown as what it is. */
static void append_unsigned_time(struct text *text, uint64_t seconds)
{
	if (seconds == 0) {
		append_string(text, "0"); /* never, in every field that has this form */
	} else if (seconds > INT64_MAX) {
		append_decimal(text, seconds);
		append_string(text, " s");
	} else {
		append_time(text, (int64_t)seconds);
	}
}

/* The two low bits extend the seconds beyond 32 bits, the others are nanoseconds. */
static void append_time_extra(struct text *text, uint64_t value)
{
	append_decimal(text, value >> 2);
	append_string(text, " ns");
	if (value & 3) {
		append_string(text, ", epoch ");
		append_decimal(text, value & 3);
	}
}

static int64_t sign_extend(uint64_t value, size_t width)
{
	const uint64_t sign = (uint64_t)1 << (8 * width - 1);

	/* Value and complement both fit, so that no conversion leans on the implementation. */
	return value & sign ? -(int64_t)(~value & (sign - 1)) - 1 : (int64_t)value;
}

/* Does a row that stands later cover all bits of this one, and are they all set? (0x60 over 0x20.)
 */
static bool is_part_of_larger(const struct ext_flag_name *flag, uint64_t value)
{
	for (const struct ext_flag_name *later = flag + 1; later->name; later++)
		if ((later->value & flag->value) == flag->value &&
		    (value & later->value) == later->value)
			return true;
	return false;
}

static void append_flags(struct text *text, const struct ext_flag_name *flags, uint64_t value,
			 size_t width)
{
	uint64_t unknown = value;

	append_hex(text, value, width);
	for (; flags && flags->name; flags++) {
		if (flags->value == 0 || (value & flags->value) != flags->value)
			continue;
		unknown &= ~flags->value;
		if (is_part_of_larger(flags, value))
			continue;
		append_string(text, " ");
		append_string(text, flags->name);
	}
	if (unknown != 0 && unknown != value) {
		append_string(text, " +");
		append_hex(text, unknown, 0);
	}
	if (unknown != 0)
		append_string(text, " unknown");
}

static void append_enum(struct text *text, const struct ext_flag_name *flags, uint64_t value,
			size_t width)
{
	/* Magic numbers are enumerated too, and mean nothing in decimal. */
	if (value > 0xffff)
		append_hex(text, value, width);
	else
		append_decimal(text, value);
	for (; flags && flags->name; flags++) {
		if (flags->value != value)
			continue;
		if (*flags->name) {
			append_string(text, " ");
			append_string(text, flags->name);
		}
		return;
	}
	append_string(text, " ");
	append_string(text, flags && flags->meaning ? flags->meaning : "unknown");
}

static void append_mode(struct text *text, uint64_t mode)
{
	static const char types[] = "?pc?d?b?-?l?s???";
	char line[24];

	snprintf(line, sizeof line, "0%05" PRIo64 " ", mode);
	append_string(text, line);
	line[0] = types[mode >> 12 & 15];
	for (unsigned i = 0; i < 9; i++)
		line[1 + i] = (char)(mode >> (8 - i) & 1 ? "rwx"[i % 3] : '-');
	if (mode & 04000)
		line[3] = (char)(mode & 0100 ? 's' : 'S');
	if (mode & 02000)
		line[6] = (char)(mode & 0010 ? 's' : 'S');
	if (mode & 01000)
		line[9] = (char)(mode & 0001 ? 't' : 'T');
	append(text, line, 10);
}

static void append_log2(struct text *text, uint64_t value)
{
	append_decimal(text, value);
	if (value < 64) {
		append_string(text, " (x");
		append_decimal(text, (uint64_t)1 << value);
		append_string(text, ")");
	}
}

/* The length of the UTF-8 character at the start of `bytes`, or 0 if there is none that may be
 * printed. */
static size_t printable_length(const uint8_t *bytes, size_t size)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const size_t length = bytes[0] < 0x80	? 1
			      : bytes[0] < 0xc2 ? 0
			      : bytes[0] < 0xe0 ? 2
			      : bytes[0] < 0xf0 ? 3
			      : bytes[0] < 0xf5 ? 4
						: 0;
	uint32_t code;

	if (length == 0 || length > size)
		return 0;
	if (length == 1)
		return bytes[0] >= 0x20 && bytes[0] != 0x7f && bytes[0] != '\\';
	code = bytes[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (bytes[i] & 0x3f);
	}
	/* Overlong forms, surrogates, C1 controls, and marks that turn the direction of a line. */
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ||
	    code < 0xa0 || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return 0;
	return length;
}

/* What is not a printable character comes as \xNN, a backslash as two, so that nothing is
 * ambiguous. */
static void append_text(struct text *text, const uint8_t *bytes, size_t size)
{
	size_t end = size, length;
	char escape[8];

	/* Behind the text lie zero bytes as a rule; a zero byte within it is worth seeing. */
	while (end > 0 && bytes[end - 1] == 0)
		end--;
	for (size_t i = 0; i < end; i += length) {
		length = printable_length(bytes + i, end - i);
		if (length > 0) {
			for (size_t j = 0; j < length; j++) {
				const char c = (char)bytes[i + j];

				append(text, &c, 1);
			}
			continue;
		}
		length = 1;
		if (bytes[i] == '\\')
			snprintf(escape, sizeof escape, "\\\\");
		else
			snprintf(escape, sizeof escape, "\\x%02x", bytes[i]);
		append_string(text, escape);
	}
}

/* Only the plane of two bytes: names of partitions need no more, and what else comes is escaped. */
static void append_utf16(struct text *text, const uint8_t *bytes, size_t size)
{
	char escape[8];

	for (size_t i = 0; i + 1 < size; i += 2) {
		const unsigned code = bytes[i] | (unsigned)bytes[i + 1] << 8;
		const uint8_t utf8[3] = {(uint8_t)(0xe0 | code >> 12),
					 (uint8_t)(0x80 | (code >> 6 & 0x3f)),
					 (uint8_t)(0x80 | (code & 0x3f))};
		const uint8_t short_utf8[2] = {(uint8_t)(0xc0 | code >> 6), utf8[2]};

		if (code == 0)
			return;
		if (code < 0x80) {
			append_text(text, bytes + i, 1);
		} else if (code < 0x800) {
			append_text(text, short_utf8, sizeof short_utf8);
		} else if (code >= 0xd800 && code < 0xe000) {
			snprintf(escape, sizeof escape, "\\u%04x", code);
			append_string(text, escape);
		} else {
			append_text(text, utf8, sizeof utf8);
		}
	}
}

static void append_bytes(struct text *text, const uint8_t *bytes, size_t size)
{
	char digits[4];

	for (size_t i = 0; i < size; i++) {
		snprintf(digits, sizeof digits, i == 0 ? "%02x" : " %02x", bytes[i]);
		append_string(text, digits);
	}
}

static void append_uuid(struct text *text, const uint8_t *bytes)
{
	char line[UUID_TEXT_SIZE];

	uuid_format(bytes, line);
	append_string(text, line);
}

/* The first three parts of a GUID are little-endian numbers; a UUID is written as it lies. */
static void append_guid(struct text *text, const uint8_t *bytes)
{
	static const uint8_t order[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t uuid[UUID_SIZE];

	for (size_t i = 0; i < sizeof uuid; i++)
		uuid[i] = bytes[order[i]];
	append_uuid(text, uuid);
}

static void append_byte_string(struct text *text, const struct ext_field *field,
			       const uint8_t *bytes, size_t size)
{
	if (field->show == EXT_SHOW_TEXT)
		append_text(text, bytes, size);
	else if (field->show == EXT_SHOW_UTF16)
		append_utf16(text, bytes, size);
	else if (field->show == EXT_SHOW_UUID && size == UUID_SIZE)
		append_uuid(text, bytes);
	else if (field->show == EXT_SHOW_GUID && size == UUID_SIZE)
		append_guid(text, bytes);
	else
		append_bytes(text, bytes, size);
}

static void append_number(struct text *text, const struct ext_field *field, uint64_t value)
{
	const size_t width = ext_field_element_size(field);

	switch (field->show) {
	case EXT_SHOW_COUNT:
	case EXT_SHOW_BLOCK:
	case EXT_SHOW_LOGICAL:
	case EXT_SHOW_INODE:
	case EXT_SHOW_BYTESIZE:
	case EXT_SHOW_HIGH:
		append_decimal(text, value);
		return;
	case EXT_SHOW_SIGNED:
		append_signed(text, sign_extend(value, width));
		return;
	case EXT_SHOW_FLAGS:
		append_flags(text, field->flags, value, width);
		return;
	case EXT_SHOW_ENUM:
		append_enum(text, field->flags, value, width);
		return;
	case EXT_SHOW_TIME:
		append_unsigned_time(text, value);
		return;
	case EXT_SHOW_SIGNED_TIME:
		append_time(text, sign_extend(value, width));
		return;
	case EXT_SHOW_TIME_EXTRA:
		append_time_extra(text, value);
		return;
	case EXT_SHOW_MODE:
		append_mode(text, value);
		return;
	case EXT_SHOW_LOG2:
		append_log2(text, value);
		return;
	case EXT_SHOW_HEX:
	case EXT_SHOW_UUID:
	case EXT_SHOW_GUID:
	case EXT_SHOW_TEXT:
	case EXT_SHOW_UTF16:
	case EXT_SHOW_BYTES:
		append_hex(text, value, width);
		return;
	}
}

size_t ext_field_show(const struct ext_field *field, unsigned index, struct ext_span bytes,
		      char *text, size_t size)
{
	struct text line = {text, size, 0};

	if (field->type != EXT_FIELD_BYTES)
		append_number(&line, field, ext_field_get(field, index, bytes));
	else if (field->at <= bytes.size && field->count <= bytes.size - field->at)
		append_byte_string(&line, field, bytes.data + field->at, field->count);
	return finish(&line);
}
