/* SPDX-License-Identifier: MIT */
/* `restore`: copies out all that can be had, into a directory or an archive; never writes the
 * image. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/findings.h"
#include "accounting/survey.h"
#include "accounting/threads.h"
#include "cancel.h"
#include "commands/command.h"
#include "commands/refused.h"
#include "complain.h"
#include "image.h"
#include "progress.h"
#include "reports/head.h"
#include "reports/text.h"
#include "rescue/copy_out.h"
#include "rescue/deep.h"
#include "rescue/output_names.h"

enum { LISTED_FAILURES = 20 };

struct restoring {
	const struct options *options;
	struct opened_image image;
	struct findings *findings;
	struct survey survey;
	struct deep deep;
	struct rescue_tree tree;
	struct writer *writer;
	FILE *manifest;
	struct copy_report report;
	struct progress progress;
	uint64_t unread_inodes, unread_directory_blocks; /* what they held is not known */
	const char *unmatched;				 /* a pattern that nothing fits */
};

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
	const unsigned threads =
		options->threads.given ? (unsigned)options->threads.value : threads_available();
	const struct survey_options survey_options = {
		.sink = findings_sink(restoring->findings), .threads = threads, .stop = cancelled};
	const struct deep_options deep_options = {
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
	survey_clear(&restoring->survey);
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

static int survey_image(struct restoring *restoring)
{
	struct ext_error error;

	if (find_tree(restoring, &error) != EXT_OK) {
		complain_error(options_image(restoring->options), &error);
		return EXIT_CANNOT_RUN;
	}
	return restoring->survey.stopped || restoring->deep.survey.stopped ? EXIT_CANCELLED
									   : EXIT_CLEAN;
}

static void print_json(const struct restoring *restoring)
{
	const struct copy_report *report = &restoring->report;
	struct json json;

	json_open(&json, stdout, false);
	head_begin_document(&json, "restore", &restoring->image);
	json_object(&json, "restored");
	json_u64(&json, "files", report->files);
	json_u64(&json, "directories", report->directories);
	json_u64(&json, "symlinks", report->symlinks);
	json_u64(&json, "other", report->other);
	json_u64(&json, "bytes", report->bytes);
	json_end_object(&json);
	json_u64(&json, "lost_restored", report->lost_restored);
	json_u64(&json, "deleted_restored", report->deleted_restored);
	json_u64(&json, "unread_bytes", report->unread_bytes);
	json_u64(&json, "names_only", report->names_only);
	json_u64(&json, "unread_inodes", restoring->unread_inodes);
	json_u64(&json, "unread_directory_blocks", restoring->unread_directory_blocks);
	json_u64(&json, "failed_count", report->failure_total);
	json_array(&json, "failed");
	for (size_t i = 0; i < report->failure_count; i++) {
		const struct copy_failure *failure = &report->failures[i];

		if (!failure->path || !failure->reason)
			continue;
		json_object(&json, NULL);
		json_name(&json, "path", failure->path, strlen(failure->path));
		json_u64(&json, "inode", failure->ino);
		json_text(&json, "reason", failure->reason);
		json_end_object(&json);
	}
	json_end_array(&json);
	json_end_object(&json);
	json_close(&json);
}

static void say_count(FILE *out, uint64_t count, const char *text)
{
	if (count > 0)
		fprintf(out, "  %" PRIu64 " %s\n", count, text);
}

/* What the target or the rights of the user could not take, a line each. */
static void print_losses(const struct restoring *restoring, FILE *out)
{
	const struct options *options = restoring->options;
	const struct writer *writer = restoring->writer;

	say_count(out, writer->owners_lost,
		  "could not be given their owner: run as root, or use --tar");
	say_count(out, writer->modes_dropped,
		  "had setuid or setgid bits, dropped: --preserve-privileged keeps them");
	say_count(out, writer->devices_left,
		  "are device nodes, left out: --preserve-privileged makes them");
	say_count(out, writer->xattrs_lost, "extended attributes could not be set");
	say_count(out, writer->times_lost, "could not be given their times");
	say_count(out, writer->sockets_left, "are sockets, which an archive cannot hold");
	say_count(out, writer->flags_lost,
		  "have inode flags or a project of their own, which a copy does not get");
	say_count(out, writer->without_room,
		  "are larger than the free space: make room and go on with --resume");
	if (writer->sidecar.lines && options->output)
		fprintf(out, "  what is missing is written down in %s/%s\n", options->output,
			output_sidecar_name);
	else if (writer->sidecar.lines)
		fprintf(out, "  what is missing is written down in %s, the last member\n",
			output_sidecar_name);
}

static void print_text(const struct restoring *restoring, FILE *out)
{
	const struct copy_report *report = &restoring->report;
	const size_t listed = restoring->options->verbose ? SIZE_MAX : LISTED_FAILURES;
	char text[TEXT_SHORT];
	size_t shown;

	fprintf(out,
		"%s %" PRIu64 " files (%s), %" PRIu64 " directories, %" PRIu64 " symlinks, %" PRIu64
		" others",
		restoring->options->dry_run ? "Would restore" : "Restored", report->files,
		text_size(text, report->bytes), report->directories, report->symlinks,
		report->other);
	if (report->skipped > 0)
		fprintf(out, "; %" PRIu64 " were there already", report->skipped);
	fputc('\n', out);
	say_count(out, report->lost_restored,
		  "of them were lost: no directory led there; see lost+found");
	say_count(out, report->deleted_restored, "of them had been deleted");
	if (restoring->writer)
		print_losses(restoring, out);
	say_count(out, restoring->unread_inodes,
		  "inodes could not be read: files that they hold are missing, and not named here");
	say_count(out, restoring->unread_directory_blocks,
		  "blocks of directories could not be read: names that they hold are missing");
	if (report->failure_total > 0)
		fprintf(out, "%" PRIu64 " could not be restored whole:\n", report->failure_total);
	say_count(out, report->names_only,
		  "of them are names of which the inode is gone: it was lost, or deleted since");
	for (size_t i = 0; i < report->failure_count && i < listed; i++) {
		const struct copy_failure *failure = &report->failures[i];

		if (!failure->path || !failure->reason)
			continue;
		fputs("  ", out);
		text_name(out, failure->path, strlen(failure->path));
		fprintf(out, " (inode %" PRIu32 "): %s\n", failure->ino, failure->reason);
	}
	shown = report->failure_count < listed ? report->failure_count : listed;
	if (report->failure_total > shown)
		fprintf(out, "  ... and %" PRIu64 " more\n", report->failure_total - shown);
	if (report->full)
		fprintf(out, "The target is full. Make room and go on with --resume.\n");
}

static int copy_all(struct restoring *restoring)
{
	const struct options *options = restoring->options;
	struct copy_options copy_options = {.patterns = options->operands + 1,
					    .pattern_count = options->operand_count - 1,
					    .dry_run = options->dry_run,
					    .judge_folders = restoring->deep.original != NULL,
					    .manifest = restoring->manifest,
					    .stop = cancelled,
					    .progress = show_progress,
					    .progress_context = &restoring->progress};
	struct ext_error error;
	enum ext_status status;

	if (!options->json && (options->dry_run || options->verbose))
		copy_options.listing =
			options->tar && strcmp(options->tar, "-") == 0 ? stderr : stdout;
	progress_begin(&restoring->progress, options, "copying out");
	status = copy_out(&restoring->tree, restoring->writer, &copy_options, &restoring->report,
			  &restoring->unmatched, &error);
	progress_end(&restoring->progress);
	if (status != EXT_OK) {
		complain_error(options_image(options), &error);
		return EXIT_CANNOT_RUN;
	}
	if (restoring->unmatched)
		complain("%s: %s: nothing there has this name", options_image(options),
			 restoring->unmatched);
	if (restoring->report.nothing_matched)
		return EXIT_CANNOT_RUN;
	if (restoring->writer && restoring->writer->finish(restoring->writer) != WRITE_DONE) {
		complain("%s: the end could not be written: %s",
			 options->output ? options->output : options->tar, strerror(errno));
		return EXIT_CANNOT_RUN;
	}
	if (restoring->report.stopped)
		return EXIT_CANCELLED;
	if (restoring->report.full || restoring->unmatched)
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
	status = copy_all(restoring);
	if (restoring->report.nothing_matched)
		return status;
	if (options->json)
		print_json(restoring);
	else if (!options->quiet)
		print_text(restoring,
			   options->tar && strcmp(options->tar, "-") == 0 ? stderr : stdout);
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
	rescue_tree_clear(&restoring.tree);
	deep_close(&restoring.deep);
	survey_clear(&restoring.survey);
	close_image(&restoring.image);
	findings_free(restoring.findings);
	return status;
}
