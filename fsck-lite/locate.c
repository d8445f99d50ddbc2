/* SPDX-License-Identifier: MIT */
/*
 * Finds the filesystem in an image by ever more costly means, and stops at the first that leads to
 * one that is sound. Nothing is asked of the user but to choose where there is more than one.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ext/journal.h>
#include <ext/partition.h>

#include "complain.h"
#include "exit.h"
#include "locate.h"
#include "search.h"

/*
 * Where the first backup of every filesystem lies whose blocks have 4 KiB or less, whatever -g
 * said: a group has at most 8 * 4096 blocks of 4096 bytes.
 */
static const uint64_t near_end = (UINT64_C(128) << 20) + 65536;

enum { LOG_BLOCK_SIZE_MOST = 6 };

/* What stands at byte 1024 is a superblock, but of an external journal. */
static bool is_journal_device(struct ext_source *source)
{
	uint8_t raw[EXT_SUPERBLOCK_SIZE];

	return ext_source_read(source, EXT_SUPERBLOCK_OFFSET, raw, sizeof raw, NULL) == EXT_OK &&
	       raw[0x38] == (EXT_MAGIC & 0xff) && raw[0x39] == EXT_MAGIC >> 8 &&
	       (raw[0x60] & EXT_INCOMPAT_JOURNAL_DEV) != 0;
}

/*
 * And the journal begins behind it: there is no filesystem to be searched for. What its log holds
 * of one, copies of its superblock among it, is no part of one.
 */
static bool is_external_journal(struct ext_source *source)
{
	uint8_t raw[EXT_SUPERBLOCK_SIZE], magic[4];
	uint64_t behind;

	if (!is_journal_device(source) ||
	    ext_source_read(source, EXT_SUPERBLOCK_OFFSET, raw, sizeof raw, NULL) != EXT_OK ||
	    raw[0x18] > LOG_BLOCK_SIZE_MOST)
		return false;
	behind = raw[0x18] == 0 ? EXT_SUPERBLOCK_OFFSET * 2 : UINT64_C(1024) << raw[0x18];
	return ext_source_read(source, behind, magic, sizeof magic, NULL) == EXT_OK &&
	       ((uint32_t)magic[0] << 24 | (uint32_t)magic[1] << 16 | (uint32_t)magic[2] << 8 |
		magic[3]) == EXT_JOURNAL_MAGIC;
}

static int fail(const char *path, struct ext_source *source, const struct ext_error *error,
		struct ext_error *refusal)
{
	*refusal = *error;
	if (is_journal_device(source)) {
		*refusal = (struct ext_error){.status = EXT_UNSUPPORTED,
					      .problem = EXT_EXTERNAL_JOURNAL_GIVEN,
					      .place = {.structure = EXT_AT_SUPERBLOCK,
							.has = EXT_HAS_OFFSET,
							.offset = EXT_SUPERBLOCK_OFFSET,
							.field = "s_feature_incompat"},
					      .found = EXT_INCOMPAT_JOURNAL_DEV};
		complain(
			"%s: this is an external journal, no filesystem; give it to the filesystem "
			"that it belongs to with -j",
			path);
	} else {
		complain_error(path, error);
	}
	return EXIT_CANNOT_RUN;
}

/* Chooses again among what a search of `source` up to `end` found. */
static int choose_after_search(const struct options *options, struct ext_source *source,
			       uint64_t end, struct ext_found_list *found,
			       struct ext_choice *choice, enum ext_status *status,
			       struct ext_error *error)
{
	uint64_t *offsets;
	size_t count;
	const int result = search_superblocks(options, source, 0, end, found);

	if (result != EXIT_CLEAN)
		return result;
	offsets = search_offsets(found, &count);
	ext_choice_clear(choice);
	*status = ext_choose(source, offsets, count, choice, error);
	free(offsets);
	return EXIT_CLEAN;
}

/* Would a superblock that the guesses missed change anything? */
static bool is_settled(const struct ext_choice *choice, enum ext_status status)
{
	const unsigned about_superblock =
		EXT_DOUBT_MISSING | EXT_DOUBT_DAMAGED | EXT_DOUBT_FOREIGN | EXT_DOUBT_GROUPS;

	return status == EXT_OK && choice->sound && (choice->doubts & about_superblock) == 0;
}

/*
 * The choice for a filesystem that begins `source`, by guesses, then by the near search. Returns an
 * exit status; `*status` says whether there is a choice.
 */
static int choose_nearby(const struct options *options, struct ext_source *source,
			 struct ext_choice *choice, enum ext_status *status,
			 struct ext_error *error)
{
	struct ext_found_list found;
	int result;

