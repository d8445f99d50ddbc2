/* SPDX-License-Identifier: MIT */
/* options.c: every way to write an option, and every complaint. Complaints go to stderr: unseen
 * here. */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "commands/command.h"
#include "unit.h"

static const struct command df = {"df", COMMAND_DF, NULL, 1, UINT_MAX, "IMAGE...", "df"};
static const struct command ls = {"ls", COMMAND_LS, NULL, 1, 2, "IMAGE [PATH]", "ls"};
static const struct command repair = {"repair", COMMAND_REPAIR, NULL, 1, 1, "IMAGE", "repair"};
static const struct command check = {"check", COMMAND_CHECK, NULL, 1, 1, "IMAGE", "check"};
static const struct command explain = {"explain", COMMAND_EXPLAIN, NULL,     0,
				       1,	  "PROBLEM",	   "explain"};

/* Splits `line` at blanks and reads it; the words live in `words`, as long as the options. */
struct line {
	char text[256];
	char *words[32];
	struct options options;
};

static enum options_outcome read_line(struct line *line, const struct command *command,
				      const char *text)
{
	int count = 0;
	char *word;

	strcpy(line->text, text);
	for (word = strtok(line->text, " "); word; word = strtok(NULL, " "))
		line->words[count++] = word;
	return options_read(&line->options, command, count, line->words);
}

START_TEST(options_stand_before_and_behind_the_image)
{
	struct line line;

	ck_assert_int_eq(read_line(&line, &ls, "-l disk.img --json /a -i"), OPTIONS_RUN);

	ck_assert(line.options.long_format && line.options.json && line.options.inode_numbers);
	ck_assert(!line.options.recursive);
	ck_assert_uint_eq(line.options.operand_count, 2);
	ck_assert_str_eq(options_image(&line.options), "disk.img");
	ck_assert_str_eq(line.options.operands[1], "/a");
	options_clear(&line.options);
}
END_TEST

START_TEST(letters_can_be_joined_and_values_too)
{
	struct line line;

	ck_assert_int_eq(read_line(&line, &ls, "-lRi -b32768 -B 4096 x"), OPTIONS_RUN);

	ck_assert(line.options.long_format && line.options.recursive && line.options.inode_numbers);
	ck_assert_int_eq(line.options.superblock, SUPERBLOCK_AT);
	ck_assert_uint_eq(line.options.superblock_block, 32768);
	ck_assert_uint_eq(line.options.block_size, 4096);
	options_clear(&line.options);
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
	struct line line;

	ck_assert_int_eq(read_line(&line, &ls, "-- -l --json"), OPTIONS_RUN);

	ck_assert(!line.options.long_format && !line.options.json);
	ck_assert_str_eq(options_image(&line.options), "-l");
	options_clear(&line.options);
}
END_TEST

START_TEST(long_options_take_values_in_both_forms)
{
	struct line line;

	ck_assert_int_eq(
		read_line(&line, &df, "--journal=ignore --superblock primary --top 0x10 x"),
		OPTIONS_RUN);

	ck_assert_int_eq(line.options.journal, JOURNAL_IGNORE);
	ck_assert_int_eq(line.options.superblock, SUPERBLOCK_PRIMARY);
	ck_assert(line.options.top.given);
	ck_assert_uint_eq(line.options.top.value, 16);
	options_clear(&line.options);
}
END_TEST

START_TEST(offset_takes_sectors_and_binary_units)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{"--offset 1048576 x", 1048576}, {"--offset 2048s x", 1048576},
		{"--offset 1M x", 1048576},	 {"--offset 3g x", (uint64_t)3 << 30},
		{"--offset 1KiB x", 1024},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct line line;

		ck_assert_int_eq(read_line(&line, &df, cases[i].text), OPTIONS_RUN);
		ck_assert_uint_eq(line.options.offset, cases[i].bytes);
		options_clear(&line.options);
	}
}
END_TEST

