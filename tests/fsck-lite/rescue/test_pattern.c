/* SPDX-License-Identifier: MIT */
/* rescue/pattern.c: patterns mean what a shell's mean, byte by byte. */
#include "config.h"

#include <fnmatch.h>
#include <string.h>

#include "rescue/pattern.h"
#include "unit.h"

/* The next text of the same length over `letters`, as an odometer turns; false after the last. */
static bool next_text(char *text, const char *letters)
{
	for (; *text; text++) {
		const char *const letter = strchr(letters, *text);

		if (letter[1]) {
			*text = letter[1];
			return true;
		}
		*text = letters[0];
	}
	return false;
}

START_TEST(stars_and_question_marks_are_those_of_fnmatch)
{
	unsigned compared = 0, fitted = 0;

	for (size_t length = 0; length <= 5; length++) {
		char pattern[8] = {0};

		memset(pattern, 'a', length);
		do {
			for (size_t path_length = 0; path_length <= 4; path_length++) {
				char path[8] = {0};

				memset(path, 'a', path_length);
				do {
					const bool wanted =
						fnmatch(pattern, path, FNM_PATHNAME) == 0;

					if (pattern_fits(pattern, path) != wanted)
						ck_abort_msg("`%s' and `%s': %s expected", pattern,
							     path, wanted ? "a match" : "no match");
					compared++;
					fitted += wanted;
				} while (next_text(path, "ab/"));
			}
		} while (next_text(pattern, "ab/*?"));
	}

	ck_assert_uint_gt(compared, 400000);
	ck_assert_uint_gt(fitted, 1000);
}
END_TEST

START_TEST(sets_hold_bytes_and_ranges)
{
	ck_assert(pattern_fits("[abc]", "b"));
	ck_assert(!pattern_fits("[abc]", "d"));
	ck_assert(pattern_fits("x[a-c]z", "xbz"));
	ck_assert(!pattern_fits("[a-c]", ""));
	ck_assert(pattern_fits("[!a-c]", "d"));
	ck_assert(pattern_fits("[^a-c]", "d"));
	ck_assert(!pattern_fits("[!a-c]", "b"));
	ck_assert(pattern_fits("[]]", "]"));
	ck_assert(pattern_fits("[a-]", "-"));
	ck_assert(pattern_fits("[\\]]", "]"));
	ck_assert(pattern_fits("*.[ch]", "main.c"));
	ck_assert(pattern_fits("[\x80-\xff]*", "\xc3\xa4"));
	ck_assert(!pattern_fits("a[!b]c", "a/c"));
}
END_TEST

START_TEST(set_without_end_is_a_bracket)
{
	ck_assert(pattern_fits("[ab", "[ab"));
	ck_assert(!pattern_fits("[ab", "a"));
	ck_assert(pattern_fits("[", "["));
	ck_assert(pattern_fits("*[", "ab["));
	ck_assert(pattern_fits("[a-", "[a-"));
}
END_TEST

START_TEST(backslash_takes_the_meaning)
{
	ck_assert(pattern_fits("\\*", "*"));
	ck_assert(!pattern_fits("\\*", "a"));
	ck_assert(pattern_fits("\\?a", "?a"));
	ck_assert(pattern_fits("a\\", "a\\"));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, stars_and_question_marks_are_those_of_fnmatch);
	tcase_add_test(tests, sets_hold_bytes_and_ranges);
	tcase_add_test(tests, set_without_end_is_a_bracket);
	tcase_add_test(tests, backslash_takes_the_meaning);
}

int main(void)
{
	return unit_run("pattern", add_tests);
}
