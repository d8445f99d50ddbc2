/* SPDX-License-Identifier: MIT */
/* Complaints on stderr, in one form for all commands. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "complain.h"

void complain(const char *format, ...)
{
	va_list arguments;

	/* Results that were printed before must not appear behind the complaint on a terminal. */
	fflush(stdout);
	fputs("fsck-lite: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void complain_error(const char *image, const struct ext_error *error)
{
	char text[1024];

	ext_error_describe(error, text, sizeof text);
	complain("%s: %s", image, text);
}
