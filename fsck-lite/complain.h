/* SPDX-License-Identifier: MIT */
/* Complaints: one clear line on stderr. Results never go here, complaints never to stdout. */
#ifndef FSCK_LITE_COMPLAIN_H
#define FSCK_LITE_COMPLAIN_H

#include <ext/error.h>

#if defined __GNUC__
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

/* Prints "fsck-lite: " and the text, and ends the line. */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);

/* Prints what stopped a call on `image`: "fsck-lite: IMAGE: superblock, byte 1024: ... [slug]". */
void complain_error(const char *image, const struct ext_error *error);

#endif
