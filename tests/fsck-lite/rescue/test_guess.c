/* SPDX-License-Identifier: MIT */
/* Extensions from content: what is known is told, what is not gets none. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "rescue/guess.h"
#include "unit.h"

static const char *guessed(const char *at_start, size_t length, size_t size)
{
	static uint8_t data[GUESS_BYTES];

	memset(data, 0, sizeof data);
	memcpy(data, at_start, length);
	return guess_extension_text(guess_extension(data, size, size < GUESS_BYTES));
}

#define GUESSED(bytes) guessed(bytes, sizeof(bytes) - 1, GUESS_BYTES)
#define GUESSED_TEXT(text) guessed(text, sizeof(text) - 1, sizeof(text) - 1)

START_TEST(signatures_tell_the_kind)
{
	ck_assert_str_eq(GUESSED("\xff\xd8\xff\xe0"), "jpg");
	ck_assert_str_eq(GUESSED("\x89PNG\r\n\x1a\n"), "png");
	ck_assert_str_eq(GUESSED("%PDF-1.7\n"), "pdf");
	ck_assert_str_eq(GUESSED("\x1f\x8b\x08"), "gz");
	ck_assert_str_eq(GUESSED("SQLite format 3\0"), "sqlite");
	ck_assert_str_eq(GUESSED("RIFF\1\2\3\4WAVE"), "wav");
	ck_assert_str_eq(GUESSED("RIFF\1\2\3\4AVI "), "avi");
	ck_assert_str_eq(GUESSED("\0\0\0\x18"
				 "ftypisom"),
			 "mp4");
	ck_assert_str_eq(GUESSED("\0\0\0\x14"
				 "ftypqt  "),
			 "mov");
	ck_assert_str_eq(GUESSED("\x7f"
				 "ELF\2\1\1\0\0\0\0\0\0\0\0\0\1\0\x3e\0"),
			 "o");
	ck_assert_str_eq(GUESSED("\x7f"
				 "ELF\2\2\1\0\0\0\0\0\0\0\0\0\0\2\0\x3e"),
			 "elf");
}
END_TEST

START_TEST(a_tar_archive_is_known_by_its_middle)
{
	uint8_t data[1024] = "some-name";

	memcpy(data + 257, "ustar\00000", 8);

	ck_assert_str_eq(guess_extension_text(guess_extension(data, sizeof data, false)), "tar");
}
END_TEST

START_TEST(a_zip_archive_is_what_its_members_say)
{
	ck_assert_str_eq(GUESSED("PK\3\4 photo.jpg"), "zip");
	ck_assert_str_eq(GUESSED("PK\3\4 [Content_Types].xml ... word/document.xml"), "docx");
	ck_assert_str_eq(GUESSED("PK\3\4 [Content_Types].xml ... xl/workbook.xml"), "xlsx");
	ck_assert_str_eq(GUESSED("PK\3\4 META-INF/MANIFEST.MF"), "jar");
	ck_assert_str_eq(GUESSED("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0"
				 "mimetypeapplication/vnd.oasis.opendocument.text"),
			 "odt");
}
END_TEST

START_TEST(text_is_told_apart)
{
	ck_assert_str_eq(GUESSED_TEXT("Dear aunt,\n\tgr\xc3\xbc\xc3\x9f"
				      "e\n"),
			 "txt");
	ck_assert_str_eq(GUESSED_TEXT("#!/usr/bin/env python3\nprint()\n"), "py");
	ck_assert_str_eq(GUESSED_TEXT("#!/bin/sh\n"), "sh");
	ck_assert_str_eq(GUESSED_TEXT("\xef\xbb\xbf<!DOCTYPE HTML><title>x</title>"), "html");
	ck_assert_str_eq(GUESSED_TEXT("<?xml version='1.0'?><a/>"), "xml");
	ck_assert_str_eq(GUESSED_TEXT("<?xml version='1.0'?><svg/>"), "svg");
	ck_assert_str_eq(GUESSED_TEXT("{\n \"name\": 1}"), "json");
	ck_assert_str_eq(GUESSED_TEXT("{ not json }"), "txt");
	ck_assert_str_eq(GUESSED_TEXT("[section]\n"), "txt");
}
END_TEST

START_TEST(what_is_unknown_gets_no_extension)
{
	ck_assert_str_eq(GUESSED(""), "");
	ck_assert_str_eq(guessed("", 0, 0), "");
	ck_assert_str_eq(GUESSED_TEXT("text, but with a \1 in it"), "");
	ck_assert_str_eq(GUESSED_TEXT("latin-1: gr\xfc"
				      "n"),
			 "");
	ck_assert_str_eq(GUESSED("RIFF\1\2\3\4XXXX"), "");
	ck_assert_str_eq(GUESSED("MZ but no program"), "");
	ck_assert_str_eq(guessed("\x89PNG", 4, 4), "");
	ck_assert_str_eq(guess_extension_text(UINT8_MAX), "");
}
END_TEST

/* A character that is cut by the end of what is looked at is no reason to doubt. */
START_TEST(a_character_may_be_cut_where_the_file_goes_on)
{
	const uint8_t text[] = {'a', 'b', 0xc3};

	ck_assert_str_eq(guess_extension_text(guess_extension(text, 3, false)), "txt");
	ck_assert_str_eq(guess_extension_text(guess_extension(text, 3, true)), "");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, signatures_tell_the_kind);
	tcase_add_test(tests, a_tar_archive_is_known_by_its_middle);
	tcase_add_test(tests, a_zip_archive_is_what_its_members_say);
	tcase_add_test(tests, text_is_told_apart);
	tcase_add_test(tests, what_is_unknown_gets_no_extension);
	tcase_add_test(tests, a_character_may_be_cut_where_the_file_goes_on);
}

int main(void)
{
	return unit_run("guess", add_tests);
}
