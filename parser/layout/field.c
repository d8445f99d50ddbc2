/* SPDX-License-Identifier: MIT */
/*
 * The format as tables: looks up structures, fields and flags by name, and reads and writes fields
 * by their row. How a value is written for a person is the business of show.c.
 */
#include "config.h"

#include <string.h>

#include <ext/field.h>

#include "layout/layout.h"

#define EXPANDER "layout/proofs.h"
#include "layout/layouts.def"

#define TABLE(name) static const struct ext_flag_name name##_flags[] = {
#define FLAG(value, name, meaning) {value, name, meaning},
#define OTHERWISE(meaning)                                                                         \
	{0, NULL, meaning},                                                                        \
	}                                                                                          \
	;
#define END OTHERWISE(NULL)
#include "layout/flags.def"

#define LAYOUT_FIELD_u8 EXT_FIELD_U8
#define LAYOUT_FIELD_le16 EXT_FIELD_LE16
#define LAYOUT_FIELD_le32 EXT_FIELD_LE32
#define LAYOUT_FIELD_le64 EXT_FIELD_LE64
#define LAYOUT_FIELD_be16 EXT_FIELD_BE16
#define LAYOUT_FIELD_be32 EXT_FIELD_BE32
#define LAYOUT_FIELD_be64 EXT_FIELD_BE64

#define EXPANDER "layout/rows.h"
#include "layout/layouts.def"

static const struct ext_layout layouts[] = {
#define EXPANDER "layout/index.h"
#include "layout/layouts.def"
};

static const struct {
	const char *name;
	const struct ext_flag_name *flags;
} flag_tables[] = {
#define TABLE(name) {#name, name##_flags},
#define FLAG(value, name, meaning)
#define OTHERWISE(meaning)
#define END
#include "layout/flags.def"
};

const struct ext_layout *ext_layout_at(size_t index)
{
	return index < sizeof layouts / sizeof *layouts ? &layouts[index] : NULL;
}

const struct ext_layout *ext_layout_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
		if (strcmp(layouts[i].name, name) == 0)
			return &layouts[i];
	return NULL;
}

const struct ext_field *ext_field_by_name(const struct ext_layout *layout, const char *name)
{
	for (size_t i = 0; i < layout->field_count; i++)
		if (strcmp(layout->fields[i].name, name) == 0)
			return &layout->fields[i];
	return NULL;
}

const struct ext_flag_name *ext_flags_by_name(const char *table)
{
	for (size_t i = 0; i < sizeof flag_tables / sizeof *flag_tables; i++)
		if (strcmp(flag_tables[i].name, table) == 0)
			return flag_tables[i].flags;
	return NULL;
}

const struct ext_flag_name *ext_flag_by_value(const struct ext_flag_name *flags, uint64_t value)
{
	for (; flags->name; flags++)
		if (flags->value == value)
			return flags;
	return NULL;
}

size_t ext_field_element_size(const struct ext_field *field)
{
	switch (field->type) {
	case EXT_FIELD_U8:
	case EXT_FIELD_BYTES:
		return 1;
	case EXT_FIELD_LE16:
	case EXT_FIELD_BE16:
		return 2;
	case EXT_FIELD_LE32:
	case EXT_FIELD_BE32:
		return 4;
	case EXT_FIELD_LE64:
	case EXT_FIELD_BE64:
		return 8;
	}
	return 0;
}

size_t ext_field_size(const struct ext_field *field)
{
	return field->count * ext_field_element_size(field);
}

static bool is_big_endian(const struct ext_field *field)
{
	return field->type == EXT_FIELD_BE16 || field->type == EXT_FIELD_BE32 ||
	       field->type == EXT_FIELD_BE64;
}

uint64_t ext_field_get(const struct ext_field *field, unsigned index, struct ext_span bytes)
{
	const size_t width = ext_field_element_size(field);
	const size_t at = field->at + index * width;
	uint64_t value = 0;

	if (field->type == EXT_FIELD_BYTES || index >= field->count || at > bytes.size ||
	    width > bytes.size - at)
		return 0;
	for (size_t i = 0; i < width; i++)
		value = value << 8 | bytes.data[at + (is_big_endian(field) ? i : width - 1 - i)];
	return value;
}

void ext_field_put(const struct ext_field *field, unsigned index, uint8_t *bytes, uint64_t value)
{
	const size_t width = ext_field_element_size(field);
	const size_t at = field->at + index * width;

	if (field->type == EXT_FIELD_BYTES || index >= field->count)
		return;
	for (size_t i = 0; i < width; i++, value >>= 8)
		bytes[at + (is_big_endian(field) ? width - 1 - i : i)] = (uint8_t)value;
}
