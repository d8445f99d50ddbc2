/* SPDX-License-Identifier: MIT */
/*
 * From a path to the bytes of an image, whatever it is wrapped in. Kinds are told by their first
 * bytes, never by the name.
 */
#include "config.h"

#include <string.h>

#include "image/source.h"

/* A gzip of a qcow2 of ... ends somewhere; each layer was checked, but nobody wraps so often. */
enum { MOST_LAYERS = 4, START = 96 };

typedef enum ext_status opener(struct ext_source *inner, struct ext_source **source,
			       struct ext_error *error);

static const struct kind {
	size_t at;
	const char *bytes;
	size_t length;
	const char *name;
	opener *open; /* NULL: known, but not unpacked here */
} kinds[] = {
	{0, "\x1f\x8b\x08", 3, "gzip", ext_source_open_gzip},
	{0, "QFI\xfb", 4, "qcow2", ext_source_open_qcow2},
	{0, "\x3a\xff\x26\xed", 4, "Android sparse", ext_source_open_android_sparse},
	{0,
	 "\xfd"
	 "7zXZ\0",
	 6, "xz", NULL},
	{0, "\x28\xb5\x2f\xfd", 4, "zstd", NULL},
	{0, "\x04\x22\x4d\x18", 4, "lz4", NULL},
	{4, "1AY&SY", 6, "bzip2", NULL},
	{0, "PK\x03\x04", 4, "zip", NULL},
	{0, "7z\xbc\xaf\x27\x1c", 6, "7z", NULL},
	{0, "KDMV", 4, "VMDK", NULL},
	{0, "COWD", 4, "VMDK", NULL},
	{0, "vhdxfile", 8, "VHDX", NULL},
	{0, "conectix", 8, "VHD", NULL},
	{64, "\x7f\x10\xda\xbe", 4, "VDI", NULL},
	{4, "Ext2 Image ", 11, "e2image", NULL},
};

static const struct kind *kind_of(const uint8_t *start, size_t size)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const struct kind *const kind = &kinds[i];

		if (kind->at + kind->length <= size &&
		    memcmp(start + kind->at, kind->bytes, kind->length) == 0)
			return kind;
	}
	return NULL;
}

enum ext_status ext_source_unwrap(struct ext_source *inner, struct ext_source **source,
				  struct ext_error *error)
{
	struct ext_source *layer = inner;

	for (unsigned i = 0; i < MOST_LAYERS; i++) {
		const struct kind *kind;
		enum ext_status status;
		uint8_t start[START];
		size_t got = 0;

		/* A disk whose first sector cannot be read is raw, and there is much to rescue. */
		status = source_read_some(layer, 0, start, sizeof start, &got, NULL);
		kind = status == EXT_OK ? kind_of(start, got) : NULL;
		if (kind && !kind->open) {
			struct ext_finding *const finding =
				source_note(layer, EXT_IMAGE_PACKED, 0, 0, 0, 0);

			if (finding)
				finding->place.field = kind->name;
		}
		if (!kind || !kind->open)
			break;
		status = kind->open(layer, &layer, error);
		if (status != EXT_OK)
			return status;
	}
	*source = layer;
	return EXT_OK;
}

enum ext_status ext_source_open(const char *path, struct ext_source **source,
				struct ext_error *error)
{
	struct ext_source *file = NULL;
	const enum ext_status status = ext_source_open_file(path, &file, error);

	return status == EXT_OK ? ext_source_unwrap(file, source, error) : status;
}
