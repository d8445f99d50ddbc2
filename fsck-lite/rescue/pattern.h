/* SPDX-License-Identifier: MIT */
/* Patterns that name paths, as a shell has them. */
#ifndef RESCUE_PATTERN_H
#define RESCUE_PATTERN_H

#include <stdbool.h>

/*
 * Does all of `path` fit `pattern`? `*` is any number of bytes but /, `?` one, `[a-z]` one of a
 * set,
 * `[!a-z]` one outside it, and a backslash takes its meaning from what follows. Bytes are compared,
 * not characters: names on disk have no encoding.
 */
bool pattern_fits(const char *pattern, const char *path);

#endif
