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
	*progress = (struct progress){.what = what, .begun = milliseconds(), .fd = -1};
	lock_init(&progress->lock);
	progress->delay = options->progress == WHEN_ALWAYS ? 0 : DELAY;
	progress->wanted =
		options->progress == WHEN_ALWAYS ||
		(options->progress == WHEN_AUTO && !options->quiet && isatty(STDERR_FILENO));
}

/* Is it time for the next line? */
static bool is_due(struct progress *progress)
{
	const int64_t now = progress->wanted ? milliseconds() : 0;

	if (!progress->wanted || now - progress->begun < progress->delay ||
	    (progress->shown && now - progress->last < BETWEEN))
		return false;
	progress->shown = true;
	progress->last = now;
	return true;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t all)
{
	char text[TEXT_SHORT];

	if (!is_due(progress))
		return;
	fprintf(stderr, "\r%s: %s ", progress->what, text_size(text, done));
	fprintf(stderr, "of %s  ", text_size(text, all));
	fflush(stderr);
}

void progress_count(struct progress *progress, uint64_t done, uint64_t all)
{
	if (!is_due(progress))
		return;
	fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 "  ", progress->what, done, all);
	fflush(stderr);
}

static void write_line(const struct progress *progress, unsigned pass, uint64_t done, uint64_t all)
{
	char line[512];
	const int length = snprintf(line, sizeof line, "%u %" PRIu64 " %" PRIu64 " %s\n", pass,
				    done, all, progress->device);

	/* Whoever reads it may have gone; that is no concern of the check. */
	if (length > 0 && (size_t)length < sizeof line &&
	    write(progress->fd, line, (size_t)length) < 0)
		return;
}

void progress_pass(struct progress *progress, unsigned pass, uint64_t done, uint64_t all)
{
	static const char *const names[] = {"",	    "inodes", "directories",
					    "tree", "links",  "bitmaps"};
	int64_t now;

	if (progress->fd < 0 && !progress->wanted)
		return;
	now = milliseconds();
	lock_take(&progress->lock);
	if (progress->fd >= 0 && pass >= progress->pass) {
		progress->pass = pass;
		write_line(progress, pass, done, all);
	}
	if (progress->wanted && now - progress->begun >= progress->delay &&
	    (!progress->shown || now - progress->last >= BETWEEN)) {
		fprintf(stderr, "\r%s: pass %u of 5, %s, %u%%  ", progress->what, pass,
			names[pass < 6 ? pass : 0], all > 0 ? (unsigned)(done * 100 / all) : 100);
		fflush(stderr);
		progress->shown = true;
		progress->last = now;
	}
	lock_give(&progress->lock);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
	lock_clear(&progress->lock);
}
