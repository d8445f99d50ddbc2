/* SPDX-License-Identifier: MIT */
/*
 * Turns the rows of a .def into struct ext_raw_<structure>: bytes in the order of the disk,
 * alignment 1, no padding. Included before each .def, so no guard; layout.h does it for all of
 * them.
 */
#define STRUCTURE(name, size, meaning) struct ext_raw_##name {
#define FIELD(at, type, name, show, meaning) LAYOUT_TYPE_##type name;
#define ARRAY(at, type, name, count, show, meaning) LAYOUT_TYPE_##type name[count];
#define BYTES(at, name, count, show, meaning) uint8_t name[count];
#define FLAGS(at, type, name, table, meaning) LAYOUT_TYPE_##type name;
#define ENUM(at, type, name, table, meaning) LAYOUT_TYPE_##type name;
#define END                                                                                        \
	}                                                                                          \
	;
