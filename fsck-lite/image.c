/* SPDX-License-Identifier: MIT */
/*
 * Opens an image for a command: source, partition, superblock copy, journal. The only place where
 * the options about these meet the library.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "complain.h"
#include "exit.h"
#include "image.h"

static int fail(const struct opened_image *image, const struct ext_error *error)
{
	complain_error(image->path, error);
	return EXIT_CANNOT_RUN;
}

struct ext_source *image_view(const struct opened_image *image)
{
	if (image->overlay)
		return image->overlay;
	return image->window ? image->window : image->base;
}

static int open_source(const struct options *options, struct opened_image *image)
{
	struct ext_error error;

	if (ext_source_open(image->path, &image->base, &error) != EXT_OK)
		return fail(image, &error);
	if (options->map) {
		struct ext_source *const inner = image->base;

		image->base = NULL;
		if (ext_source_open_map(inner, options->map, &image->base, &error) != EXT_OK)
			return fail(image, &error);
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
			   struct ext_superblock *superblock)
{
	struct ext_source *const source = image_view(image);
	const uint64_t block = options->superblock_block;

	for (uint64_t size = 1024; size <= 65536; size *= 2) {
		uint8_t raw[EXT_SUPERBLOCK_SIZE];
		struct ext_place place = {.structure = EXT_AT_SUPERBLOCK, .has = EXT_HAS_OFFSET};

		if ((options->block_size && options->block_size != size) ||
		    block > UINT64_MAX / 65536)
			continue;
		place.offset = copy_offset(block, size);
		if (ext_source_read(source, place.offset, raw, sizeof raw, NULL) != EXT_OK ||
		    ext_superblock_decode(raw, place, superblock, NULL, NULL) != EXT_OK ||
		    superblock->block_size != size)
			continue;
		image->superblock_offset = place.offset;
		if (place.offset == EXT_SUPERBLOCK_OFFSET)
			return EXIT_CLEAN;
		image->source = SUPERBLOCK_IS_BACKUP;
		image->copy_group = (ext_group)((block - superblock->first_data_block) /
						superblock->blocks_per_group);
		return EXIT_CLEAN;
	}
	complain("%s: there is no superblock at block %" PRIu64 "; `fsck-lite backups %s' lists "
		 "those that there are",
		 image->path, block, image->path);
	return EXIT_CANNOT_RUN;
}

static int open_filesystem(struct opened_image *image, struct ext_sink *sink)
{
	const struct ext_open_options open_options = {
		.superblock_offset = image->superblock_offset,
		.copy_group = image->copy_group,
		.stale_descriptors = image->source != SUPERBLOCK_IS_PRIMARY,
		.sink = sink,
	};
	struct ext_error error;

	if (ext_filesystem_open(image_view(image), &open_options, &image->filesystem, &error) !=
	    EXT_OK)
		return fail(image, &error);
	image->superblock = ext_filesystem_superblock(image->filesystem);
	image->superblock_block = image->superblock_offset >> image->superblock->block_size_log2;
	return EXIT_CLEAN;
}

static int choose_superblock(const struct options *options, struct opened_image *image,
			     struct ext_sink *sink)
{
	image->superblock_offset = EXT_SUPERBLOCK_OFFSET;
	if (options->superblock == SUPERBLOCK_AT) {
		struct ext_superblock superblock;
		const int status = find_named_copy(options, image, &superblock);

		if (status != EXIT_CLEAN)
			return status;
		if (image->source != SUPERBLOCK_IS_PRIMARY)
			snprintf(image->reason, sizeof image->reason, "-b asked for it");
	}
	return open_filesystem(image, sink);
}

/*
 * Lays the journal's pending changes over the image. Block 0 and descriptors may be among them, so
 * the filesystem is opened again on top.
 */
static int apply_journal(const struct options *options, struct opened_image *image,
			 struct ext_sink *sink)
{
	(void)options;
	(void)sink;
	image->journal = JOURNAL_IS_NONE;
	if (!ext_has_compat(image->superblock, EXT_COMPAT_HAS_JOURNAL))
		return EXIT_CLEAN;
	image->journal = ext_has_incompat(image->superblock, EXT_INCOMPAT_RECOVER)
				 ? JOURNAL_IS_IGNORED
				 : JOURNAL_IS_CLEAN;
	return EXIT_CLEAN;
}

int open_image(const struct options *options, const char *path, struct opened_image *image,
	       struct ext_sink *sink)
{
	int status;

	*image = (struct opened_image){.path = path};
	status = open_source(options, image);
	if (status == EXIT_CLEAN && options->offset)
		status = open_window(image, options->offset, UINT64_MAX - options->offset);
	if (status == EXIT_CLEAN)
		status = choose_superblock(options, image, sink);
	if (status == EXIT_CLEAN)
		status = apply_journal(options, image, sink);
	return status;
}

void close_image(struct opened_image *image)
{
	ext_filesystem_close(image->filesystem);
	ext_source_close(image->overlay);
	ext_source_close(image->window);
	ext_source_close(image->base);
	*image = (struct opened_image){0};
}
