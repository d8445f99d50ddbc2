/* SPDX-License-Identifier: MIT */
/* Findings, printed. The words are those of problem.def; this file decides only on the form. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "accounting/paths.h"
#include "reports/consequence.h"
#include "reports/findings.h"
#include "reports/text.h"

enum { LINE = 1024 };

const char *report_severity_name(enum ext_severity severity)
{
	switch (severity) {
	case EXT_SEVERITY_INFO:
		return "info";
	case EXT_SEVERITY_WARNING:
		return "warning";
	case EXT_SEVERITY_ERROR:
		return "error";
	}
	return "";
}

static void write_where(struct json *json, const struct ext_place *place, const struct paths *paths)
{
	char path[LINE];

	json_object(json, "where");
	if (place->structure != EXT_AT_NOTHING)
		json_text(json, "structure", ext_structure_name(place->structure));
	if (place->has & EXT_HAS_GROUP)
		json_u64(json, "group", place->group);
	if (place->has & EXT_HAS_INODE)
		json_u64(json, "inode", place->inode);
	if (place->has & EXT_HAS_BLOCK)
		json_u64(json, "block", place->block);
	if (place->has & EXT_HAS_OFFSET)
		json_u64(json, "offset", place->offset);
	if (place->has & EXT_HAS_LOGICAL)
		json_u64(json, "logical", place->logical);
	if (place->field)
		json_text(json, "field", place->field);
	if (paths && place->has & EXT_HAS_INODE) {
		const size_t length = paths_of(paths, place->inode, path, sizeof path);

		if (length > 0 && length < sizeof path)
			json_name(json, "path", path, length);
	}
	json_end_object(json);
}

static void write_codes(struct json *json, const struct ext_finding *finding)
{
	const char *codes = ext_problem_text(finding->problem)->e2fsck;

	json_array(json, "e2fsck");
	for (unsigned position = 0; *codes; position++) {
		const size_t length = strcspn(codes, " ");

		if (ext_finding_asks(finding, position))
			json_bytes(json, NULL, codes, length);
		codes += length;
		codes += strspn(codes, " ");
	}
	json_end_array(json);
}

/* What would have been right, as far as the message tells; or the other numbers that it tells. */
static void write_bounds(struct json *json, const char *message, const struct ext_finding *finding)
{
	const bool has_high = strstr(message, "{high") != NULL;

	if (strstr(message, "{second")) {
		json_u64(json, "second", finding->low);
		if (has_high)
			json_u64(json, "third", finding->high);
		return;
	}
	if (strstr(message, "{low") && finding->low == finding->high)
		json_u64(json, "expected", finding->low);
	else if (strstr(message, "{low"))
		json_u64(json, "expected_least", finding->low);
	if (has_high && finding->low != finding->high)
		json_u64(json, "expected_most", finding->high);
}

void report_finding_json(struct json *json, const char *key, const struct ext_finding *finding,
			 const struct paths *paths)
{
	const struct ext_problem_text *text = ext_problem_text(finding->problem);
	char message[LINE];

	ext_finding_message(finding, message, sizeof message);
	json_object(json, key);
	json_text(json, "code", text->slug);
	json_text(json, "severity", report_severity_name(text->severity));
	json_text(json, "message", message);
	write_where(json, &finding->place, paths);
	if (strstr(text->message, "{found"))
		json_u64(json, "found", finding->found);
	write_bounds(json, text->message, finding);
	if (finding->name_length > 0)
		json_name(json, "name", finding->name, finding->name_length);
	json_text(json, "fix", text->repair);
	write_codes(json, finding);
	json_end_object(json);
}

void report_findings_json(struct json *json, const struct findings *findings,
			  const struct paths *paths)
{
	struct ext_finding finding;

	json_array(json, "findings");
	for (uint64_t at = 0; findings_next(findings, &at, &finding);)
		report_finding_json(json, NULL, &finding, paths);
	json_end_array(json);
	report_summary_json(json, findings);
}

