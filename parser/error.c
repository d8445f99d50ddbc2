/* SPDX-License-Identifier: MIT */
/*
 * Statuses, places and problems: the table of problem.def, and errors and findings as one line of
 * text. Knows no structure of the format.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <ext/error.h>

static const struct ext_problem_text problems[] = {
	[EXT_NO_PROBLEM] = {"none", EXT_SEVERITY_INFO, "nothing is wrong", "", "", "", ""},
#define PROBLEM(id, slug, severity, message, question, cause, repair, e2fsck)                      \
	[EXT_##id] = {slug, EXT_SEVERITY_##severity, message, question, cause, repair, e2fsck},
#include <ext/problem.def>
};

_Static_assert(sizeof problems / sizeof *problems == EXT_PROBLEM_COUNT, "a row for each problem");

static const char *const structure_names[] = {
	[EXT_AT_NOTHING] = "",
	[EXT_AT_IMAGE] = "image",
	[EXT_AT_PARTITION_TABLE] = "partition table",
	[EXT_AT_SUPERBLOCK] = "superblock",
	[EXT_AT_GROUP_DESCRIPTOR] = "group descriptor",
	[EXT_AT_BLOCK_BITMAP] = "block bitmap",
	[EXT_AT_INODE_BITMAP] = "inode bitmap",
	[EXT_AT_INODE_TABLE] = "inode table",
	[EXT_AT_INODE] = "inode",
	[EXT_AT_EXTENT_NODE] = "extent node",
	[EXT_AT_BLOCK_MAP] = "block map",
	[EXT_AT_DIRECTORY_BLOCK] = "directory block",
	[EXT_AT_DIRENT] = "directory entry",
	[EXT_AT_HTREE] = "htree",
	[EXT_AT_XATTR] = "extended attribute",
	[EXT_AT_INLINE_DATA] = "inline data",
	[EXT_AT_JOURNAL] = "journal",
	[EXT_AT_JOURNAL_SUPERBLOCK] = "journal superblock",
	[EXT_AT_FAST_COMMIT] = "fast commit",
	[EXT_AT_ORPHAN] = "orphan list",
	[EXT_AT_MMP] = "MMP block",
	[EXT_AT_QUOTA] = "quota file",
	[EXT_AT_FILE_DATA] = "file data",
};

_Static_assert(sizeof structure_names / sizeof *structure_names == EXT_STRUCTURE_COUNT,
	       "a name for each structure");

/* Text that is cut at the buffer's end but counted to its own, as snprintf does. */
struct text {
	char *data;
	size_t size, length;
};

static void append(struct text *text, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++, text->length++)
		if (text->length + 1 < text->size)
			text->data[text->length] = bytes[i];
}

static void append_string(struct text *text, const char *string)
{
	append(text, string, strlen(string));
}

static size_t finish(struct text *text)
{
	if (text->size > 0)
		text->data[text->length < text->size ? text->length : text->size - 1] = '\0';
	return text->length;
}

static void append_number(struct text *text, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, value);
	append_string(text, digits);
}

const struct ext_problem_text *ext_problem_text(enum ext_problem problem)
{
	return &problems[(unsigned)problem < EXT_PROBLEM_COUNT ? problem : EXT_NO_PROBLEM];
}

enum ext_problem ext_problem_by_slug(const char *slug)
{
	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++)
		if (strcmp(problems[i].slug, slug) == 0)
			return (enum ext_problem)i;
	return EXT_NO_PROBLEM;
}

const char *ext_structure_name(enum ext_structure structure)
{
	return (unsigned)structure < EXT_STRUCTURE_COUNT ? structure_names[structure] : "";
}

static void append_part(struct text *text, const char *word, uint64_t value)
{
	if (text->length > 0)
		append_string(text, ", ");
	append_string(text, word);
	append(text, " ", 1);
	append_number(text, value);
}

static void append_place(struct text *text, const struct ext_place *place)
{
	const bool named_by_number = place->structure == EXT_AT_INODE && place->has & EXT_HAS_INODE;

	if (!named_by_number)
		append_string(text, ext_structure_name(place->structure));
	if (place->has & EXT_HAS_GROUP)
		append_part(text, "group", place->group);
	if (place->has & EXT_HAS_INODE)
		append_part(text, "inode", place->inode);
	if (place->has & EXT_HAS_LOGICAL)
		append_part(text, "file block", place->logical);
	if (place->has & EXT_HAS_BLOCK)
		append_part(text, "block", place->block);
	if (place->has & EXT_HAS_OFFSET)
		append_part(text, "byte", place->offset);
	if (place->field) {
		if (text->length > 0)
			append_string(text, ", ");
		append_string(text, place->field);
	}
}

/* A file name in a message: control and other unprintable bytes as \xNN. */
static void append_name(struct text *text, const char *name, size_t length)
{
	append_string(text, "\"");
	for (size_t i = 0; i < length; i++) {
		const unsigned char byte = (unsigned char)name[i];
		char escaped[8];

		if (byte >= 0x20 && byte != 0x7f && byte != '"' && byte != '\\') {
			append(text, &name[i], 1);
			continue;
		}
		snprintf(escaped, sizeof escaped, "\\x%02x", byte);
		append_string(text, escaped);
	}
	append_string(text, "\"");
}

