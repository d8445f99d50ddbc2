/* SPDX-License-Identifier: MIT */
/*
 * Opens an image for a command: source, partition, superblock copy. The only place where the
 * options about these meet the library. What is pending in the journal is laid over it by
 * image_journal.c.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "complain.h"
#include "exit.h"
#include "image.h"
#include "image_journal.h"
#include "locate.h"

static int fail(struct opened_image *image, const struct ext_error *error)
{
	image->refusal = *error;
	complain_error(image->path, error);
	return EXIT_CANNOT_RUN;
}

struct ext_source *image_view(const struct opened_image *image)
{
	if (image->overlay)
		return image->overlay;
	return image->window ? image->window : image->base;
}

/* What is wrong with the gzip, qcow2 ... that the image is wrapped in, though it can be read. */
static void say_wrapping(const struct opened_image *image)
{
	struct ext_finding finding;
	char text[512];

	for (size_t i = 0; ext_source_finding(image->base, i, &finding); i++) {
		ext_finding_describe(&finding, text, sizeof text);
		complain("%s: %s", image->path, text);
	}
}

static int open_source(const struct options *options, struct opened_image *image)
{
	struct ext_source *inner;
	struct ext_error error;

	if (ext_source_open(image->path, &image->base, &error) != EXT_OK)
		return fail(image, &error);
	say_wrapping(image);
	if (!options->map)
		return EXIT_CLEAN;
	inner = image->base;
	image->base = NULL;
	if (ext_source_open_map(inner, options->map, &image->base, &error) != EXT_OK) {
		complain_error(options->map, &error);
		return EXIT_CANNOT_RUN;
	}
	return EXIT_CLEAN;
}

/* From here on `start` bytes of the image are hidden. */
static int open_window(struct opened_image *image, uint64_t start, uint64_t size)
{
	struct ext_source *const inner = image->base;
	struct ext_error error;

	if (start > ext_source_size(inner)) {
		complain("%s: the image ends at byte %" PRIu64 ", before --offset %" PRIu64,
			 image->path, ext_source_size(inner), start);
		return EXIT_CANNOT_RUN;
	}
	image->base = NULL;
	image->start = start;
	if (ext_source_open_window(inner, start, size, &image->window, &error) != EXT_OK)
		return fail(image, &error);
	return EXIT_CLEAN;
}

/*
 * Where block `block` of `block_size` bytes holds a superblock copy: at its first byte, except that
 * the primary is always at byte 1024.
 */
static uint64_t copy_offset(uint64_t block, uint64_t block_size)
{
	const uint64_t offset = block * block_size;

	return offset < EXT_SUPERBLOCK_OFFSET ? EXT_SUPERBLOCK_OFFSET : offset;
}

/* A superblock at the block that -b names, tried with each block size unless -B names that too. */
static int find_named_copy(const struct options *options, struct opened_image *image,
			   uint64_t *offset)
{
	const uint64_t block = options->superblock_block;

	for (uint64_t size = 1024; size <= 65536; size *= 2) {
		uint8_t raw[EXT_SUPERBLOCK_SIZE];
		struct ext_superblock superblock;
		struct ext_place place = {.structure = EXT_AT_SUPERBLOCK, .has = EXT_HAS_OFFSET};

		if ((options->block_size && options->block_size != size) ||
		    block > UINT64_MAX / 65536)
			continue;
		place.offset = copy_offset(block, size);
		if (ext_source_read(image_view(image), place.offset, raw, sizeof raw, NULL) !=
			    EXT_OK ||
		    ext_superblock_decode(raw, place, &superblock, NULL, &image->refusal) !=
			    EXT_OK ||
		    superblock.block_size != size)
			continue;
		*offset = place.offset;
		image->refusal = (struct ext_error){0};
		return EXIT_CLEAN;
	}
	complain("%s: there is no superblock at block %" PRIu64 "; `fsck-lite backups --scan %s' "
		 "finds those that there are",
		 image->path, block, image->path);
	return EXIT_CANNOT_RUN;
}

