/* SPDX-License-Identifier: MIT */
/*
 * `check`: the full read-only check, the account of df, a verdict, and what to do next. Called as
 * fsck.ext4 it is the same with the habits of fsck(8): it says in one line that all is well, and
 * that it only checks.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "accounting/estimate.h"
#include "accounting/findings.h"
#include "accounting/kernel_df.h"
#include "accounting/paths.h"
#include "accounting/survey.h"
#include "cancel.h"
#include "checks/checks.h"
#include "questions/questions.h"
#include "commands/command.h"
#include "complain.h"
#include "image.h"
#include "mounts.h"
#include "progress.h"
#include "reports/advice.h"
#include "reports/findings.h"
#include "reports/head.h"
#include "reports/sarif.h"
#include "reports/text.h"
#include "reports/usage.h"

enum { LISTED_FINDINGS = 10, SMALL_BUFFER = 64 * 1024 };

struct examination {
	const struct options *options;
	struct opened_image image;
	struct findings *findings;
	struct checks checks;
	struct survey survey;
	struct kernel_df df;
	struct paths *paths;
	struct advice advice;
	struct progress progress;
	bool ignored[EXT_PROBLEM_COUNT];
	bool colors;
};

/* Under the profile of a published image a warning is as bad as an error. */
static bool is_strict(const struct examination *examination)
{
	return examination->options->profile == PROFILE_IMAGE;
}

static bool has_errors(const struct examination *examination)
{
	return findings_count_severity(examination->findings, EXT_SEVERITY_ERROR) > 0 ||
	       (is_strict(examination) &&
		findings_count_severity(examination->findings, EXT_SEVERITY_WARNING) > 0);
}

static const char *verdict_of(const struct examination *examination)
{
	if (!examination->image.filesystem)
		return "unusable";
	return has_errors(examination) ? "errors" : "clean";
}

static void print_json(const struct examination *examination)
{
	struct json json;

	json_open(&json, stdout, false);
	head_begin_document(&json, "check", &examination->image);
	json_text(&json, "verdict", verdict_of(examination));
	if (examination->image.filesystem) {
		json_object(&json, "usage");
		usage_json(&json, &examination->survey, &examination->df);
		json_end_object(&json);
	}
	report_findings_json(&json, examination->findings, examination->paths);
	advice_json(&json, &examination->advice);
	json_end_object(&json);
	json_close(&json);
}

/* A document a line: the findings, and last one with head, verdict and summary. */
static void print_json_lines(const struct examination *examination)
{
	struct ext_finding finding;
	struct json json;

	for (uint64_t at = 0; findings_next(examination->findings, &at, &finding);) {
		json_open(&json, stdout, true);
		report_finding_json(&json, NULL, &finding, examination->paths);
		json_close(&json);
	}
	json_open(&json, stdout, true);
	head_begin_document(&json, "check", &examination->image);
	json_text(&json, "verdict", verdict_of(examination));
	report_summary_json(&json, examination->findings);
	advice_json(&json, &examination->advice);
	json_end_object(&json);
	json_close(&json);
}

static void print_verdict(const struct examination *examination)
{
	const struct survey *survey = &examination->survey;
	const uint64_t errors = findings_count_severity(examination->findings, EXT_SEVERITY_ERROR);
	const uint64_t warnings =
		findings_count_severity(examination->findings, EXT_SEVERITY_WARNING);
	const bool colors = examination->colors;
	char a[TEXT_SHORT], b[TEXT_SHORT];

	text_name(stdout, examination->image.path, strlen(examination->image.path));
	printf(": %s%s%s", text_color(colors, has_errors(examination) ? TEXT_RED : TEXT_GREEN),
	       verdict_of(examination), text_color(colors, TEXT_PLAIN));
	if (errors > 0 || warnings > 0)
		printf(", %s error%s, %s warning%s", text_count(a, errors), text_plural(errors),
		       text_count(b, warnings), text_plural(warnings));
	printf("; %s inodes and ", text_count(a, survey->reached_inodes));
	printf("%s blocks reached from the root\n", text_count(a, survey->reached_blocks));
}

