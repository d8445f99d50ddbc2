/* SPDX-License-Identifier: MIT */
/* rescue/lives.c: a set of inode numbers with their generations. */
#include "config.h"

#include "rescue/lives.h"
#include "unit.h"

START_TEST(each_generation_of_a_number_is_a_life_of_its_own)
{
	struct lives lives = {0};

	ck_assert(!lives_has(&lives, 12, 7));
	ck_assert(lives_add(&lives, 12, 7));

	ck_assert(lives_has(&lives, 12, 7));
	ck_assert(!lives_has(&lives, 12, 8));
	ck_assert(!lives_has(&lives, 7, 12));
	lives_clear(&lives);
}
END_TEST

START_TEST(many_lives_are_all_remembered)
{
	enum { MANY = 5000 };
	struct lives lives = {0};

	for (uint32_t i = 1; i <= MANY; i++)
		ck_assert(lives_add(&lives, i % 50 + 1, i * UINT32_C(2654435761)));
	ck_assert(lives_add(&lives, 2, UINT32_C(2654435761)));

	ck_assert_uint_eq(lives.count, MANY);
	for (uint32_t i = 1; i <= MANY; i++) {
		ck_assert(lives_has(&lives, i % 50 + 1, i * UINT32_C(2654435761)));
		ck_assert(!lives_has(&lives, i % 50 + 2, i * UINT32_C(2654435761)));
	}
	lives_clear(&lives);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, each_generation_of_a_number_is_a_life_of_its_own);
	tcase_add_test(tests, many_lives_are_all_remembered);
}

int main(void)
{
	return unit_run("lives", add_tests);
}
