/* SPDX-License-Identifier: MIT */
/*
 * JUnit: each question that check asks is a test, and fails with what was found. Names from the
 * image are escaped as in text reports first, so that the document is valid XML whatever they hold.
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

static bool fails(enum ext_problem problem, bool is_strict)
{
	const enum ext_severity severity = ext_problem_text(problem)->severity;

	return severity == EXT_SEVERITY_ERROR || (is_strict && severity == EXT_SEVERITY_WARNING);
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

static void put_case(FILE *out, const struct findings *findings, const struct paths *paths,
		     enum ext_problem problem, bool is_strict)
{
	const struct ext_problem_text *text = ext_problem_text(problem);
	const uint64_t count = findings_count(findings, problem);
	const char *element = fails(problem, is_strict) ? "failure" : "system-out";

	fputs("    <testcase classname=\"fsck-lite.check\" name=\"", out);
	put_xml(out, text->slug, strlen(text->slug));
	if (count == 0) {
		fputs("\"/>\n", out);
		return;
	}
	fprintf(out, "\">\n      <%s", element);
	if (fails(problem, is_strict)) {
		fputs(" message=\"", out);
		put_xml(out, text->question, strlen(text->question));
		fprintf(out, " No: %" PRIu64 " found\" type=\"%s\"", count, text->slug);
	}
	fputs(">", out);
	put_findings(out, findings, paths, problem);
	fprintf(out, "</%s>\n    </testcase>\n", element);
}

void report_junit(FILE *out, const struct opened_image *image, const struct findings *findings,
		  const struct paths *paths, bool is_strict)
{
	unsigned tests = 0, failures = 0;

	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++) {
		const enum ext_problem problem = (enum ext_problem)i;

		if (ext_problem_text(problem)->severity == EXT_SEVERITY_INFO &&
		    findings_count(findings, problem) == 0)
			continue;
		tests++;
		failures += fails(problem, is_strict) && findings_count(findings, problem) > 0;
	}
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"",
	      out);
	put_xml(out, image->path, strlen(image->path));
	fprintf(out, "\" tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"0\">\n", tests,
		failures);
	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++) {
		const enum ext_problem problem = (enum ext_problem)i;

		if (ext_problem_text(problem)->severity != EXT_SEVERITY_INFO ||
		    findings_count(findings, problem) > 0)
			put_case(out, findings, paths, problem, is_strict);
	}
	fputs("  </testsuite>\n</testsuites>\n", out);
}
