/* SPDX-License-Identifier: MIT */
/*
 * What a file is, from its first bytes, as the extension that people give such files: for files
 * whose name is lost. Unknown content gets none; a wrong one would mislead.
 */
#ifndef RESCUE_GUESS_H
#define RESCUE_GUESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As many bytes from the start of a file are looked at. */
enum { GUESS_BYTES = 4096 };

/* A number above 0 for guess_extension_text; 0: unknown. `is_whole`: there is no more of it. */
uint8_t guess_extension(const uint8_t *data, size_t size, bool is_whole);
/* Without the dot: "jpg". */
const char *guess_extension_text(uint8_t extension);

#endif
