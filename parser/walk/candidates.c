/* SPDX-License-Identifier: MIT */
/*
 * Looks for superblocks where they can be without reading everything: where mke2fs puts them by
 * default, and where those that were found say that others lie. The rest is for scan.c.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "walk/candidates.h"

bool superblocks_agree(const uint8_t a[1024], const uint8_t b[1024])
{
	struct ext_copy_difference difference;
	size_t cursor = 0;

	while (ext_copy_next_difference(a, b, &cursor, &difference))
		if (!difference.expected && !ext_copy_field_is_idle(difference.field))
			return false;
	return true;
}

static bool is_known(const struct candidates *candidates, uint64_t offset)
{
	for (size_t i = 0; i < candidates->count; i++)
		if (candidates->list[i].offset == offset)
			return true;
	return false;
}

/* Which group a superblock at this offset belongs to, by its own numbers. */
static ext_group group_at(const struct ext_superblock *sb, uint64_t offset)
{
	const uint64_t block = offset >> sb->block_size_log2;

	if (offset <= EXT_SUPERBLOCK_OFFSET || block < sb->first_data_block)
		return 0;
	return (ext_group)min_u64((block - sb->first_data_block) / sb->blocks_per_group,
				  UINT32_MAX);
}

/* `anywhere`: also where the superblock's own numbers do not put it. */
static void try_offset(struct ext_source *source, struct candidates *candidates, uint64_t offset,
		       bool anywhere)
{
	const struct ext_place place = {
		.structure = EXT_AT_SUPERBLOCK, .has = EXT_HAS_OFFSET, .offset = offset};
	struct candidate *new = &candidates->list[candidates->count];
	uint64_t blocks;

	if (candidates->count == CANDIDATES_MAX || is_known(candidates, offset) ||
	    !range_inside(offset, EXT_SUPERBLOCK_SIZE, ext_source_size(source)) ||
	    ext_source_read(source, offset, new->raw, sizeof new->raw, NULL) != EXT_OK ||
	    ext_superblock_decode(new->raw, place, &new->superblock, NULL, NULL) != EXT_OK)
		return;
	new->placed = ext_superblock_is_placed(&new->superblock, offset);
	if (!new->placed && !anywhere)
		return;
	/* An external journal has a superblock, too, but there is nothing to read through it. */
	if (ext_has_incompat(&new->superblock, EXT_INCOMPAT_JOURNAL_DEV))
		return;
	blocks = ext_source_size(source) >> new->superblock.block_size_log2;
	new->fits = new->superblock.block_count <= blocks;
	new->offset = offset;
	new->group = new->placed ? group_at(&new->superblock, offset) : 0;
	candidates->count++;
}

/* Where mke2fs puts copies unless it is told otherwise: groups as large as a bitmap allows. */
static void try_defaults(struct ext_source *source, struct candidates *candidates)
{
	static const uint32_t bases[] = {3, 5, 7};
	const uint32_t most = 65528;

	for (uint32_t size = 1024; size <= 65536; size *= 2) {
		const uint64_t group_blocks = min_u64((uint64_t)8 * size, most);
		const uint64_t group_bytes = group_blocks * size;
		const uint64_t first = size == 1024 ? size : 0;

		try_offset(source, candidates, first + group_bytes, false);
		for (unsigned i = 0; i < 3; i++)
			for (uint64_t group = bases[i];
			     group <= ext_source_size(source) / group_bytes; group *= bases[i])
				try_offset(source, candidates, first + group * group_bytes, false);
	}
}

static bool same_places(const struct ext_superblock *a, const struct ext_superblock *b)
{
	return a->block_size == b->block_size && a->blocks_per_group == b->blocks_per_group &&
	       a->first_data_block == b->first_data_block && a->group_count == b->group_count &&
	       a->compat == b->compat && a->ro_compat == b->ro_compat &&
	       memcmp(a->backup_groups, b->backup_groups, sizeof a->backup_groups) == 0;
}

