/* SPDX-License-Identifier: MIT */
/*
 * The annotated hex dump: rows of offset, bytes, field, value and meaning in columns, or the same
 * as JSON. Knows the tables of fields and nothing of what they are about; which structure lies
 * where is the caller's knowledge.
 */
#include "config.h"

#include <string.h>

#include "reports/annotate.h"
#include "reports/hex.h"

enum {
	SMALL_GAP = 12,	    /* padding, shown as if it were a field */
	ZERO_ELEMENTS = 3,  /* so many zero elements of an array become one row */
	ZERO_BYTES = 32,    /* so many zero bytes of no structure become one object in JSON */
	CHUNK_BYTES = 512,  /* in JSON, of bytes of no structure */
	FIELD_BYTES = 1024, /* no field is larger */
	VALUE_SIZE = 4 * FIELD_BYTES + 8,
};

/* One field, or one element of an array, with all that is said about it. */
struct row {
	const struct ext_layout *layout; /* NULL for bytes of no structure */
	size_t structure_at;		 /* of the structure, in the piece */
	size_t at, size;		 /* of the field, in the piece */
	const char *name, *meaning;
	const char *value; /* NULL when the bytes say it all */
	bool has_number;
	uint64_t number;
	bool is_text;	   /* the value wants quotes */
	bool is_odd;	   /* a bit or a number without a name where there should be one */
	bool is_repeated;  /* its meaning stands beside the element before */
	bool is_collapsed; /* several elements, all zero */
};

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* Bytes of zero from `at` on, `end` at most. */
static size_t zero_run(const uint8_t *bytes, size_t at, size_t end)
{
	size_t i = at;

	while (i < end && bytes[i] == 0)
		i++;
	return i - at;
}

static void emit_json(const struct annotate *annotate, const struct row *row)
{
	static const char digits[] = "0123456789abcdef";
	struct json *const json = annotate->json;
	char raw[2 * FIELD_BYTES + 1];
	size_t length = 0;

	json_object(json, NULL);
	json_u64(json, "offset", annotate->offset + row->at);
	json_u64(json, "size", row->size);
	if (row->layout) {
		json_text(json, "structure", row->layout->name);
		json_u64(json, "at", row->at - row->structure_at);
	}
	if (row->name)
		json_text(json, "name", row->name);
	if (row->value)
		json_text(json, "value", row->value);
	if (row->has_number)
		json_u64(json, "number", row->number);
	if (!row->layout && !row->name && is_zero(annotate->bytes.data + row->at, row->size)) {
		json_bool(json, "zero", true);
	} else {
		for (size_t i = 0; i < row->size && length + 2 < sizeof raw; i++) {
			raw[length++] = digits[annotate->bytes.data[row->at + i] >> 4];
			raw[length++] = digits[annotate->bytes.data[row->at + i] & 15];
		}
		raw[length] = '\0';
		json_text(json, "raw", raw);
	}
	if (row->meaning && row->meaning[0])
		json_text(json, "meaning", row->meaning);
	json_end_object(json);
}

static struct hex text_of(const struct annotate *annotate)
{
	return hex_open(annotate->out, annotate->colors, annotate->bytes.data, annotate->bytes.size,
			annotate->offset);
}

static void emit_text(const struct annotate *annotate, const struct row *row)
{
	const struct hex hex = text_of(annotate);
	char quoted[VALUE_SIZE + 2];
	struct hex_row line = {.at = row->at,
			       .size = row->size,
			       .name = row->name,
			       .value = row->value ? row->value : "",
			       .meaning = row->is_repeated ? "" : row->meaning,
			       .odd = row->is_odd,
			       .zeros = row->is_collapsed};

	if (row->is_text) {
		snprintf(quoted, sizeof quoted, "\"%s\"", line.value);
		line.value = quoted;
	}
	hex_row(&hex, &line);
}

static void emit(const struct annotate *annotate, const struct row *row)
{
	if (annotate->json)
		emit_json(annotate, row);
	else
		emit_text(annotate, row);
}

static void title(const struct annotate *annotate, const char *text, const char *meaning)
{
	const struct hex hex = text_of(annotate);

	hex_title(&hex, text, meaning);
}

static void dump(const struct annotate *annotate, size_t at, size_t end)
{
	const struct hex hex = text_of(annotate);

	hex_dump(&hex, at, end);
}

static void dump_json(struct annotate *annotate, size_t end)
{
	const uint8_t *const bytes = annotate->bytes.data;
	struct row row = {0};

	for (row.at = annotate->at; row.at < end; row.at += row.size) {
		row.size = zero_run(bytes, row.at, end);
		if (row.size < ZERO_BYTES) {
			/* Up to the next long run of zeros, or a chunk. */
			row.size = 0;
			while (row.size < CHUNK_BYTES && row.at + row.size < end &&
			       zero_run(bytes, row.at + row.size, end) < ZERO_BYTES)
				row.size++;
		}
		emit_json(annotate, &row);
	}
}

/* Dumps what lies before `at` and has not been dumped: padding, or bytes of no structure. */
static void dump_up_to(struct annotate *annotate, size_t at)
{
	const size_t end = at < annotate->bytes.size ? at : annotate->bytes.size;

	if (annotate->at >= end)
		return;
	if (annotate->json) {
		dump_json(annotate, end);
	} else if (end - annotate->at <= SMALL_GAP) {
		const struct row row = {.at = annotate->at,
					.size = end - annotate->at,
					.name = "(unused)",
					.meaning = ""};

		emit(annotate, &row);
	} else {
		title(annotate, "other bytes", "");
		dump(annotate, annotate->at, end);
		annotate->layout = NULL;
	}
	annotate->at = end;
}