	*status = ext_choose(source, NULL, 0, choice, error);
	if (*status == EXT_MEMORY || is_settled(choice, *status))
		return EXIT_CLEAN;
	result = choose_after_search(options, source, near_end, &found, choice, status, error);
	ext_found_clear(&found);
	return result;
}

/* Without a superblock that is sound: one that is made from what else is there. */
static void rebuild_if_better(struct ext_source *source, struct ext_choice *choice,
			      enum ext_status *status)
{
	const unsigned serious = EXT_DOUBT_MISSING | EXT_DOUBT_DAMAGED | EXT_DOUBT_ROOT;
	struct ext_choice rebuilt;

	/* One that leads to the root beats anything that is made up, whatever else is wrong. */
	if (*status == EXT_OK && choice->source == EXT_CHOICE_PRIMARY &&
	    (choice->doubts & serious) == 0)
		return;
	if ((*status == EXT_OK && choice->sound) || *status == EXT_MEMORY ||
	    ext_choose_rebuilt(source, &rebuilt, NULL) != EXT_OK)
		return;
	if (!rebuilt.sound && *status == EXT_OK) {
		ext_choice_clear(&rebuilt);
		return;
	}
	ext_choice_clear(choice);
	*choice = rebuilt;
	*status = EXT_OK;
}

int locate_superblock(const struct options *options, const char *path, struct ext_source *source,
		      struct ext_choice *choice, struct ext_error *refusal)
{
	struct ext_found_list found;
	struct ext_error error = {0};
	enum ext_status status;
	int result = choose_nearby(options, source, choice, &status, &error);

	if (result == EXIT_CLEAN && (status != EXT_OK || !choice->sound) &&
	    is_external_journal(source)) {
		ext_choice_clear(choice);
		status = EXT_UNSUPPORTED;
	} else if (result == EXIT_CLEAN && (status != EXT_OK || !choice->sound)) {
		result = choose_after_search(options, source, UINT64_MAX, &found, choice, &status,
					     &error);
		ext_found_clear(&found);
		rebuild_if_better(source, choice, &status);
	}
	if (result != EXIT_CLEAN)
		return result;
	return status == EXT_OK ? EXIT_CLEAN : fail(path, source, &error, refusal);
}

/*
 * A window into a source that stays the caller's: through an overlay to which nothing is written.
 */
static struct ext_source *borrow_window(struct ext_source *source, uint64_t start, uint64_t size)
{
	struct ext_source *borrowed, *window;

	if (start >= ext_source_size(source) ||
	    ext_source_open_overlay(source, 4096, &borrowed, NULL) != EXT_OK ||
	    ext_source_open_window(borrowed, start, size, &window, NULL) != EXT_OK)
		return NULL;
	return window;
}

/* Tries a filesystem that would begin at `start`: is there one that is sound? */
static bool try_start(const struct options *options, struct ext_source *source, uint64_t start,
		      uint64_t size, struct ext_choice *choice)
{
	struct ext_source *const window = borrow_window(source, start, size);
	enum ext_status status;
	struct ext_error error = {0};

	*choice = (struct ext_choice){0};
	if (!window)
		return false;
	if (choose_nearby(options, window, choice, &status, &error) != EXIT_CLEAN)
		status = EXT_ARGUMENT;
	ext_source_close(window);
	if (status == EXT_OK && choice->sound)
		return true;
	ext_choice_clear(choice);
	return false;
}

bool locate_is_sound(struct ext_source *source, const struct ext_found_filesystem *found,
		     unsigned *agreeing)
{
	struct ext_source *const window = borrow_window(source, found->start, UINT64_MAX);
	struct ext_choice choice;
	uint64_t *const offsets = malloc(found->count * sizeof *offsets);
	bool is_sound = false;

	for (size_t i = 0; offsets && i < found->count; i++)
		offsets[i] = found->finds[i].offset - found->start;
	if (window && offsets &&
	    ext_choose(window, offsets, found->count, &choice, NULL) == EXT_OK) {
		*agreeing = choice.as_stored ? (unsigned)found->count : choice.agreeing_copies;
		/* The one that is best there may be another. */
		is_sound = choice.sound && ext_choice_is_of(window, &choice, &found->superblock);
		ext_choice_clear(&choice);
	}
	free(offsets);
	ext_source_close(window);
	return is_sound;
}

/* Keeps the first of several places; the others are only counted, for the complaint. */
struct places {
	unsigned count;
	char names[160];
};

static void keep_place(struct places *places, struct located *located, const struct located *new)
{
	const size_t used = strlen(places->names);

	if (new->partition)
		snprintf(places->names + used, sizeof places->names - used, "%s%u",
			 used ? ", " : "", new->partition);
	else
		snprintf(places->names + used, sizeof places->names - used, "%s%" PRIu64,
			 used ? ", " : "", new->start);
	if (places->count++ > 0) {
		struct ext_choice choice = new->choice;

		ext_choice_clear(&choice);
		return;
	}
	*located = *new;
}

