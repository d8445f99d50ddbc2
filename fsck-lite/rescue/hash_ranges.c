/* SPDX-License-Identifier: MIT */
/*
 * The index of a directory has for each of its leaves where the hashes in it begin. A leaf whose
 * names all hash into one range of one index is that directory's, if chance is out.
 */
#include "config.h"

#include <stdlib.h>

#include "accounting/grow.h"
#include "rescue/hash_ranges.h"

enum {
	BIT = 256,	      /* parts of a bit that are counted */
	DOUBT_BITS = 7 * BIT, /* a match by hashes is by chance once in so many powers of two */
};

static int compare_numbers(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

void loose_add_ranges(struct loose_leaves *loose, const struct ext_superblock *sb, ext_ino ino,
		      struct ext_span block)
{
	struct ext_htree_block index;
	struct hash_ranges ranges = {.ino = ino};

	if (ext_htree_decode(sb, EXT_DIRECTORY_HTREE_ROOT, block, &index, NULL) != EXT_OK ||
	    index.count < 2 || index.hash_version != sb->default_hash_version)
		return;
	ranges.starts = malloc(index.count * sizeof *ranges.starts);
	if (!ranges.starts || !GROW(loose->ranges, loose->range_count, loose->range_size)) {
		free(ranges.starts);
		loose->out_of_memory = true;
		return;
	}
	for (; ranges.count < index.count; ranges.count++) {
		ext_logical logical;

		ext_htree_entry(&index, ranges.count, &ranges.starts[ranges.count], &logical);
		/* The lowest bit says that a hash goes on from the leaf before. */
		ranges.starts[ranges.count] &= ~UINT32_C(1);
	}
	qsort(ranges.starts, ranges.count, sizeof *ranges.starts, compare_numbers);
	loose->ranges[loose->range_count++] = ranges;
}

/*
 * How many bits it tells that a hash falls into a range this wide: 32 less the logarithm of the
 * width, in units of 1 / BIT. A range a tenth wider than another shows when all of many names are
 * in the smaller one.
 */
static uint32_t bits_of_range(uint32_t width)
{
	uint64_t mantissa = width ? width : 1;
	uint32_t log = 31 * BIT;

	while (mantissa < UINT64_C(0x80000000)) {
		mantissa *= 2;
		log -= BIT;
	}
	/* 31 bits behind the point, between 1 and 2: squared, it tells one more bit of its log. */
	for (uint32_t part = BIT / 2; part > 0; part /= 2) {
		mantissa = mantissa * mantissa >> 31;
		if (mantissa >> 32) {
			mantissa /= 2;
			log += part;
		}
	}
	return 32 * BIT - log;
}

/* The index of the range in which `hash` lies. */
static uint32_t range_of(const struct hash_ranges *ranges, uint32_t hash)
{
	uint32_t low = 0, high = ranges->count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (ranges->starts[middle] <= hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : 0;
}

struct hashes {
	uint32_t lowest, highest, count;
};

static bool hash_leaf(const struct ext_superblock *sb, struct ext_span block, struct hashes *hashes)
{
	const unsigned version = ext_directory_hash_version(sb, sb->default_hash_version);
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	*hashes = (struct hashes){UINT32_MAX, 0, 0};
	loose_begin_entries(&cursor, sb, block);
	while (loose_next_entry(&cursor, &entry)) {
		uint32_t major, minor;

		if (ext_directory_hash(version, sb->hash_seed, entry.name, entry.name_length,
				       &major, &minor) != EXT_OK)
			return false;
		major &= ~UINT32_C(1);
		hashes->lowest = major < hashes->lowest ? major : hashes->lowest;
		hashes->highest = major > hashes->highest ? major : hashes->highest;
		hashes->count++;
	}
	return hashes->count > 1;
}

/* The one directory in whose index all names of the leaf fall into one range, if chance is out. */
static ext_ino owner_of(const struct loose_leaves *loose, const struct hashes *hashes)
{
	uint32_t needed = DOUBT_BITS, best = 0, second = 0;
	ext_ino owner = 0;

	/* The more there are to choose from, the more match by chance. */
	for (size_t choices = loose->range_count; choices > 1; choices /= 2)
		needed += BIT;
	for (size_t i = 0; i < loose->range_count; i++) {
		const struct hash_ranges *ranges = &loose->ranges[i];
		const uint32_t at = range_of(ranges, hashes->lowest);
		const uint32_t end =
			at + 1 < ranges->count ? ranges->starts[at + 1] - 1 : UINT32_MAX;
		uint64_t bits;

		if (hashes->highest > end)
			continue;
		bits = (uint64_t)bits_of_range(end - ranges->starts[at]) * (hashes->count - 1);
		if (bits > UINT32_MAX)
			bits = UINT32_MAX;
		if (owner != ranges->ino && bits >= best) {
			second = best;
			best = (uint32_t)bits;
			owner = ranges->ino;
		} else if (owner != ranges->ino && bits > second) {
			second = (uint32_t)bits;
		} else if (bits > best) {
			best = (uint32_t)bits;
		}
	}
	return best >= needed && best - second >= DOUBT_BITS ? owner : 0;
}

ext_ino loose_owner_by_hashes(const struct loose_leaves *loose, const struct ext_superblock *sb,
			      struct ext_span block)
{
	struct hashes hashes;

	return hash_leaf(sb, block, &hashes) ? owner_of(loose, &hashes) : 0;
}
