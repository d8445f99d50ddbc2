/* SPDX-License-Identifier: MIT */
/*
 * `explain`: the rows of problem.def as text, as JSON, and as doc/problems.md. Knows no image.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "commands/command.h"
#include "complain.h"
#include "reports/json.h"
#include "reports/text.h"

static const char *severity_name(enum ext_severity severity)
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

/* A paragraph, broken at blanks before column `width`. */
static void print_paragraph(const char *text, size_t width, const char *indent)
{
	const size_t room = width - strlen(indent);

	while (*text) {
		size_t length = strlen(text);

		if (length > room) {
			for (length = room; length > 0 && text[length] != ' ';)
				length--;
			if (length == 0)
				length = strcspn(text, " ");
		}
		printf("%s%.*s\n", indent, (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
}

static void print_part(const char *title, const char *text)
{
	if (!*text)
		return;
	printf("\n%s\n", title);
	print_paragraph(text, 92, "  ");
}

static void explain(const struct ext_problem_text *problem, bool colors)
{
	printf("%s%s%s (%s)\n", text_color(colors, TEXT_BOLD), problem->slug,
	       text_color(colors, TEXT_PLAIN), severity_name(problem->severity));
	print_part("Message", problem->message);
	print_part("What is asked", problem->question);
	print_part("How it arises, how to see it", problem->cause);
	print_part("Repair", problem->repair);
	print_part("e2fsck reports the same as", problem->e2fsck);
}

/* e2fsck's codes stand in one string, with blanks between them. */
static void write_codes(struct json *json, const char *codes)
{
	json_array(json, "e2fsck");
	while (*codes) {
		const size_t length = strcspn(codes, " ");

		json_bytes(json, NULL, codes, length);
		codes += length;
		codes += strspn(codes, " ");
	}
	json_end_array(json);
}

static void write_problem(struct json *json, const struct ext_problem_text *problem)
{
	json_object(json, NULL);
	json_text(json, "code", problem->slug);
	json_text(json, "severity", severity_name(problem->severity));
	json_text(json, "message", problem->message);
	json_text(json, "question", problem->question);
	json_text(json, "cause", problem->cause);
	json_text(json, "repair", problem->repair);
	write_codes(json, problem->e2fsck);
	json_end_object(json);
}

/* `chosen`, or every problem where that is EXT_NO_PROBLEM. */
static void write_document(enum ext_problem chosen)
{
	struct json json;

	json_open(&json, stdout, false);
	json_object(&json, NULL);
	json_text(&json, "schema", "fsck-lite/explain/1");
	json_array(&json, "problems");
	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++)
		if (chosen == EXT_NO_PROBLEM || i == (unsigned)chosen)
			write_problem(&json, ext_problem_text((enum ext_problem)i));
	json_end_array(&json);
	json_end_object(&json);
	json_close(&json);
}

static void print_markdown(void)
{
	puts("# Problems\n\n"
	     "Everything that fsck-lite can find wrong with an image. Printed by\n"
	     "`fsck-lite explain --list --markdown` from the rows of problem.def; `make check` "
	     "compares.");
	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++) {
		const struct ext_problem_text *problem = ext_problem_text((enum ext_problem)i);

		printf("\n## %s\n\n", problem->slug);
		printf("%s: `%s`\n", severity_name(problem->severity), problem->message);
		if (*problem->question)
			printf("\n*%s*\n", problem->question);
		if (*problem->cause)
			printf("\n%s\n", problem->cause);
		if (*problem->repair)
			printf("\nRepair: %s\n", problem->repair);
		if (*problem->e2fsck)
			printf("\ne2fsck: %s\n", problem->e2fsck);
	}
}

static void print_list(void)
{
	int width = 0;

	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++) {
		const int length = (int)strlen(ext_problem_text((enum ext_problem)i)->slug);

		width = length > width ? length : width;
	}
	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++) {
		const struct ext_problem_text *problem = ext_problem_text((enum ext_problem)i);

		printf("%-*s  %-7s  %s\n", width, problem->slug, severity_name(problem->severity),
		       problem->question);
	}
}

int command_explain(const struct options *options)
{
	const char *slug = options->operand_count > 0 ? options->operands[0] : NULL;
	const enum ext_problem problem = slug ? ext_problem_by_slug(slug) : EXT_NO_PROBLEM;

	if (slug && problem == EXT_NO_PROBLEM) {
		complain("explain: no problem is called `%s'; `fsck-lite explain --list' lists "
			 "them all",
			 slug);
		return EXIT_WRONG_USAGE;
	}
	if (options->json)
		write_document(problem);
	else if (options->markdown)
		print_markdown();
	else if (slug)
		explain(ext_problem_text(problem), text_has_colors(options->color));
	else
		print_list();
	return EXIT_CLEAN;
}
