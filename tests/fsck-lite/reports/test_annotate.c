/* SPDX-License-Identifier: MIT */
/* The annotated hex dump, as text and as JSON. */
#include "config.h"

#include <string.h>

#include "reports/annotate.h"
#include "unit.h"

enum { TEXT_ROOM = 1 << 20 };

static FILE *begin_text(struct annotate *annotate, bool colors)
{
	FILE *const out = tmpfile();

	ck_assert_ptr_nonnull(out);
	annotate_as_text(annotate, out, colors);
	return out;
}

/* All that was printed; valid until the next call. */
static const char *printed(FILE *out)
{
	static char text[TEXT_ROOM];
	size_t length;

	ck_assert_int_eq(fflush(out), 0);
	rewind(out);
	length = fread(text, 1, sizeof text - 1, out);
	text[length] = '\0';
	fclose(out);
	return text;
}

static const uint8_t extent_node[] = {
	0x0a, 0xf3, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* header */
	0x07, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x86, 0x04, 0x00, 0x00, /* extent */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* not in use */
	0x78, 0x56, 0x34, 0x12,							/* tail */
};

static void annotate_node(struct annotate *annotate)
{
	annotate_begin(annotate, (struct ext_span){extent_node, sizeof extent_node}, 0x400);
	annotate_structure(annotate, "extent_header", 0, NULL);
	annotate_structure(annotate, "extent", 12, "extent 0");
	annotate_structure(annotate, "extent_tail", 36, NULL);
	annotate_end(annotate);
}

START_TEST(structures_are_dumped_in_sequence_with_what_lies_between_them)
{
	struct annotate annotate;
	FILE *const out = begin_text(&annotate, false);

	annotate_node(&annotate);

	ck_assert_str_eq(
		printed(out),
		"extent_header  Extent header: starts each node\n"
		"00000400  0a f3        eh_magic                 0xf30a       Magic, 0xf30a\n"
		"00000402  01 00        eh_entries               1            Entries in use\n"
		"00000404  02 00        eh_max                   2            Entries that fit\n"
		"00000406  00 00        eh_depth                 0            Levels below this "
		"node; 0 is a leaf\n"
		"00000408  00 00 00 00  eh_generation            0            Generation; unused\n"
		"extent 0  Extent: leaf entry\n"
		"0000040c  07 00 00 00  ee_block                 7            First file block "
		"covered\n"
		"00000410  03 00        ee_len                   3            Blocks covered; "
		"above 32768 the extent\n"
		"                                                             is uninitialised\n"
		"00000412  00 00        ee_start_hi              0            Physical block, bits "
		"32-47\n"
		"00000414  86 04 00 00  ee_start_lo              1158         Physical block, bits "
		"0-31\n"
		"00000418  ff ff ff ff  (unused)\n"
		"0000041c  ff ff ff ff\n"
		"00000420  ff ff ff ff\n"
		"extent_tail  Extent tail: behind the last entry that fits\n"
		"00000424  78 56 34 12  et_checksum              0x12345678   Checksum of the "
		"node\n");
}
END_TEST

START_TEST(the_meaning_of_a_structure_is_said_once_in_a_row_of_them)
{
	static const uint8_t slots[8] = {12};
	struct annotate annotate;
	FILE *const out = begin_text(&annotate, false);

	annotate_begin(&annotate, (struct ext_span){slots, sizeof slots}, 0);
	annotate_structure(&annotate, "orphan_entry", 0, NULL);
	annotate_structure(&annotate, "orphan_entry", 4, NULL);
	annotate_end(&annotate);

	ck_assert_str_eq(printed(out), "orphan_entry  Slot of an orphan block\n"
				       "00000000  0c 00 00 00  inode                    12         "
				       "  Orphaned inode; 0 when the slot is free\n"
				       "orphan_entry\n"
				       "00000004  00 00 00 00  inode                    0          "
				       "  Orphaned inode; 0 when the slot is free\n");
}
END_TEST

