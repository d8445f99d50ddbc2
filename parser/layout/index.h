/* SPDX-License-Identifier: MIT */
/*
 * Turns each structure of a .def into one struct ext_layout, for the table of all of them.
 * Included before each .def, so no guard; wants the tables that rows.h makes.
 */
#define STRUCTURE(name, size, meaning)                                                             \
	{#name, size, name##_fields, sizeof name##_fields / sizeof *name##_fields, meaning},
#define FIELD(at, type, name, show, meaning)
#define ARRAY(at, type, name, count, show, meaning)
#define BYTES(at, name, count, show, meaning)
#define FLAGS(at, type, name, table, meaning)
#define ENUM(at, type, name, table, meaning)
#define END
