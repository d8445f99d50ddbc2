/* SPDX-License-Identifier: MIT */
/*
 * Targets of symlinks that are too long for the inode. Invariant: a target in a block of its own is
 * as long as i_size says. There are many, and each is short: they are gathered, and read in the
 * order of the disk, neighbours in one read. Of a block that stands alone no more is read than the
 * size asks for.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/pages.h>

#include "accounting/ahead.h"
#include "accounting/lock.h"
#include "checks/directories.h"
#include "checks/symlink_targets.h"

enum {
	PENDING = 512,
	READ_SIZE = 32 * 1024,
	GAP = 8 * 1024, /* bytes between two targets that are read over rather than skipped */
};

struct pending {
	uint64_t offset;
	uint64_t size; /* i_size */
	ext_ino ino;
	uint32_t flags;
};

struct symlink_checks {
	struct lock lock;
	unsigned count;
	struct pending pending[PENDING];
};

bool symlink_targets_init(struct checks *checks)
{
	checks->symlinks = calloc(1, sizeof *checks->symlinks);
	if (checks->symlinks)
		lock_init(&checks->symlinks->lock);
	return checks->symlinks != NULL;
}

void symlink_targets_clear(struct checks *checks)
{
	if (checks->symlinks)
		lock_clear(&checks->symlinks->lock);
	free(checks->symlinks);
	checks->symlinks = NULL;
}

static size_t length_of(const struct checks *checks, const struct pending *pending)
{
	const size_t block_size = checks->superblock->block_size;

	return pending->size < block_size ? (size_t)pending->size + 1 : block_size;
}

bool symlink_target_fits(uint32_t flags, uint64_t expected, const uint8_t *bytes, size_t size)
{
	const uint8_t *end;

	if (flags & EXT_INODE_ENCRYPT)
		return expected <= size &&
		       expected == (uint64_t)((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8) + 2;
	end = memchr(bytes, 0, size);
	return end && (uint64_t)(end - bytes) == expected;
}

/* `bytes` is NULL where they could not be read: that is not called wrong. */
static void judge(struct checks *checks, const struct pending *pending, const uint8_t *bytes)
{
	const enum ext_problem invalid = EXT_SYMLINK_INVALID, immutable = EXT_SPECIAL_IMMUTABLE;

	if (bytes && !symlink_target_fits(pending->flags, pending->size, bytes,
					  length_of(checks, pending))) {
		report_inode(checks->sink, invalid, pending->ino, NULL, pending->size, 0, 0);
		check_directory_bad_inode(checks, pending->ino);
	} else if (pending->flags & (EXT_INODE_IMMUTABLE | EXT_INODE_APPEND)) {
		report_inode(checks->sink, immutable, pending->ino, "i_flags", pending->flags, 0,
			     0);
	}
}

static int compare_offsets(const void *left, const void *right)
{
	const struct pending *a = left, *b = right;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* How many of the targets from `first` on are worth one read, and how many bytes that takes. */
static unsigned neighbours(const struct checks *checks, const struct pending *first, unsigned count,
			   size_t *length)
{
	unsigned taken = 1;

	*length = length_of(checks, first);
	while (taken < count) {
		const uint64_t from = first[taken].offset - first->offset;
		const size_t end = length_of(checks, &first[taken]);

		if (from > *length + GAP || from + end > READ_SIZE)
			break;
		if (from + end > *length)
			*length = (size_t)from + end;
		taken++;
	}
	return taken;
}

static void look_at(struct checks *checks, struct pending *pending, unsigned count)
{
	struct ext_source *const source = ext_filesystem_source(checks->filesystem);
	const size_t block_size = checks->superblock->block_size;
	struct ahead ahead;
	uint8_t *const buffer =
		checks_memory(checks, READ_SIZE > block_size ? READ_SIZE : block_size);

	if (!buffer)
		return;
	ext_pages_expect(buffer, READ_SIZE);
	qsort(pending, count, sizeof *pending, compare_offsets);
	ahead_init(&ahead, source);
	/* One of them tells whether they are in memory already. */
	if (count > 0 && !ext_source_in_memory(source, pending[count / 2].offset)) {
		for (unsigned i = 0; i < count; i++)
			ahead_add(&ahead, pending[i].offset, length_of(checks, &pending[i]));
		ahead_tell(&ahead);
	}
	for (unsigned at = 0, taken; at < count; at += taken) {
		const uint64_t start = pending[at].offset;
		size_t length;
		bool got;

		taken = neighbours(checks, &pending[at], count - at, &length);
		got = ext_source_read(source, start, buffer, length, NULL) == EXT_OK;
		if (!got && taken > 1) {
			taken = 1;
			length = length_of(checks, &pending[at]);
			got = ext_source_read(source, start, buffer, length, NULL) == EXT_OK;
		}
		for (unsigned i = at; i < at + taken; i++)
			judge(checks, &pending[i],
			      got ? buffer + (pending[i].offset - start) : NULL);
	}
	free(buffer);
}

void inspect_block_target(const struct inspection *inspection)
{
	struct checks *checks = inspection->checks;
	struct symlink_checks *symlinks = checks->symlinks;
	struct pending full[PENDING];
	unsigned count = 0;

	lock_take(&symlinks->lock);
	symlinks->pending[symlinks->count++] =
		(struct pending){.offset = inspection->facts->first_physical
					   << inspection->superblock->block_size_log2,
				 .size = inspection->inode->size,
				 .ino = inspection->inode->number,
				 .flags = inspection->inode->flags};
	if (symlinks->count == PENDING) {
		memcpy(full, symlinks->pending, sizeof full);
		count = PENDING;
		symlinks->count = 0;
	}
	lock_give(&symlinks->lock);
	if (count > 0)
		look_at(checks, full, count);
}

void check_symlink_targets(struct checks *checks)
{
	struct symlink_checks *symlinks = checks->symlinks;

	look_at(checks, symlinks->pending, symlinks->count);
	symlinks->count = 0;
}
