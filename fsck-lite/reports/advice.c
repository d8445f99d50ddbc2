/* SPDX-License-Identifier: MIT */
/* Advice, from what was found. Command lines are quoted so that they can be pasted. */
#include "config.h"

#include <string.h>

#include "reports/advice.h"
#include "reports/consequence.h"
#include "reports/text.h"

/* Appends `path` as one word of a shell. */
static void append_word(char *text, size_t size, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-./+:,@%=";
	size_t at = strlen(text);

	if (strspn(path, plain) == strlen(path)) {
		snprintf(text + at, size - at, "%s", path);
		return;
	}
	if (at + 1 < size)
		text[at++] = '\'';
	for (; *path && at + 6 < size; path++) {
		if (*path == '\'') {
			memcpy(text + at, "'\\''", 4);
			at += 4;
		} else {
			text[at++] = *path;
		}
	}
	if (at + 1 < size)
		text[at++] = '\'';
	text[at < size ? at : size - 1] = '\0';
}

static void add(struct advice *advice, const struct opened_image *image, const char *message,
		const char *before, const char *behind)
{
	char *command;

	if (advice->count == ADVICE_MOST)
		return;
	advice->items[advice->count].message = message;
	command = advice->items[advice->count++].command;
	snprintf(command, sizeof advice->items[0].command, "fsck-lite %s", before);
	append_word(command, sizeof advice->items[0].command, image->path);
	snprintf(command + strlen(command), sizeof advice->items[0].command - strlen(command), "%s",
		 behind);
}

static bool has_unread(const struct findings *findings)
{
	for (unsigned i = 0; i < EXT_PROBLEM_COUNT; i++)
		if (consequence_of((enum ext_problem)i) == CONSEQUENCE_UNREAD &&
		    findings_count(findings, (enum ext_problem)i) > 0)
			return true;
	return false;
}

void advice_gather(struct advice *advice, const struct opened_image *image,
		   const struct survey *survey, const struct findings *findings, bool is_check)
{

	advice->count = 0;
	if (survey && survey->lost_inodes > 0)
		add(advice, image,
		    "Copy everything out before anything writes to the image; lost inodes come "
		    "below lost+found, with the names that survive.",
		    "restore ", " --output rescued");
	else if (survey && (survey->used_but_marked_free > 0 || survey->shared_blocks > 0))
		add(advice, image,
		    "Do not mount it writable: files in use could be overwritten. Copy them out.",
		    "restore ", " --output rescued");
	/* A copy must give the same report as the primary that it stands in for. */
	if (image->source != SUPERBLOCK_IS_PRIMARY && advice->about_superblock)
		add(advice, image,
		    "The primary superblock or its descriptors are not usable. See all copies, and "
		    "what a repair would write.",
		    "repair --superblock -n ", "");
	if (findings && has_unread(findings))
		add(advice, image,
		    "Parts could not be read. Copy the medium with ddrescue, then look at the "
		    "copy; "
		    "its map tells what is missing.",
		    "check --map MAPFILE ", "");
	if (!is_check && findings && findings_count_severity(findings, EXT_SEVERITY_ERROR) > 0)
		add(advice, image, "See everything that is wrong, each fault explained.", "check ",
		    "");
}

void advice_json(struct json *json, const struct advice *advice)
{
	json_array(json, "advice");
	for (unsigned i = 0; i < advice->count; i++) {
		json_object(json, NULL);
		json_text(json, "message", advice->items[i].message);
		json_text(json, "command", advice->items[i].command);
		json_end_object(json);
	}
	json_end_array(json);
}

void advice_text(FILE *out, const struct advice *advice, bool colors)
{
	if (advice->count == 0)
		return;
	fprintf(out, "\n%sWhat to do next%s\n", text_color(colors, TEXT_BOLD),
		text_color(colors, TEXT_PLAIN));
	for (unsigned i = 0; i < advice->count; i++)
		fprintf(out, "  %s\n    %s%s%s\n", advice->items[i].message,
			text_color(colors, TEXT_GREEN), advice->items[i].command,
			text_color(colors, TEXT_PLAIN));
}
