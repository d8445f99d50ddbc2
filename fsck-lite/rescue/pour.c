/* SPDX-License-Identifier: MIT */
/* From the map and the reader of content.c to a stream without omissions. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "rescue/pour.h"

/* As much of a hole is hashed between two looks at whether to stop. */
enum { ZEROS = 1 << 12, DIGEST_STEP = 1 << 26 };

void gaps_clear(struct gaps *gaps)
{
	free(gaps->list);
	memset(gaps, 0, sizeof *gaps);
}

static void add_gap(struct gaps *gaps, uint64_t at, uint64_t length)
{
	struct content_piece *last = gaps->count ? &gaps->list[gaps->count - 1] : NULL;

	gaps->bytes += length;
	if (last && last->offset + last->length == at)
		last->length += length;
	else if (gaps->count < GAPS_LISTED && GROW(gaps->list, gaps->count, gaps->size))
		gaps->list[gaps->count++] = (struct content_piece){at, length};
}

static int give_zeros(const struct pour *pour, uint64_t at, uint64_t length, bool is_gap)
{
	static const uint8_t zeros[ZEROS];

	for (uint64_t left = pour->digest ? length : 0; left > 0;) {
		const size_t part = left < ZEROS ? (size_t)left : (size_t)ZEROS;

		if (left % DIGEST_STEP < part && pour->stop && pour->stop())
			return ECANCELED;
		ext_digest_add(pour->digest, zeros, part);
		left -= part;
	}
	return length > 0 && pour->zeros ? pour->zeros(pour->context, at, length, is_gap) : 0;
}

static int pour_piece(const struct pour *pour, const struct content_piece *piece)
{
	const uint64_t stop = piece->offset + piece->length;
	int error = 0;

	for (uint64_t at = piece->offset; at < stop && error == 0;) {
		const uint8_t *data;
		size_t got;

		if (pour->stop && pour->stop())
			return ECANCELED;
		if (content_read(pour->content, pour->inode, at, stop - at, &data, &got)) {
			if (pour->digest)
				ext_digest_add(pour->digest, data, got);
			error = pour->data(pour->context, at, data, got);
		} else {
			add_gap(pour->gaps, at, got);
			error = give_zeros(pour, at, got, true);
		}
		at += got;
	}
	return error;
}

int pour(const struct pour *pour)
{
	const struct content_piece *pieces;
	uint64_t end = 0, mapped = 0;
	size_t count;
	int error = 0;

	pour->gaps->is_map_damaged = !content_map(pour->content, pour->inode, &pieces, &count);
	for (size_t i = 0; i < count && error == 0; i++) {
		error = give_zeros(pour, end, pieces[i].offset - end, false);
		if (error == 0)
			error = pour_piece(pour, &pieces[i]);
		end = pieces[i].offset + pieces[i].length;
		mapped += pieces[i].length;
	}
	if (error == 0 && pour->inode->size > end)
		error = give_zeros(pour, end, pour->inode->size - end, false);
	if (pour->gaps->is_map_damaged) {
		pour->gaps->unmapped_bytes = pour->inode->size - mapped;
	} else {
		pour->gaps->unmapped_bytes = content_shortfall(pour->content, pour->inode);
		pour->gaps->is_map_short = pour->gaps->unmapped_bytes > 0;
	}
	return error;
}
