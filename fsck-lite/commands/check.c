/* SPDX-License-Identifier: MIT */
/* `check`: the full read-only check, the account of df, a verdict, and what to do next. */
#include "config.h"

#include <string.h>

#include "accounting/findings.h"
#include "accounting/kernel_df.h"
#include "accounting/paths.h"
#include "accounting/survey.h"
#include "accounting/threads.h"
#include "cancel.h"
#include "checks/checks.h"
#include "commands/command.h"
#include "complain.h"
#include "image.h"
#include "reports/advice.h"
#include "reports/findings.h"
#include "reports/head.h"
#include "reports/text.h"
#include "reports/usage.h"

enum { LISTED_FINDINGS = 10 };

struct examination {
	const struct options *options;
	struct opened_image image;
	struct findings *findings;
	struct checks checks;
	struct survey survey;
	struct kernel_df df;
	struct paths *paths;
	struct advice advice;
	bool colors;
};

static const char *verdict_of(const struct examination *examination)
{
	if (!examination->image.filesystem)
		return "unusable";
	return findings_count_severity(examination->findings, EXT_SEVERITY_ERROR) > 0 ? "errors"
										      : "clean";
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

static void print_text(const struct examination *examination)
{
	const struct options *options = examination->options;
	const struct survey *survey = &examination->survey;
	const uint64_t errors = findings_count_severity(examination->findings, EXT_SEVERITY_ERROR);
	const uint64_t warnings =
		findings_count_severity(examination->findings, EXT_SEVERITY_WARNING);
	const bool colors = examination->colors;
	char a[TEXT_SHORT], b[TEXT_SHORT];

	text_name(stdout, options_image(options), strlen(options_image(options)));
	printf(": %s%s%s", text_color(colors, errors > 0 ? TEXT_RED : TEXT_GREEN),
	       verdict_of(examination), text_color(colors, TEXT_PLAIN));
	if (errors > 0 || warnings > 0)
		printf(", %s error%s, %s warning%s", text_count(a, errors), text_plural(errors),
		       text_count(b, warnings), text_plural(warnings));
	printf("; %s inodes and ", text_count(a, survey->reached_inodes));
	printf("%s blocks reached from the root\n", text_count(a, survey->reached_blocks));
	if (options->quiet)
		return;
	if (options->verbose) {
		usage_text_owners(stdout, survey, options->human_sizes, colors);
		usage_text_counts(stdout, survey);
	}
	usage_text_verdict(stdout, survey, &examination->df, colors);
	for (unsigned i = EXT_SEVERITY_INFO; i <= EXT_SEVERITY_ERROR; i++)
		if (findings_count_severity(examination->findings, (enum ext_severity)i) > 0) {
			printf("\n%sFindings%s\n", text_color(colors, TEXT_BOLD),
			       text_color(colors, TEXT_PLAIN));
			report_findings_text(stdout, examination->findings, examination->paths,
					     options->verbose ? UINT32_MAX : LISTED_FINDINGS,
					     colors);
			break;
		}
	advice_text(stdout, &examination->advice, colors);
}

static int survey_all(struct examination *examination)
{
	const struct options *options = examination->options;
	struct survey_options survey_options = {.stop = cancelled};
	struct ext_error error;

	if (!checks_init(&examination->checks, &examination->image,
			 findings_sink(examination->findings))) {
		complain("%s: out of memory", options_image(options));
		return EXIT_CANNOT_RUN;
	}
	checks_before(&examination->checks);
	survey_options.sink = findings_sink(examination->findings);
	/* Whoever asked for a copy knows that its counts are old. */
	survey_options.judge_stale_counts = options->superblock == SUPERBLOCK_BY_EVIDENCE;
	survey_options.observer = &examination->checks.observer;
	survey_options.threads =
		options->threads.given ? (unsigned)options->threads.value : threads_available();
	survey_options.judged = examination->checks.judged;
	if (survey_run(examination->image.filesystem, &survey_options, &examination->survey,
		       &error) != EXT_OK) {
		complain_error(options_image(options), &error);
		return EXIT_CANNOT_RUN;
	}
	if (examination->survey.stopped)
		return EXIT_CANCELLED;
	checks_after(&examination->checks, &examination->survey);
	kernel_df(examination->image.filesystem, &examination->df);
	return EXIT_CLEAN;
}

static int examine(struct examination *examination)
{
	const struct options *options = examination->options;
	int status = open_image(options, options_image(options), &examination->image,
				findings_sink(examination->findings));

	if (status == EXIT_CLEAN)
		status = survey_all(examination);
	if (status != EXIT_CLEAN &&
	    (status != EXIT_CANNOT_RUN || !options->json || examination->image.filesystem))
		return status;
	findings_sort(examination->findings);
	if (examination->image.filesystem) {
		examination->paths = paths_of_findings(&examination->survey, examination->findings);
		examination->advice.about_superblock = true;
		advice_gather(&examination->advice, &examination->image, &examination->survey,
			      examination->findings, true);
	}
	if (options->json)
		print_json(examination);
	else
		print_text(examination);
	if (status != EXIT_CLEAN)
		return status;
	return findings_count_severity(examination->findings, EXT_SEVERITY_ERROR) > 0
		       ? EXIT_PROBLEMS
		       : EXIT_CLEAN;
}

int command_check(const struct options *options)
{
	struct examination examination = {.options = options};
	int status = EXIT_CANNOT_RUN;

	examination.colors = text_has_colors(options->color);
	examination.findings = findings_new(options->max_findings);
	if (examination.findings) {
		findings_ignore(examination.findings, options->ignored);
		status = examine(&examination);
	}
	paths_free(examination.paths);
	checks_clear(&examination.checks);
	survey_clear(&examination.survey);
	close_image(&examination.image);
	findings_free(examination.findings);
	return status;
}
