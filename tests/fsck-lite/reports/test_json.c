/* SPDX-License-Identifier: MIT */
/* reports/json.c: commas, escapes, indentation, names that are no UTF-8. */
#include "config.h"

#include <string.h>

#include "reports/json.h"
#include "unit.h"

/* What was written to the file so far, as a string. */
static const char *written(FILE *file, char *text, size_t size)
{
	size_t length;

	rewind(file);
	length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	return text;
}

START_TEST(members_and_elements_are_separated_by_commas)
{
	FILE *file = tmpfile();
	struct json json;
	char text[256];

	json_open(&json, file, true);
	json_object(&json, NULL);
	json_u64(&json, "most", UINT64_MAX);
	json_i64(&json, "least", INT64_MIN);
	json_array(&json, "list");
	json_bool(&json, NULL, true);
	json_null(&json, NULL);
	json_end_array(&json);
	json_text(&json, "last", "x");
	json_end_object(&json);
	json_close(&json);

	ck_assert_str_eq(written(file, text, sizeof text),
			 "{\"most\":18446744073709551615,\"least\":-9223372036854775808,"
			 "\"list\":[true,null],\"last\":\"x\"}\n");
	fclose(file);
}
END_TEST

START_TEST(empty_objects_and_arrays_stay_on_one_line)
{
	FILE *file = tmpfile();
	struct json json;
	char text[256];

	json_open(&json, file, false);
	json_object(&json, NULL);
	json_array(&json, "none");
	json_end_array(&json);
	json_object(&json, "nothing");
	json_end_object(&json);
	json_end_object(&json);
	json_close(&json);

	ck_assert_str_eq(written(file, text, sizeof text),
			 "{\n  \"none\": [],\n  \"nothing\": {}\n}\n");
	fclose(file);
}
END_TEST

START_TEST(control_characters_quotes_and_backslashes_are_escaped)
{
	FILE *file = tmpfile();
	struct json json;
	char text[256];

	json_open(&json, file, true);
	json_bytes(&json, NULL, "a\"\\\n\t\x01\0\x7f", 8);
	json_close(&json);

	ck_assert_str_eq(written(file, text, sizeof text),
			 "\"a\\\"\\\\\\n\\t\\u0001\\u0000\\u007f\"\n");
	fclose(file);
}
END_TEST

START_TEST(valid_name_has_no_base64)
{
	FILE *file = tmpfile();
	struct json json;
	char text[256];

	json_open(&json, file, true);
	json_object(&json, NULL);
	json_name(&json, "name", "\xc3\xa4", 2);
	json_end_object(&json);
	json_close(&json);

	ck_assert_str_eq(written(file, text, sizeof text), "{\"name\":\"\xc3\xa4\"}\n");
	fclose(file);
}
END_TEST

START_TEST(name_that_is_no_utf8_comes_with_its_bytes)
{
	static const struct {
		const char *name, *json;
	} cases[] = {
		{"\xff", "{\"name\":\"\xef\xbf\xbd\",\"name_base64\":\"/w==\"}\n"},
		{"a\xff", "{\"name\":\"a\xef\xbf\xbd\",\"name_base64\":\"Yf8=\"}\n"},
		{"a\xff"
		 "b",
		 "{\"name\":\"a\xef\xbf\xbd"
		 "b\",\"name_base64\":\"Yf9i\"}\n"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		FILE *file = tmpfile();
		struct json json;
		char text[256];

		json_open(&json, file, true);
		json_object(&json, NULL);
		json_name(&json, "name", cases[i].name, strlen(cases[i].name));
		json_end_object(&json);
		json_close(&json);

		ck_assert_str_eq(written(file, text, sizeof text), cases[i].json);
		fclose(file);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, members_and_elements_are_separated_by_commas);
	tcase_add_test(tests, empty_objects_and_arrays_stay_on_one_line);
	tcase_add_test(tests, control_characters_quotes_and_backslashes_are_escaped);
	tcase_add_test(tests, valid_name_has_no_base64);
	tcase_add_test(tests, name_that_is_no_utf8_comes_with_its_bytes);
}

int main(void)
{
	return unit_run("json", add_tests);
}