START_TEST(bytes_of_no_structure_come_with_their_characters_and_zeros_in_one_line)
{
	static const uint8_t bytes[96] = "sixteen letters!\x01\x7f";
	struct annotate annotate;
	FILE *const out = begin_text(&annotate, false);

	annotate_begin(&annotate, (struct ext_span){bytes, sizeof bytes}, 0);
	annotate_end(&annotate);

	ck_assert_str_eq(
		printed(out),
		"other bytes\n"
		"00000000  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 21  sixteen letters!\n"
		"00000010  01 7f 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................\n"
		"00000020  00 x 64\n");
}
END_TEST

START_TEST(zero_elements_of_an_array_share_a_line_and_its_meaning_stands_once)
{
	static const uint8_t header[32] = {[20] = 1};
	static const uint8_t zero_header[32] = {0};
	struct annotate annotate;
	FILE *out = begin_text(&annotate, false);
	const char *text;

	annotate_begin(&annotate, (struct ext_span){header, sizeof header}, 0);
	annotate_structure(&annotate, "xattr_header", 0, NULL);
	annotate_end(&annotate);
	text = printed(out);
	ck_assert_ptr_nonnull(
		strstr(text, "00000014  01 00 00 00  h_reserved[0]            0x00000001   Unused\n"
			     "00000018  00 00 00 00  h_reserved[1]            0x00000000\n"
			     "0000001c  00 00 00 00  h_reserved[2]            0x00000000\n"));

	out = begin_text(&annotate, false);
	annotate_begin(&annotate, (struct ext_span){zero_header, sizeof zero_header}, 0);
	annotate_structure(&annotate, "xattr_header", 0, NULL);
	annotate_end(&annotate);
	text = printed(out);
	ck_assert_ptr_nonnull(strstr(
		text, "00000014  00 x 12      h_reserved[0..2]         0x00000000   Unused\n"));
}
END_TEST

START_TEST(a_long_value_is_broken_at_spaces_and_its_meaning_follows_below)
{
	uint8_t bytes[1024] = {0};
	struct annotate annotate;
	FILE *const out = begin_text(&annotate, false);
	const struct ext_layout *const superblock = ext_layout_by_name("superblock");
	const char *text;

	ext_field_put(ext_field_by_name(superblock, "s_feature_compat"), 0, bytes, 0x3c);
	annotate_begin(&annotate, (struct ext_span){bytes, sizeof bytes}, 1024);
	annotate_structure(&annotate, "superblock", 0, NULL);
	annotate_end(&annotate);

	text = printed(out);
	ck_assert_ptr_nonnull(strstr(
		text, "0000045c  3c 00 00 00  s_feature_compat         0x0000003c has_journal "
		      "ext_attr resize_inode\n"
		      "                                                dir_index    Features"));
}
END_TEST

/* Bytes that are no characters, and bits most of which have no name: long values. */
START_TEST(no_line_is_wider_than_the_page_or_ends_in_a_space)
{
	static uint8_t bytes[1024];
	const struct ext_layout *layout;

	memset(bytes, 0xd8, sizeof bytes);
	for (size_t i = 0; (layout = ext_layout_at(i)) != NULL; i++) {
		struct annotate annotate;
		FILE *const out = begin_text(&annotate, false);
		const char *line;

		annotate_begin(&annotate, (struct ext_span){bytes, layout->size}, 0);
		annotate_structure(&annotate, layout->name, 0, NULL);
		annotate_end(&annotate);

		line = printed(out);
		ck_assert_ptr_nonnull(strstr(line, layout->name));
		ck_assert_ptr_null(strstr(line, "other bytes"));
		while (*line) {
			const char *const end = strchr(line, '\n');

			ck_assert_ptr_nonnull(end);
			ck_assert_msg(end - line <= 100, "%s: %.*s", layout->name,
				      (int)(end - line), line);
			ck_assert_msg(end > line && end[-1] != ' ', "%s: %.*s|", layout->name,
				      (int)(end - line), line);
			line = end + 1;
		}
	}
}
END_TEST

