/* SPDX-License-Identifier: MIT */
/* Values as a person reads them. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <ext/field.h>

#include "unit.h"

enum { ROOM = 1024 };

/* How element 0 of a number reads when it holds `value`. */
static const char *shown(const char *layout, const char *name, uint64_t value)
{
	static char text[ROOM];
	static uint8_t bytes[ROOM];
	const struct ext_layout *const found = ext_layout_by_name(layout);
	const struct ext_field *const field = ext_field_by_name(found, name);
	const struct ext_span span = {bytes, found->size};

	memset(bytes, 0, sizeof bytes);
	ext_field_put(field, 0, bytes, value);
	ext_field_show(field, 0, span, text, sizeof text);
	return text;
}

/* How a byte string reads when it begins with `bytes` and goes on with zeros. */
static const char *shown_bytes(const char *layout, const char *name, const char *start, size_t size)
{
	static char text[ROOM];
	static uint8_t bytes[ROOM];
	const struct ext_layout *const found = ext_layout_by_name(layout);
	const struct ext_field *const field = ext_field_by_name(found, name);
	const struct ext_span span = {bytes, found->size};

	memset(bytes, 0, sizeof bytes);
	memcpy(bytes + field->at, start, size);
	ext_field_show(field, 0, span, text, sizeof text);
	return text;
}

#define LABEL(start) shown_bytes("superblock", "s_volume_name", start, sizeof start - 1)

static const char *time_text(int64_t seconds)
{
	static char text[32];

	ck_assert_uint_lt(ext_time_show(seconds, text, sizeof text), sizeof text);
	return text;
}

START_TEST(numbers_have_the_base_that_suits_them)
{
	ck_assert_str_eq(shown("superblock", "s_inodes_count", 4096), "4096");
	ck_assert_str_eq(shown("superblock", "s_magic", 0xef53), "0xef53");
	ck_assert_str_eq(shown("superblock", "s_checksum", 1), "0x00000001");
	ck_assert_str_eq(shown("superblock", "s_max_mnt_count", 0xffff), "-1");
	ck_assert_str_eq(shown("superblock", "s_max_mnt_count", 0x8000), "-32768");
	ck_assert_str_eq(shown("superblock", "s_max_mnt_count", 20), "20");
	ck_assert_str_eq(shown("superblock", "s_log_block_size", 2), "2 (x4)");
	ck_assert_str_eq(shown("superblock", "s_log_block_size", 0xffffffff), "4294967295");
	ck_assert_str_eq(shown("superblock", "s_mmp_block", UINT64_MAX), "18446744073709551615");
}
END_TEST

START_TEST(flags_come_with_their_names_and_unknown_bits_in_hex)
{
	ck_assert_str_eq(shown("superblock", "s_feature_compat", 0x3c),
			 "0x0000003c has_journal ext_attr resize_inode dir_index");
	ck_assert_str_eq(shown("superblock", "s_feature_incompat", 0), "0x00000000");
	ck_assert_str_eq(shown("superblock", "s_feature_incompat", 0x80000042),
			 "0x80000042 filetype extent +0x80000000 unknown");
	ck_assert_str_eq(shown("superblock", "s_feature_incompat", 0x20), "0x00000020 unknown");
}
END_TEST

START_TEST(a_flag_that_is_part_of_a_larger_one_is_not_named_beside_it)
{
	ck_assert_str_eq(shown("superblock", "s_default_mount_opts", 0x6c),
			 "0x0000006c user_xattr acl journal_data_writeback");
	ck_assert_str_eq(shown("superblock", "s_default_mount_opts", 0x40),
			 "0x00000040 journal_data_ordered");
}
END_TEST

START_TEST(enumerations_name_their_value)
{
	ck_assert_str_eq(shown("superblock", "s_def_hash_version", 1), "1 half_md4");
	ck_assert_str_eq(shown("superblock", "s_def_hash_version", 9), "9 unknown");
	ck_assert_str_eq(shown("xattr_entry", "e_name_index", 0), "0");
	ck_assert_str_eq(shown("quota_header", "dqh_magic", 0xd9c01f11), "0xd9c01f11 user");
	ck_assert_str_eq(shown("mmp", "mmp_seq", 0xff4d4d50), "0xff4d4d50 clean");
	ck_assert_str_eq(shown("mmp", "mmp_seq", 7), "7 in use");
}
END_TEST

