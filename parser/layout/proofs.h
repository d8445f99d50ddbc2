/* SPDX-License-Identifier: MIT */
/*
 * Turns the rows of a .def into static assertions: each field's offset equals the widths above it,
 * and the widths add up to the structure's size. Included before each .def, so no guard.
 */
#define STRUCTURE(name, size, meaning)                                                             \
	static inline void prove_##name(void)                                                      \
	{                                                                                          \
		typedef struct ext_raw_##name structure;                                           \
		_Static_assert(sizeof(structure) == size, #name " has its size");                  \
		_Static_assert(_Alignof(structure) == 1, #name " may lie anywhere");
#define FIELD(at, type, name, show, meaning)                                                       \
	_Static_assert(offsetof(structure, name) == at, #name " lies at its offset");
#define ARRAY(at, type, name, count, show, meaning) FIELD(at, type, name, show, meaning)
#define BYTES(at, name, count, show, meaning) FIELD(at, bytes, name, show, meaning)
#define FLAGS(at, type, name, table, meaning) FIELD(at, type, name, table, meaning)
#define ENUM(at, type, name, table, meaning) FIELD(at, type, name, table, meaning)
#define END }
