/* SPDX-License-Identifier: MIT */
/*
 * Assembles a descriptor table from its copies. The primary's descriptor is taken where it is
 * plausible and nobody contradicts it; where copies differ about a location, what lies there
 * decides. Copies are read until one is found that is whole, since most are.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/copies.h>

#include "structure/filesystem.h"
#include "walk/candidates.h"
#include "walk/default_table.h"
#include "walk/tables.h"

enum { TABLES_KEPT = 6 };

struct copies {
	struct ext_filesystem *tables[TABLES_KEPT]; /* the primary first */
	ext_group plausible[TABLES_KEPT];
	size_t count;
};

static ext_group count_plausible(const struct ext_filesystem *fs)
{
	const ext_group groups = groups_in_image(fs->source, &fs->superblock);
	ext_group plausible = 0;

	for (ext_group group = 0; group < groups; group++)
		plausible += group_is_plausible(fs, group);
	return plausible;
}

/* Keeps a table that was read, in place of the worst when there is no more room. */
static void keep(struct copies *copies, struct ext_filesystem *fs, ext_group plausible)
{
	size_t worst = 1;

	if (copies->count < TABLES_KEPT) {
		copies->tables[copies->count] = fs;
		copies->plausible[copies->count++] = plausible;
		return;
	}
	for (size_t i = 2; i < TABLES_KEPT; i++)
		if (copies->plausible[i] < copies->plausible[worst])
			worst = i;
	if (copies->plausible[worst] >= plausible) {
		ext_filesystem_close(fs);
		return;
	}
	ext_filesystem_close(copies->tables[worst]);
	copies->tables[worst] = fs;
	copies->plausible[worst] = plausible;
}

static enum ext_status read_table(struct ext_source *source, const uint8_t superblock[1024],
				  ext_group group, struct copies *copies, bool *whole,
				  struct ext_error *error)
{
	const struct ext_open_options options = {.superblock = superblock, .copy_group = group};
	struct ext_filesystem *fs;
	ext_group plausible;
	enum ext_status status = ext_filesystem_open(source, &options, &fs, error);

	if (status != EXT_OK)
		return status;
	plausible = count_plausible(fs);
	*whole = plausible == groups_in_image(source, &fs->superblock);
	if (plausible > 0 || group == 0)
		keep(copies, fs, plausible);
	else
		ext_filesystem_close(fs);
	return EXT_OK;
}

/* The primary, then copies until one is whole. Far copies of a large filesystem are tried too. */
static enum ext_status read_tables(struct ext_source *source, const uint8_t superblock[1024],
				   ext_group first_copy, struct copies *copies,
				   struct ext_error *error)
{
	const struct ext_superblock *sb;
	ext_group group = 0;
	bool whole;
	enum ext_status status = read_table(source, superblock, 0, copies, &whole, error);

	if (status != EXT_OK)
		return status;
	sb = ext_filesystem_superblock(copies->tables[0]);
	whole = false;
	if (first_copy != 0)
		status = read_table(source, superblock, first_copy, copies, &whole, error);
	for (unsigned tried = 0; status == EXT_OK && !whole && tried < COPIES_TRIED; tried++) {
		group = ext_copy_next_group(sb, group);
		if (group >= sb->group_count)
			break;
		if (group != first_copy)
			status = read_table(source, superblock, group, copies, &whole, error);
	}
	return status;
}