/* fsck(8) wants one line of those who have nothing to say. */
static void print_as_fsck(const struct examination *examination)
{
	const struct kernel_df *df = &examination->df;
	const struct options *options = examination->options;

	text_name(stdout, examination->image.path, strlen(examination->image.path));
	if (!has_errors(examination)) {
		printf(": clean, %" PRIu64 "/%" PRIu64 " files, %" PRIu64 "/%" PRIu64
		       " blocks (checked in full)\n",
		       df->inodes - df->inodes_free, df->inodes, df->blocks - df->free, df->blocks);
		return;
	}
	printf(": has errors; fsck-lite only checks, nothing was changed%s\n",
	       options->preen || options->answer_yes ? ", whatever -a, -p and -y ask for" : "");
}

static void print_text(const struct examination *examination)
{
	const struct options *options = examination->options;
	const struct survey *survey = &examination->survey;
	const bool colors = examination->colors;

	if (options->is_fsck)
		print_as_fsck(examination);
	else
		print_verdict(examination);
	if (options->quiet)
		return;
	if (options->verbose) {
		usage_text_owners(stdout, survey, options->human_sizes, colors);
		usage_text_counts(stdout, survey);
	}
	usage_text_verdict(stdout, survey, &examination->df, colors);
	report_findings_grouped(stdout, examination->findings, examination->paths,
				options->verbose ? UINT32_MAX : LISTED_FINDINGS, colors);
	advice_text(stdout, &examination->advice, colors);
}

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

static void print_report(const struct examination *examination, FILE *out, bool is_sarif)
{
	if (is_sarif)
		report_sarif(out, &examination->image, examination->findings, examination->paths);
	else
		report_junit(out, &examination->image, examination->findings, examination->paths,
			     examination->options);
}

/* One of the reports that go to a file. False (complained) when it could not be written. */
static bool write_file(const struct examination *examination, const char *path, bool is_sarif)
{
	FILE *file;
	bool written;

	if (is_stdout(path)) {
		print_report(examination, stdout, is_sarif);
		return true;
	}
	file = fopen(path, "w");
	written = file != NULL;
	if (file)
		print_report(examination, file, is_sarif);
	if (file && ferror(file))
		written = false;
	if (file && fclose(file) != 0)
		written = false;
	if (!written)
		complain("%s: %s", path, strerror(errno));
	return written;
}

static void show_progress(void *context, unsigned pass, uint64_t done, uint64_t all)
{
	progress_pass(context, pass, done, all);
}

/* What may change under our hands is told from what lies still. */
static void tell_of_mount(const struct options *options)
{
	char where[256];
	bool writable = false;
	struct stat status;

	if (stat(options_image(options), &status) == 0 &&
	    mounts_have(&status, where, sizeof where, &writable))
		complain("%s is mounted on %s%s", options_image(options), where,
			 writable ? " for writing: what is found may be changes under way"
				  : ", read-only");
}

/*
 * Chooses threads and buffers so that the memory suffices. False (complained): it cannot be done.
 */
static bool fit_memory(const struct examination *examination, struct survey_options *wanted)
{
	const struct options *options = examination->options;
	const struct ext_filesystem *filesystem = examination->image.filesystem;
	const uint64_t limit = options->memory_limit.value;
	char needed[TEXT_SHORT], allowed[TEXT_SHORT];

	if (!options->memory_limit.given)
		return true;
	wanted->buffer_size = SURVEY_BUFFER;
	wanted->most_targets = ESTIMATE_TARGETS;
	while (wanted->threads > 1 &&
	       estimate_survey(filesystem, wanted->threads, wanted->buffer_size) > limit)
		wanted->threads--;
	if (estimate_survey(filesystem, wanted->threads, wanted->buffer_size) > limit)
		wanted->buffer_size = SMALL_BUFFER;
	if (estimate_survey(filesystem, wanted->threads, wanted->buffer_size) <= limit)
		return true;
	complain("%s: the check needs about %s, %s are allowed (--memory-limit)",
		 options_image(options),
		 text_size(needed,
			   estimate_survey(filesystem, wanted->threads, wanted->buffer_size)),
		 text_size(allowed, limit));
	return false;
}

static void begin_progress(struct examination *examination)
{
	const struct options *options = examination->options;
	struct progress *progress = &examination->progress;

	progress_begin(progress, options, options_image(options));
	if (!options->progress_fd.given)
		return;
	progress->device = options_image(options);
	/* 0 asks e2fsck for a bar on its output, where ours has no place. */
	if (options->progress_fd.value > 0 && options->progress_fd.value <= INT_MAX)
		progress->fd = (int)options->progress_fd.value;
	else
		progress->wanted = true;
}

