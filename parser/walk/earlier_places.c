/* SPDX-License-Identifier: MIT */
/*
 * Where the inode table of each group was: where inodes of known numbers lie, and, for groups
 * without these, where their neighbours and their like make one expect it and nothing speaks
 * against it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "walk/checksum_seed.h"
#include "walk/earlier_steps.h"
#include "walk/evidence.h"

enum {
	TABLE_HEAD = 8,	      /* first blocks of a table that are looked at, */
	TABLE_SPREAD = 24,    /* and others over the rest of it */
	SEED_SAMPLE = 256,    /* inodes */
	OFFSETS_MOST = 8,     /* groups that a place is taken from */
	FLEX_MOST = 16,	      /* neighbours whose tables may be packed together */
	LOOKS_MOST = 1 << 20, /* blocks that are read in search of tables, */
	WHOLE_MOST = 1 << 28, /* and bytes of those that are read whole */
	GROUPS_MOST = 1 << 22,
};

static ext_block first_block_of(const struct earlier *earlier, ext_group group)
{
	const uint64_t per_group = min_u64(8 * (uint64_t)earlier->block_size, 65528);

	return earlier->first_data_block + group * per_group;
}

/* Of several origins for a group, that which most inodes are for. */
static void place_known(struct earlier *earlier, const struct earlier_run *runs, size_t count,
			uint32_t *votes)
{
	for (size_t i = 0; i < count; i++) {
		const ext_group first = (runs[i].first - 1) / earlier->inodes_per_group;
		const ext_group last = (runs[i].last - 1) / earlier->inodes_per_group;

		for (ext_group group = first; group <= last && group < earlier->group_count;
		     group++) {
			const uint64_t at = earlier_table_at(earlier, runs[i].origin, group,
							     earlier->inodes_per_group);

			if (at == 0 || votes[group] >= runs[i].count)
				continue;
			votes[group] = runs[i].count;
			earlier->tables[group] = at / earlier->block_size;
		}
	}
}

/* The seed under which the checksums of most of the inodes hold, if they have any. */
static void find_seed(struct earlier *earlier)
{
	const size_t step = earlier->anchor_count / SEED_SAMPLE + 1;
	uint32_t candidate = 0;
	size_t votes = 0, held = 0, looked = 0;

	/* The one that more than half are for stays; then they are counted. */
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < earlier->anchor_count; i += step) {
			const struct earlier_anchor *anchor = &earlier->anchors[i];
			uint8_t raw[4096];
			uint32_t seed;

			if (ext_source_read(earlier->source, anchor->at, raw, earlier->inode_size,
					    NULL) != EXT_OK ||
			    !checksum_seed_of_inode(earlier->inode_size, anchor->ino, raw, &seed))
				continue;
			if (round == 1) {
				looked++;
				held += seed == candidate;
			} else if (votes == 0) {
				candidate = seed;
				votes = 1;
			} else if (seed == candidate) {
				votes++;
			} else {
				votes--;
			}
		}
	}
	earlier->has_seed = held > 1 && held * 2 > looked;
	earlier->seed = candidate;
}

static bool looks_used(const struct earlier *earlier, ext_ino ino, const uint8_t *raw)
{
	uint32_t seed;

	if (earlier->has_seed)
		return checksum_seed_of_inode(earlier->inode_size, ino, raw, &seed) &&
		       seed == earlier->seed;
	return earlier_is_plausible(raw);
}

/* Counts what stands in one block as inodes of this table, and as none. */
static void weigh_table_block(const struct earlier *earlier, ext_group group, ext_block table,
			      uint32_t index, uint8_t *block, struct evidence *evidence)
{
	const uint32_t per_block = earlier->block_size / earlier->inode_size;
	const ext_ino first = group * earlier->inodes_per_group + 1 + index * per_block;

	if (table + index >= earlier->blocks ||
	    ext_source_read(earlier->source, (table + index) * earlier->block_size, block,
			    earlier->block_size, NULL) != EXT_OK)
		return;
	for (uint32_t slot = 0; slot < per_block; slot++) {
		const uint8_t *raw = block + (size_t)slot * earlier->inode_size;

		if (raw[0] == 0 && raw[1] == 0)
			continue;
		if (looks_used(earlier, first + slot, raw))
			evidence->good++;
		else
			evidence->bad++;
	}
}

/* A large image may have any number of groups without a directory. Both in blocks. */
struct patience {
	uint32_t looks, whole;
};

/* A look at some blocks; at all of them, as long as there is patience, where these are empty. */
static struct evidence weigh_table(const struct earlier *earlier, ext_group group, ext_block table,
				   uint8_t *block, struct patience *patience)
{
	const uint32_t head =
		earlier->table_blocks < TABLE_HEAD ? earlier->table_blocks : TABLE_HEAD;
	const uint32_t step = (earlier->table_blocks - head) / TABLE_SPREAD + 1;
	struct evidence evidence = {0, 0};

	for (uint32_t i = 0; i < earlier->table_blocks; i += i < head ? 1 : step)
		weigh_table_block(earlier, group, table, i, block, &evidence);
	if (evidence.good > 0 || patience->whole < earlier->table_blocks)
		return evidence;
	patience->whole -= earlier->table_blocks;
	evidence = (struct evidence){0, 0};
	for (uint32_t i = 0; i < earlier->table_blocks; i++)
		weigh_table_block(earlier, group, table, i, block, &evidence);
	return evidence;
}

