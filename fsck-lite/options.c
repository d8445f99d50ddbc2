/* SPDX-License-Identifier: MIT */
/*
 * The table of options and the parser that walks it. A row says which commands take the option,
 * where its value goes and how the help explains it; nothing else knows an option's spelling. What
 * a value may look like is the business of option_value.c.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/threads.h"
#include "commands/command.h"
#include "complain.h"
#include "option_value.h"
#include "options.h"

#define ON(command) (1u << COMMAND_##command)
#define EVERY (~0u)
#define IMAGES (EVERY & ~ON(EXPLAIN))
#define SURVEYS (ON(CHECK) | ON(DF) | ON(BACKUPS) | ON(RESTORE) | ON(REPAIR))
#define FINDINGS (ON(CHECK) | ON(DF))
#define AT(member) offsetof(struct options, member)

static const struct option_row rows[] = {
	{'b', "superblock", SUPERBLOCK, IMAGES & ~ON(REPAIR), 0, "N",
	 "read through the superblock at block N, or `primary'"},
	{'b', NULL, SUPERBLOCK, ON(REPAIR), 0, "N",
	 "read through the superblock at block N, or `primary'"},
	{0, "superblock", SUPERBLOCK_TOO, ON(REPAIR), 0, "[=N]",
	 "rewrite the superblock, its descriptors and their copies"},
	{'B', "block-size", BLOCK_SIZE, IMAGES, AT(block_size), "SIZE",
	 "block size to assume with -b; default: try each"},
	{0, "offset", PLAIN_SIZE, IMAGES, AT(offset), "BYTES",
	 "where the filesystem begins; K, M, G, T, s (sectors)"},
	{0, "partition", POSITIVE, IMAGES, AT(partition), "N",
	 "the partition of a disk image, from 1"},
	{0, "journal", CHOICE, IMAGES, AT(journal), "replay|ignore",
	 "a dirty journal: replay it in memory (default), or not"},
	{'j', "external-journal", TEXT, IMAGES, AT(external_journal), "FILE",
	 "the image or device of an external journal"},
	{0, "map", TEXT, SURVEYS, AT(map), "FILE",
	 "ddrescue's map: what of the image was never read"},

	{0, "list", SWITCH, ON(BACKUPS), AT(list), NULL,
	 "the block numbers alone, as mke2fs prints them"},
	{0, "scan", SWITCH, ON(BACKUPS), AT(scan), NULL, "search the whole image for superblocks"},
	{0, "list", SWITCH, ON(EXPLAIN), AT(list), NULL, "every problem there is, a line each"},
	{0, "markdown", SWITCH, ON(EXPLAIN), AT(markdown), NULL,
	 "every problem, explained, as a document"},
	{'h', "human-readable", SWITCH, ON(DF), AT(human_sizes), NULL, "sizes as 1.5 GiB"},
	{0, "top", NUMBER, ON(DF) | ON(CHECK), AT(top), "N",
	 "list the N directories that hold most"},
	{0, "hex", SWITCH, ON(SHOW), AT(hex), NULL,
	 "every byte, with the field that it belongs to"},
	{0, "history", SWITCH, ON(SHOW), AT(history), NULL,
	 "older versions that the journal holds"},
	{'l', NULL, SWITCH, ON(LS), AT(long_format), NULL, "mode, links, owner, size, time"},
	{'R', "recursive", SWITCH, ON(LS), AT(recursive), NULL, "directories below, too"},
	{'i', "inode", SWITCH, ON(LS), AT(inode_numbers), NULL, "inode numbers"},
	{0, "deleted", SWITCH, ON(LS) | ON(CAT) | ON(RESTORE), AT(deleted), NULL,
	 "deleted files, from what the journal still holds"},
	{0, "lost", SWITCH, ON(LS) | ON(CAT) | ON(RESTORE), AT(lost), NULL,
	 "files that no directory reaches"},

	{0, "output", TEXT, ON(RESTORE), AT(output), "DIR", "where the files go"},
	{0, "tar", TEXT, ON(RESTORE), AT(tar), "FILE", "write an archive instead; `-' is stdout"},
	{0, "manifest", TEXT, ON(RESTORE), AT(manifest), "FILE",
	 "checksums, as sha256sum writes them"},
	{0, "dry-run", SWITCH, ON(RESTORE), AT(dry_run), NULL, "list and count, write nothing"},
	{0, "resume", SWITCH, ON(RESTORE), AT(resume), NULL, "go on where an earlier run stopped"},
	{0, "preserve-privileged", SWITCH, ON(RESTORE), AT(preserve_privileged), NULL,
	 "keep setuid bits and make device nodes"},
	{'n', NULL, SWITCH, ON(REPAIR), AT(answer_no), NULL,
	 "show what would be written, and stop"},
	{'y', NULL, SWITCH, ON(REPAIR), AT(answer_yes), NULL, "write without asking"},
	{'z', "undo", TEXT, ON(REPAIR), AT(undo), "FILE", "where the undo record goes"},
	{0, "undo-with", TEXT, ON(REPAIR), AT(undo_with), "FILE",
	 "put every byte of that record back"},

	{0, "max-findings", PLAIN_NUMBER, FINDINGS, AT(max_findings), "N",
	 "list at most N findings of a code (default 1000)"},
	{0, "ignore", PROBLEM, FINDINGS, 0, "CODE", "say nothing of this problem; may be repeated"},
	{0, "severity", CHOICE, FINDINGS, AT(severity), "info|warning|error",
	 "the least severity that is listed (default info)"},
	{0, "profile", CHOICE, ON(CHECK), AT(profile), "none|image",
	 "image: the zero tolerance that a published image needs"},
	{0, "jsonl", SWITCH, ON(CHECK), AT(jsonl), NULL, "a finding a line, each a JSON document"},
	{0, "junit", TEXT, ON(CHECK), AT(junit), "FILE",
	 "write a JUnit report, too; `-' is stdout"},
	{0, "sarif", TEXT, ON(CHECK), AT(sarif), "FILE",
	 "write a SARIF 2.1.0 report, too; `-' is stdout"},
	{0, "threads", POSITIVE, SURVEYS, AT(threads), "N",
	 "threads that work, 64 at most; default: the CPUs; in df and check more while a "
	 "disk is waited for"},
	{0, "memory-limit", SIZE, SURVEYS, AT(memory_limit), "SIZE", "memory to stay within"},

	{'C', NULL, NUMBER, ON(CHECK), AT(progress_fd), "FD",
	 "progress for fsck(8), as e2fsck prints it"},
	{'n', NULL, SWITCH, ON(CHECK), AT(answer_no), NULL,
	 "for fsck(8): check never writes anyway"},
	{'y', NULL, SWITCH, ON(CHECK), AT(answer_yes), NULL,
	 "for fsck(8): check only, all the same"},
	{'p', NULL, SWITCH, ON(CHECK), AT(preen), NULL, "for fsck(8): check only, all the same"},
	{'a', NULL, SWITCH, ON(CHECK), AT(preen), NULL, "the same as -p"},
	{'f', NULL, SWITCH, ON(CHECK), AT(force), NULL, "for fsck(8): the check is always full"},

	{0, "json", SWITCH, EVERY & ~ON(CAT), AT(json), NULL, "one JSON document on stdout"},
	{0, "progress", CHOICE, SURVEYS, AT(progress), "auto|always|never",
	 "a progress line on stderr"},
	{0, "color", CHOICE, EVERY, AT(color), "auto|always|never", "colours; honours NO_COLOR"},
	{'q', "quiet", SWITCH, EVERY, AT(quiet), NULL, "only what was asked for"},
	{'v', "verbose", COUNTER, EVERY, AT(verbose), NULL, "more"},
	{'h', "help", SHOW_HELP, EVERY & ~ON(DF), 0, NULL, "this text"},
	{0, "help", SHOW_HELP, ON(DF), 0, NULL, "this text"},
	{'V', "version", SHOW_VERSION, EVERY, 0, NULL, "the version"},
};

enum { ROW_COUNT = sizeof rows / sizeof *rows, MOST_THREADS = 64 };

static const struct option_row *row_by_name(const struct command *command, const char *name,
					    size_t length)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].commands & 1u << command->id && rows[i].name &&
		    strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0)
			return &rows[i];
	return NULL;
}

static const struct option_row *row_by_letter(const struct command *command, char letter)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].commands & 1u << command->id && rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* One walk over the arguments. */
struct walk {
	struct options *options;
	const struct command *command;
	char **arguments;
	int count, next;
};

