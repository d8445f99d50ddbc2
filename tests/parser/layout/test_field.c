/* SPDX-License-Identifier: MIT */
/* Every field of every structure: the tables are complete and in order, and values go in and out.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include <ext/field.h>

#include "layout/layout.h"
#include "unit.h"

/* Larger than any structure. */
enum { ROOM = 1024 };

static const struct ext_field *field_of(const char *layout, const char *name)
{
	const struct ext_layout *const found = ext_layout_by_name(layout);
	const struct ext_field *field;

	ck_assert_ptr_nonnull(found);
	field = ext_field_by_name(found, name);
	ck_assert_ptr_nonnull(field);
	return field;
}

START_TEST(every_structure_is_found_by_its_name)
{
	const struct ext_layout *layout;
	size_t count = 0;

	for (; (layout = ext_layout_at(count)) != NULL; count++) {
		ck_assert_ptr_eq(ext_layout_by_name(layout->name), layout);
		ck_assert_msg(layout->meaning[0] != '\0', "%s has no meaning", layout->name);
		ck_assert_msg(layout->size <= ROOM, "%s is too large", layout->name);
	}
	ck_assert_uint_ge(count, 50);
	ck_assert_ptr_null(ext_layout_at(SIZE_MAX));
	ck_assert_ptr_null(ext_layout_by_name("no_such_structure"));
}
END_TEST

START_TEST(fields_stand_in_order_and_cover_every_byte)
{
	const struct ext_layout *layout;

	for (size_t i = 0; (layout = ext_layout_at(i)) != NULL; i++) {
		size_t at = 0;

		for (size_t j = 0; j < layout->field_count; j++) {
			const struct ext_field *const field = &layout->fields[j];

			ck_assert_msg(field->at == at, "%s.%s is at %u, not %zu", layout->name,
				      field->name, (unsigned)field->at, at);
			ck_assert_msg(field->count > 0, "%s.%s is empty", layout->name,
				      field->name);
			at += ext_field_size(field);
		}
		ck_assert_msg(at == layout->size, "%s has %u bytes, its fields %zu", layout->name,
			      (unsigned)layout->size, at);
	}
}
END_TEST

START_TEST(every_field_is_found_by_its_name_and_says_what_it_means)
{
	const struct ext_layout *layout;

	for (size_t i = 0; (layout = ext_layout_at(i)) != NULL; i++) {
		for (size_t j = 0; j < layout->field_count; j++) {
			const struct ext_field *const field = &layout->fields[j];

			ck_assert_msg(ext_field_by_name(layout, field->name) == field,
				      "%s.%s stands twice", layout->name, field->name);
			ck_assert_msg(field->meaning[0] != '\0', "%s.%s has no meaning",
				      layout->name, field->name);
		}
		ck_assert_ptr_null(ext_field_by_name(layout, "no_such_field"));
	}
}
END_TEST

START_TEST(flags_and_enumerations_and_nothing_else_have_names_of_values)
{
	const struct ext_layout *layout;

	for (size_t i = 0; (layout = ext_layout_at(i)) != NULL; i++) {
		for (size_t j = 0; j < layout->field_count; j++) {
			const struct ext_field *const field = &layout->fields[j];
			const bool named =
				field->show == EXT_SHOW_FLAGS || field->show == EXT_SHOW_ENUM;

			ck_assert_msg((field->flags != NULL) == named, "%s.%s", layout->name,
				      field->name);
		}
	}
}
END_TEST

START_TEST(flags_ascend_and_fit_their_field)
{
	const struct ext_layout *layout;

	for (size_t i = 0; (layout = ext_layout_at(i)) != NULL; i++) {
		for (size_t j = 0; j < layout->field_count; j++) {
			const struct ext_field *const field = &layout->fields[j];
			const struct ext_flag_name *flag = field->flags;
			const size_t bits = 8 * ext_field_element_size(field);

			for (; flag && flag->name; flag++) {
				ck_assert_msg(flag == field->flags || flag[-1].value < flag->value,
					      "%s.%s: %s is out of order", layout->name,
					      field->name, flag->name);
				ck_assert_msg(bits == 64 || flag->value >> bits == 0,
					      "%s.%s: %s does not fit", layout->name, field->name,
					      flag->name);
				ck_assert_ptr_eq(ext_flag_by_value(field->flags, flag->value),
						 flag);
			}
		}
	}
}
END_TEST

START_TEST(tables_of_flags_are_found_by_name)
{
	ck_assert_ptr_eq(ext_flags_by_name("compat"),
			 field_of("superblock", "s_feature_compat")->flags);
	ck_assert_str_eq(ext_flag_by_value(ext_flags_by_name("incompat"), 0x40)->name, "extent");
	ck_assert_ptr_null(ext_flag_by_value(ext_flags_by_name("incompat"), 0x20));
	ck_assert_ptr_null(ext_flags_by_name("no_such_table"));
}
END_TEST

