/* SPDX-License-Identifier: MIT */
/*
 * One sequential pass over an image, looking at the two bytes of the magic at every 512th byte.
 * Only where these fit are 1024 bytes decoded, so the pass takes little more than reading does.
 * Holes are skipped where the source knows of them.
 */
#include "config.h"

#include <stdlib.h>

#include <ext/scan.h>

#include "bytes/checked.h"

enum {
	WINDOW = 1 << 20,
	OVERLAP = EXT_SUPERBLOCK_SIZE, /* a superblock may begin shortly before the window's end */
	MAGIC_AT = 0x38,
	RESULT_EVERY = 64, /* windows between two returns without a find */
	SECTOR = 512,
};

struct ext_scan {
	struct ext_source *source;
	uint64_t next, end; /* position to look at next */
	uint64_t window;    /* where the buffer begins */
	uint64_t filled;    /* bytes in the buffer */
	uint64_t data_end;  /* end of the run of data that holds the window */
	uint64_t unreadable;
	uint8_t *buffer;
	unsigned windows; /* read since the last return */
};

enum ext_status ext_scan_open(struct ext_source *source, uint64_t start, uint64_t end,
			      struct ext_scan **scan, struct ext_error *error)
{
	struct ext_scan *new = calloc(1, sizeof *new);

	if (!new)
		return ext_no_memory(error);
	new->source = source;
	new->next = start / EXT_SCAN_STEP *EXT_SCAN_STEP;
	new->end = min_u64(end, ext_source_size(source));
	new->buffer = malloc(WINDOW + OVERLAP);
	if (!new->buffer) {
		free(new);
		return ext_no_memory(error);
	}
	*scan = new;
	return EXT_OK;
}

void ext_scan_close(struct ext_scan *scan)
{
	if (!scan)
		return;
	free(scan->buffer);
	free(scan);
}

uint64_t ext_scan_position(const struct ext_scan *scan)
{
	return scan->next;
}

uint64_t ext_scan_unreadable(const struct ext_scan *scan)
{
	return scan->unreadable;
}

/* A window with a bad place in it: sector by sector, what cannot be read as zeros. */
static void read_sectors(struct ext_scan *scan, uint64_t length)
{
	for (uint64_t at = 0; at < length; at += SECTOR) {
		const size_t size = (size_t)min_u64(SECTOR, length - at);
		uint8_t *const bytes = scan->buffer + at;

		if (ext_source_read(scan->source, scan->window + at, bytes, size, NULL) == EXT_OK)
			continue;
		for (size_t i = 0; i < size; i++)
			bytes[i] = 0;
		scan->unreadable += size;
	}
}

/* Reads the window at `next`, or where data go on behind a hole. False at the end. */
static bool read_window(struct ext_scan *scan)
{
	uint64_t start;

	if (scan->next >= scan->data_end) {
		if (ext_source_next_data(scan->source, scan->next, &start, &scan->data_end) !=
			    EXT_OK ||
		    start >= scan->end) {
			scan->next = scan->end;
			return false;
		}
		if (start > scan->next)
			scan->next = start / EXT_SCAN_STEP * EXT_SCAN_STEP;
	}
	scan->window = scan->next;
	/* A superblock that begins at the last byte of the window still lies in the buffer. */
	scan->filled = min_u64(WINDOW + OVERLAP, ext_source_size(scan->source) - scan->window);
	if (scan->filled < EXT_SUPERBLOCK_SIZE) {
		scan->next = scan->end;
		return false;
	}
	scan->windows++;
	ext_source_will_need(scan->source, scan->window + scan->filled, WINDOW);
	if (ext_source_read(scan->source, scan->window, scan->buffer, (size_t)scan->filled, NULL) !=
	    EXT_OK)
		read_sectors(scan, scan->filled);
	return true;
}

/* The next position in the window, from `at` on, where the magic stands; `limit` if none. */
static uint64_t next_magic(const struct ext_scan *scan, uint64_t at, uint64_t limit)
{
	const uint8_t *const bytes = scan->buffer + MAGIC_AT;

	while (at < limit && (bytes[at] != (EXT_MAGIC & 0xff) || bytes[at + 1] != EXT_MAGIC >> 8))
		at += EXT_SCAN_STEP;
	return at;
}

enum ext_status ext_scan_next(struct ext_scan *scan, uint64_t *offset, const uint8_t **raw,
			      struct ext_superblock *superblock)
{
	struct ext_place place = {.structure = EXT_AT_SUPERBLOCK, .has = EXT_HAS_OFFSET};

	*raw = NULL;
	while (scan->next < scan->end) {
		uint64_t limit;

		if (scan->filled == 0 || scan->next - scan->window >= WINDOW ||
		    scan->next < scan->window ||
		    scan->next - scan->window + EXT_SUPERBLOCK_SIZE > scan->filled) {
			if (scan->windows >= RESULT_EVERY) {
				scan->windows = 0;
				return EXT_OK;
			}
			if (!read_window(scan))
				break;
		}
		/* The last position whose 1024 bytes are in the buffer, and inside the range. */
		limit = min_u64(WINDOW, scan->filled - EXT_SUPERBLOCK_SIZE + 1);
		limit = min_u64(limit, scan->end - scan->window);
		scan->next = scan->window + next_magic(scan, scan->next - scan->window, limit);
		if (scan->next - scan->window >= limit)
			continue;
		place.offset = *offset = scan->next;
		*raw = scan->buffer + (scan->next - scan->window);
		scan->next += EXT_SCAN_STEP;
		if (ext_superblock_decode(*raw, place, superblock, NULL, NULL) == EXT_OK)
			return EXT_OK;
		*raw = NULL;
	}
	return EXT_END;
}
