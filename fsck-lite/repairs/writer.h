/* SPDX-License-Identifier: MIT */
/*
 * The only code that writes to an image: opens it for writing, makes sure that nobody uses it and
 * that its bytes are those that were planned with, writes changed sectors, flushes.
 */
#ifndef REPAIRS_WRITER_H
#define REPAIRS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer {
	const char *path; /* borrowed */
	int file;
	uint64_t start;	     /* added to every offset */
	unsigned writes;     /* so far */
	unsigned stop_after; /* for tests: end the process behind so many writes; 0: never */
};

/*
 * Opens `path` for writing. Complains, and returns false, when it cannot be, or when it is mounted
 * or otherwise in use.
 */
bool writer_open(struct writer *writer, const char *path, uint64_t start);
void writer_close(struct writer *writer);

/* Are these the bytes at `offset` of the file itself? False for images that are unwrapped. */
bool writer_finds(const struct writer *writer, uint64_t offset, const uint8_t *bytes,
		  size_t length);
bool writer_read(const struct writer *writer, uint64_t offset, uint8_t *bytes, size_t length);

/* Writes the sectors in which `after` differs from `before`; complains when it fails. */
bool writer_change(struct writer *writer, uint64_t offset, const uint8_t *before,
		   const uint8_t *after, size_t length);

/* Returns when everything written so far is on the disk. */
bool writer_flush(struct writer *writer);

#endif
