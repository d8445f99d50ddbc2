/* SPDX-License-Identifier: MIT */
/*
 * The on-disk format as data: every structure's fields with offset, width, byte order, meaning.
 * For everything that shows, compares, names or edits fields; several times slower than the raw
 * structures, so never for a scan.
 */
#ifndef EXT_FIELD_H
#define EXT_FIELD_H

#include <ext/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ext_field_type {
	EXT_FIELD_U8,
	EXT_FIELD_LE16,
	EXT_FIELD_LE32,
	EXT_FIELD_LE64,
	EXT_FIELD_BE16,
	EXT_FIELD_BE32,
	EXT_FIELD_BE64,
	EXT_FIELD_BYTES, /* `count` bytes */
};

/* How a value is to be shown. */
enum ext_field_show {
	EXT_SHOW_COUNT,	   /* decimal */
	EXT_SHOW_BLOCK,	   /* decimal, a physical block */
	EXT_SHOW_LOGICAL,  /* decimal, a file block */
	EXT_SHOW_INODE,	   /* decimal, an inode number */
	EXT_SHOW_BYTESIZE, /* decimal, bytes */
	EXT_SHOW_HEX,	   /* magic, checksum */
	EXT_SHOW_FLAGS,	   /* hex and the names of its bits, from `flags` */
	EXT_SHOW_ENUM,	   /* decimal and the name of the value, from `flags` */
	EXT_SHOW_TIME,	   /* seconds since 1970 */
	EXT_SHOW_UUID,
	EXT_SHOW_TEXT,	      /* bytes, printable as they are */
	EXT_SHOW_BYTES,	      /* hex bytes */
	EXT_SHOW_HIGH,	      /* the high part of another field */
	EXT_SHOW_MODE,	      /* octal and rwx */
	EXT_SHOW_LOG2,	      /* a power of two: meaning depends on the field */
	EXT_SHOW_SIGNED,      /* decimal, the highest bit is the sign */
	EXT_SHOW_SIGNED_TIME, /* seconds since 1970, the highest bit is the sign */
	EXT_SHOW_TIME_EXTRA,  /* nanoseconds, and two bits that extend the seconds */
	EXT_SHOW_GUID,	      /* a UUID whose first three parts are little-endian */
	EXT_SHOW_UTF16,	      /* text in little-endian UTF-16, up to its first zero */
};

/*
 * A bit, or a value of an enumeration. Tables ascend and end with a NULL name; `meaning` of that
 * last row is what all values not listed mean, if they mean anything.
 */
struct ext_flag_name {
	uint64_t value;
	const char *name; /* as e2fsprogs or the kernel names it */
	const char *meaning;
};

struct ext_field {
	uint16_t at;	/* bytes from the structure's start */
	uint16_t count; /* elements: more than 1 for arrays; bytes for EXT_FIELD_BYTES */
	enum ext_field_type type;
	enum ext_field_show show;
	const char *name; /* the kernel's */
	const char *meaning;
	const struct ext_flag_name *flags; /* only with FLAGS and ENUM; else NULL */
};

struct ext_layout {
	const char *name; /* "superblock", "extent_header" */
	uint16_t size;	  /* bytes */
	const struct ext_field *fields;
	size_t field_count;
	const char *meaning; /* "Extent header: starts each node" */
};

/* The layout with this name, or NULL; and all of them by index until NULL. */
const struct ext_layout *ext_layout_by_name(const char *name);
const struct ext_layout *ext_layout_at(size_t index);

const struct ext_field *ext_field_by_name(const struct ext_layout *layout, const char *name);

/*
 * A table of flags.def by its name ("compat", "incompat", "ro_compat", "inode_flags", "dirent_type"
 * ...), or NULL; and the row with exactly this value, or NULL.
 */
const struct ext_flag_name *ext_flags_by_name(const char *table);
const struct ext_flag_name *ext_flag_by_value(const struct ext_flag_name *flags, uint64_t value);

/* Bytes that one element covers; 1 for EXT_FIELD_BYTES. */
size_t ext_field_element_size(const struct ext_field *field);

/* Bytes that the field covers. */
size_t ext_field_size(const struct ext_field *field);

/*
 * The value of element `index`; 0 for EXT_FIELD_BYTES and for what does not lie inside `bytes`.
 * Writing wants room for the whole structure; higher bits than fit are dropped.
 */
uint64_t ext_field_get(const struct ext_field *field, unsigned index, struct ext_span bytes);
void ext_field_put(const struct ext_field *field, unsigned index, uint8_t *bytes, uint64_t value);

/*
 * The value of element `index` as a person reads it: "0xef53", "4096", "0x0c has_journal ext_attr",
 * "2023-11-14 22:13:20 UTC". A byte string comes whole, whatever the index. Text is escaped so that
 * it may go to a terminal. Returns the length as snprintf does.
 */
size_t ext_field_show(const struct ext_field *field, unsigned index, struct ext_span bytes,
		      char *text, size_t size);

/*
 * Seconds since 1970 as "2023-11-14 22:13:20 UTC", or as a number beyond the years 0 to 9999. Needs
 * at most 32 bytes. Returns the length as snprintf does.
 */
size_t ext_time_show(int64_t seconds, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
