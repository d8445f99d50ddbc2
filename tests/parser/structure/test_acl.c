/* SPDX-License-Identifier: MIT */
/* Access control lists: decoded, translated, and rejected when malformed. */
#include "config.h"

#include <string.h>

#include <ext/xattr.h>

#include "unit.h"

/* Owner rw, user 1000 r, owning group r, group 2000 r-x, mask rwx, other none. */
static const uint8_t stored[] = {
	0x01, 0, 0, 0,			 /* a_version 1 */
	0x01, 0, 6, 0,			 /* owner */
	0x02, 0, 4, 0, 0xe8, 0x03, 0, 0, /* user 1000 */
	0x04, 0, 4, 0,			 /* owning group */
	0x08, 0, 5, 0, 0xd0, 0x07, 0, 0, /* group 2000 */
	0x10, 0, 7, 0,			 /* mask */
	0x20, 0, 0, 0,			 /* other */
};

START_TEST(only_named_entries_have_an_id)
{
	const struct ext_span value = {stored, sizeof stored};
	struct ext_acl_entry entries[6];
	size_t at = 0;

	for (unsigned i = 0; i < 6; i++)
		ck_assert_int_eq(ext_acl_next(value, &at, &entries[i], NULL), EXT_OK);
	ck_assert_int_eq(ext_acl_next(value, &at, &entries[0], NULL), EXT_END);

	ck_assert_uint_eq(entries[1].tag, EXT_ACL_USER);
	ck_assert_uint_eq(entries[1].id, 1000);
	ck_assert(entries[3].has_id);
	ck_assert_uint_eq(entries[3].id, 2000);
	ck_assert_uint_eq(entries[3].permissions, 5);
	ck_assert(!entries[2].has_id);
	ck_assert_uint_eq(entries[5].tag, EXT_ACL_OTHER);
}
END_TEST

START_TEST(the_system_call_form_gives_every_entry_an_id)
{
	const struct ext_span value = {stored, sizeof stored};
	uint8_t buffer[64];

	ck_assert_uint_eq(ext_acl_to_syscall(value, buffer, sizeof buffer), 4 + 6 * 8);

	ck_assert_mem_eq(buffer, "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\4\0\xe8\3\0\0", 20);
	ck_assert_uint_eq(ext_acl_to_syscall(value, buffer, 51), 0);
}
END_TEST

static void assert_malformed(const uint8_t *bytes, size_t size)
{
	const struct ext_span value = {bytes, size};
	struct ext_acl_entry entry;
	struct ext_error error;
	enum ext_status status;
	uint8_t buffer[64];
	size_t at = 0;

	while ((status = ext_acl_next(value, &at, &entry, &error)) == EXT_OK)
		continue;
	ck_assert_int_eq(status, EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_ACL_MALFORMED);
	ck_assert_uint_eq(ext_acl_to_syscall(value, buffer, sizeof buffer), 0);
}

START_TEST(malformed_lists_are_rejected)
{
	uint8_t bytes[sizeof stored];

	assert_malformed(stored, 0);
	assert_malformed(stored, 3);
	assert_malformed(stored, sizeof stored - 1);
	assert_malformed(stored, 4 + 4 + 6);
	memcpy(bytes, stored, sizeof stored);
	bytes[0] = 2;
	assert_malformed(bytes, sizeof bytes);
	memcpy(bytes, stored, sizeof stored);
	bytes[4] = 3;
	assert_malformed(bytes, sizeof bytes);
	memcpy(bytes, stored, sizeof stored);
	bytes[6] = 8;
	assert_malformed(bytes, sizeof bytes);
}
END_TEST

START_TEST(an_empty_list_is_well_formed)
{
	const struct ext_span value = {stored, 4};
	struct ext_acl_entry entry;
	size_t at = 0;

	ck_assert_int_eq(ext_acl_next(value, &at, &entry, NULL), EXT_END);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, only_named_entries_have_an_id);
	tcase_add_test(tests, the_system_call_form_gives_every_entry_an_id);
	tcase_add_test(tests, malformed_lists_are_rejected);
	tcase_add_test(tests, an_empty_list_is_well_formed);
}

int main(void)
{
	return unit_run("acl", add_tests);
}