/* Writes {found}, {low:x4} ... of a row's message; any other text goes through as it is. */
static void append_message(struct text *text, const struct ext_finding *finding)
{
	const char *message = ext_problem_text(finding->problem)->message;

	while (*message) {
		uint64_t value;
		size_t length;
		unsigned digits = 0;
		char number[40];

		if (*message != '{') {
			append(text, message++, 1);
			continue;
		}
		if (strncmp(message, "{name}", 6) == 0) {
			append_name(text, finding->name, finding->name_length);
			message += 6;
			continue;
		}
		if (strncmp(message, "{found", 6) == 0) {
			value = finding->found;
			length = 6;
		} else if (strncmp(message, "{low", 4) == 0) {
			value = finding->low;
			length = 4;
		} else if (strncmp(message, "{second", 7) == 0) {
			value = finding->low;
			length = 7;
		} else if (strncmp(message, "{high", 5) == 0) {
			value = finding->high;
			length = 5;
		} else {
			append(text, message++, 1);
			continue;
		}
		message += length;
		if (message[0] == ':' && message[1] == 'x') {
			for (message += 2; *message >= '0' && *message <= '9'; message++)
				digits = digits * 10 + (unsigned)(*message - '0');
			snprintf(number, sizeof number, "0x%0*" PRIx64, (int)digits, value);
		} else {
			snprintf(number, sizeof number, "%" PRIu64, value);
		}
		append_string(text, number);
		if (*message == '}')
			message++;
	}
}

size_t ext_place_describe(const struct ext_place *place, char *string, size_t size)
{
	struct text text = {string, size, 0};

	append_place(&text, place);
	return finish(&text);
}

size_t ext_finding_message(const struct ext_finding *finding, char *string, size_t size)
{
	struct text text = {string, size, 0};

	append_message(&text, finding);
	return finish(&text);
}

size_t ext_finding_describe(const struct ext_finding *finding, char *string, size_t size)
{
	struct text text = {string, size, 0};

	append_place(&text, &finding->place);
	if (text.length > 0)
		append_string(&text, ": ");
	append_message(&text, finding);
	append_string(&text, " [");
	append_string(&text, ext_problem_text(finding->problem)->slug);
	append_string(&text, "]");
	return finish(&text);
}

struct ext_finding ext_finding_of_error(const struct ext_error *error)
{
	struct ext_finding finding = {.problem = error->problem, .place = error->place};

	finding.found = error->found;
	finding.low = error->low;
	finding.high = error->high;
	return finding;
}

size_t ext_error_describe(const struct ext_error *error, char *string, size_t size)
{
	const struct ext_finding finding = ext_finding_of_error(error);
	struct text text = {string, size, 0};

	if (error->status == EXT_MEMORY) {
		append_string(&text, "out of memory");
		return finish(&text);
	}
	append_place(&text, &error->place);
	if (text.length > 0)
		append_string(&text, ": ");
	append_message(&text, &finding);
	if (error->os_error != 0) {
		append_string(&text, ": ");
		append_string(&text, strerror(error->os_error));
	}
	append_string(&text, " [");
	append_string(&text, ext_problem_text(error->problem)->slug);
	append_string(&text, "]");
	return finish(&text);
}

void ext_finding_unasked(struct ext_finding *finding, uint32_t code)
{
	const char *codes = ext_problem_text(finding->problem)->e2fsck;
	char wanted[16];

	snprintf(wanted, sizeof wanted, "0x%06" PRIx32, code);
	for (unsigned position = 0; *codes != 0; position++) {
		const size_t length = strcspn(codes, " ");

		if (length == strlen(wanted) && memcmp(codes, wanted, length) == 0) {
			finding->unasked |= (uint16_t)(1u << position);
			return;
		}
		codes += length;
		codes += strspn(codes, " ");
	}
}

bool ext_finding_asks(const struct ext_finding *finding, unsigned position)
{
	return position >= 16 || (finding->unasked >> position & 1) == 0;
}

void ext_report(struct ext_sink *sink, const struct ext_finding *finding)
{
	if (sink)
		sink->report(sink, finding);
}

enum ext_status ext_corrupt(struct ext_error *error, enum ext_problem problem,
			    struct ext_place place, uint64_t found, uint64_t low, uint64_t high)
{
	if (error)
		*error = (struct ext_error){EXT_CORRUPT, problem, place, found, low, high, 0};
	return EXT_CORRUPT;
}

enum ext_status ext_fail(struct ext_error *error, enum ext_status status, enum ext_problem problem,
			 struct ext_place place, int os_error)
{
	if (error)
		*error = (struct ext_error){status, problem, place, 0, 0, 0, os_error};
	return status;
}

enum ext_status ext_no_memory(struct ext_error *error)
{
	return ext_fail(error, EXT_MEMORY, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
}