static void search_partitions(const struct options *options, struct ext_source *source,
			      struct located *located, struct places *places)
{
	struct ext_partition_list *list = malloc(sizeof *list);

	if (!list)
		return;
	ext_partitions_read(source, list);
	for (unsigned i = 0; i < list->count; i++) {
		const struct ext_partition *partition = &list->partitions[i];
		struct located new = {.start = partition->offset,
				      .size = partition->size,
				      .partition = partition->number};

		if (try_start(options, source, new.start, new.size, &new.choice))
			keep_place(places, located, &new);
	}
	free(list);
}

/* Where superblocks that were found say that filesystems begin. */
static void search_starts(const struct options *options, struct ext_source *source,
			  const struct ext_found_list *found, struct located *located,
			  struct places *places)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct ext_found_filesystem *one = &found->filesystems[i];
		struct located new = {.start = one->start, .size = UINT64_MAX, .by_search = true};

		if (one->start == 0 ||
		    (one->kind != EXT_FIND_FILESYSTEM && one->kind != EXT_FIND_NESTED) ||
		    (places->count > 0 && located->start == one->start))
			continue;
		/* Inside one that is sound everything is a file's content. */
		if (places->count > 0 && one->kind == EXT_FIND_NESTED)
			continue;
		if (try_start(options, source, new.start, new.size, &new.choice))
			keep_place(places, located, &new);
	}
}

static int choose_place(const char *path, const struct places *places, struct located *located)
{
	if (places->count == 1)
		return EXIT_CLEAN;
	complain(located->partition
			 ? "%s: partitions %s hold ext filesystems; name one with --partition N"
			 : "%s: ext filesystems begin at bytes %s; name one with --offset BYTES",
		 path, places->names);
	ext_choice_clear(&located->choice);
	return EXIT_CANNOT_RUN;
}

int locate_filesystem(const struct options *options, const char *path, struct ext_source *source,
		      struct located *located, struct ext_error *refusal)
{
	struct places places = {0};
	struct ext_found_list found;
	struct ext_error error;
	enum ext_status status;
	int result;

	*located = (struct located){.size = UINT64_MAX};
	status = ext_choose(source, NULL, 0, &located->choice, &error);
	if (is_settled(&located->choice, status))
		return EXIT_CLEAN;
	ext_choice_clear(&located->choice);
	if (is_external_journal(source))
		return fail(path, source, &error, refusal);
	search_partitions(options, source, located, &places);
	if (places.count > 0)
		return choose_place(path, &places, located);

	*located = (struct located){.size = UINT64_MAX};
	result = choose_nearby(options, source, &located->choice, &status, &error);
	if (result != EXIT_CLEAN || (status == EXT_OK && located->choice.sound))
		return result;
	result = choose_after_search(options, source, UINT64_MAX, &found, &located->choice, &status,
				     &error);
	if (result == EXIT_CLEAN && (status != EXT_OK || !located->choice.sound)) {
		struct located elsewhere = {0};

		rebuild_if_better(source, &located->choice, &status);
		if (status != EXT_OK || !located->choice.sound)
			search_starts(options, source, &found, &elsewhere, &places);
		if (places.count > 0) {
			ext_choice_clear(&located->choice);
			*located = elsewhere;
			result = choose_place(path, &places, located);
			status = EXT_OK;
		}
	}
	ext_found_clear(&found);
	if (result != EXIT_CLEAN)
		return result;
	return status == EXT_OK ? EXIT_CLEAN : fail(path, source, &error, refusal);
}

int locate_partition(const struct options *options, const char *path, struct ext_source *source,
		     struct located *located)
{
	struct ext_partition_list *list = malloc(sizeof *list);
	int status = EXIT_CANNOT_RUN;

	*located = (struct located){0};
	if (!list) {
		complain("out of memory");
		return EXIT_CANNOT_RUN;
	}
	ext_partitions_read(source, list);
	for (unsigned i = 0; i < list->count; i++)
		if (list->partitions[i].number == options->partition.value) {
			located->start = list->partitions[i].offset;
			located->size = list->partitions[i].size;
			located->partition = list->partitions[i].number;
			status = EXIT_CLEAN;
		}
	if (list->table == EXT_TABLE_NONE)
		complain("%s: there is no partition table", path);
	else if (status != EXIT_CLEAN)
		complain("%s: there is no partition %" PRIu64 "; the table has %u", path,
			 options->partition.value, list->count);
	free(list);
	return status;
}
