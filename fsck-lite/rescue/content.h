/* SPDX-License-Identifier: MIT */
/*
 * The content of a file, piece by piece, holes left out: for whoever writes it somewhere. What
 * cannot be read is told apart from what is not there.
 */
#ifndef RESCUE_CONTENT_H
#define RESCUE_CONTENT_H

#include <ext/digest.h>
#include <ext/mapping.h>

struct content;

/* A reader for one file after another; keeps a buffer. NULL: no memory. */
struct content *content_new(const struct ext_filesystem *filesystem);
void content_free(struct content *content);

/* A piece of data: from `offset` on, `length` bytes, all inside the file's size. */
struct content_piece {
	uint64_t offset, length;
};

/*
 * The data pieces of a file in order, neighbours joined; `count` receives how many. Borrowed until
 * the next call. False when the map is damaged: what is listed is what there is.
 */
bool content_map(struct content *content, const struct ext_inode *inode,
		 const struct content_piece **pieces, size_t *count);

/*
 * Of the file that was mapped last: at most how many bytes of its holes were no holes, going by
 * what its inode counts.
 */
uint64_t content_shortfall(const struct content *content, const struct ext_inode *inode);

/*
 * Reads up to `length` bytes of data at `offset`, which lies in a piece; at most what is left of a
 * buffer's worth. `*data` is borrowed until the next call. False when these bytes cannot be read;
 * `*got` then says how many are to be skipped.
 */
bool content_read(struct content *content, const struct ext_inode *inode, uint64_t offset,
		  uint64_t length, const uint8_t **data, size_t *got);

/* The target of a symlink, not terminated; false when it cannot be read. Borrowed. */
bool content_link(struct content *content, const struct ext_inode *inode, const char **target,
		  size_t *length);

#endif
