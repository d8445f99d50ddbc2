/* SPDX-License-Identifier: MIT */
/* The progress line. It never goes to stdout, so two runs still give the same bytes there. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"
#include "reports/text.h"

enum { DELAY = 1000, BETWEEN = 200 };

static int64_t milliseconds(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress, const struct options *options, const char *what)
{
	*progress = (struct progress){.what = what, .begun = milliseconds()};
	progress->delay = options->progress == WHEN_ALWAYS ? 0 : DELAY;
	progress->wanted =
		options->progress == WHEN_ALWAYS ||
		(options->progress == WHEN_AUTO && !options->quiet && isatty(STDERR_FILENO));
}

void progress_show(struct progress *progress, uint64_t done, uint64_t all)
{
	const int64_t now = progress->wanted ? milliseconds() : 0;
	char text[TEXT_SHORT];

	if (!progress->wanted || now - progress->begun < progress->delay ||
	    (progress->shown && now - progress->last < BETWEEN))
		return;
	fprintf(stderr, "\r%s: %s ", progress->what, text_size(text, done));
	fprintf(stderr, "of %s  ", text_size(text, all));
	fflush(stderr);
	progress->shown = true;
	progress->last = now;
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
