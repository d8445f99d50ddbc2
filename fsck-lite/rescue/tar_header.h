/* SPDX-License-Identifier: MIT */
/*
 * The blocks of a tar archive: its stream, the ustar header, and the extended header (pax) for what
 * does not fit there. What an entry holds is left to tar_writer.c.
 */
#ifndef RESCUE_TAR_HEADER_H
#define RESCUE_TAR_HEADER_H

#include <stdbool.h>
#include <stdio.h>

#include "rescue/pax.h"

enum { TAR_BLOCK = 512 };

struct tar_stream {
	FILE *out;
	uint64_t written; /* bytes */
	struct pax pax;	  /* records for the next entry */
};

/* Numbers are octal text. */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type[1];
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155];
	char unused[12];
};

/* All false: not written, errno says why. */
bool tar_put(struct tar_stream *stream, const void *data, size_t length);
bool tar_put_zeros(struct tar_stream *stream, uint64_t length);
/* Zeros up to the end of the block. */
bool tar_pad(struct tar_stream *stream);

/* What goes into the header, and into the records where it does not fit it. */
struct tar_entry {
	char type;
	const char *name, *link; /* terminated; link NULL: none */
	uint32_t mode, uid, gid, major, minor;
	uint64_t stored; /* bytes that follow */
	struct ext_time mtime;
};

/* A record that holds a path. */
void tar_add_name(struct pax *pax, const char *key, const char *text);

/* Writes the records gathered so far and the entry's own, then the header; the records are gone. */
bool tar_put_entry(struct tar_stream *stream, const struct tar_entry *entry);
/* The end of the archive. */
bool tar_end(struct tar_stream *stream);

#endif