/* A value whose bytes all differ, so that a swapped or shifted byte shows. */
static uint64_t pattern(const struct ext_field *field, unsigned index)
{
	const uint64_t value = UINT64_C(0x1122334455667788) + UINT64_C(0x0101010101010101) * index;
	const size_t bits = 8 * ext_field_element_size(field);

	return bits == 64 ? value : value & ((UINT64_C(1) << bits) - 1);
}

START_TEST(every_field_gives_back_what_was_put_and_touches_no_other_byte)
{
	const struct ext_layout *layout;

	for (size_t i = 0; (layout = ext_layout_at(i)) != NULL; i++) {
		for (size_t j = 0; j < layout->field_count; j++) {
			const struct ext_field *const field = &layout->fields[j];
			const size_t width = ext_field_element_size(field);
			uint8_t bytes[ROOM];
			const struct ext_span span = {bytes, layout->size};

			if (field->type == EXT_FIELD_BYTES)
				continue;
			for (unsigned index = 0; index < field->count; index++) {
				const size_t at = field->at + width * index;

				memset(bytes, 0xa5, sizeof bytes);
				ext_field_put(field, index, bytes, pattern(field, index));
				ck_assert_msg(ext_field_get(field, index, span) ==
						      pattern(field, index),
					      "%s.%s[%u] is %#" PRIx64, layout->name, field->name,
					      index, ext_field_get(field, index, span));
				for (size_t k = 0; k < sizeof bytes; k++)
					ck_assert_msg((k >= at && k < at + width) ||
							      bytes[k] == 0xa5,
						      "%s.%s[%u] changes byte %zu", layout->name,
						      field->name, index, k);
			}
		}
	}
}
END_TEST

START_TEST(a_byte_string_has_no_number)
{
	uint8_t bytes[ROOM];
	uint8_t same[ROOM];
	const struct ext_span span = {bytes, sizeof bytes};
	const struct ext_field *const uuid = field_of("superblock", "s_uuid");

	memset(bytes, 0x5a, sizeof bytes);
	memset(same, 0x5a, sizeof same);

	ext_field_put(uuid, 0, bytes, 1);

	ck_assert_mem_eq(bytes, same, sizeof bytes);
	ck_assert_uint_eq(ext_field_get(uuid, 0, span), 0);
	ck_assert_uint_eq(ext_field_size(uuid), 16);
}
END_TEST

START_TEST(what_lies_beyond_the_bytes_or_the_array_reads_as_zero)
{
	uint8_t bytes[ROOM];
	const struct ext_field *const seed = field_of("superblock", "s_hash_seed");
	const struct ext_span cut = {bytes, (size_t)seed->at + 7};
	const struct ext_span whole = {bytes, sizeof bytes};

	memset(bytes, 0xff, sizeof bytes);

	ck_assert_uint_eq(ext_field_get(seed, 0, cut), 0xffffffff);
	ck_assert_uint_eq(ext_field_get(seed, 1, cut), 0);
	ck_assert_uint_eq(ext_field_get(seed, 3, whole), 0xffffffff);
	ck_assert_uint_eq(ext_field_get(seed, 4, whole), 0);
}
END_TEST

START_TEST(tables_and_raw_structures_agree_on_width_and_order)
{
	struct ext_raw_extent extent = {{{0}}, {{0}}, {{0}}, {{0}}};
	struct ext_raw_journal_tag3 tag = {{{0}}, {{0}}, {{0}}, {{0}}};
	uint8_t bytes[16];
	struct ext_span span = {bytes, sizeof extent};

	put(&extent.ee_start_hi, 0x1234);
	memcpy(bytes, &extent, sizeof extent);
	ck_assert_uint_eq(bytes[6], 0x34);
	ck_assert_uint_eq(ext_field_get(field_of("extent", "ee_start_hi"), 0, span), 0x1234);

	put(&tag.t_blocknr, 0x12345678);
	memcpy(bytes, &tag, sizeof tag);
	span.size = sizeof tag;
	ck_assert_uint_eq(bytes[0], 0x12);
	ck_assert_uint_eq(ext_field_get(field_of("journal_tag3", "t_blocknr"), 0, span),
			  0x12345678);
	ck_assert_uint_eq(get(tag.t_blocknr), 0x12345678);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, every_structure_is_found_by_its_name);
	tcase_add_test(tests, fields_stand_in_order_and_cover_every_byte);
	tcase_add_test(tests, every_field_is_found_by_its_name_and_says_what_it_means);
	tcase_add_test(tests, flags_and_enumerations_and_nothing_else_have_names_of_values);
	tcase_add_test(tests, flags_ascend_and_fit_their_field);
	tcase_add_test(tests, tables_of_flags_are_found_by_name);
	tcase_add_test(tests, every_field_gives_back_what_was_put_and_touches_no_other_byte);
	tcase_add_test(tests, a_byte_string_has_no_number);
	tcase_add_test(tests, what_lies_beyond_the_bytes_or_the_array_reads_as_zero);
	tcase_add_test(tests, tables_and_raw_structures_agree_on_width_and_order);
}

int main(void)
{
	return unit_run("field", add_tests);
}
