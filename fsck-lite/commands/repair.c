/* SPDX-License-Identifier: MIT */
/*
 * `repair`: plan, show, prove, ask, record, write. Nothing is opened for writing before the plan
 * has been proved on a copy-on-write overlay.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands/command.h"
#include "complain.h"
#include "image.h"
#include "repairs/superblock.h"
#include "repairs/undo.h"
#include "repairs/writer.h"
#include "reports/head.h"
#include "reports/plan.h"

enum { MMP_CLEAN_AT = 4 };

struct repair_run {
	const struct options *options;
	struct opened_image image;
	struct plan plan;
	struct proof before, chosen, after;
	char undo[4096];
	bool written;
};

/* Multiple mount protection: another machine may have it mounted. */
static bool mmp_is_busy(const struct opened_image *image)
{
	const struct ext_superblock *sb = image->superblock;
	uint8_t bytes[8];
	uint32_t sequence;

	if (!ext_has_incompat(sb, EXT_INCOMPAT_MMP) || sb->mmp_block == 0 ||
	    sb->mmp_block >= sb->block_count ||
	    ext_source_read(image_view(image), sb->mmp_block << sb->block_size_log2, bytes,
			    sizeof bytes, NULL) != EXT_OK)
		return false;
	sequence = (uint32_t)bytes[MMP_CLEAN_AT] | (uint32_t)bytes[MMP_CLEAN_AT + 1] << 8 |
		   (uint32_t)bytes[MMP_CLEAN_AT + 2] << 16 |
		   (uint32_t)bytes[MMP_CLEAN_AT + 3] << 24;
	return sequence != UINT32_C(0xff4d4d50);
}

/* -y, or a person at a terminal who says yes. */
static bool may_write(const struct repair_run *run)
{
	char answer[16];

	if (run->options->answer_yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		complain("%s: nothing is written: without a terminal it takes -y", run->image.path);
		return false;
	}
	fputs("Write this? [y/N] ", stderr);
	fflush(stderr);
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* The bytes in the file are those that were planned with, so it is not unwrapped nor changed. */
static bool file_is_as_planned(const struct writer *writer, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (!writer_finds(writer, plan->writes[i].offset, plan->writes[i].before,
				  plan->writes[i].length)) {
			complain("%s: cannot be written to in place: unpack it first, and let "
				 "nobody else write to it",
				 writer->path);
			return false;
		}
	return true;
}

static bool write_phases(struct writer *writer, const struct plan *plan)
{
	size_t at = 0;

	for (unsigned phase = 0; phase < PHASE_COUNT; phase++) {
		const size_t first = at;

		for (; at < plan->count && plan->writes[at].phase == phase; at++)
			if (!writer_change(writer, plan->writes[at].offset, plan->writes[at].before,
					   plan->writes[at].after, plan->writes[at].length))
				return false;
		if (at > first && !writer_flush(writer))
			return false;
	}
	return true;
}

static int write_plan(struct repair_run *run)
{
	struct writer writer;
	int status = EXIT_CANNOT_RUN;

	if (writer_open(&writer, run->image.path, run->image.start) &&
	    file_is_as_planned(&writer, &run->plan) &&
	    undo_write(&run->plan, run->image.path, run->image.start, run->options->undo,
		       run->undo) &&
	    write_phases(&writer, &run->plan)) {
		run->written = true;
		status = EXIT_REPAIRED;
	}
	writer_close(&writer);
	if (status != EXIT_REPAIRED && run->undo[0])
		complain("%s: the repair was not completed; `fsck-lite repair --undo-with %s %s' "
			 "puts back what was there",
			 run->image.path, run->undo, run->image.path);
	return status;
}

static int plan_and_prove(struct repair_run *run)
{
	const char *why;
	int status = superblock_repair_plan(&run->image, &run->plan);

	if (status != EXIT_CLEAN || run->plan.count == 0)
		return status;
	status = superblock_repair_prove(run->options, &run->image, &run->plan, &run->before,
					 &run->chosen, &run->after);
	if (status != EXIT_CLEAN)
		return status;
	if (!superblock_repair_holds(&run->before, &run->chosen, &run->after, &why)) {
		complain("%s: nothing is written: %s", run->image.path, why);
		return EXIT_PROBLEMS;
	}
	return EXIT_CLEAN;
}

static void print_plan(const struct repair_run *run)
{
	const struct opened_image *image = &run->image;

	if (run->options->json)
		return;
	printf("%s: read through the superblock at block %" PRIu64 "\n", image->path,
	       image->superblock_block);
	if (run->plan.count == 0) {
		puts("Superblock, descriptors and all copies are as they should be.");
		return;
	}
	puts("To be written:");
	plan_text(image, &run->plan, run->options->verbose > 0);
	if (run->before.opens || run->after.opens)
		plan_text_proof(image, &run->before, &run->after);
}

static void print_end(const struct repair_run *run)
{
	struct json json;

	if (!run->options->json) {
		if (run->written)
			printf("Written. To undo it: fsck-lite repair --undo-with %s %s\n",
			       run->undo, run->image.path);
		return;
	}
	json_open(&json, stdout, false);
	head_begin_document(&json, "repair", &run->image);
	plan_json(&json, &run->image, &run->plan);
	if (run->plan.count > 0) {
		json_object(&json, "proof");
		plan_json_proof(&json, "before", &run->before);
		plan_json_proof(&json, "after", &run->after);
		json_end_object(&json);
	}
	json_bool(&json, "written", run->written);
	if (run->written)
		json_text(&json, "undo", run->undo);
	json_end_object(&json);
	json_close(&json);
}

static int repair_superblock(struct repair_run *run)
{
	int status = plan_and_prove(run);

	print_plan(run);
	if (status == EXIT_CLEAN && run->plan.count > 0) {
		fflush(stdout);
		if (mmp_is_busy(&run->image)) {
			complain("%s: nothing is written: multiple mount protection says that it "
				 "is in use",
				 run->image.path);
			status = EXIT_CANNOT_RUN;
		} else if (run->options->answer_no || !may_write(run)) {
			status = EXIT_PROBLEMS;
		} else {
			status = write_plan(run);
		}
	}
	print_end(run);
	return status;
}

int command_repair(const struct options *options)
{
	struct options raw = *options;
	struct repair_run run = {.options = options};
	int status;

	if (options->undo_with)
		return undo_apply(options_image(options), options->undo_with, options->answer_yes);
	if (!options->repair_superblock) {
		complain("repair: say what to repair; today that is --superblock, or --undo-with "
			 "FILE");
		return EXIT_WRONG_USAGE;
	}
	/* What is written must fit the journal's pending changes, which are not written here. */
	raw.journal = JOURNAL_IGNORE;
	status = open_image(&raw, options_image(options), &run.image, NULL);
	if (status == EXIT_CLEAN)
		status = repair_superblock(&run);
	plan_clear(&run.plan);
	close_image(&run.image);
	return status;
}