static int survey_all(struct examination *examination)
{
	const struct options *options = examination->options;
	struct survey_options survey_options = {.stop = cancelled};
	struct ext_error error;

	survey_options.threads = options_threads(options);
	survey_options.may_add_threads = !options->threads.given && !options->memory_limit.given;
	survey_options.reads_once = !options->memory_limit.given;
	if (!fit_memory(examination, &survey_options))
		return EXIT_CANNOT_RUN;
	if (!checks_init(&examination->checks, &examination->image,
			 findings_sink(examination->findings))) {
		complain("%s: out of memory", options_image(options));
		return EXIT_CANNOT_RUN;
	}
	examination->checks.is_published = is_strict(examination);
	if (examination->image.is_rebuilt)
		checks_ignore_made_up(examination->ignored);
	checks_before(&examination->checks);
	survey_options.sink = findings_sink(examination->findings);
	/* Whoever asked for a copy knows that its counts are old. */
	survey_options.judge_stale_counts = options->superblock == SUPERBLOCK_BY_EVIDENCE;
	survey_options.heed_bad_blocks = true;
	survey_options.observer = &examination->checks.observer;
	survey_options.judged = examination->checks.judged;
	survey_options.progress = show_progress;
	survey_options.progress_context = &examination->progress;
	if (survey_run(examination->image.filesystem, &survey_options, &examination->survey,
		       &error) != EXT_OK) {
		complain_error(options_image(options), &error);
		return EXIT_CANNOT_RUN;
	}
	if (!examination->survey.stopped)
		checks_after(&examination->checks, &examination->survey);
	if (examination->survey.stopped || cancelled())
		return EXIT_CANCELLED;
	/* What was not judged is not called clean. */
	if (examination->checks.out_of_memory) {
		complain("%s: out of memory", options_image(options));
		return EXIT_CANNOT_RUN;
	}
	progress_pass(&examination->progress, 5, 1, 1);
	kernel_df(examination->image.filesystem, &examination->df);
	return EXIT_CLEAN;
}

static int report(struct examination *examination)
{
	const struct options *options = examination->options;
	bool written = true;

	if (options->json)
		print_json(examination);
	else if (options->jsonl)
		print_json_lines(examination);
	else if (examination->image.filesystem && !is_stdout(options->sarif) &&
		 !is_stdout(options->junit))
		print_text(examination);
	if (options->sarif)
		written = write_file(examination, options->sarif, true);
	if (options->junit)
		written = write_file(examination, options->junit, false) && written;
	return written ? EXIT_CLEAN : EXIT_CANNOT_RUN;
}

static int examine(struct examination *examination)
{
	const struct options *options = examination->options;
	int status, reported;

	tell_of_mount(options);
	status = open_image(options, options_image(options), &examination->image,
			    findings_sink(examination->findings));
	if (status == EXIT_CLEAN) {
		begin_progress(examination);
		status = survey_all(examination);
		progress_end(&examination->progress);
	}
	if (status != EXIT_CLEAN &&
	    (status != EXIT_CANNOT_RUN || examination->image.filesystem || cancelled()))
		return cancelled() ? EXIT_CANCELLED : status;
	if (!examination->image.filesystem)
		findings_refusal(examination->findings, &examination->image.refusal);
	findings_sort(examination->findings);
	if (examination->image.filesystem) {
		weigh_questions(examination->findings, &examination->checks, &examination->survey);
		examination->paths = paths_of_findings(&examination->survey, examination->findings);
		examination->advice.about_superblock = true;
		advice_gather(&examination->advice, &examination->image, &examination->survey,
			      examination->findings, true);
	}
	reported = report(examination);
	if (status != EXIT_CLEAN || reported != EXIT_CLEAN)
		return status != EXIT_CLEAN ? status : reported;
	return has_errors(examination) ? EXIT_PROBLEMS : EXIT_CLEAN;
}

int command_check(const struct options *options)
{
	struct examination examination = {.options = options};
	int status = EXIT_CANNOT_RUN;

	examination.colors = text_has_colors(options->color);
	examination.findings = findings_new(options->max_findings);
	if (examination.findings) {
		memcpy(examination.ignored, options->ignored, sizeof examination.ignored);
		findings_ignore(examination.findings, examination.ignored);
		findings_least(examination.findings, (enum ext_severity)options->severity);
		status = examine(&examination);
	} else {
		complain("%s: out of memory", options_image(options));
	}
	paths_free(examination.paths);
	checks_clear(&examination.checks);
	survey_clear(&examination.survey);
	close_image(&examination.image);
	findings_free(examination.findings);
	return status;
}
