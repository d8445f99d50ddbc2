/* SPDX-License-Identifier: MIT */
/*
 * Files for tests, in the directory in which the test runs.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Makes a new file of these bytes; `path` receives its name. Remove it with unlink. */
static inline void scratch_file(char path[24], const void *bytes, size_t length)
{
	int descriptor;

	strcpy(path, "scratch.XXXXXX");
	descriptor = mkstemp(path);
	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(write(descriptor, bytes, length), (ssize_t)length);
	ck_assert_int_eq(close(descriptor), 0);
}

#endif
