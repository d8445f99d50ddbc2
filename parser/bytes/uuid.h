/* SPDX-License-Identifier: MIT */
/*
 * UUIDs as text. On disk ext keeps the 16 bytes in the order in which they are written.
 */
#ifndef BYTES_UUID_H
#define BYTES_UUID_H

#include <stdbool.h>
#include <stdint.h>

enum { UUID_SIZE = 16, UUID_TEXT_SIZE = 37 };

/* "01234567-89ab-cdef-0123-456789abcdef", lower case, terminated. */
void uuid_format(const uint8_t uuid[16], char text[37]);

/* Reads exactly that form, either case; false, and `uuid` untouched, for anything else. */
bool uuid_parse(const char *text, uint8_t uuid[16]);

/* All bytes 0: no UUID was set. */
bool uuid_is_null(const uint8_t uuid[16]);

#endif
