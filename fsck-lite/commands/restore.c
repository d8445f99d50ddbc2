/* SPDX-License-Identifier: MIT */
/* `restore`: copies out all that can be had, into a directory or an archive; never writes the
 * image. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "commands/command.h"
#include "commands/refused.h"
#include "commands/restoring.h"
#include "complain.h"

static void show_progress(void *context, uint64_t done, uint64_t all)
{
	progress_count(context, done, all);
}

static int open_target(struct restoring *restoring)
{
	const struct options *options = restoring->options;

	if (!options->output && !options->tar && !options->dry_run) {
		complain("restore needs --output DIR, --tar FILE or --dry-run");
		return EXIT_WRONG_USAGE;
	}
	if (options->output && options->tar) {
		complain("restore takes --output or --tar, not both");
		return EXIT_WRONG_USAGE;
	}
	if (options->json && options->tar && strcmp(options->tar, "-") == 0) {
		complain("--json and --tar - both want standard output");
		return EXIT_WRONG_USAGE;
	}
	return EXIT_CLEAN;
}

static int make_writer(struct restoring *restoring)
{
	const struct options *options = restoring->options;
	const char *target = options->output ? options->output : options->tar;

	if (options->manifest && !(restoring->manifest = fopen(options->manifest, "w"))) {
		complain("%s: cannot be created: %s", options->manifest, strerror(errno));
		return EXIT_CANNOT_RUN;
	}
	if (options->dry_run)
		return EXIT_CLEAN;
	restoring->writer = options->output ? directory_writer_new(target) : tar_writer_new(target);
	if (!restoring->writer) {
		complain("%s: cannot be created: %s", target, strerror(errno));
		return EXIT_CANNOT_RUN;
	}
	restoring->writer->preserve_privileged = options->preserve_privileged;
	restoring->writer->resume = options->resume;
	return EXIT_CLEAN;
}

/* What a whole filesystem's directories say; more than that only where they do not say all. */
static enum ext_status find_tree(struct restoring *restoring, struct ext_error *error)
{
	const struct options *options = restoring->options;
	const unsigned threads = options_threads(options);
	const struct survey_options survey_options = {
		.sink = findings_sink(restoring->findings), .threads = threads, .stop = cancelled};
	struct deep_options deep_options = {
		.deleted = options->deleted, .threads = threads, .stop = cancelled};
	const struct rescue_options plain = {.lost = true};
	enum ext_status status =
		survey_run(restoring->image.filesystem, &survey_options, &restoring->survey, error);

	if (status != EXT_OK || restoring->survey.stopped)
		return status;
	restoring->unread_inodes = restoring->survey.inodes_unread;
	restoring->unread_directory_blocks = restoring->survey.directory_blocks_unreadable;
	if (!options->deleted && !deep_is_needed(&restoring->image, &restoring->survey) &&
	    findings_count_severity(restoring->findings, EXT_SEVERITY_ERROR) == 0)
		return rescue_tree_build(&restoring->survey, &plain, &restoring->tree, error);
	if (options->deleted)
		status = earlier_open(&restoring->image, &restoring->survey, &deep_options,
				      &restoring->earlier, error);
	if (status != EXT_OK || restoring->earlier.deep.survey.stopped)
		return status;
	if (restoring->earlier.found) {
		deep_options.is_foreign = earlier_has_inode;
		deep_options.foreign_context = &restoring->earlier;
	} else {
		survey_clear(&restoring->survey);
	}
	status = deep_open(&restoring->image, &deep_options, &restoring->deep, error);
	if (status != EXT_OK || restoring->deep.survey.stopped)
		return status;
	/* Some of them the log still had. */
	if (restoring->unread_inodes > restoring->deep.inodes_unread)
		restoring->unread_inodes = restoring->deep.inodes_unread;
	if (restoring->unread_directory_blocks > restoring->deep.survey.directory_blocks_unreadable)
		restoring->unread_directory_blocks =
			restoring->deep.survey.directory_blocks_unreadable;
	return deep_tree(&restoring->deep, &restoring->tree, error);
}

/* Said before anything is written: what comes is not the filesystem that is there now. */
static void say_earlier(const struct restoring *restoring)
{
	if (!restoring->earlier.found)
		return;
	complain("%s: before this filesystem another one was there, with another layout%s%s",
		 options_image(restoring->options),
		 restoring->apart == &restoring->earlier.tree
			 ? "; its files go into a folder of their own"
			 : "",
		 restoring->top == &restoring->earlier.tree ? "; its files take the top" : "");
}

static int survey_image(struct restoring *restoring)
{
	struct ext_error error;

	if (find_tree(restoring, &error) != EXT_OK ||
	    earlier_arrange(&restoring->earlier, &restoring->tree, &restoring->top,
			    &restoring->apart, &error) != EXT_OK) {
		complain_error(options_image(restoring->options), &error);
		return EXIT_CANNOT_RUN;
	}
	say_earlier(restoring);
	return restoring->survey.stopped || restoring->deep.survey.stopped ||
			       restoring->earlier.deep.survey.stopped
		       ? EXIT_CANCELLED
		       : EXIT_CLEAN;
}

