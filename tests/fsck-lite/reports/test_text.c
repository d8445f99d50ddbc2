/* SPDX-License-Identifier: MIT */
/* reports/text.c: what is printed stays one line, adds up and is the same everywhere. */
#include "config.h"

#include <string.h>

#include "options.h"
#include "reports/text.h"
#include "unit.h"

START_TEST(utf8_is_told_from_other_bytes)
{
	ck_assert(text_is_utf8("", 0));
	ck_assert(text_is_utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 10));
	ck_assert(!text_is_utf8("\xc3", 1));		 /* ends too early */
	ck_assert(!text_is_utf8("\xc0\x80", 2));	 /* too long for its character */
	ck_assert(!text_is_utf8("\xe0\x80\x80", 3));	 /* the same */
	ck_assert(!text_is_utf8("\xed\xa0\x80", 3));	 /* half of a pair of UTF-16 */
	ck_assert(!text_is_utf8("\xf4\x90\x80\x80", 4)); /* beyond U+10FFFF */
	ck_assert(!text_is_utf8("\xf0\x80\x80\x80", 4));
	ck_assert(!text_is_utf8("\x80", 1));
}
END_TEST

START_TEST(name_cannot_drive_a_terminal)
{
	FILE *file = tmpfile();
	char text[64];
	size_t length;

	text_name(file, "a\x1b[2J\n\\\x9b\xc2\x9b\xc3\xa4\x7f", 13);
	rewind(file);
	length = fread(text, 1, sizeof text - 1, file);
	text[length] = '\0';

	ck_assert_str_eq(text, "a\\x1b[2J\\x0a\\\\\\x9b\\xc2\\x9b\xc3\xa4\\x7f");
	fclose(file);
}
END_TEST

START_TEST(size_has_three_digits_and_a_unit)
{
	char text[TEXT_SHORT];

	ck_assert_str_eq(text_size(text, 0), "0 B");
	ck_assert_str_eq(text_size(text, 1023), "1023 B");
	ck_assert_str_eq(text_size(text, 1024), "1.00 KiB");
	ck_assert_str_eq(text_size(text, 1536), "1.50 KiB");
	ck_assert_str_eq(text_size(text, 10 * 1024 + 512), "10.5 KiB");
	ck_assert_str_eq(text_size(text, 1024 * 1024 - 1), "1023 KiB");
	ck_assert_str_eq(text_size(text, (uint64_t)1 << 40), "1.00 TiB");
	ck_assert_str_eq(text_size(text, UINT64_MAX), "15.9 EiB");
}
END_TEST

START_TEST(count_is_grouped_by_thousands)
{
	char text[TEXT_SHORT];

	ck_assert_str_eq(text_count(text, 0), "0");
	ck_assert_str_eq(text_count(text, 999), "999");
	ck_assert_str_eq(text_count(text, 1000), "1,000");
	ck_assert_str_eq(text_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
}
END_TEST

START_TEST(share_is_never_rounded_to_all_or_nothing)
{
	char text[TEXT_SHORT];

	ck_assert_str_eq(text_share(text, 0, 10), "0%");
	ck_assert_str_eq(text_share(text, 1, 8), "12.5%");
	ck_assert_str_eq(text_share(text, 1, 100000), "<0.1%");
	ck_assert_str_eq(text_share(text, 99999, 100000), "99.9%");
	ck_assert_str_eq(text_share(text, 10, 10), "100%");
	ck_assert_str_eq(text_share(text, 0, 0), "0%");
	ck_assert_str_eq(text_share(text, UINT64_MAX - 1, UINT64_MAX), "99.9%");
}
END_TEST

START_TEST(bar_shows_something_wherever_there_is_something)
{
	FILE *file = tmpfile();
	char text[64];
	size_t length;

	text_bar(file, 0, 8, 4);
	text_bar(file, 1, 1000, 4);
	text_bar(file, 4, 8, 4);
	text_bar(file, 8, 8, 4);
	rewind(file);
	length = fread(text, 1, sizeof text - 1, file);
	text[length] = '\0';

	ck_assert_str_eq(text, "....#...##..####");
	fclose(file);
}
END_TEST

START_TEST(time_is_the_same_in_every_zone_and_any_year)
{
	char text[TEXT_SHORT];

	ck_assert_str_eq(text_time(text, 0), "1970-01-01 00:00:00 UTC");
	ck_assert_str_eq(text_time(text, -1), "1969-12-31 23:59:59 UTC");
	ck_assert_str_eq(text_time(text, 951782400), "2000-02-29 00:00:00 UTC");
	ck_assert_str_eq(text_time(text, 1700000000), "2023-11-14 22:13:20 UTC");
	ck_assert_str_eq(text_time(text, -2147483648), "1901-12-13 20:45:52 UTC");
	ck_assert_str_eq(text_time(text, 15032385535), "2446-05-10 22:38:55 UTC");
	ck_assert_str_eq(text_time(text, 4107542400), "2100-03-01 00:00:00 UTC");
	ck_assert_str_eq(text_time(text, 253402300799), "9999-12-31 23:59:59 UTC");
	ck_assert_str_eq(text_time(text, 253402300800), "253402300800 s");
	ck_assert_str_eq(text_time(text, INT64_MIN), "-9223372036854775808 s");
}
END_TEST

START_TEST(mode_reads_as_ls_prints_it)
{
	char text[TEXT_SHORT];

	ck_assert_str_eq(text_mode(text, 0100644), "-rw-r--r--");
	ck_assert_str_eq(text_mode(text, 0041777), "drwxrwxrwt");
	ck_assert_str_eq(text_mode(text, 0104755), "-rwsr-xr-x");
	ck_assert_str_eq(text_mode(text, 0102604), "-rw---Sr--");
	ck_assert_str_eq(text_mode(text, 0120777), "lrwxrwxrwx");
	ck_assert_str_eq(text_mode(text, 0), "?---------");
}
END_TEST

START_TEST(colors_come_only_when_asked_for)
{
	ck_assert(text_has_colors(WHEN_ALWAYS));
	ck_assert(!text_has_colors(WHEN_NEVER));
	ck_assert_str_eq(text_color(false, TEXT_RED), "");
	ck_assert_str_eq(text_color(true, TEXT_RED), "\x1b[31m");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, utf8_is_told_from_other_bytes);
	tcase_add_test(tests, name_cannot_drive_a_terminal);
	tcase_add_test(tests, size_has_three_digits_and_a_unit);
	tcase_add_test(tests, count_is_grouped_by_thousands);
	tcase_add_test(tests, share_is_never_rounded_to_all_or_nothing);
	tcase_add_test(tests, bar_shows_something_wherever_there_is_something);
	tcase_add_test(tests, time_is_the_same_in_every_zone_and_any_year);
	tcase_add_test(tests, mode_reads_as_ls_prints_it);
	tcase_add_test(tests, colors_come_only_when_asked_for);
}

int main(void)
{
	return unit_run("text", add_tests);
}
