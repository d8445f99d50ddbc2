/* SPDX-License-Identifier: MIT */
/* `backups --scan`: the whole image searched, and which of what was found can be read. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands/backups.h"
#include "complain.h"
#include "image.h"
#include "locate.h"
#include "reports/finds.h"
#include "reports/head.h"
#include "search.h"

/* Those that claim to be whole filesystems are tried; copies in a journal name no beginning. */
static void try_all(struct ext_source *source, struct finds_report *report, bool *is_sound)
{
	const struct ext_found_list *found = report->found;

	report->best = found->count;
	report->is_sound = is_sound;
	for (size_t i = 0; i < found->count; i++) {
		const struct ext_found_filesystem *one = &found->filesystems[i];
		unsigned agreeing;

		if (one->kind == EXT_FIND_JOURNAL || one->kind == EXT_FIND_EXTERNAL_JOURNAL)
			continue;
		is_sound[i] = locate_is_sound(source, one, &agreeing);
		if (!is_sound[i] || (report->best < found->count && one->kind == EXT_FIND_NESTED))
			continue;
		if (report->best == found->count) {
			report->best = i;
			snprintf(report->reason, sizeof report->reason,
				 "%u cop%s of it agree%s and lead to its root", agreeing,
				 agreeing == 1 ? "y" : "ies", agreeing == 1 ? "s" : "");
		}
	}
}

static void print(const struct options *options, const struct opened_image *image,
		  const struct finds_report *report)
{
	struct json json;

	if (!options->json) {
		finds_text(report);
		return;
	}
	json_open(&json, stdout, false);
	head_begin_document(&json, "backups", image);
	finds_json(&json, report);
	json_end_object(&json);
	json_close(&json);
}

int backups_scan(const struct options *options)
{
	struct opened_image image;
	struct ext_found_list found = {0};
	struct finds_report report = {.image = options_image(options), .found = &found};
	bool *is_sound = NULL;
	int status = open_image_source(options, options_image(options), &image);

	if (status == EXIT_CLEAN) {
		report.size = ext_source_size(image_view(&image));
		report.start = image.start;
		status = search_superblocks(options, image_view(&image), 0, report.size, &found);
	}
	if (status == EXIT_CLEAN) {
		is_sound = calloc(found.count + 1, sizeof *is_sound);
		if (!is_sound) {
			complain("out of memory");
			status = EXIT_CANNOT_RUN;
		}
	}
	if (status == EXIT_CLEAN) {
		try_all(image_view(&image), &report, is_sound);
		print(options, &image, &report);
		if (found.count == 0) {
			complain("%s: there is no superblock anywhere in %" PRIu64 " bytes",
				 image.path, report.size);
			status = EXIT_CANNOT_RUN;
		}
	}
	free(is_sound);
	ext_found_clear(&found);
	close_image(&image);
	return status;
}
