/* SPDX-License-Identifier: MIT */
/*
 * JUnit: each question that check asks is a test, and fails with what was found; one that was not
 * asked is skipped, and so are all of an image that could not be opened, which is an error. Names
 * from the image are escaped as in text reports, so that the document is valid XML whatever they
 * hold.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "accounting/paths.h"
#include "reports/sarif.h"

enum { LINE = 1024, LISTED = 100 };

static void put_xml(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const unsigned char byte = (unsigned char)text[i];

		if (byte == '&')
			fputs("&amp;", out);
		else if (byte == '<')
			fputs("&lt;", out);
		else if (byte == '>')
			fputs("&gt;", out);
		else if (byte == '"')
			fputs("&quot;", out);
		else if (byte < 0x20 || byte >= 0x7f)
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
}

/* What a test is judged by. */
struct suite {
	FILE *out;
	const struct opened_image *image;
	const struct findings *findings;
	const struct paths *paths;
	const struct options *options;
};

enum outcome { LEFT_OUT, PASSED, REMARK, FAILED, SKIPPED };

static bool is_for_published(enum ext_problem problem)
{
	return strncmp(ext_problem_text(problem)->slug, "published-", 10) == 0;
}

/* Why this question was not asked; NULL when it was. */
static const char *why_skipped(const struct suite *suite, enum ext_problem problem)
{
	if (suite->options->ignored[problem])
		return "ignored (--ignore)";
	if (!suite->image->filesystem)
		return "the image could not be opened";
	if (is_for_published(problem) && suite->options->profile != PROFILE_IMAGE)
		return "asked with --profile=image";
	return NULL;
}

static enum outcome outcome_of(const struct suite *suite, enum ext_problem problem)
{
	const enum ext_severity severity = ext_problem_text(problem)->severity;
	const bool is_strict = suite->options->profile == PROFILE_IMAGE;

	if (findings_count(suite->findings, problem) > 0)
		return severity == EXT_SEVERITY_ERROR ||
				       (is_strict && severity == EXT_SEVERITY_WARNING)
			       ? FAILED
			       : REMARK;
	if (severity == EXT_SEVERITY_INFO)
		return LEFT_OUT;
	return why_skipped(suite, problem) ? SKIPPED : PASSED;
}

static void put_finding(FILE *out, const struct ext_finding *finding, const struct paths *paths)
{
	char line[LINE];
	size_t length;

	ext_finding_describe(finding, line, sizeof line);
	put_xml(out, line, strlen(line));
	if (paths && (finding->place.has & EXT_HAS_INODE)) {
		length = paths_of(paths, finding->place.inode, line, sizeof line);
		if (length > 0 && length < sizeof line) {
			fputs("  ", out);
			put_xml(out, line, length);
		}
	}
	fputc('\n', out);
}

static void put_findings(FILE *out, const struct findings *findings, const struct paths *paths,
			 enum ext_problem problem)
{
	struct ext_finding finding;
	uint64_t shown = 0;

	for (uint64_t at = 0; findings_next(findings, &at, &finding);)
		if (finding.problem == problem && shown < LISTED) {
			put_finding(out, &finding, paths);
			shown++;
		}
	if (findings_count(findings, problem) > shown)
		fprintf(out, "... and %" PRIu64 " more\n",
			findings_count(findings, problem) - shown);
}

static void put_case(const struct suite *suite, enum ext_problem problem)
{
	const struct ext_problem_text *text = ext_problem_text(problem);
	const enum outcome outcome = outcome_of(suite, problem);
	const char *const element = outcome == FAILED ? "failure" : "system-out";
	FILE *const out = suite->out;

	if (outcome == LEFT_OUT)
		return;
	fputs("    <testcase classname=\"fsck-lite.check\" name=\"", out);
	put_xml(out, text->slug, strlen(text->slug));
	if (outcome == PASSED) {
		fputs("\"/>\n", out);
		return;
	}
	if (outcome == SKIPPED) {
		fprintf(out, "\">\n      <skipped message=\"%s\"/>\n    </testcase>\n",
			why_skipped(suite, problem));
		return;
	}
	fprintf(out, "\">\n      <%s", element);
	if (outcome == FAILED) {
		fputs(" message=\"", out);
		put_xml(out, text->question, strlen(text->question));
		fprintf(out, " No: %" PRIu64 " found\" type=\"%s\"",
			findings_count(suite->findings, problem), text->slug);
	}
	fputs(">", out);
	put_findings(out, suite->findings, suite->paths, problem);
	fprintf(out, "</%s>\n    </testcase>\n", element);
}

/* Can a check begin at all? Its failure is no fault of the filesystem's but has no pass either. */
static void put_opening(const struct suite *suite)
{
	fputs("    <testcase classname=\"fsck-lite.check\" name=\"open\"", suite->out);
	if (suite->image->filesystem)
		fputs("/>\n", suite->out);
	else
		fputs(">\n      <error message=\"unusable: it cannot be read as an ext filesystem, "
		      "so nothing was checked\" type=\"unusable\"/>\n    </testcase>\n",
		      suite->out);
}

void report_junit(FILE *out, const struct opened_image *image, const struct findings *findings,
		  const struct paths *paths, const struct options *options)
{
	const struct suite suite = {out, image, findings, paths, options};
	unsigned counts[SKIPPED + 1] = {0};

	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++)
		counts[outcome_of(&suite, (enum ext_problem)i)]++;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"",
	      out);
	put_xml(out, image->path, strlen(image->path));
	fprintf(out, "\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\">\n",
		1 + counts[PASSED] + counts[REMARK] + counts[FAILED] + counts[SKIPPED],
		counts[FAILED], image->filesystem ? 0u : 1u, counts[SKIPPED]);
	put_opening(&suite);
	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++)
		put_case(&suite, (enum ext_problem)i);
	fputs("  </testsuite>\n</testsuites>\n", out);
}
