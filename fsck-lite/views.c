/* SPDX-License-Identifier: MIT */
/* Surveys an image through its superblock copies, each distinct view once. */
#include "config.h"

#include <ext/choose.h>

#include "accounting/survey.h"
#include "cancel.h"
#include "complain.h"
#include "exit.h"
#include "views.h"

void views_init(struct views *views, const struct options *options,
		const struct opened_image *image, const struct copy_view *best)
{
	*views = (struct views){.options = options, .image = image, .best = *best};
}

int views_of_filesystem(const struct options *options, const char *path,
			const struct ext_filesystem *filesystem, struct copy_view *view)
{
	struct survey_options survey_options = {.stop = cancelled};
	struct survey survey;
	struct ext_error error;
	int status = EXIT_CLEAN;

	survey_options.threads = options_threads(options);
	if (survey_run(filesystem, &survey_options, &survey, &error) != EXT_OK) {
		complain_error(path, &error);
		return EXIT_CANNOT_RUN;
	}
	if (survey.stopped) {
		status = EXIT_CANCELLED;
	} else {
		view->known = true;
		view->directories = survey.reached_directories;
		view->files = survey.reached_inodes - survey.reached_directories;
		view->blocks = survey.reached_blocks;
	}
	survey_clear(&survey);
	return status;
}

static int look_through(const struct views *views, const struct ext_copy *copy,
			struct copy_view *view)
{
	struct ext_source *const source = image_view(views->image);
	struct ext_filesystem *filesystem;
	struct ext_choice choice;
	int status = EXIT_CLEAN;

	if (ext_choose_copy(source, copy->offset, &choice, NULL) != EXT_OK)
		return EXIT_CLEAN;
	if (ext_choice_open(source, &choice, NULL, &filesystem, NULL) == EXT_OK) {
		status = views_of_filesystem(views->options, views->image->path, filesystem, view);
		ext_filesystem_close(filesystem);
	}
	ext_choice_clear(&choice);
	return status;
}

int views_of_copy(struct views *views, const struct ext_copy *copy, struct copy_view *view)
{
	const bool agrees =
		copy->has_table && copy->decoded &&
		ext_superblock_same_filesystem(&copy->superblock, views->image->superblock) &&
		ext_superblock_same_geometry(&copy->superblock, views->image->superblock);
	int status = EXIT_CLEAN;

	*view = (struct copy_view){.known = false};
	if (!copy->decoded || !copy->has_table)
		return EXIT_CLEAN;
	for (unsigned i = 0; agrees && i < views->count; i++)
		if (views->list[i].agrees && views->list[i].locations == copy->locations) {
			*view = views->list[i].view;
			return EXIT_CLEAN;
		}
	if (views->count == VIEWS_MAX)
		return EXIT_CLEAN;
	/* The primary as it is stored is what has been walked already. */
	if (copy->group == 0 && views->image->reason[0] == '\0')
		*view = views->best;
	else
		status = look_through(views, copy, view);
	view->number = views->count + 1;
	views->list[views->count].locations = copy->locations;
	views->list[views->count].agrees = agrees;
	views->list[views->count++].view = *view;
	return status;
}

bool views_reach_more(const struct copy_view *a, const struct copy_view *b)
{
	const uint64_t of_a = a->directories + a->files, of_b = b->directories + b->files;

	return a->known && of_a > of_b + of_b / 100;
}