START_TEST(times_of_the_superblock_are_unsigned_and_those_of_inodes_signed)
{
	ck_assert_str_eq(shown("superblock", "s_wtime", 1700000000), "2023-11-14 22:13:20 UTC");
	ck_assert_str_eq(shown("superblock", "s_wtime", 0xffffffff), "2106-02-07 06:28:15 UTC");
	ck_assert_str_eq(shown("superblock", "s_wtime", 0), "0");
	ck_assert_str_eq(shown("inode", "i_mtime", 0x80000000), "1901-12-13 20:45:52 UTC");
	ck_assert_str_eq(shown("inode", "i_mtime", 0), "1970-01-01 00:00:00 UTC");
	ck_assert_str_eq(shown("inode_extra", "i_mtime_extra", 500 << 2), "500 ns");
	ck_assert_str_eq(shown("inode_extra", "i_mtime_extra", 500 << 2 | 3), "500 ns, epoch 3");
	ck_assert_str_eq(shown("mmp", "mmp_time", UINT64_MAX), "18446744073709551615 s");
	ck_assert_str_eq(shown("journal_commit", "h_commit_sec", 1700000000),
			 "2023-11-14 22:13:20 UTC");
}
END_TEST

START_TEST(modes_read_as_ls_prints_them)
{
	ck_assert_str_eq(shown("inode", "i_mode", 0100644), "0100644 -rw-r--r--");
	ck_assert_str_eq(shown("inode", "i_mode", 0041777), "041777 drwxrwxrwt");
	ck_assert_str_eq(shown("inode", "i_mode", 0106711), "0106711 -rws--s--x");
	ck_assert_str_eq(shown("inode", "i_mode", 0107000), "0107000 ---S--S--T");
	ck_assert_str_eq(shown("inode", "i_mode", 0120777), "0120777 lrwxrwxrwx");
	ck_assert_str_eq(shown("inode", "i_mode", 0), "000000 ?---------");
}
END_TEST

START_TEST(a_uuid_is_written_as_it_lies_and_a_guid_is_turned)
{
	static const char bytes[] =
		"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef";

	ck_assert_str_eq(shown_bytes("superblock", "s_uuid", bytes, 16),
			 "01234567-89ab-cdef-0123-456789abcdef");
	ck_assert_str_eq(shown_bytes("gpt_header", "disk_guid", bytes, 16),
			 "67452301-ab89-efcd-0123-456789abcdef");
}
END_TEST

START_TEST(text_ends_at_its_last_character_and_is_harmless_to_a_terminal)
{
	ck_assert_str_eq(LABEL("root"), "root");
	ck_assert_str_eq(LABEL(""), "");
	ck_assert_str_eq(LABEL("sixteen bytes...") /* no terminator */, "sixteen bytes...");
	ck_assert_str_eq(LABEL("a\0b"), "a\\x00b");
	ck_assert_str_eq(LABEL("\x1b[31m"), "\\x1b[31m");
	ck_assert_str_eq(LABEL("a\\b\n"), "a\\\\b\\x0a");
}
END_TEST