static bool has_copy(ext_group group)
{
	static const ext_group bases[] = {3, 5, 7};

	for (unsigned i = 0; i < sizeof bases / sizeof *bases; i++) {
		uint64_t power = bases[i];

		while (power < group)
			power *= bases[i];
		if (power == group)
			return true;
	}
	return group <= 1;
}

/* A place for the table of a group, and the best so far. */
struct guess {
	ext_group group;
	ext_block best;
	bool is_seen; /* inodes stand there; else nothing at all */
	struct patience *patience;
};

static void try_place(const struct earlier *earlier, ext_block table, uint8_t *block,
		      struct guess *guess)
{
	struct evidence evidence;

	if (guess->is_seen || table <= earlier->first_data_block ||
	    table >= earlier->blocks - earlier->table_blocks ||
	    guess->patience->looks < TABLE_HEAD + TABLE_SPREAD)
		return;
	guess->patience->looks -= TABLE_HEAD + TABLE_SPREAD;
	evidence = weigh_table(earlier, guess->group, table, block, guess->patience);
	/* A checksum proves it, whatever else was written there since. */
	if ((uint64_t)evidence.bad * 4 > evidence.good && !(earlier->has_seed && evidence.good > 1))
		return;
	guess->is_seen = evidence.good > 0;
	if (guess->is_seen || guess->best == 0)
		guess->best = table;
}

static void try_neighbours(const struct earlier *earlier, const ext_block *known, uint8_t *block,
			   struct guess *guess)
{
	const ext_group group = guess->group;

	for (ext_group away = 1; away < FLEX_MOST; away++) {
		const ext_block distance = (ext_block)away * earlier->table_blocks;

		if (away <= group && known[group - away] != 0)
			try_place(earlier, known[group - away] + distance, block, guess);
		if (away < earlier->group_count - group && known[group + away] > distance)
			try_place(earlier, known[group + away] - distance, block, guess);
	}
}

/* Where another group has it that begins alike: with a copy of the superblock or without one. */
static void try_offsets(const struct earlier *earlier, const ext_block *known, uint8_t *block,
			struct guess *guess)
{
	unsigned tried = 0;

	for (ext_group other = 0; other < earlier->group_count && tried < OFFSETS_MOST; other++) {
		const ext_block first = first_block_of(earlier, other);

		if (known[other] <= first || has_copy(other) != has_copy(guess->group))
			continue;
		tried++;
		try_place(earlier, first_block_of(earlier, guess->group) + known[other] - first,
			  block, guess);
	}
}

/* Are tables packed, so that neighbours follow each other? */
static bool is_packed(const struct earlier *earlier, const ext_block *known)
{
	for (ext_group group = 1; group < earlier->group_count; group++)
		if (known[group - 1] != 0 &&
		    known[group] == known[group - 1] + earlier->table_blocks)
			return true;
	return false;
}

/*
 * Groups of which no directory is left. Of a table that is gone altogether the log may have blocks,
 * so that its place is worth a guess where nothing speaks against it.
 */
static bool place_others(struct earlier *earlier, uint8_t *block)
{
	ext_block *const known = malloc(earlier->group_count * sizeof *known);
	struct patience patience = {LOOKS_MOST, WHOLE_MOST / earlier->block_size};
	bool packed;

	if (!known)
		return false;
	memcpy(known, earlier->tables, earlier->group_count * sizeof *known);
	packed = is_packed(earlier, known);
	for (ext_group group = 0; group < earlier->group_count; group++) {
		struct guess guess = {.group = group, .patience = &patience};

		if (known[group] != 0)
			continue;
		if (packed)
			try_neighbours(earlier, known, block, &guess);
		try_offsets(earlier, known, block, &guess);
		if (!packed)
			try_neighbours(earlier, known, block, &guess);
		earlier->tables[group] = guess.best;
	}
	free(known);
	return true;
}

bool earlier_place_tables(struct earlier *earlier, const struct earlier_run *runs, size_t count,
			  enum ext_status *status)
{
	const uint64_t per_group = min_u64(8 * (uint64_t)earlier->block_size, 65528);
	const uint64_t groups = divide_up(earlier->blocks - earlier->first_data_block, per_group);
	uint32_t *votes = NULL;
	uint8_t *block = NULL;

	earlier->group_count = (ext_group)min_u64(groups, GROUPS_MOST);
	earlier->table_blocks = (uint32_t)divide_up(
		(uint64_t)earlier->inodes_per_group * earlier->inode_size, earlier->block_size);
	earlier->tables = calloc(earlier->group_count, sizeof *earlier->tables);
	votes = calloc(earlier->group_count, sizeof *votes);
	block = malloc(earlier->block_size);
	if (earlier->tables && votes && block) {
		place_known(earlier, runs, count, votes);
		find_seed(earlier);
		if (!place_others(earlier, block))
			*status = EXT_MEMORY;
	} else {
		*status = EXT_MEMORY;
	}
	free(votes);
	free(block);
	return *status == EXT_OK;
}
