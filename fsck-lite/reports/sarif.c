/* SPDX-License-Identifier: MIT */
/*
 * SARIF 2.1.0: rules are the rows of problem.def that were broken, results the findings, locations
 * regions of bytes. No times, no host: two runs give the same bytes.
 */
#include "config.h"

#include <string.h>

#include "accounting/paths.h"
#include "reports/json.h"
#include "reports/region.h"
#include "reports/sarif.h"
#include "reports/text.h"

enum { LINE = 1024 };

static const char schema[] = "https://json.schemastore.org/sarif-2.1.0.json";

static const char *level_of(enum ext_severity severity)
{
	switch (severity) {
	case EXT_SEVERITY_ERROR:
		return "error";
	case EXT_SEVERITY_WARNING:
		return "warning";
	case EXT_SEVERITY_INFO:
		break;
	}
	return "note";
}

static void write_message(struct json *json, const char *key, const char *text)
{
	json_object(json, key);
	json_text(json, "text", text);
	json_end_object(json);
}

/* A path as a URI reference: what is not plain is escaped byte by byte. */
static void write_uri(struct json *json, const char *key, const char *path, bool has_index)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/";
	static const char digits[] = "0123456789ABCDEF";
	char uri[3 * 4096 + 8]; /* a path is at most 4096 bytes, each perhaps escaped */
	size_t length = 0;

	json_object(json, key);
	for (; *path && length + 4 < sizeof uri; path++) {
		const unsigned char byte = (unsigned char)*path;

		if (strchr(plain, *path)) {
			uri[length++] = *path;
			continue;
		}
		uri[length++] = '%';
		uri[length++] = digits[byte >> 4];
		uri[length++] = digits[byte & 15];
	}
	uri[length] = '\0';
	json_text(json, "uri", uri);
	if (has_index)
		json_u64(json, "index", 0);
	json_end_object(json);
}

static void write_rules(struct json *json, const struct findings *findings)
{
	json_array(json, "rules");
	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++) {
		const struct ext_problem_text *text = ext_problem_text((enum ext_problem)i);

		if (findings_count(findings, (enum ext_problem)i) == 0)
			continue;
		json_object(json, NULL);
		json_text(json, "id", text->slug);
		write_message(json, "shortDescription", text->question);
		write_message(json, "fullDescription", text->cause);
		write_message(json, "help", text->repair);
		json_object(json, "defaultConfiguration");
		json_text(json, "level", level_of(text->severity));
		json_end_object(json);
		if (text->e2fsck[0]) {
			json_object(json, "properties");
			json_text(json, "e2fsck", text->e2fsck);
			json_end_object(json);
		}
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_location(struct json *json, const struct opened_image *image,
			   const struct ext_place *place, const struct paths *paths)
{
	struct region region;
	char path[LINE];
	size_t length = 0;

	json_array(json, "locations");
	json_object(json, NULL);
	json_object(json, "physicalLocation");
	write_uri(json, "artifactLocation", image->path, true);
	if (region_of(image, place, &region)) {
		json_object(json, "region");
		json_u64(json, "byteOffset", region.offset);
		json_u64(json, "byteLength", region.length);
		json_end_object(json);
	}
	json_end_object(json);
	if (paths && (place->has & EXT_HAS_INODE))
		length = paths_of(paths, place->inode, path, sizeof path);
	if (length > 0 && length < sizeof path) {
		json_array(json, "logicalLocations");
		json_object(json, NULL);
		json_bytes(json, "fullyQualifiedName", path, length);
		json_text(json, "kind", "resource");
		json_end_object(json);
		json_end_array(json);
	}
	json_end_object(json);
	json_end_array(json);
}

static void write_results(struct json *json, const struct opened_image *image,
			  const struct findings *findings, const struct paths *paths)
{
	enum ext_problem last = EXT_NO_PROBLEM;
	struct ext_finding finding;
	uint64_t rule = 0;
	char line[LINE];

	json_array(json, "results");
	for (uint64_t at = 0; findings_next(findings, &at, &finding);) {
		const struct ext_problem_text *text = ext_problem_text(finding.problem);

		/* Rules were written in the same order, findings that are not listed included. */
		for (; last < finding.problem; last = (enum ext_problem)(last + 1))
			rule += last != EXT_NO_PROBLEM && findings_count(findings, last) > 0;
		ext_finding_describe(&finding, line, sizeof line);
		json_object(json, NULL);
		json_text(json, "ruleId", text->slug);
		json_u64(json, "ruleIndex", rule);
		json_text(json, "level", level_of(text->severity));
		write_message(json, "message", line);
		write_location(json, image, &finding.place, paths);
		json_end_object(json);
	}
	json_end_array(json);
}

/* Nobody may take the absence of results for a clean image when nothing was looked at. */
static void write_invocation(struct json *json, bool is_usable)
{
	json_array(json, "invocations");
	json_object(json, NULL);
	json_bool(json, "executionSuccessful", is_usable);
	if (!is_usable) {
		json_array(json, "toolExecutionNotifications");
		json_object(json, NULL);
		json_text(json, "level", "error");
		write_message(json, "message",
			      "unusable: it cannot be read as an ext filesystem, so nothing was "
			      "checked");
		json_end_object(json);
		json_end_array(json);
	}
	json_end_object(json);
	json_end_array(json);
}

void report_sarif(FILE *out, const struct opened_image *image, const struct findings *findings,
		  const struct paths *paths)
{
	struct json json;

	json_open(&json, out, false);
	json_object(&json, NULL);
	json_text(&json, "$schema", schema);
	json_text(&json, "version", "2.1.0");
	json_array(&json, "runs");
	json_object(&json, NULL);
	json_object(&json, "tool");
	json_object(&json, "driver");
	json_text(&json, "name", "fsck-lite");
	json_text(&json, "version", PACKAGE_VERSION);
	write_rules(&json, findings);
	json_end_object(&json);
	json_end_object(&json);
	write_invocation(&json, image->filesystem != NULL);
	json_array(&json, "artifacts");
	json_object(&json, NULL);
	write_uri(&json, "location", image->path, false);
	json_end_object(&json);
	json_end_array(&json);
	write_results(&json, image, findings, paths);
	json_end_object(&json);
	json_end_array(&json);
	json_end_object(&json);
	json_close(&json);
}
