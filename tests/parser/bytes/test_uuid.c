/* SPDX-License-Identifier: MIT */
/*
 * UUIDs as text and back.
 */
#include "config.h"

#include <string.h>

#include "bytes/uuid.h"
#include "unit.h"

static const uint8_t known[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
				  0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
#define KNOWN_TEXT "01234567-89ab-cdef-fedc-ba9876543210"

START_TEST(uuid_is_written_in_the_order_of_its_bytes)
{
	char text[UUID_TEXT_SIZE];

	uuid_format(known, text);

	ck_assert_str_eq(text, KNOWN_TEXT);
}
END_TEST

START_TEST(uuid_is_read_in_either_case)
{
	uint8_t uuid[16];

	ck_assert(uuid_parse(KNOWN_TEXT, uuid));
	ck_assert_mem_eq(uuid, known, 16);
	ck_assert(uuid_parse("01234567-89AB-CDEF-FEDC-BA9876543210", uuid));
	ck_assert_mem_eq(uuid, known, 16);
}
END_TEST

START_TEST(malformed_uuid_is_refused_and_leaves_the_result_alone)
{
	static const char *const malformed[] = {
		"",
		"0",
		"01234567",
		"0123456789abcdeffedcba9876543210",
		"01234567-89ab-cdef-fedc-ba987654321",
		"01234567-89ab-cdef-fedc-ba98765432100",
		"01234567-89ab-cdef-fedc-ba987654321g",
		"0123456-789ab-cdef-fedc-ba9876543210",
		"01234567-89ab-cdef-fedc-ba9876543210 ",
	};
	uint8_t uuid[16];

	memcpy(uuid, known, 16);
	for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
		ck_assert_msg(!uuid_parse(malformed[i], uuid), "%s", malformed[i]);
	ck_assert_mem_eq(uuid, known, 16);
}
END_TEST

START_TEST(uuid_of_zeros_is_null)
{
	static const uint8_t zeros[16];

	ck_assert(uuid_is_null(zeros));
	ck_assert(!uuid_is_null(known));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, uuid_is_written_in_the_order_of_its_bytes);
	tcase_add_test(tests, uuid_is_read_in_either_case);
	tcase_add_test(tests, malformed_uuid_is_refused_and_leaves_the_result_alone);
	tcase_add_test(tests, uuid_of_zeros_is_null);
}

int main(void)
{
	return unit_run("uuid", add_tests);
}
