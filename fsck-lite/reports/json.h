/* SPDX-License-Identifier: MIT */
/*
 * A JSON document, written as it goes: no tree in memory, the same bytes every time. `key` is the
 * member's name inside an object and NULL inside an array.
 */
#ifndef REPORTS_JSON_H
#define REPORTS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	unsigned depth;
	bool compact; /* all on one line: for a document a line */
	bool empty;   /* nothing stands in the innermost object or array yet */
};

/* Begins writing to `out`, which is borrowed. */
void json_open(struct json *json, FILE *out, bool compact);

/* Ends the document with a newline; every object and array has been ended. */
void json_close(struct json *json);

void json_object(struct json *json, const char *key);
void json_end_object(struct json *json);
void json_array(struct json *json, const char *key);
void json_end_array(struct json *json);

void json_u64(struct json *json, const char *key, uint64_t value);
void json_i64(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

/* A string; bytes that are no UTF-8 become U+FFFD. */
void json_text(struct json *json, const char *key, const char *text);
void json_bytes(struct json *json, const char *key, const char *bytes, size_t length);

/*
 * A name from the image: the member `key`, and `KEY_base64` with the true bytes when they are not
 * valid UTF-8. Only inside an object.
 */
void json_name(struct json *json, const char *key, const char *bytes, size_t length);

/* The head of every document: opens the object, with its `schema` and `image`. */
void json_begin_document(struct json *json, const char *command, const char *image);

#endif
