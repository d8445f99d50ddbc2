/* SPDX-License-Identifier: MIT */
/*
 * Names that are in a directory twice, in different blocks; within a block entries.c sees them.
 * Under a sound index equal names are in one leaf, or in neighbours that share a hash (htree.c), so
 * only directories without one, or with a damaged one, are read again, one after another: each name
 * becomes a 64-bit number in a set, and where a number comes twice, the names are compared. Memory
 * follows the largest such directory. In casefolded directories the case of ASCII letters does not
 * count; other letters are compared as they are, which finds less but nothing that is not there.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "accounting/order.h"
#include "checks/directories.h"

struct number_set {
	uint64_t *slots; /* 0: empty */
	size_t count, used;
};

/* A name whose number came twice. */
struct candidate {
	uint64_t number;
	struct ext_place place;
	ext_ino inode;
	uint8_t length;
	char *name;
};

static uint64_t fold_word(uint64_t word)
{
	/* Sets bit 5 of every byte from 'A' to 'Z'. No carry leaves a byte: bit 7 is masked first.
	 */
	const uint64_t low = word & 0x7f7f7f7f7f7f7f7fu;
	const uint64_t from_a = low + 0x3f3f3f3f3f3f3f3fu;   /* bit 7 where byte >= 'A' */
	const uint64_t beyond_z = low + 0x2525252525252525u; /* bit 7 where byte > 'Z' */
	const uint64_t upper = from_a & ~beyond_z & ~word & 0x8080808080808080u;

	return word | upper >> 2;
}

static bool folds(uint32_t directory_flags)
{
	return (directory_flags & (EXT_INODE_CASEFOLD | EXT_INODE_ENCRYPT)) == EXT_INODE_CASEFOLD;
}

uint64_t name_number(uint32_t directory_flags, const char *name, size_t length)
{
	const bool fold = folds(directory_flags);
	uint64_t number = 0x9e3779b97f4a7c15u ^ length;

	for (size_t at = 0; at < length; at += 8) {
		uint64_t word = 0;

		memcpy(&word, name + at, length - at < 8 ? length - at : 8);
		if (fold)
			word = fold_word(word);
		number = (number ^ word) * 0xff51afd7ed558ccdu;
		number ^= number >> 32;
	}
	return number ? number : 1;
}

bool names_are_equal(uint32_t directory_flags, const char *a, const char *b, size_t length)
{
	if (!folds(directory_flags))
		return memcmp(a, b, length) == 0;
	for (size_t at = 0; at < length; at += 8) {
		uint64_t left = 0, right = 0;
		const size_t part = length - at < 8 ? length - at : 8;

		memcpy(&left, a + at, part);
		memcpy(&right, b + at, part);
		if (fold_word(left) != fold_word(right))
			return false;
	}
	return true;
}

static bool set_resize(struct number_set *set)
{
	const size_t count = set->count ? set->count * 2 : 4096;
	uint64_t *slots = calloc(count, sizeof *slots);

	if (!slots)
		return false;
	for (size_t i = 0; i < set->count; i++) {
		size_t slot = (size_t)set->slots[i] & (count - 1);

		if (set->slots[i] == 0)
			continue;
		while (slots[slot] != 0)
			slot = (slot + 1) & (count - 1);
		slots[slot] = set->slots[i];
	}
	free(set->slots);
	set->slots = slots;
	set->count = count;
	return true;
}

/* True when the number was there already. */
static bool set_add(struct number_set *set, uint64_t number, bool *failed)
{
	size_t slot;

	if (set->used >= set->count / 4 * 3 && !set_resize(set)) {
		*failed = true;
		return false;
	}
	for (slot = (size_t)number & (set->count - 1); set->slots[slot] != 0;
	     slot = (slot + 1) & (set->count - 1))
		if (set->slots[slot] == number)
			return true;
	set->slots[slot] = number;
	set->used++;
	return false;
}

