/* SPDX-License-Identifier: MIT */
/*
 * Bytes from an image travel as a span: borrowed bytes and how many there are. The bound is checked
 * once, where a span becomes a typed pointer; after that all offsets are constants.
 */
#ifndef BYTES_SPAN_H
#define BYTES_SPAN_H

#include <ext/types.h>

#define span ext_span

/* Bytes left from `at` to the end; 0 when `at` is beyond it. */
static inline size_t span_left(struct span bytes, size_t at)
{
	return at <= bytes.size ? bytes.size - at : 0;
}

/* `length` bytes from `at`, or NULL when they do not all lie inside. */
static inline const uint8_t *span_at(struct span bytes, size_t at, size_t length)
{
	return span_left(bytes, at) >= length && at <= bytes.size ? bytes.data + at : NULL;
}

/* The part from `at`, `length` bytes at most, clipped to what is there. */
static inline struct span span_part(struct span bytes, size_t at, size_t length)
{
	const size_t left = span_left(bytes, at);
	const struct span part = {bytes.data + (at <= bytes.size ? at : bytes.size),
				  left < length ? left : length};

	return part;
}

/* A pointer to a raw structure (alignment 1) at byte `at`, or NULL when it would pass the end. */
#define SPAN_AS(type, bytes, at) ((const type *)(const void *)span_at(bytes, at, sizeof(type)))

#endif