START_TEST(text_keeps_utf8_and_escapes_what_is_none)
{
	ck_assert_str_eq(LABEL("h\xc3\xa4llo"), "h\xc3\xa4llo");
	ck_assert_str_eq(LABEL("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
	ck_assert_str_eq(LABEL("caf\xe9"), "caf\\xe9");
	ck_assert_str_eq(LABEL("\xc0\xaf") /* overlong */, "\\xc0\\xaf");
	ck_assert_str_eq(LABEL("\xe0\x80\x80") /* overlong */, "\\xe0\\x80\\x80");
	ck_assert_str_eq(LABEL("\xed\xa0\x80") /* surrogate */, "\\xed\\xa0\\x80");
	ck_assert_str_eq(LABEL("\xc2\x9b") /* C1 control */, "\\xc2\\x9b");
	ck_assert_str_eq(LABEL("\xe2\x80\xae") /* right to left */, "\\xe2\\x80\\xae");
	ck_assert_str_eq(LABEL("0123456789abcde\xc3") /* cut */, "0123456789abcde\\xc3");
}
END_TEST

START_TEST(names_of_partitions_are_turned_from_utf16)
{
	static const char name[] = "r\0\xe4\0\xac\x20\x3d\xd8x\0";

	ck_assert_str_eq(shown_bytes("gpt_entry", "partition_name", name, sizeof name - 1),
			 "r\xc3\xa4\xe2\x82\xac\\ud83dx");
}
END_TEST

START_TEST(byte_strings_read_as_hex)
{
	ck_assert_str_eq(shown_bytes("superblock", "s_encrypt_algos", "\x01\x04", 2),
			 "01 04 00 00");
}
END_TEST

START_TEST(a_byte_string_beyond_the_bytes_reads_as_nothing)
{
	uint8_t bytes[16] = {0};
	const struct ext_span cut = {bytes, sizeof bytes};
	char text[16] = "untouched";

	ck_assert_uint_eq(
		ext_field_show(ext_field_by_name(ext_layout_by_name("superblock"), "s_uuid"), 0,
			       cut, text, sizeof text),
		0);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(every_field_can_be_shown_whatever_it_holds)
{
	static const uint8_t fillings[] = {0x00, 0xff, 0x7f, 0x80, 0x1b, 0xc3};
	const struct ext_layout *layout;

	for (size_t i = 0; (layout = ext_layout_at(i)) != NULL; i++) {
		for (size_t j = 0; j < layout->field_count; j++) {
			for (size_t k = 0; k < sizeof fillings; k++) {
				const struct ext_field *const field = &layout->fields[j];
				uint8_t bytes[ROOM];
				const struct ext_span span = {bytes, layout->size};
				char text[4 * ROOM], cut[8];
				size_t length;

				memset(bytes, fillings[k], sizeof bytes);
				length = ext_field_show(field, 0, span, text, sizeof text);
				ck_assert_uint_lt(length, sizeof text);
				ck_assert_uint_eq(strlen(text), length);
				ck_assert_uint_eq(ext_field_show(field, 0, span, cut, sizeof cut),
						  length);
				ck_assert_uint_eq(strlen(cut), length < 7 ? length : 7);
				ck_assert_int_eq(strncmp(text, cut, strlen(cut)), 0);
				for (size_t c = 0; c < length; c++)
					ck_assert_msg((unsigned char)text[c] >= 0x20 &&
							      text[c] != 0x7f,
						      "%s.%s", layout->name, field->name);
			}
		}
	}
}
END_TEST

START_TEST(every_day_of_the_calendar_has_its_date)
{
	static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned year = 1600, month = 0, day = 1;
	char expected[32];

	/* From 1600-01-01 on, which begins a cycle of 400 years, for more than two of them. */
	for (int64_t days = -135140; days < 170000; days++) {
		const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

		snprintf(expected, sizeof expected, "%04u-%02u-%02u 23:59:59 UTC", year, month + 1,
			 day);
		ck_assert_str_eq(time_text(days * 86400 + 86399), expected);
		if (++day > lengths[month] + (leap && month == 1)) {
			day = 1;
			if (++month == 12) {
				month = 0;
				year++;
			}
		}
	}
	ck_assert_uint_gt(year, 2400);
}
END_TEST

START_TEST(times_beyond_years_of_four_digits_are_numbers)
{
	ck_assert_str_eq(time_text(-1), "1969-12-31 23:59:59 UTC");
	ck_assert_str_eq(time_text(15032385535), "2446-05-10 22:38:55 UTC");
	ck_assert_str_eq(time_text(253402300799), "9999-12-31 23:59:59 UTC");
	ck_assert_str_eq(time_text(253402300800), "253402300800 s");
	ck_assert_str_eq(time_text(-62167219200), "0000-01-01 00:00:00 UTC");
	ck_assert_str_eq(time_text(-62167219201), "-62167219201 s");
	ck_assert_str_eq(time_text(INT64_MIN), "-9223372036854775808 s");
	ck_assert_str_eq(time_text(INT64_MAX), "9223372036854775807 s");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, numbers_have_the_base_that_suits_them);
	tcase_add_test(tests, flags_come_with_their_names_and_unknown_bits_in_hex);
	tcase_add_test(tests, a_flag_that_is_part_of_a_larger_one_is_not_named_beside_it);
	tcase_add_test(tests, enumerations_name_their_value);
	tcase_add_test(tests, times_of_the_superblock_are_unsigned_and_those_of_inodes_signed);
	tcase_add_test(tests, modes_read_as_ls_prints_them);
	tcase_add_test(tests, a_uuid_is_written_as_it_lies_and_a_guid_is_turned);
	tcase_add_test(tests, text_ends_at_its_last_character_and_is_harmless_to_a_terminal);
	tcase_add_test(tests, text_keeps_utf8_and_escapes_what_is_none);
	tcase_add_test(tests, names_of_partitions_are_turned_from_utf16);
	tcase_add_test(tests, byte_strings_read_as_hex);
	tcase_add_test(tests, a_byte_string_beyond_the_bytes_reads_as_nothing);
	tcase_add_test(tests, every_field_can_be_shown_whatever_it_holds);
	tcase_add_test(tests, every_day_of_the_calendar_has_its_date);
	tcase_add_test(tests, times_beyond_years_of_four_digits_are_numbers);
}

int main(void)
{
	return unit_run("show", add_tests);
}