/* Which of the tables to take this group from; the count of tables when none will do. */
static size_t choose_for_group(struct ext_source *source, const struct copies *copies,
			       ext_group group, uint8_t *buffer)
{
	struct ext_group_locations best_where = {0};
	struct evidence best_evidence = {0, 0};
	size_t best = copies->count;
	bool weighed = false, is_own = false;

	for (size_t i = 0; i < copies->count; i++) {
		const struct ext_filesystem *fs = copies->tables[i];
		const struct ext_group_locations where = group_locations(fs, group);
		struct evidence evidence = {0, 0};

		if (!group_is_plausible(fs, group))
			continue;
		if (best == copies->count ||
		    (!is_own && locations_are_own(&fs->superblock, group, &where))) {
			best = i;
			best_where = where;
			is_own = locations_are_own(&fs->superblock, group, &where);
			continue;
		}
		if (locations_equal(&where, &best_where) ||
		    (is_own && !locations_are_own(&fs->superblock, group, &where)))
			continue;
		if (!weighed)
			evidence_of_group(source, &fs->superblock, group, &best_where, buffer,
					  &best_evidence);
		weighed = true;
		evidence_of_group(source, &fs->superblock, group, &where, buffer, &evidence);
		if (evidence_is_better(&evidence, &best_evidence)) {
			best = i;
			best_where = where;
			best_evidence = evidence;
		}
	}
	return best;
}

static enum ext_status merge(struct ext_source *source, const struct copies *copies,
			     struct assembled_table *table, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(copies->tables[0]);
	uint8_t *const buffer = malloc((size_t)sb->block_size * 2);

	table->size = (size_t)sb->group_count * sb->descriptor_size;
	table->descriptors = malloc(table->size);
	table->replaced = calloc(1, sb->group_count / 8 + 1);
	table->missing = calloc(1, sb->group_count / 8 + 1);
	if (!buffer || !table->descriptors || !table->replaced || !table->missing) {
		free(buffer);
		return ext_no_memory(error);
	}
	for (ext_group group = 0; group < sb->group_count; group++) {
		size_t from = choose_for_group(source, copies, group, buffer);
		const uint8_t bit = (uint8_t)(1u << group % 8);

		if (from == copies->count) {
			table->missing[group / 8] |= bit;
			table->missing_count++;
			from = 0;
		} else if (from > 0) {
			table->replaced[group / 8] |= bit;
			table->replaced_count++;
		}
		memcpy(table->descriptors + (size_t)group * sb->descriptor_size,
		       ext_group_raw(copies->tables[from], group).data, sb->descriptor_size);
	}
	free(buffer);
	return EXT_OK;
}

/* Descriptors of which no copy is left: where mke2fs would have put things, if they are there. */
static void fill_missing(struct ext_source *source, const struct ext_superblock *sb,
			 struct assembled_table *table)
{
	uint8_t *const before = malloc(sb->group_count / 8 + 1);

	table->rebuilt = calloc(1, sb->group_count / 8 + 1);
	if (!before || !table->rebuilt) {
		free(before);
		return;
	}
	memcpy(before, table->missing, sb->group_count / 8 + 1);
	table->missing_count = default_table_fill(source, sb, table->descriptors, table->missing);
	for (ext_group group = 0; group < sb->group_count; group++)
		if (ext_bit_is_set(before, group) && !ext_bit_is_set(table->missing, group)) {
			table->replaced[group / 8] |= (uint8_t)(1u << group % 8);
			table->replaced_count++;
			table->rebuilt[group / 8] |= (uint8_t)(1u << group % 8);
			table->rebuilt_count++;
		}
	free(before);
}

enum ext_status table_assemble(struct ext_source *source, const uint8_t superblock[1024],
			       ext_group first_copy, struct assembled_table *table,
			       struct ext_error *error)
{
	struct copies copies = {.count = 0};
	enum ext_status status;

	*table = (struct assembled_table){0};
	status = read_tables(source, superblock, first_copy, &copies, error);
	if (status == EXT_OK)
		status = merge(source, &copies, table, error);
	if (status == EXT_OK && table->missing_count > 0)
		fill_missing(source, ext_filesystem_superblock(copies.tables[0]), table);
	for (size_t i = 0; i < copies.count; i++)
		ext_filesystem_close(copies.tables[i]);
	if (status != EXT_OK)
		table_clear(table);
	return status;
}

void table_clear(struct assembled_table *table)
{
	free(table->descriptors);
	free(table->replaced);
	free(table->missing);
	free(table->rebuilt);
	*table = (struct assembled_table){0};
}