static bool set_has(const struct number_set *set, uint64_t number)
{
	if (set->count == 0)
		return false;
	for (size_t slot = (size_t)number & (set->count - 1); set->slots[slot] != 0;
	     slot = (slot + 1) & (set->count - 1))
		if (set->slots[slot] == number)
			return true;
	return false;
}

static int compare_candidates(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (a->place.logical != b->place.logical)
		return a->place.logical < b->place.logical ? -1 : 1;
	if (a->place.offset != b->place.offset)
		return a->place.offset < b->place.offset ? -1 : 1;
	return a->place.block < b->place.block ? -1 : a->place.block > b->place.block;
}

static void report_pairs(struct directory_checks *checks, const struct directory *directory,
			 struct candidate *candidates, size_t count)
{
	if (count > 1)
		qsort(candidates, count, sizeof *candidates, compare_candidates);
	for (size_t i = 1; i < count; i++) {
		const struct candidate *second = &candidates[i], *first = NULL;
		struct ext_finding finding = {.place = second->place};

		for (size_t j = i; j-- > 0 && candidates[j].number == second->number;)
			if (candidates[j].length == second->length &&
			    names_are_equal(directory->flags, candidates[j].name, second->name,
					    second->length))
				first = &candidates[j];
		/* Within a block it has been reported. */
		if (!first || first->place.block == second->place.block)
			continue;
		finding.problem = directory->flags & EXT_INODE_ENCRYPT
					  ? EXT_DIRENT_DUPLICATE_ENCRYPTED
				  : first->inode == second->inode ? EXT_DIRENT_DUPLICATE
								  : EXT_DIRENT_DUPLICATE_NAME;
		finding.found = second->inode;
		finding.low = finding.high = first->inode;
		finding.name_length = second->length;
		memcpy(finding.name, second->name, second->length);
		/* Entries of one block are held against each other in pass 2, others in a repair.
		 */
		ext_finding_unasked(&finding, 0x020043);
		if (finding.problem == EXT_DIRENT_DUPLICATE)
			ext_finding_unasked(&finding, 0x020042);
		ext_report(checks->checks->sink, &finding);
	}
}

static bool is_dots(const struct ext_dirent *entry)
{
	return entry->name_length <= 2 && memcmp(entry->name, "..", entry->name_length) == 0;
}

struct candidates {
	struct candidate *items;
	size_t count, size;
};

static bool add_candidate(struct directory_checks *checks, struct candidates *candidates,
			  uint64_t number, const struct ext_place *place,
			  const struct ext_dirent *entry)
{
	struct candidate *candidate;

	if (!GROW(candidates->items, candidates->count, candidates->size)) {
		checks->checks->out_of_memory = true;
		return false;
	}
	candidate = &candidates->items[candidates->count];
	*candidate = (struct candidate){.number = number,
					.place = *place,
					.inode = entry->inode,
					.length = entry->name_length};
	candidate->place.structure = EXT_AT_DIRENT;
	candidate->name = checks_memory(checks->checks, entry->name_length + 1u);
	if (!candidate->name)
		return false;
	memcpy(candidate->name, entry->name, entry->name_length);
	candidates->count++;
	return true;
}

static void report_candidates(struct directory_checks *checks, const struct directory *directory,
			      struct candidates *candidates)
{
	report_pairs(checks, directory, candidates->items, candidates->count);
	for (size_t i = 0; i < candidates->count; i++)
		free(candidates->items[i].name);
	free(candidates->items);
}

/* Reads the directory again for the names with these numbers. */
static void compare_names(struct directory_checks *checks, const struct survey *survey,
			  const struct directory *directory, const struct number_set *twice)
{
	struct candidates candidates = {0};
	struct ext_directory *opened;
	struct ext_dirent entry;

	if (ext_directory_open(survey->filesystem, directory->ino, &opened, NULL) != EXT_OK)
		return;
	while (ext_directory_next(opened, &entry, NULL, NULL) == EXT_OK) {
		const uint64_t number =
			name_number(directory->flags, entry.name, entry.name_length);
		const struct ext_place place = ext_directory_place(opened);

		if (!is_dots(&entry) && set_has(twice, number) &&
		    !add_candidate(checks, &candidates, number, &place, &entry))
			break;
	}
	ext_directory_close(opened);
	report_candidates(checks, directory, &candidates);
}

