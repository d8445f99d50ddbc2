/* SPDX-License-Identifier: MIT */
/*
 * What every source has in common. A kind of source embeds `struct ext_source` as its first member
 * and supplies the operations; source.c checks the range of each call before it reaches them.
 */
#ifndef IMAGE_SOURCE_H
#define IMAGE_SOURCE_H

#include <ext/source.h>

struct source_operations {
	/*
	 * Reads `length` > 0 bytes that lie inside the source. place.offset of an error is the
	 * first byte of this source, not of one below it, that could not be read.
	 */
	enum ext_status (*read)(struct ext_source *source, uint64_t offset, void *buffer,
				size_t length, struct ext_error *error);

	/* As ext_source_next_data, with `offset` inside the source. NULL: nothing is known. */
	enum ext_status (*next_data)(struct ext_source *source, uint64_t offset, uint64_t *start,
				     uint64_t *end);

	/* A range inside the source will be read. NULL: the hint is of no use. */
	void (*will_need)(struct ext_source *source, uint64_t offset, uint64_t length);

	/* As ext_source_in_memory, with `offset` inside the source. NULL: always. */
	bool (*in_memory)(struct ext_source *source, uint64_t offset);

	/* As ext_source_expect_reads. NULL: all ways are the same. */
	void (*expect_reads)(struct ext_source *source, enum ext_reads reads);

	/* Frees everything, the source itself included. */
	void (*close)(struct ext_source *source);
};

/* What is wrong with the wrapping of an image, though it can be read. */
enum { SOURCE_FINDINGS = 4 };

struct ext_source {
	const struct source_operations *operations;
	uint64_t size;
	const char *name;	  /* lives as long as the source */
	struct ext_source *inner; /* the source below, or NULL */
	unsigned finding_count;
	struct ext_finding findings[SOURCE_FINDINGS];
};

/* Takes name from `inner`, which may be NULL; then the name is "memory" until set. */
void source_init(struct ext_source *source, const struct source_operations *operations,
		 struct ext_source *inner, uint64_t size);

/* Notes what is wrong with the wrapping; NULL when there are SOURCE_FINDINGS already. */
struct ext_finding *source_note(struct ext_source *source, enum ext_problem problem,
				uint64_t offset, uint64_t found, uint64_t low, uint64_t high);

/* A byte of an image, as the place of a message. */
struct ext_place source_place(uint64_t offset);

/*
 * Fill `error` and return the status: a fault of an image as a run of bytes. `found`, `low` and
 * `high` as in struct ext_error; `field` may be NULL.
 */
enum ext_status source_fail(struct ext_error *error, enum ext_status status,
			    enum ext_problem problem, uint64_t offset, uint64_t found, uint64_t low,
			    uint64_t high, const char *field);

/* The range ends beyond `size`. */
enum ext_status source_truncated(struct ext_error *error, uint64_t offset, uint64_t length,
				 uint64_t size);

/*
 * Moves the place of an error that came from the source below: byte `inner_offset` there is byte
 * `offset` here.
 */
void source_move_error(struct ext_error *error, uint64_t inner_offset, uint64_t offset);

/* Reads up to `length` bytes, fewer at the end of the source; `got` receives how many. */
enum ext_status source_read_some(struct ext_source *source, uint64_t offset, void *buffer,
				 size_t length, size_t *got, struct ext_error *error);

#endif