START_TEST(a_piece_that_is_too_short_shows_the_fields_it_has_and_the_rest_as_bytes)
{
	struct annotate annotate;
	FILE *const out = begin_text(&annotate, false);
	const char *text;

	annotate_begin(&annotate, (struct ext_span){extent_node, 5}, 0);
	annotate_structure(&annotate, "extent_header", 0, NULL);
	annotate_structure(&annotate, "extent", 12, NULL);
	annotate_end(&annotate);

	text = printed(out);
	ck_assert_ptr_nonnull(strstr(text, "eh_entries"));
	ck_assert_ptr_null(strstr(text, "eh_max"));
	ck_assert_ptr_null(strstr(text, "ee_block"));
	ck_assert_ptr_nonnull(strstr(text, "00000004  02           (unused)\n"));
}
END_TEST

START_TEST(a_structure_may_be_shown_in_part)
{
	static const uint8_t inode[256] = {[128] = 4};
	struct annotate annotate;
	FILE *const out = begin_text(&annotate, false);
	const char *text;

	annotate_begin(&annotate, (struct ext_span){inode, sizeof inode}, 0);
	annotate_range(&annotate, "inode", 0, 0, 0x28, NULL);
	annotate_structure(&annotate, "extent_header", 0x28, NULL);
	annotate_range(&annotate, "inode", 0, 0x64, 0x80, "inode, continued");
	annotate_range(&annotate, "inode_extra", 128, 0, 4, NULL);
	annotate_end(&annotate);

	text = printed(out);
	ck_assert_ptr_nonnull(strstr(text, "eh_magic"));
	ck_assert_ptr_null(strstr(text, "i_block["));
	ck_assert_ptr_nonnull(strstr(text, "\n00000064  00 00 00 00  i_generation"));
	ck_assert_ptr_nonnull(strstr(text, "i_checksum_hi"));
	ck_assert_ptr_null(strstr(text, "i_ctime_extra"));
	ck_assert_ptr_nonnull(strstr(text, "other bytes\n00000084  00 x 124\n"));
}
END_TEST

START_TEST(a_name_is_text_and_a_value_is_a_dump)
{
	static const uint8_t bytes[28] = "lost\x1b+found\0and what follows";
	struct annotate annotate;
	FILE *const out = begin_text(&annotate, false);

	annotate_begin(&annotate, (struct ext_span){bytes, sizeof bytes}, 0);
	annotate_bytes(&annotate, 0, 11, "name", "Name of the file", EXT_SHOW_TEXT);
	annotate_bytes(&annotate, 12, 100, "value", "Value", EXT_SHOW_BYTES);
	annotate_end(&annotate);

	ck_assert_str_eq(
		printed(out),
		"00000000  6c 6f 73 74  name                     \"lost\\x1b+found\"  Name of the "
		"file\n"
		"00000004  1b 2b 66 6f\n"
		"00000008  75 6e 64\n"
		"0000000b  00           (unused)\n"
		"value  Value\n"
		"0000000c  61 6e 64 20 77 68 61 74 20 66 6f 6c 6c 6f 77 73  and what follows\n");
}
END_TEST

START_TEST(values_without_a_name_are_coloured)
{
	static const uint8_t type[4] = {0x63};
	struct annotate annotate;
	FILE *const out = begin_text(&annotate, true);
	const char *text;

	annotate_begin(&annotate, (struct ext_span){type, sizeof type}, 0);
	annotate_structure(&annotate, "fc_tl", 0, NULL);
	annotate_end(&annotate);

	text = printed(out);
	ck_assert_ptr_nonnull(strstr(text, "m99 unknown\x1b["));
}
END_TEST

START_TEST(an_offset_beyond_32_bits_gets_the_digits_it_needs)
{
	struct annotate annotate;
	FILE *const out = begin_text(&annotate, false);

	annotate_begin(&annotate, (struct ext_span){extent_node, 4}, UINT64_C(0x123456789a));
	annotate_end(&annotate);

	ck_assert_str_eq(printed(out), "123456789a  0a f3 01 00  (unused)\n");
}
END_TEST