/* All names of one block. */
static bool add_block(struct directory_checks *checks, const struct survey *survey,
		      const struct directory *directory, const struct index_block *block,
		      uint8_t *bytes, struct candidates *candidates)
{
	const struct ext_superblock *sb = survey->superblock;
	const struct ext_span span = {bytes, sb->block_size};
	struct ext_place place = {.has = EXT_HAS_INODE | EXT_HAS_BLOCK | EXT_HAS_LOGICAL,
				  .inode = directory->ino,
				  .block = block->physical,
				  .logical = block->logical};
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	/* What cannot be read has been reported. */
	if (ext_filesystem_read_blocks(survey->filesystem, block->physical, 1, bytes, NULL) !=
	    EXT_OK)
		return true;
	ext_dirent_cursor_init(&cursor, sb, span, 0, ext_directory_block_has_tail(sb, span));
	while (ext_dirent_next(&cursor, &entry, NULL) == EXT_OK) {
		place.offset = entry.at;
		if (entry.inode != 0 &&
		    !add_candidate(checks, candidates,
				   name_number(directory->flags, entry.name, entry.name_length),
				   &place, &entry))
			return false;
	}
	return true;
}

void check_duplicates_between(struct directory_checks *checks, const struct survey *survey,
			      const struct directory *directory,
			      const struct index_block *const *blocks, size_t count)
{
	uint8_t *const bytes = checks_memory(checks->checks, survey->superblock->block_size);
	struct candidates candidates = {0};

	for (size_t i = 0; bytes && i < count; i++)
		if (!add_block(checks, survey, directory, blocks[i], bytes, &candidates))
			break;
	report_candidates(checks, directory, &candidates);
	free(bytes);
}

static void check_one(struct directory_checks *checks, const struct survey *survey,
		      const struct directory *directory)
{
	struct number_set seen = {0}, twice = {0};
	struct ext_directory *opened;
	struct ext_dirent entry;
	bool failed = false;

	if (ext_directory_open(survey->filesystem, directory->ino, &opened, NULL) != EXT_OK)
		return;
	while (!failed && ext_directory_next(opened, &entry, NULL, NULL) == EXT_OK) {
		const uint64_t number =
			name_number(directory->flags, entry.name, entry.name_length);

		if (!is_dots(&entry) && set_add(&seen, number, &failed))
			(void)set_add(&twice, number, &failed);
	}
	ext_directory_close(opened);
	free(seen.slots);
	if (twice.used > 0 && !failed)
		compare_names(checks, survey, directory, &twice);
	free(twice.slots);
	if (failed)
		checks->checks->out_of_memory = true;
}

void check_duplicates(struct directory_checks *checks, struct survey *survey)
{
	if (checks->suspect_count > 1)
		qsort(checks->suspects, checks->suspect_count, sizeof *checks->suspects,
		      compare_inos);
	for (size_t i = 0; i < survey->directory_count; i++) {
		const struct directory *directory = &survey->directories[i];
		const bool has_index = (directory->flags & EXT_INODE_INDEX) != 0;

		/* Two of a kind need two blocks, or two parts of the inode. */
		if (directory->entries < 2 ||
		    (directory->blocks < 2 && !(directory->flags & EXT_INODE_INLINE_DATA)))
			continue;
		if (has_index && (checks->suspect_count == 0 ||
				  !bsearch(&directory->ino, checks->suspects, checks->suspect_count,
					   sizeof *checks->suspects, compare_inos)))
			continue;
		if (survey->options.stop && survey->options.stop())
			break;
		check_one(checks, survey, directory);
	}
}
