/* SPDX-License-Identifier: MIT */
/* `df`: what df says, who owns every block, what the directories reach, where these disagree. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "accounting/findings.h"
#include "accounting/kernel_df.h"
#include "accounting/largest.h"
#include "accounting/lost.h"
#include "accounting/paths.h"
#include "accounting/survey.h"
#include "cancel.h"
#include "commands/command.h"
#include "complain.h"
#include "image.h"
#include "reports/advice.h"
#include "reports/findings.h"
#include "reports/head.h"
#include "reports/text.h"
#include "reports/usage.h"

enum { LISTED_FINDINGS = 5, TOP_MOST = 10000 };

struct account {
	const struct options *options;
	struct opened_image image;
	struct findings *findings;
	struct survey survey;
	struct kernel_df df;
	struct paths *paths;
	struct advice advice;
	struct largest_directory *top;
	size_t top_count;
	bool colors;
};

static void list_top(struct account *account)
{
	const uint64_t wanted = account->options->top.value;
	const size_t count = (size_t)(wanted < TOP_MOST ? wanted : TOP_MOST);
	ext_ino *inodes = malloc((count + 1) * sizeof *inodes);

	account->top = malloc((count + 1) * sizeof *account->top);
	if (account->top && inodes) {
		account->top_count = largest_directories(&account->survey, account->top, count);
		for (size_t i = 0; i < account->top_count; i++)
			inodes[i] = account->top[i].ino;
		paths_free(account->paths);
		account->paths = paths_new(&account->survey, inodes, account->top_count);
	}
	free(inodes);
}

static void print_top(const struct account *account)
{
	char text[TEXT_SHORT], path[4096];

	printf("\n%sWhat holds most%s\n", text_color(account->colors, TEXT_BOLD),
	       text_color(account->colors, TEXT_PLAIN));
	for (size_t i = 0; i < account->top_count; i++) {
		const struct largest_directory *top = &account->top[i];
		const size_t length =
			account->paths ? paths_of(account->paths, top->ino, path, sizeof path) : 0;

		printf("  %12s ", account->options->human_sizes
					  ? text_size(text, top->bytes)
					  : text_count(text, top->bytes / 1024));
		printf("%12s  ", text_count(text, top->inodes));
		if (length > 0 && length < sizeof path)
			text_name(stdout, path, length);
		else
			printf("#%" PRIu32, top->ino);
		putchar('\n');
	}
}

static void write_top(struct json *json, const struct account *account)
{
	char path[4096];

	json_array(json, "top");
	for (size_t i = 0; i < account->top_count; i++) {
		const struct largest_directory *top = &account->top[i];
		const size_t length =
			account->paths ? paths_of(account->paths, top->ino, path, sizeof path) : 0;

		json_object(json, NULL);
		json_u64(json, "inode", top->ino);
		if (length > 0 && length < sizeof path)
			json_name(json, "path", path, length);
		json_u64(json, "bytes", top->bytes);
		json_u64(json, "inodes", top->inodes);
		json_end_object(json);
	}
	json_end_array(json);
}

static void print_json(const struct account *account)
{
	struct json json;

	json_open(&json, stdout, false);
	head_begin_document(&json, "df", &account->image);
	if (account->image.filesystem)
		usage_json(&json, &account->survey, &account->df);
	report_findings_json(&json, account->findings, account->top ? NULL : account->paths);
	advice_json(&json, &account->advice);
	if (account->top)
		write_top(&json, account);
	json_end_object(&json);
	json_close(&json);
}

static void print_text(const struct account *account, bool first)
{
	const struct options *options = account->options;
	const struct opened_image *image = &account->image;
	uint64_t wrong;

	if (!first && !options->quiet)
		putchar('\n');
	usage_text_df(stdout, image, &account->df, options->human_sizes, first || !options->quiet);
	if (options->quiet)
		return;
	usage_text_owners(stdout, &account->survey, options->human_sizes, account->colors);
	usage_text_counts(stdout, &account->survey);
	usage_text_verdict(stdout, &account->survey, &account->df, account->colors);
	wrong = 0;
	for (unsigned i = EXT_SEVERITY_INFO; i <= EXT_SEVERITY_ERROR; i++)
		wrong += findings_count_severity(account->findings, (enum ext_severity)i);
	if (wrong > 0) {
		printf("\n%sFindings%s\n", text_color(account->colors, TEXT_BOLD),
		       text_color(account->colors, TEXT_PLAIN));
		report_findings_text(
			stdout, account->findings, account->top ? NULL : account->paths,
			options->verbose ? UINT32_MAX : LISTED_FINDINGS, account->colors);
	}
	if (account->top)
		print_top(account);
	advice_text(stdout, &account->advice, account->colors);
}

/* Surveys and reports one image; returns its exit status. */
static int account_for(struct account *account, const char *path, bool first)
{
	const struct options *options = account->options;
	struct survey_options survey_options = {.stop = cancelled};
	struct ext_error error;
	int status = open_image(options, path, &account->image, findings_sink(account->findings));

	/* Who reads JSON is told why there are no figures; no figure is made up. */
	if (status == EXIT_CANNOT_RUN && options->json && !account->image.filesystem &&
	    !cancelled()) {
		findings_refusal(account->findings, &account->image.refusal);
		findings_sort(account->findings);
		print_json(account);
	}
	if (status != EXIT_CLEAN)
		return status;
	survey_options.sink = findings_sink(account->findings);
	survey_options.heed_bad_blocks = true;
	survey_options.threads = options_threads(options);
	survey_options.may_add_threads = !options->threads.given;
	survey_options.reads_once = true;
	if (survey_run(account->image.filesystem, &survey_options, &account->survey, &error) !=
	    EXT_OK) {
		complain_error(path, &error);
		return EXIT_CANNOT_RUN;
	}
	if (account->survey.stopped)
		return EXIT_CANCELLED;
	(void)lost_directories(&account->survey, findings_sink(account->findings), true);
	lost_files(&account->survey, findings_sink(account->findings));
	kernel_df(account->image.filesystem, &account->df);
	findings_sort(account->findings);
	if (options->top.given)
		list_top(account);
	else
		account->paths = paths_of_findings(&account->survey, account->findings);
	advice_gather(&account->advice, &account->image, &account->survey, account->findings,
		      false);
	if (options->json)
		print_json(account);
	else
		print_text(account, first);
	return findings_count_severity(account->findings, EXT_SEVERITY_ERROR) > 0 ? EXIT_PROBLEMS
										  : EXIT_CLEAN;
}

int command_df(const struct options *options)
{
	int worst = EXIT_CLEAN;

	for (size_t i = 0; i < options->operand_count; i++) {
		struct account account = {.options = options};
		int status = EXIT_CANNOT_RUN;

		account.colors = text_has_colors(options->color);
		account.findings = findings_new(options->max_findings);
		if (account.findings) {
			findings_ignore(account.findings, options->ignored);
			status = account_for(&account, options->operands[i], i == 0);
		}
		paths_free(account.paths);
		free(account.top);
		survey_clear(&account.survey);
		close_image(&account.image);
		findings_free(account.findings);
		worst |= status;
		if (status == EXIT_CANCELLED)
			break;
	}
	return worst;
}
