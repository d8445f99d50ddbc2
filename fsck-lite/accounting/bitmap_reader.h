/* SPDX-License-Identifier: MIT */
/* Bitmap blocks from the disk: where they lie side by side (flex_bg), many in one read. */
#ifndef ACCOUNTING_BITMAP_READER_H
#define ACCOUNTING_BITMAP_READER_H

#include <ext/filesystem.h>

/* Keeps a stretch of blocks: the bitmaps of following groups are mostly in it. */
struct bitmap_reader {
	const struct ext_filesystem *filesystem;
	uint8_t *buffer;
	uint64_t start, filled; /* blocks */
};

/* False: no memory; bitmap_reader_clear is allowed all the same. */
bool bitmap_reader_init(struct bitmap_reader *reader, const struct ext_filesystem *filesystem);
void bitmap_reader_clear(struct bitmap_reader *reader);

/* The bytes of a bitmap block, until the next call; NULL when it cannot be read. */
const uint8_t *bitmap_reader_load(struct bitmap_reader *reader, ext_block block);

/*
 * To be called for one group after the other: hints at the bitmaps of groups that come later, as
 * the descriptors of `judged` tell their places.
 */
void bitmap_reader_hint(const struct bitmap_reader *reader, const struct ext_filesystem *judged,
			ext_group group);

#endif