static enum options_outcome wrong(const struct command *command, const char *what, const char *text)
{
	complain("%s: %s `%s'; try `fsck-lite %s --help'", command->name, what, text,
		 command->name);
	return OPTIONS_WRONG;
}

/* `spelled` is the option as the user wrote it; `text` its value, or NULL where it takes none. */
static enum options_outcome take(struct walk *walk, const struct option_row *row,
				 const char *spelled, const char *text)
{
	if (row->kind == SHOW_HELP) {
		options_print_help(walk->command);
		return OPTIONS_ANSWERED;
	}
	if (row->kind == SHOW_VERSION) {
		options_print_version();
		return OPTIONS_ANSWERED;
	}
	if (option_store(row, text, walk->options))
		return OPTIONS_RUN;
	complain("%s: option %s: `%s' is not %s", walk->command->name, spelled, text,
		 option_expectation(row));
	return OPTIONS_WRONG;
}

static enum options_outcome take_long(struct walk *walk, const char *argument)
{
	const size_t length = strcspn(argument + 2, "=");
	const struct option_row *row = row_by_name(walk->command, argument + 2, length);
	const char *text = argument[2 + length] == '=' ? argument + 2 + length + 1 : NULL;

	if (!row)
		return wrong(walk->command, "there is no option", argument);
	if (text && !row->value)
		return wrong(walk->command, "no value belongs to the option in", argument);
	if (!text && option_takes_value(row)) {
		if (walk->next == walk->count)
			return wrong(walk->command, "a value is missing behind", argument);
		text = walk->arguments[walk->next++];
	}
	return take(walk, row, argument, text);
}

