/* SPDX-License-Identifier: MIT */
/*
 * `backups`: every place where a superblock copy must lie, what is there, and what it sees.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include <ext/choose.h>
#include <ext/copies.h>

#include "commands/command.h"
#include "complain.h"
#include "image.h"
#include "reports/copies.h"
#include "reports/head.h"

/* Tables of more copies than this are not looked at one by one: all say the same. */
enum { TABLES_JUDGED = 128 };

static void print_list(const struct ext_superblock *superblock)
{
	const char *between = "";

	for (ext_group group = ext_copy_next_group(superblock, 0); group < superblock->group_count;
	     group = ext_copy_next_group(superblock, group)) {
		printf("%s%" PRIu64, between,
		       ext_superblock_copy_offset(superblock, group) >>
			       superblock->block_size_log2);
		between = ", ";
	}
	putchar('\n');
}

static const char *reason(const struct opened_image *image)
{
	if (image->reason[0])
		return image->reason;
	return image->doubts == 0
		       ? "the primary and its descriptors lead to the root, and the copies agree"
		       : "no copy leads further than the primary";
}

static int report(const struct options *options, const struct opened_image *image)
{
	const struct ext_superblock *sb = image->superblock;
	struct ext_copy copy;
	struct ext_error error;
	struct json json;
	unsigned count = 0;

	if (options->json) {
		json_open(&json, stdout, false);
		head_begin_document(&json, "backups", image);
		json_text(&json, "layout", copies_layout(sb));
		json_array(&json, "copies");
	} else {
		copies_text_head(image);
	}
	for (ext_group group = 0; group < sb->group_count; group = ext_copy_next_group(sb, group)) {
		if (ext_copy_read(image_view(image), image->superblock_raw, group,
				  count++ < TABLES_JUDGED, &copy, &error) != EXT_OK) {
			complain_error(image->path, &error);
			return EXIT_CANNOT_RUN;
		}
		if (options->json)
			copies_json_row(&json, image, &copy, NULL);
		else
			copies_text_row(image, &copy, NULL);
	}
	if (options->json) {
		json_end_array(&json);
		json_object(&json, "best");
		json_u64(&json, "block", image->superblock_block);
		json_text(&json, "reason", reason(image));
		json_end_object(&json);
		json_end_object(&json);
		json_close(&json);
		return EXIT_CLEAN;
	}
	putchar('\n');
	for (ext_group group = 0; group < sb->group_count; group = ext_copy_next_group(sb, group))
		if (ext_copy_read(image_view(image), image->superblock_raw, group, false, &copy,
				  &error) == EXT_OK)
			copies_text_differences(image, &copy);
	printf("best: block %" PRIu64 ": %s\n", image->superblock_block, reason(image));
	return EXIT_CLEAN;
}

int command_backups(const struct options *options)
{
	struct opened_image image;
	int status = open_image(options, options_image(options), &image, NULL);

	if (status == EXIT_CLEAN && options->list)
		print_list(image.superblock);
	else if (status == EXIT_CLEAN)
		status = report(options, &image);
	close_image(&image);
	return status;
}