/* The strongest of the doubts about the primary, in words. */
static const char *doubt_in_words(unsigned doubts)
{
	static const struct {
		unsigned doubt;
		const char *words;
	} rows[] = {
		{EXT_DOUBT_MISSING, "there is no primary superblock"},
		{EXT_DOUBT_FOREIGN, "the primary superblock is another filesystem's"},
		{EXT_DOUBT_DAMAGED, "the primary superblock is damaged"},
		{EXT_DOUBT_ROOT, "the primary superblock does not lead to a root directory"},
		{EXT_DOUBT_GROUPS, "bitmaps and inode tables are not where the primary points"},
		{EXT_DOUBT_DESCRIPTORS, "the primary group descriptors are damaged"},
		{EXT_DOUBT_COPIES, "the copies contradict the primary superblock"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (doubts & rows[i].doubt)
			return rows[i].words;
	return "";
}

/* Whatever is read through that is not the primary as it is stored is said aloud. */
static void say_choice(struct opened_image *image, const struct ext_choice *choice, bool asked)
{
	const char *const why = asked ? "-b asks for it" : doubt_in_words(choice->doubts);

	if (choice->as_stored)
		return;
	if (choice->source == EXT_CHOICE_PRIMARY &&
	    choice->rebuilt_groups == choice->replaced_groups)
		snprintf(image->reason, sizeof image->reason,
			 "%s: %" PRIu32 " of %" PRIu32
			 " group descriptors are rebuilt from what lies in the groups",
			 why, choice->rebuilt_groups, image->superblock->group_count);
	else if (choice->source == EXT_CHOICE_PRIMARY)
		snprintf(image->reason, sizeof image->reason,
			 "%s: %" PRIu32 " of %" PRIu32 " group descriptors are taken from copies",
			 why, choice->replaced_groups, image->superblock->group_count);
	else if (choice->source == EXT_CHOICE_REBUILT)
		snprintf(image->reason, sizeof image->reason,
			 "%s, and no copy is left: it is rebuilt from what survives", why);
	else
		snprintf(image->reason, sizeof image->reason, "%s", why);
	if (choice->source == EXT_CHOICE_PRIMARY || choice->source == EXT_CHOICE_REBUILT)
		complain("%s: %s", image->path, image->reason);
	else
		complain("%s: reading through the superblock copy at block %" PRIu64 ": %s",
			 image->path, image->superblock_block, image->reason);
}

static enum superblock_source source_of(const struct ext_choice *choice)
{
	switch (choice->source) {
	case EXT_CHOICE_PRIMARY:
		break;
	case EXT_CHOICE_BACKUP:
		return SUPERBLOCK_IS_BACKUP;
	case EXT_CHOICE_FOUND:
	case EXT_CHOICE_REBUILT:
		return SUPERBLOCK_IS_FOUND;
	}
	return SUPERBLOCK_IS_PRIMARY;
}

static int open_choice(struct opened_image *image, const struct ext_choice *choice, bool asked,
		       struct ext_sink *sink)
{
	struct ext_error error;

	if (ext_choice_open(image_view(image), choice, sink, &image->filesystem, &error) != EXT_OK)
		return fail(image, &error);
	image->superblock = ext_filesystem_superblock(image->filesystem);
	image->superblock_offset = choice->superblock_offset;
	image->superblock_block = choice->superblock_offset >> image->superblock->block_size_log2;
	image->copy_group = choice->copy_group;
	image->source = source_of(choice);
	image->replaced_groups = choice->replaced_groups;
	image->rebuilt_groups = choice->rebuilt_groups;
	image->doubts = choice->doubts;
	image->is_rebuilt = choice->source == EXT_CHOICE_REBUILT;
	memcpy(image->superblock_raw, choice->superblock, sizeof image->superblock_raw);
	if (choice->as_stored &&
	    ext_source_read(image_view(image), choice->superblock_offset, image->superblock_raw,
			    sizeof image->superblock_raw, &error) != EXT_OK)
		return fail(image, &error);
	say_choice(image, choice, asked);
	return EXIT_CLEAN;
}

/* Reads through what the options ask for, or what the evidence is for. */
static int choose_superblock(const struct options *options, struct opened_image *image,
			     struct ext_choice *choice)
{
	struct ext_source *const view = image_view(image);
	struct ext_error error;
	uint64_t offset;
	int status;

	*choice =
		(struct ext_choice){.superblock_offset = EXT_SUPERBLOCK_OFFSET, .as_stored = true};
	switch (options->superblock) {
	case SUPERBLOCK_PRIMARY:
		break;
	case SUPERBLOCK_AT:
		status = find_named_copy(options, image, &offset);
		if (status != EXIT_CLEAN)
			return status;
		if (ext_choose_copy(view, offset, choice, &error) != EXT_OK)
			return fail(image, &error);
		break;
	case SUPERBLOCK_BY_EVIDENCE:
		return locate_superblock(options, image->path, view, choice, &image->refusal);
	}
	return EXIT_CLEAN;
}

/* Nothing was said about where the filesystem begins, nor about its superblock. */
static int find_filesystem(const struct options *options, struct opened_image *image,
			   struct ext_choice *choice)
{
	struct located located;
	int status =
		locate_filesystem(options, image->path, image->base, &located, &image->refusal);

	if (status != EXIT_CLEAN)
		return status;
	*choice = located.choice;
	if (located.by_search)
		complain("%s: no partition table names it, but a filesystem begins at byte %" PRIu64
			 " (--offset)",
			 image->path, located.start);
	image->partition = located.partition;
	image->partition_size = located.partition ? located.size : 0;
	return located.start == 0 ? EXIT_CLEAN : open_window(image, located.start, located.size);
}

/* Hides what the options say lies before the filesystem, if they say anything. */
static int open_named_window(const struct options *options, struct opened_image *image)
{
	struct located located;
	int status = EXIT_CLEAN;

	if (options->partition.given) {
		status = locate_partition(options, image->path, image->base, &located);
		if (status == EXIT_CLEAN)
			status = open_window(image, located.start, located.size);
		image->partition = located.partition;
		image->partition_size = located.size;
	} else if (options->offset) {
		status = open_window(image, options->offset, UINT64_MAX - options->offset);
	}
	return status;
}

/* Finds the filesystem in the image and decides through which superblock to read it. */
static int find_and_choose(const struct options *options, struct opened_image *image,
			   struct ext_choice *choice)
{
	int status;

	*choice = (struct ext_choice){0};
	if (!options->partition.given && !options->offset &&
	    options->superblock == SUPERBLOCK_BY_EVIDENCE)
		return find_filesystem(options, image, choice);
	status = open_named_window(options, image);
	return status == EXIT_CLEAN ? choose_superblock(options, image, choice) : status;
}

int open_image(const struct options *options, const char *path, struct opened_image *image,
	       struct ext_sink *sink)
{
	struct ext_choice choice = {0};
	int status;

	*image = (struct opened_image){.path = path};
	status = open_source(options, image);
	if (status == EXIT_CLEAN)
		status = find_and_choose(options, image, &choice);
	if (status == EXIT_CLEAN)
		status = open_choice(image, &choice, options->superblock == SUPERBLOCK_AT, sink);
	if (status == EXIT_CLEAN)
		status = image_lay_journal(options, image, &choice, sink);
	ext_choice_clear(&choice);
	return status;
}

int open_image_source(const struct options *options, const char *path, struct opened_image *image)
{
	int status;

	*image = (struct opened_image){.path = path};
	status = open_source(options, image);
	return status == EXIT_CLEAN ? open_named_window(options, image) : status;
}

void close_image(struct opened_image *image)
{
	ext_filesystem_close(image->filesystem);
	ext_recovery_close(image->recovery);
	ext_source_close(image->external_journal);
	ext_source_close(image->window);
	ext_source_close(image->base);
	*image = (struct opened_image){0};
}