/* Where the numbers of one candidate say that copies lie. */
static void try_placement(struct ext_source *source, struct candidates *candidates, size_t which)
{
	const struct ext_superblock sb = candidates->list[which].superblock;
	ext_group group = 0;

	for (size_t i = 0; i < which; i++)
		if (same_places(&candidates->list[i].superblock, &sb))
			return;
	for (unsigned tried = 0; tried < COPIES_TRIED; tried++) {
		group = ext_copy_next_group(&sb, group);
		if (group >= sb.group_count)
			return;
		try_offset(source, candidates, ext_superblock_copy_offset(&sb, group), false);
	}
}

static void sort_into_generations(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++) {
		struct candidate *one = &candidates->list[i];
		size_t other = 0;

		while (other < i &&
		       (!ext_superblock_same_filesystem(&candidates->list[other].superblock,
							&one->superblock) ||
			!ext_superblock_same_geometry(&candidates->list[other].superblock,
						      &one->superblock)))
			other++;
		one->generation =
			other < i ? candidates->list[other].generation : candidates->generations++;
	}
}

enum ext_status candidates_collect(struct ext_source *source, const uint64_t *offsets, size_t count,
				   struct candidates *candidates, struct ext_error *error)
{
	*candidates = (struct candidates){0};
	/* One more than the most, so that a candidate can be read before it is accepted. */
	candidates->list = calloc(CANDIDATES_MAX + 1, sizeof *candidates->list);
	if (!candidates->list)
		return ext_no_memory(error);
	try_offset(source, candidates, EXT_SUPERBLOCK_OFFSET, true);
	for (size_t i = 0; i < candidates->count; i++)
		try_placement(source, candidates, i);
	for (size_t i = 0; i < count; i++)
		try_offset(source, candidates, offsets[i], true);
	try_defaults(source, candidates);
	for (size_t i = 0; i < candidates->count; i++)
		try_placement(source, candidates, i);
	sort_into_generations(candidates);
	return EXT_OK;
}

void candidates_clear(struct candidates *candidates)
{
	free(candidates->list);
	*candidates = (struct candidates){0};
}

/* How many other members of the generation agree in all that never may differ. */
static unsigned agreement(const struct candidates *candidates, const struct candidate *one)
{
	unsigned agreeing = 0;

	for (size_t i = 0; i < candidates->count; i++) {
		const struct candidate *other = &candidates->list[i];

		if (other != one && other->generation == one->generation &&
		    superblocks_agree(one->raw, other->raw))
			agreeing++;
	}
	return agreeing;
}

/*
 * The primary is never stale, and a byte that was hit in a time or a count is less harm than counts
 * of long ago. It gives way only when two copies agree against it about what never changes, or when
 * it alone counts blocks that the image does not have.
 */
static bool primary_stands(const struct candidates *candidates, const struct candidate *primary)
{
	for (size_t i = 0; i < candidates->count; i++) {
		const struct candidate *other = &candidates->list[i];

		if (other == primary || other->generation != primary->generation)
			continue;
		if (ext_superblock_is_later(primary->raw, other->raw))
			return true;
		if (primary->superblock.checksum == EXT_CHECKSUM_BAD ||
		    agreement(candidates, other) > 0 ||
		    (!primary->fits && other->fits && agreement(candidates, primary) == 0))
			return false;
	}
	return true;
}

/*
 * A valid checksum first, then a place where it belongs, then an image that is large enough for it,
 * then the company of others that say the same, then the order of the list: the primary, which is
 * never stale, stands first.
 */
const struct candidate *candidates_best(const struct candidates *candidates, unsigned generation,
					unsigned *members)
{
	const struct candidate *best = NULL;
	unsigned best_rank = 0, count = 0;

	for (size_t i = 0; i < candidates->count; i++) {
		const struct candidate *one = &candidates->list[i];
		unsigned rank;

		if (one->generation != generation)
			continue;
		count++;
		rank = (one->superblock.checksum != EXT_CHECKSUM_BAD ? 4000u : 0) +
		       (one->placed ? 2000u : 0) + (one->fits ? 1000u : 0) +
		       agreement(candidates, one);
		if (one->offset == EXT_SUPERBLOCK_OFFSET && primary_stands(candidates, one))
			rank = 8000;
		if (!best || rank > best_rank) {
			best = one;
			best_rank = rank;
		}
	}
	*members = count;
	return best;
}
