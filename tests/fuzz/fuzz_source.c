/* SPDX-License-Identifier: MIT */
/*
 * An image wrapped in anything: recognised, unwrapped, and read in several orders, which must
 * agree. How much is read is limited, so that a run stays short; nothing in the library may need
 * that.
 */
#include "config.h"

#include "fuzz.h"
#include "image/source.h"

enum { MOST_BYTES = 1 << 20, PART = 5000, MOST_STEPS = 500 };

static void describe_findings(const struct ext_source *source)
{
	struct ext_finding finding;

	for (size_t i = 0; ext_source_finding(source, i, &finding); i++) {
		FUZZ_ASSERT(i < 100);
		fuzz_report(NULL, &finding);
	}
}

/* A failed read names a byte in the range that was asked for. */
static bool read_part(struct ext_source *source, uint64_t offset, uint8_t *bytes, size_t length)
{
	struct ext_error error;

	if (ext_source_read(source, offset, bytes, length, &error) == EXT_OK)
		return true;
	fuzz_describe(&error);
	FUZZ_ASSERT(error.status == EXT_IO || error.status == EXT_MEMORY);
	FUZZ_ASSERT(error.status == EXT_MEMORY ||
		    (error.place.has & EXT_HAS_OFFSET && error.place.offset >= offset &&
		     error.place.offset - offset < length));
	return false;
}

/* The first bytes in pieces, and once more from back to front. */
static void read_twice(struct ext_source *source)
{
	const uint64_t size = ext_source_size(source);
	const size_t most = size < MOST_BYTES ? (size_t)size : MOST_BYTES;
	uint8_t *const forward = malloc(most + 1), *const again = malloc(PART);
	bool *const was_read = calloc(most / PART + 1, sizeof *was_read);

	if (!forward || !again || !was_read)
		goto out;
	for (size_t at = 0; at < most; at += PART)
		was_read[at / PART] =
			read_part(source, at, forward + at, most - at < PART ? most - at : PART);
	for (size_t piece = most / PART + 1; piece-- > 0;) {
		const size_t at = piece * PART;
		const size_t length = most - at < PART ? most - at : PART;

		if (length == 0)
			continue;
		FUZZ_ASSERT(read_part(source, at, again, length) == was_read[piece]);
		FUZZ_ASSERT(!was_read[piece] || memcmp(again, forward + at, length) == 0);
	}
	if (size > 0)
		read_part(source, size - 1, again, 1);
out:
	free(was_read);
	free(again);
	free(forward);
}

/* What lies between runs of data reads as zeros. */
static void visit_data(struct ext_source *source)
{
	uint64_t at = 0, start, end;
	uint8_t hole[64];

	for (unsigned i = 0; i < MOST_STEPS; i++, at = end) {
		const enum ext_status status = ext_source_next_data(source, at, &start, &end);

		if (status != EXT_OK) {
			start = ext_source_size(source);
			FUZZ_ASSERT(status == EXT_END);
		}
		FUZZ_ASSERT(start >= at);
		if (start > at) {
			const size_t length =
				start - at < sizeof hole ? (size_t)(start - at) : sizeof hole;

			FUZZ_ASSERT(read_part(source, start - length, hole, length));
			for (size_t k = 0; k < length; k++)
				FUZZ_ASSERT(hole[k] == 0);
		}
		if (status != EXT_OK)
			break;
		FUZZ_ASSERT(end > start && end <= ext_source_size(source));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ext_source *inner = NULL, *source = NULL;
	struct ext_error error;

	if (ext_source_open_memory(data, size, &inner, &error) != EXT_OK)
		return 0;
	if (ext_source_unwrap(inner, &source, &error) != EXT_OK) {
		fuzz_describe(&error);
		return 0;
	}
	describe_findings(source);
	read_twice(source);
	visit_data(source);
	ext_source_close(source);
	return 0;
}
