/* SPDX-License-Identifier: MIT */
/* What `restore` says at the end: what came back, what did not, and why. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands/restoring.h"
#include "reports/head.h"
#include "reports/text.h"
#include "rescue/output_names.h"

enum { LISTED_FAILURES = 20 };

void restore_report_json(const struct restoring *restoring)
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

void restore_report_text(const struct restoring *restoring, FILE *out)
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
