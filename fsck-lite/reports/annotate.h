/* SPDX-License-Identifier: MIT */
/*
 * The annotated hex dump of `show --hex`: each byte of a piece of the image beside the field it
 * belongs to, its value and what it means. The caller says which structures lie where, in ascending
 * order; what lies between them and behind them is dumped too, so that no byte is left out:
 *
 *	annotate_begin(&annotate, block, offset);
 *	annotate_structure(&annotate, "extent_header", 0, NULL);
 *	for (i = 0; i < entries; i++)
 *		annotate_structure(&annotate, "extent", 12 + 12 * i, NULL);
 *	annotate_structure(&annotate, "extent_tail", tail_at, NULL);
 *	annotate_end(&annotate);
 */
#ifndef REPORTS_ANNOTATE_H
#define REPORTS_ANNOTATE_H

#include <stdbool.h>
#include <stdio.h>

#include <ext/field.h>

#include "reports/json.h"

struct annotate {
	FILE *out;	   /* text goes here, or ... */
	struct json *json; /* ... an array of objects here */
	const char *key;   /* the member that the array is to be */
	bool colors;

	struct ext_span bytes;		 /* the piece being dumped */
	uint64_t offset;		 /* of its first byte, from the start of the image */
	size_t at;			 /* what lies before has been dumped */
	const struct ext_layout *layout; /* of the structure dumped last, or NULL */
};

/* Dumps as text, 100 columns wide, to `out`; borrowed. */
void annotate_as_text(struct annotate *annotate, FILE *out, bool colors);

/*
 * Dumps as an array `key` of objects { offset, size, structure, at, name, value, number, raw,
 * meaning }: `value` as a person reads it, `number` when it is one, `raw` the bytes in hex. Bytes
 * of no structure have only offset, size and raw; a run of zero bytes there has `zero` for raw.
 */
void annotate_as_json(struct annotate *annotate, struct json *json, const char *key);

/*
 * Begins with a piece of the image, borrowed until annotate_end(). `offset` counts from the start
 * of the image. One piece may follow the other; in JSON each is an array of its own.
 */
void annotate_begin(struct annotate *annotate, struct ext_span bytes, uint64_t offset);

/*
 * Dumps the structure `layout` at byte `at` of the piece, under `heading` (NULL: its own name).
 * What lies between the structure before and this one is dumped first. Fields that pass the end of
 * the piece are dumped as bytes of no structure.
 */
void annotate_structure(struct annotate *annotate, const char *layout, size_t at,
			const char *heading);

/*
 * The same for its bytes `from` to `to` only: inode_extra as far as i_extra_isize reaches, or an
 * inode in two parts with the extents of its i_block between them.
 */
void annotate_range(struct annotate *annotate, const char *layout, size_t at, size_t from,
		    size_t to, const char *heading);

/*
 * Dumps `size` bytes at byte `at` of the piece under a name of the caller's: EXT_SHOW_TEXT for a
 * file's name, EXT_SHOW_BYTES for a value or a bitmap. `meaning` may be "".
 */
void annotate_bytes(struct annotate *annotate, size_t at, size_t size, const char *name,
		    const char *meaning, enum ext_field_show show);

/* Dumps what is left of the piece. */
void annotate_end(struct annotate *annotate);

#endif