static enum ext_status copy_tree(struct restoring *restoring, const struct rescue_tree *tree,
				 struct ext_error *error)
{
	const struct options *options = restoring->options;
	const bool is_earlier = tree == &restoring->earlier.tree;
	struct copy_options copy_options = {.patterns = options->operands + 1,
					    .pattern_count = options->operand_count - 1,
					    .matched = restoring->matched,
					    .dry_run = options->dry_run,
					    .judge_folders = restoring->deep.original != NULL,
					    .manifest = restoring->manifest,
					    .overwritten = is_earlier ? earlier_overwritten : NULL,
					    .overwritten_context = &restoring->earlier,
					    .stop = cancelled,
					    .progress = show_progress,
					    .progress_context = &restoring->progress};

	if (!options->json && (options->dry_run || options->verbose))
		copy_options.listing =
			options->tar && strcmp(options->tar, "-") == 0 ? stderr : stdout;
	return copy_out(tree, restoring->writer, &copy_options, &restoring->report, error);
}

/* The top comes last: its root's attributes are those that stay. */
static enum ext_status copy_trees(struct restoring *restoring, struct ext_error *error)
{
	enum ext_status status = EXT_OK;

	restoring->matched = calloc(restoring->options->operand_count, sizeof(bool));
	if (!restoring->matched)
		return ext_no_memory(error);
	progress_begin(&restoring->progress, restoring->options, "copying out");
	if (restoring->apart)
		status = copy_tree(restoring, restoring->apart, error);
	if (status == EXT_OK && !restoring->report.full && !restoring->report.stopped)
		status = copy_tree(restoring, restoring->top, error);
	progress_end(&restoring->progress);
	return status;
}

/* How many of the paths that were asked for fit nothing; the first of them is said. */
static size_t count_unmatched(const struct restoring *restoring)
{
	const struct options *options = restoring->options;
	size_t unmatched = 0;

	for (size_t i = 0; i + 1 < options->operand_count; i++)
		if (!restoring->matched[i] && unmatched++ == 0)
			complain("%s: %s: nothing there has this name", options_image(options),
				 options->operands[i + 1]);
	return unmatched;
}

static int copy_all(struct restoring *restoring, bool *nothing_matched)
{
	const struct options *options = restoring->options;
	struct ext_error error;
	size_t unmatched;

	*nothing_matched = false;
	if (copy_trees(restoring, &error) != EXT_OK) {
		complain_error(options_image(options), &error);
		return EXIT_CANNOT_RUN;
	}
	unmatched = count_unmatched(restoring);
	*nothing_matched = unmatched > 0 && unmatched + 1 == options->operand_count;
	if (*nothing_matched)
		return EXIT_CANNOT_RUN;
	if (restoring->writer && restoring->writer->finish(restoring->writer) != WRITE_DONE) {
		complain("%s: the end could not be written: %s",
			 options->output ? options->output : options->tar, strerror(errno));
		return EXIT_CANNOT_RUN;
	}
	if (restoring->report.stopped)
		return EXIT_CANCELLED;
	if (restoring->report.full || unmatched > 0)
		return EXIT_CANNOT_RUN;
	/* Whoever asked for some paths has them; who asked for everything may not. */
	if (options->operand_count == 1 &&
	    (restoring->unread_inodes > 0 || restoring->unread_directory_blocks > 0))
		return EXIT_PROBLEMS;
	return restoring->report.failure_total > 0 ? EXIT_PROBLEMS : EXIT_CLEAN;
}

static int restore(struct restoring *restoring)
{
	const struct options *options = restoring->options;
	int status = open_target(restoring);
	bool nothing_matched;

	if (status == EXIT_CLEAN)
		status = refused("restore", &restoring->image, options,
				 open_image(options, options_image(options), &restoring->image,
					    findings_sink(restoring->findings)));
	if (status == EXIT_CLEAN)
		status = survey_image(restoring);
	if (status == EXIT_CLEAN)
		status = make_writer(restoring);
	if (status != EXIT_CLEAN)
		return status;
	status = copy_all(restoring, &nothing_matched);
	if (nothing_matched)
		return status;
	if (options->json)
		restore_report_json(restoring);
	else if (!options->quiet)
		restore_report_text(restoring, options->tar && strcmp(options->tar, "-") == 0
						       ? stderr
						       : stdout);
	return status;
}

int command_restore(const struct options *options)
{
	struct restoring restoring = {.options = options};
	int status = EXIT_CANNOT_RUN;

	restoring.findings = findings_new(0);
	if (restoring.findings)
		status = restore(&restoring);
	if (restoring.writer)
		restoring.writer->close(restoring.writer);
	if (restoring.manifest && fclose(restoring.manifest) != 0 && status == EXIT_CLEAN) {
		complain("%s: cannot be written: %s", options->manifest, strerror(errno));
		status = EXIT_CANNOT_RUN;
	}
	copy_report_clear(&restoring.report);
	free(restoring.matched);
	earlier_close(&restoring.earlier);
	rescue_tree_clear(&restoring.tree);
	deep_close(&restoring.deep);
	survey_clear(&restoring.survey);
	close_image(&restoring.image);
	findings_free(restoring.findings);
	return status;
}
