/* SPDX-License-Identifier: MIT */
/* `show`: one structure decoded. Which one is the second operand, which of them the third. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "commands/command.h"
#include "commands/refused.h"
#include "complain.h"
#include "image.h"
#include "reports/head.h"
#include "reports/show.h"
#include "reports/text.h"

static const struct view {
	const char *name;
	int (*show)(struct show *show, const char *operand);
} views[] = {
	{"super", show_super},	 {"group", show_group},	    {"inode", show_inode},
	{"dir", show_directory}, {"extents", show_extents}, {"xattrs", show_xattrs},
	{"block", show_block},	 {"journal", show_journal},
};

static const struct view *view_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof views / sizeof *views; i++)
		if (strcmp(views[i].name, name) == 0)
			return &views[i];
	return NULL;
}

static int wrong_view(const char *name)
{
	complain("show: there is no `%s' to show; it is one of super [N], group N, inode N|/PATH, "
		 "dir N|/PATH, extents N|/PATH, xattrs N|/PATH, journal, block N",
		 name);
	return EXIT_WRONG_USAGE;
}

int command_show(const struct options *options)
{
	const struct view *view = view_by_name(options->operands[1]);
	const char *operand = options->operand_count > 2 ? options->operands[2] : NULL;
	struct findings_aloud findings = findings_aloud_for(options_image(options));
	struct opened_image image;
	struct show show = {
		.options = options,
		.image = &image,
		.findings = &findings,
		.hex = options->hex,
	};
	struct json json;
	int status;

	if (!view)
		return wrong_view(options->operands[1]);
	status = open_image(options, options_image(options), &image, &findings.sink);
	if (status == EXIT_CLEAN) {
		show.filesystem = image.filesystem;
		show.superblock = image.superblock;
		show.colors = !options->json && text_has_colors(options->color);
		if (options->json) {
			json_open(&json, stdout, false);
			show.json = &json;
			head_begin_document(&json, "show", &image);
			json_text(&json, "what", view->name);
		}
		status = view->show(&show, operand);
		if (options->json) {
			findings_aloud_write(&findings, &json);
			json_end_object(&json);
			json_close(&json);
		}
	}
	(void)refused("show", &image, options, status);
	findings_aloud_end(&findings);
	close_image(&image);
	return status;
}
