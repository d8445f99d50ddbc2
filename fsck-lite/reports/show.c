/* SPDX-License-Identifier: MIT */
/* Labelled lines or members of JSON: what every view of `show` is made of. */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include <ext/field.h>

#include "reports/show.h"
#include "reports/text.h"

enum { LABEL_WIDTH = 24, NAME_WIDTH = 26, VALUE_WIDTH = 28 };

static void put_indent(const struct show *show)
{
	for (unsigned i = 0; i < show->indent; i++)
		fputs("  ", stdout);
}

/* "block_size" as "block size", padded to the values' column. */
static void put_label(const struct show *show, const char *key)
{
	int width = LABEL_WIDTH - 2 * (int)show->indent;

	put_indent(show);
	for (; *key; key++, width--)
		putchar(*key == '_' ? ' ' : *key);
	do
		putchar(' ');
	while (--width > 0);
}

void show_heading(struct show *show, const char *format, ...)
{
	va_list arguments;

	if (show->json)
		return;
	put_indent(show);
	fputs(text_color(show->colors, TEXT_BOLD), stdout);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	fputs(text_color(show->colors, TEXT_PLAIN), stdout);
	putchar('\n');
}

void show_begin(struct show *show, const char *key)
{
	if (show->json)
		json_object(show->json, key);
	show->indent++;
}

void show_end(struct show *show)
{
	if (show->json)
		json_end_object(show->json);
	show->indent--;
}

void show_u64(struct show *show, const char *key, uint64_t value)
{
	if (show->json) {
		json_u64(show->json, key, value);
		return;
	}
	put_label(show, key);
	printf("%" PRIu64 "\n", value);
}

void show_hex(struct show *show, const char *key, uint64_t value, unsigned digits)
{
	if (show->json) {
		json_u64(show->json, key, value);
		return;
	}
	put_label(show, key);
	printf("0x%0*" PRIx64 "\n", (int)digits, value);
}

void show_text(struct show *show, const char *key, const char *text)
{
	if (show->json) {
		json_text(show->json, key, text);
		return;
	}
	put_label(show, key);
	puts(text);
}

void show_name(struct show *show, const char *key, const char *name, size_t length)
{
	if (show->json) {
		json_name(show->json, key, name, length);
		return;
	}
	put_label(show, key);
	text_name(stdout, name, length);
	putchar('\n');
}

void show_size(struct show *show, const char *key, uint64_t bytes)
{
	char text[TEXT_SHORT];

	if (show->json) {
		json_u64(show->json, key, bytes);
		return;
	}
	put_label(show, key);
	printf("%" PRIu64, bytes);
	if (bytes >= 1024)
		printf(" (%s)", text_size(text, bytes));
	putchar('\n');
}

const char *show_confidence(enum ext_confidence confidence)
{
	switch (confidence) {
	case EXT_CONFIDENCE_DOUBTFUL:
		return "doubtful";
	case EXT_CONFIDENCE_LIKELY:
		return "likely";
	case EXT_CONFIDENCE_PROVEN:
		return "proven";
	}
	return "";
}

void show_time(struct show *show, const char *key, const struct ext_time *time)
{
	char text[TEXT_SHORT];

	if (show->json) {
		json_object(show->json, key);
		json_i64(show->json, "seconds", time->seconds);
		json_u64(show->json, "nanoseconds", time->nanoseconds);
		json_end_object(show->json);
		return;
	}
	put_label(show, key);
	fputs(text_time(text, time->seconds), stdout);
	if (time->nanoseconds)
		printf(" + %09" PRIu32 " ns", time->nanoseconds);
	putchar('\n');
}

void show_seconds(struct show *show, const char *key, int64_t seconds)
{
	char text[TEXT_SHORT];

	if (show->json) {
		json_i64(show->json, key, seconds);
		return;
	}
	put_label(show, key);
	puts(seconds == 0 ? "never" : text_time(text, seconds));
}

void show_checksum(struct show *show, enum ext_checksum_state state, uint32_t stored,
		   uint32_t computed, unsigned digits)
{
	static const char *const states[] = {"none", "ok", "bad"};

	if (show->json) {
		json_object(show->json, "checksum");
		json_text(show->json, "state", states[state]);
		if (state != EXT_CHECKSUM_NONE) {
			json_u64(show->json, "stored", stored);
			json_u64(show->json, "computed", computed);
		}
		json_end_object(show->json);
		return;
	}
	put_label(show, "checksum");
	switch (state) {
	case EXT_CHECKSUM_NONE:
		puts("none");
		break;
	case EXT_CHECKSUM_OK:
		printf("0x%0*" PRIx32 ", holds\n", (int)digits, stored);
		break;
	case EXT_CHECKSUM_BAD:
		printf("%s0x%0*" PRIx32 ", wrong: computed 0x%0*" PRIx32 "%s\n",
		       text_color(show->colors, TEXT_RED), (int)digits, stored, (int)digits,
		       computed, text_color(show->colors, TEXT_PLAIN));
		break;
	}
}

