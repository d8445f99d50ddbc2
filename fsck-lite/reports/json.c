/* SPDX-License-Identifier: MIT */
/*
 * JSON as RFC 8259 has it: escapes, commas and indentation. Knows no command's document.
 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "reports/json.h"
#include "reports/text.h"

void json_open(struct json *json, FILE *out, bool compact)
{
	*json = (struct json){.out = out, .compact = compact, .empty = true};
}

void json_close(struct json *json)
{
	assert(json->depth == 0);
	fputc('\n', json->out);
	json->empty = true;
}

static void new_line(struct json *json)
{
	if (json->compact)
		return;
	fputc('\n', json->out);
	for (unsigned i = 0; i < json->depth; i++)
		fputs("  ", json->out);
}

static void string(struct json *json, const char *bytes, size_t length)
{
	fputc('"', json->out);
	for (size_t at = 0; at < length;) {
		const unsigned char byte = (unsigned char)bytes[at];
		const size_t run = text_utf8_length(bytes + at, length - at);

		if (run == 0) {
			fputs("\xef\xbf\xbd", json->out); /* U+FFFD, one for each bad byte */
			at++;
			continue;
		}
		if (byte == '"' || byte == '\\')
			fprintf(json->out, "\\%c", byte);
		else if (byte == '\n')
			fputs("\\n", json->out);
		else if (byte == '\t')
			fputs("\\t", json->out);
		else if (byte < 0x20 || byte == 0x7f)
			fprintf(json->out, "\\u%04x", byte);
		else
			fwrite(bytes + at, 1, run, json->out);
		at += run;
	}
	fputc('"', json->out);
}

/* The comma, the line and the key before a value. */
static void before_value(struct json *json, const char *key)
{
	if (!json->empty)
		fputc(',', json->out);
	if (json->depth > 0)
		new_line(json);
	json->empty = false;
	if (key) {
		string(json, key, strlen(key));
		fputs(json->compact ? ":" : ": ", json->out);
	}
}

static void begin(struct json *json, const char *key, char bracket)
{
	before_value(json, key);
	fputc(bracket, json->out);
	json->depth++;
	json->empty = true;
}

static void end(struct json *json, char bracket)
{
	assert(json->depth > 0);
	json->depth--;
	if (!json->empty)
		new_line(json);
	fputc(bracket, json->out);
	json->empty = false;
}

void json_object(struct json *json, const char *key)
{
	begin(json, key, '{');
}

void json_end_object(struct json *json)
{
	end(json, '}');
}

void json_array(struct json *json, const char *key)
{
	begin(json, key, '[');
}

void json_end_array(struct json *json)
{
	end(json, ']');
}

void json_u64(struct json *json, const char *key, uint64_t value)
{
	before_value(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void json_i64(struct json *json, const char *key, int64_t value)
{
	before_value(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	before_value(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
	before_value(json, key);
	fputs("null", json->out);
}

void json_text(struct json *json, const char *key, const char *text)
{
	json_bytes(json, key, text, strlen(text));
}

void json_bytes(struct json *json, const char *key, const char *bytes, size_t length)
{
	before_value(json, key);
	string(json, bytes, length);
}

static void base64(struct json *json, const char *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	fputc('"', json->out);
	for (size_t at = 0; at < length; at += 3) {
		const size_t left = length - at;
		const uint32_t group =
			(uint32_t)(unsigned char)bytes[at] << 16 |
			(left > 1 ? (uint32_t)(unsigned char)bytes[at + 1] << 8 : 0) |
			(left > 2 ? (uint32_t)(unsigned char)bytes[at + 2] : 0);

		fputc(digits[group >> 18], json->out);
		fputc(digits[group >> 12 & 63], json->out);
		fputc(left > 1 ? digits[group >> 6 & 63] : '=', json->out);
		fputc(left > 2 ? digits[group & 63] : '=', json->out);
	}
	fputc('"', json->out);
}

void json_name(struct json *json, const char *key, const char *bytes, size_t length)
{
	json_bytes(json, key, bytes, length);
	if (text_is_utf8(bytes, length))
		return;
	fputc(',', json->out);
	new_line(json);
	fprintf(json->out, "\"%s_base64\"%s", key, json->compact ? ":" : ": ");
	base64(json, bytes, length);
}

void json_begin_document(struct json *json, const char *command, const char *image)
{
	char schema[64];

	snprintf(schema, sizeof schema, "fsck-lite/%s/1", command);
	json_object(json, NULL);
	json_text(json, "schema", schema);
	json_name(json, "image", image, strlen(image));
}