void annotate_as_text(struct annotate *annotate, FILE *out, bool colors)
{
	*annotate = (struct annotate){.out = out, .colors = colors};
}

void annotate_as_json(struct annotate *annotate, struct json *json, const char *key)
{
	*annotate = (struct annotate){.json = json, .key = key};
}

void annotate_begin(struct annotate *annotate, struct ext_span bytes, uint64_t offset)
{
	annotate->bytes = bytes;
	annotate->offset = offset;
	annotate->at = 0;
	annotate->layout = NULL;
	if (annotate->json)
		json_array(annotate->json, annotate->key);
}

/* Element `index` of a field, or all `count` elements from there when they are zero. */
static void annotate_element(struct annotate *annotate, const struct ext_layout *layout,
			     size_t structure_at, const struct ext_field *field, unsigned index,
			     unsigned count)
{
	const struct ext_span rest = {annotate->bytes.data + structure_at,
				      annotate->bytes.size - structure_at};
	const bool is_array = field->type != EXT_FIELD_BYTES && field->count > 1;
	const size_t width =
		field->type == EXT_FIELD_BYTES ? field->count : ext_field_element_size(field);
	char value[VALUE_SIZE], name[96];
	struct row row = {.layout = layout,
			  .structure_at = structure_at,
			  .at = structure_at + field->at + width * index,
			  .size = width * count,
			  .name = field->name,
			  .meaning = field->meaning,
			  .value = value};

	ext_field_show(field, index, rest, value, sizeof value);
	if (field->show == EXT_SHOW_BYTES)
		row.value = NULL;
	if (field->type != EXT_FIELD_BYTES) {
		row.has_number = true;
		row.number = ext_field_get(field, index, rest);
	}
	if (is_array && count > 1)
		snprintf(name, sizeof name, "%s[%u..%u]", field->name, index, index + count - 1);
	else if (is_array)
		snprintf(name, sizeof name, "%s[%u]", field->name, index);
	if (is_array)
		row.name = name;
	row.is_odd = (field->show == EXT_SHOW_FLAGS || field->show == EXT_SHOW_ENUM) &&
		     strstr(value, "unknown") != NULL;
	row.is_text = field->show == EXT_SHOW_TEXT || field->show == EXT_SHOW_UTF16;
	row.is_repeated = is_array && index > 0;
	row.is_collapsed = count > 1;
	emit(annotate, &row);
	/* Structures may overlap in a damaged image; then nothing is dumped a second time as left
	 * over. */
	if (row.at + row.size > annotate->at)
		annotate->at = row.at + row.size;
}

static void annotate_field(struct annotate *annotate, const struct ext_layout *layout,
			   size_t structure_at, const struct ext_field *field)
{
	const size_t width = ext_field_element_size(field);
	unsigned count;

	if (field->type == EXT_FIELD_BYTES) {
		annotate_element(annotate, layout, structure_at, field, 0, 1);
		return;
	}
	for (unsigned index = 0; index < field->count; index += count) {
		const size_t at = structure_at + field->at + width * index;
		const size_t zeros =
			zero_run(annotate->bytes.data, at, at + width * (field->count - index)) /
			width;

		count = 1;
		if (!annotate->json && zeros >= ZERO_ELEMENTS)
			count = (unsigned)zeros;
		annotate_element(annotate, layout, structure_at, field, index, count);
	}
}

void annotate_range(struct annotate *annotate, const char *name, size_t at, size_t from, size_t to,
		    const char *heading)
{
	const struct ext_layout *const layout = ext_layout_by_name(name);

	if (!layout || at > annotate->bytes.size || from >= annotate->bytes.size - at)
		return;
	dump_up_to(annotate, at + from);
	if (!annotate->json)
		title(annotate, heading ? heading : name,
		      annotate->layout != layout ? layout->meaning : "");
	annotate->layout = layout;
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct ext_field *const field = &layout->fields[i];
		const size_t end = field->at + ext_field_size(field);

		if (field->at >= from && end <= to && end <= annotate->bytes.size - at)
			annotate_field(annotate, layout, at, field);
	}
}

void annotate_structure(struct annotate *annotate, const char *layout, size_t at,
			const char *heading)
{
	annotate_range(annotate, layout, at, 0, SIZE_MAX, heading);
}

void annotate_bytes(struct annotate *annotate, size_t at, size_t size, const char *name,
		    const char *meaning, enum ext_field_show show)
{
	const size_t left = at <= annotate->bytes.size ? annotate->bytes.size - at : 0;
	const size_t present = size < left ? size : left;

	if (present == 0)
		return;
	dump_up_to(annotate, at);
	if (present <= (show == EXT_SHOW_TEXT ? (size_t)FIELD_BYTES : (size_t)SMALL_GAP)) {
		const struct ext_field field = {
			0, (uint16_t)present, EXT_FIELD_BYTES, show, name, meaning, NULL};

		annotate_element(annotate, NULL, at, &field, 0, 1);
		return;
	}
	if (annotate->json) {
		/* In pieces that say where they belong. */
		struct row row = {.at = at, .name = name, .meaning = meaning};

		for (; row.at < at + present; row.at += row.size) {
			const size_t rest = at + present - row.at;

			row.size = rest < CHUNK_BYTES ? rest : CHUNK_BYTES;
			emit_json(annotate, &row);
		}
	} else {
		title(annotate, name, meaning);
		dump(annotate, at, at + present);
	}
	annotate->layout = NULL;
	if (at + present > annotate->at)
		annotate->at = at + present;
}

void annotate_end(struct annotate *annotate)
{
	dump_up_to(annotate, annotate->bytes.size);
	if (annotate->json)
		json_end_array(annotate->json);
}
