/* SPDX-License-Identifier: MIT */
/*
 * Turns the rows of a .def into a const table of struct ext_field, <structure>_fields. The tables
 * of flags.def must have been declared. Included before each .def, so no guard.
 */
#define STRUCTURE(name, size, meaning) static const struct ext_field name##_fields[] = {
#define FIELD(at, type, name, show, meaning)                                                       \
	{at, 1, LAYOUT_FIELD_##type, EXT_SHOW_##show, #name, meaning, NULL},
#define ARRAY(at, type, name, count, show, meaning)                                                \
	{at, count, LAYOUT_FIELD_##type, EXT_SHOW_##show, #name, meaning, NULL},
#define BYTES(at, name, count, show, meaning)                                                      \
	{at, count, EXT_FIELD_BYTES, EXT_SHOW_##show, #name, meaning, NULL},
#define FLAGS(at, type, name, table, meaning)                                                      \
	{at, 1, LAYOUT_FIELD_##type, EXT_SHOW_FLAGS, #name, meaning, table##_flags},
#define ENUM(at, type, name, table, meaning)                                                       \
	{at, 1, LAYOUT_FIELD_##type, EXT_SHOW_ENUM, #name, meaning, table##_flags},
#define END                                                                                        \
	}                                                                                          \
	;
