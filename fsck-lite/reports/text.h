/* SPDX-License-Identifier: MIT */
/*
 * Pieces of text reports: names that cannot harm a terminal, sizes, shares, bars, times, colours.
 * Plain ASCII but for names, and the same on every machine and in every locale.
 */
#ifndef REPORTS_TEXT_H
#define REPORTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of the UTF-8 character that begins here, 1 to 4; 0 when there is none. */
size_t text_utf8_length(const char *bytes, size_t length);
bool text_is_utf8(const char *bytes, size_t length);

/*
 * Prints a name from the image: control characters and bytes that are no UTF-8 as \x1b, a backslash
 * as two, so that it is one line, sends a terminal no commands and can be told from any other name.
 */
void text_name(FILE *out, const char *bytes, size_t length);

/* Room for any of the short texts below. */
enum { TEXT_SHORT = 64 };

/* "0 B", "1023 B", "1.5 KiB", "12 GiB": three digits at least where there are any; returns `text`.
 */
const char *text_size(char text[TEXT_SHORT], uint64_t bytes);

/* "1,048,576"; returns `text`. */
const char *text_count(char text[TEXT_SHORT], uint64_t count);

/* "12.5%", cut and not rounded: only the whole is 100%, only nothing is 0%; else "<0.1%" at least.
 */
const char *text_share(char text[TEXT_SHORT], uint64_t part, uint64_t whole);

/* A bar of `width` columns (100 at most), as full as `part` of `whole`. */
void text_bar(FILE *out, uint64_t part, uint64_t whole, unsigned width);

/* Seconds since 1970 as ext_time_show gives them, "2023-11-14 22:13:20 UTC"; returns `text`. */
const char *text_time(char text[TEXT_SHORT], int64_t seconds);

/* "drwxr-xr-x" for a mode as inodes store it; returns `text`. */
const char *text_mode(char text[TEXT_SHORT], unsigned mode);

/* "s" behind every number but 1. */
static inline const char *text_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

enum text_color { TEXT_PLAIN, TEXT_BOLD, TEXT_DIM, TEXT_RED, TEXT_YELLOW, TEXT_GREEN };

/* Does stdout get colours? `when` is an enum option_when. */
bool text_has_colors(int when);

/* The sequence that begins this colour, or "" without colours; TEXT_PLAIN ends it. */
const char *text_color(bool colors, enum text_color color);

#endif