START_TEST(wrong_usage_is_refused)
{
	static const struct {
		const struct command *command;
		const char *text;
	} cases[] = {
		{&df, ""},		/* no image */
		{&df, "--nope x"},	/* no such option */
		{&df, "-l x"},		/* another command's */
		{&df, "--json=yes x"},	/* takes no value */
		{&df, "x --offset"},	/* value missing */
		{&df, "x -b"},		/* value missing */
		{&df, "-b 12z x"},	/* no number */
		{&df, "-b -1 x"},	/* negative */
		{&df, "-B 3000 x"},	/* no power of two */
		{&df, "-B 512 x"},	/* too small */
		{&df, "-B 128K x"},	/* too large */
		{&df, "--offset 1X x"}, /* no unit */
		{&df, "--offset 99999999999T x"},
		{&df, "--top 99999999999999999999 x"},
		{&df, "--journal=perhaps x"},
		{&df, "--ignore no-such-code x"},
		{&df, "--partition 0 x"},
		{&df, "--partition 1 --offset 1M x"},
		{&ls, "a b c"}, /* too many */
		{&check, "--json --jsonl x"},
		{&explain, ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct line line;

		ck_assert_msg(read_line(&line, cases[i].command, cases[i].text) == OPTIONS_WRONG,
			      "%s %s", cases[i].command->name, cases[i].text);
		options_clear(&line.options);
	}
}
END_TEST

START_TEST(repair_superblock_is_an_action_and_may_name_a_block)
{
	struct line line;

	ck_assert_int_eq(read_line(&line, &repair, "--superblock x"), OPTIONS_RUN);
	ck_assert(line.options.repair_superblock);
	ck_assert_int_eq(line.options.superblock, SUPERBLOCK_BY_EVIDENCE);
	ck_assert_str_eq(options_image(&line.options), "x");
	options_clear(&line.options);

	ck_assert_int_eq(read_line(&line, &repair, "--superblock=8193 x"), OPTIONS_RUN);
	ck_assert(line.options.repair_superblock);
	ck_assert_int_eq(line.options.superblock, SUPERBLOCK_AT);
	ck_assert_uint_eq(line.options.superblock_block, 8193);
	options_clear(&line.options);
}
END_TEST

START_TEST(h_of_df_means_sizes_when_there_is_an_image)
{
	struct line line;

	ck_assert_int_eq(read_line(&line, &df, "-h x"), OPTIONS_RUN);
	ck_assert(line.options.human_sizes);
	options_clear(&line.options);
}
END_TEST

START_TEST(habits_of_fsck_are_taken)
{
	struct line line;

	ck_assert_int_eq(read_line(&line, &check, "-a -f -y -C0 -b 32768 -B 4096 x"), OPTIONS_RUN);

	ck_assert(line.options.preen && line.options.force && line.options.answer_yes);
	ck_assert(line.options.progress_fd.given);
	ck_assert_uint_eq(line.options.progress_fd.value, 0);
	options_clear(&line.options);
}
END_TEST

START_TEST(problem_can_be_ignored_by_its_slug)
{
	struct line line;

	ck_assert_int_eq(read_line(&line, &df, "--ignore unreadable --ignore image-truncated x"),
			 OPTIONS_RUN);

	ck_assert(line.options.ignored[EXT_UNREADABLE]);
	ck_assert(line.options.ignored[EXT_IMAGE_TRUNCATED]);
	ck_assert(!line.options.ignored[EXT_NO_SUCH_PATH]);
	options_clear(&line.options);
}
END_TEST

START_TEST(list_of_problems_needs_no_operand)
{
	struct line line;

	ck_assert_int_eq(read_line(&line, &explain, "--list"), OPTIONS_RUN);
	options_clear(&line.options);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, options_stand_before_and_behind_the_image);
	tcase_add_test(tests, letters_can_be_joined_and_values_too);
	tcase_add_test(tests, two_dashes_end_the_options);
	tcase_add_test(tests, long_options_take_values_in_both_forms);
	tcase_add_test(tests, offset_takes_sectors_and_binary_units);
	tcase_add_test(tests, wrong_usage_is_refused);
	tcase_add_test(tests, repair_superblock_is_an_action_and_may_name_a_block);
	tcase_add_test(tests, h_of_df_means_sizes_when_there_is_an_image);
	tcase_add_test(tests, habits_of_fsck_are_taken);
	tcase_add_test(tests, problem_can_be_ignored_by_its_slug);
	tcase_add_test(tests, list_of_problems_needs_no_operand);
}

int main(void)
{
	return unit_run("options", add_tests);
}