void report_summary_json(struct json *json, const struct findings *findings)
{
	json_object(json, "summary");
	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++) {
		const enum ext_problem problem = (enum ext_problem)i;

		if (findings_count(findings, problem) > 0)
			json_u64(json, ext_problem_text(problem)->slug,
				 findings_count(findings, problem));
	}
	json_end_object(json);
}

static enum text_color color_of(enum ext_severity severity)
{
	switch (severity) {
	case EXT_SEVERITY_ERROR:
		return TEXT_RED;
	case EXT_SEVERITY_WARNING:
		return TEXT_YELLOW;
	case EXT_SEVERITY_INFO:
		return TEXT_DIM;
	}
	return TEXT_PLAIN;
}

static void print_finding(FILE *out, const struct ext_finding *finding, const struct paths *paths,
			  bool colors)
{
	const enum ext_severity severity = ext_problem_text(finding->problem)->severity;
	char line[LINE], path[LINE];
	size_t length = 0;

	ext_finding_describe(finding, line, sizeof line);
	fprintf(out, "  %s%-7s%s  ", text_color(colors, color_of(severity)),
		report_severity_name(severity), text_color(colors, TEXT_PLAIN));
	text_name(out, line, strlen(line));
	if (paths && finding->place.has & EXT_HAS_INODE)
		length = paths_of(paths, finding->place.inode, path, sizeof path);
	if (length > 0 && length < sizeof path) {
		fputs("  ", out);
		text_name(out, path, length);
	}
	fputc('\n', out);
}

static bool has_severity(enum ext_problem problem, unsigned severity)
{
	return ext_problem_text(problem)->severity == (enum ext_severity)severity;
}

static bool has_consequence(enum ext_problem problem, unsigned consequence)
{
	return consequence_of(problem) == (enum consequence)consequence;
}

/* Those of which `wanted` says yes for `kind`. */
static uint64_t print_kind(FILE *out, const struct findings *findings, const struct paths *paths,
			   unsigned most, bool colors,
			   bool (*wanted)(enum ext_problem problem, unsigned kind), unsigned kind)
{
	enum ext_problem last = EXT_NO_PROBLEM;
	struct ext_finding finding;
	uint64_t at = 0, shown = 0, all = 0;
	bool more = findings_next(findings, &at, &finding);

	while (more) {
		const struct ext_problem_text *text = ext_problem_text(finding.problem);
		const uint64_t total = findings_count(findings, finding.problem);
		const bool is_wanted = wanted(finding.problem, kind);

		if (finding.problem != last)
			shown = 0;
		last = finding.problem;
		if (wanted(finding.problem, kind) && shown++ < most)
			print_finding(out, &finding, paths, colors);
		more = findings_next(findings, &at, &finding);
		if (is_wanted && (!more || finding.problem != last)) {
			all += total;
			if (total > shown || shown > most)
				fprintf(out, "           ... and %" PRIu64 " more of [%s]\n",
					total - (shown < most ? shown : most), text->slug);
		}
	}
	return all;
}

uint64_t report_findings_text(FILE *out, const struct findings *findings, const struct paths *paths,
			      unsigned most, bool colors)
{
	return print_kind(out, findings, paths, most, colors, has_severity, EXT_SEVERITY_ERROR) +
	       print_kind(out, findings, paths, most, colors, has_severity, EXT_SEVERITY_WARNING) +
	       print_kind(out, findings, paths, most, colors, has_severity, EXT_SEVERITY_INFO);
}

void report_findings_grouped(FILE *out, const struct findings *findings, const struct paths *paths,
			     unsigned most, bool colors)
{
	for (unsigned i = 0; i < CONSEQUENCE_COUNT; i++) {
		struct ext_finding finding;
		bool any = false;

		for (uint64_t at = 0; !any && findings_next(findings, &at, &finding);)
			any = has_consequence(finding.problem, i);
		if (!any)
			continue;
		fprintf(out, "\n%s%s%s\n", text_color(colors, TEXT_BOLD),
			consequence_heading((enum consequence)i), text_color(colors, TEXT_PLAIN));
		print_kind(out, findings, paths, most, colors, has_consequence, i);
	}
}
