/* SPDX-License-Identifier: MIT */
/*
 * What the tables of an earlier filesystem are like, from inodes whose numbers are known. Within a
 * table an inode lies as many inode sizes behind another as its number is higher; so the right
 * inode size is the one at which most agree on where inode 1 would be if theirs were the only table
 * (`origin`). Groups with different origins tell how many inodes a group can have; among what is
 * possible, a bitmap before the table decides, else what mke2fs would have chosen.
 */
#include "config.h"

#include <stdlib.h>

#include "bytes/checked.h"
#include "walk/earlier_steps.h"

enum {
	RUNS_MOST = 1 << 16, /* runs that contradictions are looked for in, */
	RUNS_WEIGHED = 16,   /* and bitmaps */
	SIZE_SAMPLE = 256,   /* inodes that are looked behind */
};

static int64_t origin_of(const struct earlier_anchor *anchor, uint32_t inode_size)
{
	return (int64_t)anchor->at - (int64_t)(anchor->ino - 1) * inode_size;
}

static int compare_origins(const void *left, const void *right)
{
	const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

/* Behind 128 bytes comes the next inode, or how much of this one there is. */
static bool size_is_possible(const struct earlier *earlier, const struct earlier_anchor *anchor,
			     uint32_t inode_size)
{
	uint8_t raw[128];
	uint16_t extra;

	if (ext_source_read(earlier->source, anchor->at + 128, raw, sizeof raw, NULL) != EXT_OK)
		return true;
	extra = earlier_u16(raw, 0);
	if (inode_size > 128)
		return extra <= inode_size - 128 && extra % 4 == 0;
	return (raw[0] == 0 && raw[1] == 0) || earlier_is_plausible(raw);
}

/* How many inodes share their origin with another one; and how many could have this size. */
static size_t agreement(const struct earlier *earlier, uint32_t inode_size, int64_t *origins)
{
	const size_t step = earlier->anchor_count / SIZE_SAMPLE + 1;
	size_t count = 0;

	for (size_t i = 0; i < earlier->anchor_count; i++)
		origins[i] = origin_of(&earlier->anchors[i], inode_size);
	qsort(origins, earlier->anchor_count, sizeof *origins, compare_origins);
	for (size_t i = 1; i < earlier->anchor_count; i++)
		count += origins[i] == origins[i - 1];
	for (size_t i = 0; i < earlier->anchor_count; i += step)
		count += size_is_possible(earlier, &earlier->anchors[i], inode_size);
	return count;
}

static bool find_inode_size(struct earlier *earlier, enum ext_status *status)
{
	static const uint32_t sizes[] = {256, 128, 512, 1024, 2048, 4096};
	int64_t *const origins = malloc(earlier->anchor_count * sizeof *origins);
	size_t most = 0;

	for (unsigned i = 0; origins && i < sizeof sizes / sizeof *sizes; i++) {
		size_t count;

		if (sizes[i] > earlier->block_size)
			continue;
		count = agreement(earlier, sizes[i], origins);
		if (count > most) {
			most = count;
			earlier->inode_size = sizes[i];
		}
	}
	if (!origins)
		*status = EXT_MEMORY;
	free(origins);
	return most > 0;
}

static int compare_numbers(const void *left, const void *right)
{
	const struct earlier_anchor *a = left, *b = right;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static struct earlier_run *make_runs(struct earlier *earlier, size_t *count)
{
	struct earlier_run *const runs = malloc(earlier->anchor_count * sizeof *runs);

	qsort(earlier->anchors, earlier->anchor_count, sizeof *earlier->anchors, compare_numbers);
	*count = 0;
	for (size_t i = 0; runs && i < earlier->anchor_count; i++) {
		const struct earlier_anchor *anchor = &earlier->anchors[i];
		const int64_t origin = origin_of(anchor, earlier->inode_size);
		struct earlier_run *last = *count ? &runs[*count - 1] : NULL;

		if (last && last->origin == origin) {
			last->last = anchor->ino;
			last->count++;
		} else {
			runs[(*count)++] =
				(struct earlier_run){origin, anchor->ino, anchor->ino, 1};
		}
	}
	return runs;
}

/* Does a bitmap of this many inodes stand right before the table, as where groups are on their own?
 */
static bool bitmap_is_before(const struct earlier *earlier, uint64_t table, uint32_t inodes,
			     uint8_t *block)
{
	uint32_t end = 8 * earlier->block_size;

	if (table < earlier->block_size ||
	    ext_source_read(earlier->source, table - earlier->block_size, block,
			    earlier->block_size, NULL) != EXT_OK)
		return false;
	while (end > 0 && ext_bit_is_set(block, end - 1))
		end--;
	return end == inodes && end < 8 * earlier->block_size;
}

struct weight {
	uint64_t contradictions, bitmaps;
	bool is_default;
};

/*
 * Runs that would be of one group and have different origins contradict a count. What the log had
 * and what was deleted makes some do so whatever the count.
 */
static bool weigh(const struct earlier *earlier, const struct earlier_run *runs, size_t count,
		  uint32_t inodes, uint8_t *block, struct weight *weight)
{
	const uint64_t groups = divide_up(earlier->blocks - earlier->first_data_block,
					  min_u64(8 * (uint64_t)earlier->block_size, 65528));
	const size_t step = count / RUNS_WEIGHED + 1;

	*weight = (struct weight){0};
	for (size_t i = 0; i < count; i++) {
		const ext_group group = (runs[i].first - 1) / inodes;

		if (group >= groups)
			weight->contradictions += runs[i].count;
		else if (earlier_table_at(earlier, runs[i].origin, group, inodes) == 0)
			weight->contradictions += runs[i].count;
		else if (i > 0 && (runs[i - 1].last - 1) / inodes == group)
			weight->contradictions += min_u64(runs[i].count, runs[i - 1].count);
	}
	for (size_t i = 0; i < count; i += step) {
		const ext_group group = (runs[i].first - 1) / inodes;
		const uint64_t table = earlier_table_at(earlier, runs[i].origin, group, inodes);

		weight->bitmaps += table != 0 && bitmap_is_before(earlier, table, inodes, block);
	}
	return true;
}

/* Whole blocks of inodes, and whole bytes of bitmaps. */
static uint32_t unit_of(const struct earlier *earlier)
{
	const uint32_t per_block = earlier->block_size / earlier->inode_size;

	return per_block < 8 ? 8 : per_block;
}

/* Would mke2fs choose this count, for one of its usual shares of inodes? */
static bool is_default(const struct earlier *earlier, uint32_t inodes)
{
	static const uint32_t ratios[] = {16384, 4096, 8192, 32768, 65536, 1 << 20, 1 << 22};
	const uint64_t groups = divide_up(earlier->blocks - earlier->first_data_block,
					  min_u64(8 * (uint64_t)earlier->block_size, 65528));

	for (unsigned i = 0; i < sizeof ratios / sizeof *ratios; i++) {
		const uint64_t all = earlier->blocks * earlier->block_size / ratios[i];
		const uint64_t each = divide_up(all, groups);
		const uint32_t unit = unit_of(earlier);

		if (divide_up(each, unit) * unit == inodes)
			return true;
	}
	return false;
}

static bool is_heavier(const struct weight *a, const struct weight *b, uint64_t tolerance)
{
	if (a->contradictions > b->contradictions + tolerance ||
	    b->contradictions > a->contradictions + tolerance)
		return a->contradictions < b->contradictions;
	if (a->bitmaps != b->bitmaps)
		return a->bitmaps > b->bitmaps;
	if (a->is_default != b->is_default)
		return a->is_default;
	return false;
}

static bool find_inodes_per_group(struct earlier *earlier, const struct earlier_run *runs,
				  size_t count, enum ext_status *status)
{
	const uint32_t unit = unit_of(earlier), most = 8 * earlier->block_size;
	const uint64_t tolerance = earlier->anchor_count / 50;
	uint8_t *const block = malloc(earlier->block_size);
	struct weight best = {.contradictions = UINT64_MAX / 2};

	if (!block)
		*status = EXT_MEMORY;
	/* The largest that is possible first: of two that are as good it is the better guess. */
	for (uint32_t inodes = most; block && inodes >= unit; inodes -= unit) {
		struct weight weight;

		weigh(earlier, runs, count, inodes, block, &weight);
		weight.is_default = is_default(earlier, inodes);
		if (is_heavier(&weight, &best, tolerance)) {
			best = weight;
			earlier->inodes_per_group = inodes;
		}
	}
	free(block);
	/* Two inodes that each say something else prove nothing but by the bitmaps before them. */
	return block && best.contradictions * 2 <= earlier->anchor_count &&
	       (count < earlier->anchor_count || best.bitmaps > 0);
}

bool earlier_find_tables(struct earlier *earlier, enum ext_status *status)
{
	struct earlier_run *runs;
	size_t count;
	bool found;

	earlier->first_data_block = earlier->block_size == 1024;
	earlier->blocks = earlier->size / earlier->block_size;
	if (earlier->blocks <= earlier->first_data_block || !find_inode_size(earlier, status))
		return false;
	runs = make_runs(earlier, &count);
	if (!runs) {
		*status = EXT_MEMORY;
		return false;
	}
	found = find_inodes_per_group(earlier, runs, count < RUNS_MOST ? count : RUNS_MOST,
				      status) &&
		earlier_place_tables(earlier, runs, count, status);
	free(runs);
	return found;
}
