/* SPDX-License-Identifier: MIT */
/* Bitmap blocks from the disk: where they lie side by side (flex_bg), many in one read. */
#ifndef ACCOUNTING_BITMAP_READER_H
#define ACCOUNTING_BITMAP_READER_H

#include <ext/filesystem.h>

/* Of which kind, and the stretch of them that was read last: that of following groups, mostly. */
struct bitmap_reader {
	const struct ext_filesystem *filesystem; /* whose blocks are read */
	const struct ext_filesystem *judged;	 /* whose descriptors tell where they lie */
	bool is_of_inodes;
	uint8_t *buffer;
	uint64_t start, filled; /* blocks */
	ext_group hinted;	/* bitmaps of groups before this one were hinted at */
};

/* False: no memory; bitmap_reader_clear is allowed all the same. */
bool bitmap_reader_init(struct bitmap_reader *reader, const struct ext_filesystem *filesystem,
			const struct ext_filesystem *judged, bool is_of_inodes);
void bitmap_reader_clear(struct bitmap_reader *reader);

/* Hints at the bitmaps of BITMAPS_AHEAD groups from `first` on. Wants no buffer. */
enum { BITMAPS_AHEAD = 256 };
void bitmap_reader_hint(struct bitmap_reader *reader, ext_group first);

/*
 * The bytes of the bitmap of `group`, which lies in `block`, until the next call; NULL when it
 * cannot be read.
 */
const uint8_t *bitmap_reader_load(struct bitmap_reader *reader, ext_group group, ext_block block);

#endif
