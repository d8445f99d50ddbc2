/* SPDX-License-Identifier: MIT */
/*
 * Bytes that are in memory already, borrowed.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "image/source.h"

struct memory {
	struct ext_source source;
	const uint8_t *bytes; /* borrowed */
};

static enum ext_status memory_read(struct ext_source *source, uint64_t offset, void *buffer,
				   size_t length, struct ext_error *error)
{
	const struct memory *const memory = (const struct memory *)source;

	(void)error;
	memcpy(buffer, memory->bytes + (size_t)offset, length);
	return EXT_OK;
}

static void memory_close(struct ext_source *source)
{
	free(source);
}

static const struct source_operations memory_operations = {
	.read = memory_read,
	.close = memory_close,
};

enum ext_status ext_source_open_memory(const void *data, size_t size, struct ext_source **source,
				       struct ext_error *error)
{
	struct memory *const memory = malloc(sizeof *memory);

	if (!memory)
		return ext_no_memory(error);
	source_init(&memory->source, &memory_operations, NULL, size);
	memory->bytes = data;
	*source = &memory->source;
	return EXT_OK;
}
