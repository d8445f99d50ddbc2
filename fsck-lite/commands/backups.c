/* SPDX-License-Identifier: MIT */
/*
 * `backups`: every place where a superblock copy must lie, what is there, and what it sees.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <ext/choose.h>
#include <ext/copies.h>

#include "commands/backups.h"
#include "commands/refused.h"
#include "complain.h"
#include "image.h"
#include "reports/copies.h"
#include "reports/head.h"
#include "views.h"

/* Tables of more copies than this are not looked at one by one: all say the same. */
enum { TABLES_JUDGED = 64 };

struct backups {
	const struct options *options;
	struct opened_image image;
	struct views views;
	struct copy_view best; /* through what open_image chose */
	struct copy_view most; /* of a single copy that reaches more */
	ext_block most_block;
	struct json json;
	unsigned count;
};

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
	if (*between)
		putchar('\n');
}

static void print_reason(const struct backups *backups, char text[300])
{
	const struct opened_image *image = &backups->image;

	if (image->reason[0])
		snprintf(text, 300, "%s; this one leads to the root", image->reason);
	else if (image->doubts == 0)
		snprintf(text, 300,
			 "the primary and its descriptors lead to the root, and the copies agree");
	else
		snprintf(text, 300, "no copy leads further than the primary");
}

static int report_row(struct backups *backups, ext_group group)
{
	struct ext_copy copy;
	struct copy_view view;
	struct ext_error error;
	int status;

	if (ext_copy_read(image_view(&backups->image), backups->image.superblock_raw, group,
			  backups->count++ < TABLES_JUDGED, &copy, &error) != EXT_OK) {
		complain_error(backups->image.path, &error);
		return EXIT_CANNOT_RUN;
	}
	status = views_of_copy(&backups->views, &copy, &view);
	if (views_reach_more(&view, &backups->best) && views_reach_more(&view, &backups->most)) {
		backups->most = view;
		backups->most_block = copy.block;
	}
	if (backups->options->json)
		copies_json_row(&backups->json, &backups->image, &copy, &view);
	else
		copies_text_row(&backups->image, &copy, &view);
	return status;
}

static void end_json(struct backups *backups)
{
	struct json *json = &backups->json;
	char reason[300];

	print_reason(backups, reason);
	json_end_array(json);
	json_object(json, "best");
	json_u64(json, "block", backups->image.superblock_block);
	json_text(json, "reason", reason);
	copies_json_view(json, &backups->best);
	json_end_object(json);
	if (backups->most.known) {
		json_object(json, "reaches_more");
		json_u64(json, "block", backups->most_block);
		copies_json_view(json, &backups->most);
		json_end_object(json);
	}
	json_end_object(json);
	json_close(json);
}

static void end_text(struct backups *backups)
{
	const struct opened_image *image = &backups->image;
	const struct ext_superblock *sb = image->superblock;
	struct ext_copy copy;
	char reason[300];

	putchar('\n');
	for (ext_group group = 0; group < sb->group_count; group = ext_copy_next_group(sb, group))
		if (ext_copy_read(image_view(image), image->superblock_raw, group, false, &copy,
				  NULL) == EXT_OK)
			copies_text_differences(image, &copy);
	print_reason(backups, reason);
	printf("\nbest: block %" PRIu64 ": %s\n      ", image->superblock_block, reason);
	copies_text_view(image, &backups->best);
	putchar('\n');
	if (backups->most.known) {
		printf("the copy at block %" PRIu64 " reaches more (-b %" PRIu64 "): ",
		       backups->most_block, backups->most_block);
		copies_text_view(image, &backups->most);
		putchar('\n');
	}
}

static int report(struct backups *backups)
{
	const struct opened_image *image = &backups->image;
	const struct ext_superblock *sb = image->superblock;
	int status;

	status = views_of_filesystem(backups->options, image->path, image->filesystem,
				     &backups->best);
	if (status != EXIT_CLEAN)
		return status;
	views_init(&backups->views, backups->options, image, &backups->best);
	if (backups->options->json) {
		json_open(&backups->json, stdout, false);
		head_begin_document(&backups->json, "backups", image);
		json_text(&backups->json, "layout", copies_layout(sb));
		json_array(&backups->json, "copies");
	} else {
		copies_text_head(image);
	}
	for (ext_group group = 0; status == EXIT_CLEAN && group < sb->group_count;
	     group = ext_copy_next_group(sb, group))
		status = report_row(backups, group);
	if (backups->options->json)
		end_json(backups);
	else
		end_text(backups);
	return status;
}

int command_backups(const struct options *options)
{
	struct backups backups = {.options = options};
	int status;

	if (options->scan)
		return backups_scan(options);
	status = open_image(options, options_image(options), &backups.image, NULL);
	if (status == EXIT_CLEAN && options->list)
		print_list(backups.image.superblock);
	else if (status == EXIT_CLEAN)
		status = report(&backups);
	(void)refused("backups", &backups.image, options, status);
	close_image(&backups.image);
	return status;
}