void show_range(struct show *show, const char *key, uint64_t first, uint64_t count)
{
	if (count == 0)
		return;
	if (show->json) {
		json_object(show->json, key);
		json_u64(show->json, "first", first);
		json_u64(show->json, "count", count);
		json_end_object(show->json);
		return;
	}
	put_label(show, key);
	if (count == 1)
		printf("%" PRIu64 "\n", first);
	else
		printf("%" PRIu64 " to %" PRIu64 " (%" PRIu64 ")\n", first, first + count - 1,
		       count);
}

void show_flags(struct show *show, const char *key, const char *table, uint64_t value)
{
	const struct ext_flag_name *flags = ext_flags_by_name(table);
	uint64_t left = value;

	if (show->json) {
		json_array(show->json, key);
	} else {
		put_label(show, key);
		printf("0x%" PRIx64, value);
	}
	for (; flags && flags->name; flags++) {
		if (!(left & flags->value))
			continue;
		left &= ~flags->value;
		if (show->json)
			json_text(show->json, NULL, flags->name);
		else
			printf(" %s", flags->name);
	}
	if (left && show->json) {
		char unknown[24];

		snprintf(unknown, sizeof unknown, "0x%" PRIx64, left);
		json_text(show->json, NULL, unknown);
	} else if (left) {
		printf(" and 0x%" PRIx64 " of no name", left);
	}
	if (show->json)
		json_end_array(show->json);
	else
		putchar('\n');
}

static bool is_zero(struct ext_span bytes, size_t at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes.data[at + i] != 0)
			return false;
	return true;
}

static void write_field(struct json *json, const struct ext_field *field, struct ext_span bytes)
{
	char text[4200];

	if (field->type == EXT_FIELD_BYTES) {
		ext_field_show(field, 0, bytes, text, sizeof text);
		json_text(json, field->name, text);
	} else if (field->count == 1) {
		json_u64(json, field->name, ext_field_get(field, 0, bytes));
	} else {
		json_array(json, field->name);
		for (unsigned i = 0; i < field->count; i++)
			json_u64(json, NULL, ext_field_get(field, i, bytes));
		json_end_array(json);
	}
}

static void print_field(const struct show *show, const struct ext_field *field, unsigned index,
			struct ext_span bytes)
{
	char name[64], value[4200];

	if (field->count > 1 && field->type != EXT_FIELD_BYTES)
		snprintf(name, sizeof name, "%s[%u]", field->name, index);
	else
		snprintf(name, sizeof name, "%s", field->name);
	ext_field_show(field, index, bytes, value, sizeof value);
	put_indent(show);
	printf("%-*s ", NAME_WIDTH, name);
	if (strlen(value) > VALUE_WIDTH)
		printf("%s  %s%s%s\n", value, text_color(show->colors, TEXT_DIM), field->meaning,
		       text_color(show->colors, TEXT_PLAIN));
	else
		printf("%-*s %s%s%s\n", VALUE_WIDTH, value, text_color(show->colors, TEXT_DIM),
		       field->meaning, text_color(show->colors, TEXT_PLAIN));
}

void show_fields(struct show *show, const char *key, const char *name, struct ext_span bytes,
		 size_t length)
{
	const struct ext_layout *layout = ext_layout_by_name(name);

	if (!layout)
		return;
	show_begin(show, key);
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct ext_field *field = &layout->fields[i];
		const size_t size = ext_field_element_size(field);

		if (field->at + ext_field_size(field) > length ||
		    field->at + ext_field_size(field) > bytes.size)
			break;
		if (show->json) {
			write_field(show->json, field, bytes);
			continue;
		}
		if (field->type == EXT_FIELD_BYTES) {
			if (!is_zero(bytes, field->at, field->count))
				print_field(show, field, 0, bytes);
			continue;
		}
		for (unsigned index = 0; index < field->count; index++)
			if (!is_zero(bytes, field->at + index * size, size))
				print_field(show, field, index, bytes);
	}
	show_end(show);
}

void show_dump_begin(struct show *show, struct annotate *annotate, const char *key,
		     struct ext_span bytes, uint64_t offset)
{
	*annotate = (struct annotate){0};
	if (show->json)
		annotate_as_json(annotate, show->json, key);
	else
		annotate_as_text(annotate, stdout, show->colors);
	annotate_begin(annotate, bytes, show->image->start + offset);
}

const char *show_type_name(enum ext_file_type type)
{
	static const char *const names[] = {"unknown", "regular", "directory", "character",
					    "block",   "fifo",	  "socket",    "symlink"};

	return (unsigned)type < sizeof names / sizeof *names ? names[type] : "unknown";
}