/* As JSON on one line. */
static const char *as_json(void (*dump)(struct annotate *annotate))
{
	FILE *const out = tmpfile();
	struct annotate annotate;
	struct json json;

	ck_assert_ptr_nonnull(out);
	json_open(&json, out, true);
	json_object(&json, NULL);
	annotate_as_json(&annotate, &json, "bytes");
	dump(&annotate);
	json_end_object(&json);
	json_close(&json);
	return printed(out);
}

/* `text` without its spaces, so that the writer's own taste does not matter; until the next call.
 */
static const char *without_spaces(const char *text)
{
	static char dense[TEXT_ROOM];
	size_t length = 0;

	for (; *text; text++)
		if (*text != ' ' && *text != '\n')
			dense[length++] = *text;
	dense[length] = '\0';
	return dense;
}

START_TEST(json_has_an_object_for_each_field)
{
	const char *const text = without_spaces(as_json(annotate_node));

	ck_assert_msg(strstr(text, "{\"bytes\":[{\"offset\":1024,\"size\":2,\"structure\":"
				   "\"extent_header\",\"at\":0,\"name\":\"eh_magic\",\"value\":"
				   "\"0xf30a\",\"number\":62218,\"raw\":\"0af3\",\"meaning\":"
				   "\"Magic,0xf30a\"},") == text,
		      "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "{\"offset\":1044,\"size\":4,\"structure\":\"extent\","
					   "\"at\":8,\"name\":\"ee_start_lo\","));
	ck_assert_ptr_nonnull(strstr(
		text, "{\"offset\":1048,\"size\":12,\"raw\":\"ffffffffffffffffffffffff\"},"));
}
END_TEST

static void annotate_leftovers(struct annotate *annotate)
{
	static const uint8_t bytes[1200] = {[0] = 1, [600] = 2};

	annotate_begin(annotate, (struct ext_span){bytes, sizeof bytes}, 0);
	annotate_bytes(annotate, 0, 1, "name", "", EXT_SHOW_TEXT);
	annotate_end(annotate);
}

START_TEST(json_covers_leftovers_with_zeros_told_and_not_listed)
{
	const char *const text = without_spaces(as_json(annotate_leftovers));

	ck_assert_str_eq(text, "{\"bytes\":["
			       "{\"offset\":0,\"size\":1,\"name\":\"name\",\"value\":\"\\\\x01\","
			       "\"raw\":\"01\"},"
			       "{\"offset\":1,\"size\":599,\"zero\":true},"
			       "{\"offset\":600,\"size\":1,\"raw\":\"02\"},"
			       "{\"offset\":601,\"size\":599,\"zero\":true}]}");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, structures_are_dumped_in_sequence_with_what_lies_between_them);
	tcase_add_test(tests, the_meaning_of_a_structure_is_said_once_in_a_row_of_them);
	tcase_add_test(tests,
		       bytes_of_no_structure_come_with_their_characters_and_zeros_in_one_line);
	tcase_add_test(tests, zero_elements_of_an_array_share_a_line_and_its_meaning_stands_once);
	tcase_add_test(tests, a_long_value_is_broken_at_spaces_and_its_meaning_follows_below);
	tcase_add_test(tests, no_line_is_wider_than_the_page_or_ends_in_a_space);
	tcase_add_test(tests,
		       a_piece_that_is_too_short_shows_the_fields_it_has_and_the_rest_as_bytes);
	tcase_add_test(tests, a_structure_may_be_shown_in_part);
	tcase_add_test(tests, a_name_is_text_and_a_value_is_a_dump);
	tcase_add_test(tests, values_without_a_name_are_coloured);
	tcase_add_test(tests, an_offset_beyond_32_bits_gets_the_digits_it_needs);
	tcase_add_test(tests, json_has_an_object_for_each_field);
	tcase_add_test(tests, json_covers_leftovers_with_zeros_told_and_not_listed);
}

int main(void)
{
	return unit_run("annotate", add_tests);
}