/* A run of letters; the value of the last may follow at once or be the next argument. */
static enum options_outcome take_letters(struct walk *walk, const char *argument)
{
	for (const char *letter = argument + 1; *letter; letter++) {
		const struct option_row *row = row_by_letter(walk->command, *letter);
		const char *text = NULL;
		enum options_outcome outcome;

		if (!row)
			return wrong(walk->command, "there is no such option in", argument);
		if (option_takes_value(row)) {
			text = letter + 1;
			if (!*text && walk->next == walk->count)
				return wrong(walk->command, "a value is missing behind", argument);
			if (!*text)
				text = walk->arguments[walk->next++];
		}
		outcome = take(walk, row, argument, text);
		if (outcome != OPTIONS_RUN || text)
			return outcome;
	}
	return OPTIONS_RUN;
}

static bool is_stdout(const char *file)
{
	return file && strcmp(file, "-") == 0;
}

/* What only the options and operands together can show. */
static enum options_outcome judge(struct options *options)
{
	const struct command *command = options->command;

	/* df's own -h means sizes; alone it can only be a question. */
	if (options->human_sizes && options->operand_count == 0) {
		options_print_help(command);
		return OPTIONS_ANSWERED;
	}
	if (command->id == COMMAND_EXPLAIN && (options->list || options->markdown))
		return OPTIONS_RUN;
	if (options->operand_count < command->least || options->operand_count == 0) {
		complain("%s: %s is missing; try `fsck-lite %s --help'", command->name,
			 options->operand_count == 0 && command->id != COMMAND_EXPLAIN
				 ? "IMAGE"
				 : command->operands,
			 command->name);
		return OPTIONS_WRONG;
	}
	if (options->operand_count > command->most)
		return wrong(command, "too much:", options->operands[command->most]);
	/* What every thread holds would cost more than it gains; nothing is read faster by more. */
	if (options->threads.value > MOST_THREADS)
		options->threads.value = MOST_THREADS;
	if (options->json && options->jsonl) {
		complain("%s: --json and --jsonl exclude each other", command->name);
		return OPTIONS_WRONG;
	}
	if (options->json + options->jsonl + is_stdout(options->junit) + is_stdout(options->sarif) >
	    1) {
		complain("%s: only one report has room on standard output", command->name);
		return OPTIONS_WRONG;
	}
	if (options->offset && options->partition.given) {
		complain("%s: --offset and --partition exclude each other", command->name);
		return OPTIONS_WRONG;
	}
	return OPTIONS_RUN;
}

enum options_outcome options_read(struct options *options, const struct command *command, int count,
				  char **arguments)
{
	struct walk walk = {options, command, arguments, count, 0};
	bool options_ended = false;

	memset(options, 0, sizeof *options);
	options->command = command;
	options->max_findings = 1000;
	options->operands = calloc((size_t)count + 1, sizeof *options->operands);
	if (!options->operands) {
		complain("out of memory");
		return OPTIONS_WRONG;
	}
	while (walk.next < walk.count) {
		const char *argument = arguments[walk.next++];
		enum options_outcome outcome = OPTIONS_RUN;

		if (options_ended || argument[0] != '-' || !argument[1])
			options->operands[options->operand_count++] = argument;
		else if (strcmp(argument, "--") == 0)
			options_ended = true;
		else if (argument[1] == '-')
			outcome = take_long(&walk, argument);
		else
			outcome = take_letters(&walk, argument);
		if (outcome != OPTIONS_RUN)
			return outcome;
	}
	return judge(options);
}

void options_clear(struct options *options)
{
	free(options->operands);
	options->operands = NULL;
	options->operand_count = 0;
}

unsigned options_threads(const struct options *options)
{
	return options->threads.given ? (unsigned)options->threads.value : threads_available();
}

static void print_row(const struct option_row *row)
{
	char left[80];
	int length = 0;

	if (row->letter)
		length = snprintf(left, sizeof left, "-%c%s", row->letter, row->name ? ", " : "");
	else
		length = snprintf(left, sizeof left, "    ");
	if (row->name)
		length += snprintf(left + length, sizeof left - (size_t)length, "--%s", row->name);
	if (row->value)
		snprintf(left + length, sizeof left - (size_t)length, "%s%s",
			 *row->value == '[' ? "" : " ", row->value);
	if (strlen(left) > 28)
		printf("  %s\n  %-29s %s\n", left, "", row->help);
	else
		printf("  %-29s %s\n", left, row->help);
}

void options_print_help(const struct command *command)
{
	printf("usage: fsck-lite %s [OPTIONS] %s\n\n%s\n\noptions:\n", command->name,
	       command->operands, command->summary);
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].commands & 1u << command->id)
			print_row(&rows[i]);
	puts("\nexit status: 0 nothing wrong, 1 problems repaired, 4 problems remain, 8 could not "
	     "run,\n"
	     "             16 wrong usage, 32 cancelled");
}

void options_print_version(void)
{
	puts("fsck-lite " PACKAGE_VERSION);
}
