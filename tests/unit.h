/* SPDX-License-Identifier: MIT */
/*
 * How a unit test program runs: `int main(void) { return unit_run("crc", add_tests); }`, where
 * add_tests calls tcase_add_test for each test. No time limit of Check's own: emulated machines are
 * slow, and a hang is the harness's to find.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

/*
 * Check notes every assertion that holds, to name the last one when a test is killed. With
 * sanitizers that is most of the time of a test that asserts a million times, and there their
 * report names the line.
 */
#if defined __SANITIZE_ADDRESS__ && !defined _mark_point
#define _mark_point(file, line) ((void)0)
#endif

static inline int unit_run(const char *name, void (*add_tests)(TCase *tests))
{
	Suite *const suite = suite_create(name);
	TCase *const tests = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 0);
	add_tests(tests);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
