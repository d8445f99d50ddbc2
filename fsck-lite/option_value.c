/* SPDX-License-Identifier: MIT */
/* Values of options: numbers, sizes, words out of several, and what is said of those that are none.
 */
#include "config.h"

#include <ctype.h>
#include <string.h>

#include "option_value.h"

bool option_number(const char *text, const char **suffix, uint64_t *number)
{
	unsigned base = 10;
	uint64_t value = 0;
	const char *digit = text;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		digit += 2;
	}
	if (!isxdigit((unsigned char)*digit))
		return false;
	for (;; digit++) {
		unsigned worth = base;

		if (isdigit((unsigned char)*digit))
			worth = (unsigned)(*digit - '0');
		else if (base == 16 && isxdigit((unsigned char)*digit))
			worth = (unsigned)(tolower((unsigned char)*digit) - 'a') + 10;
		if (worth >= base)
			break;
		if (value > (UINT64_MAX - worth) / base)
			return false;
		value = value * base + worth;
	}
	if (suffix)
		*suffix = digit;
	else if (*digit)
		return false;
	*number = value;
	return true;
}

/* A number of bytes, in units of K, M, G, T (1024 each) or s (512) when one of them follows. */
static bool size_from(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	const char *suffix;
	const char *unit;
	unsigned shift = 0;
	uint64_t value;

	if (!isdigit((unsigned char)*text) || !option_number(text, &suffix, &value))
		return false;
	if (*suffix == 's') {
		shift = 9;
		suffix++;
	} else if (*suffix && (unit = strchr(units, toupper((unsigned char)*suffix)))) {
		shift = 10 * (unsigned)(unit - units + 1);
		suffix++;
		if (strcmp(suffix, "iB") == 0)
			suffix += 2;
	}
	if (*suffix || value > UINT64_MAX >> shift)
		return false;
	*size = value << shift;
	return true;
}

/* Which of the words of `choices`, with | between them; or -1. */
static int choice_from(const char *choices, const char *text)
{
	const size_t length = strlen(text);

	for (int which = 0;; which++) {
		const size_t word = strcspn(choices, "|");

		if (word == length && memcmp(choices, text, length) == 0)
			return which;
		choices += word;
		if (!*choices)
			return -1;
		choices++;
	}
}

static bool superblock_from(const char *text, struct options *options)
{
	if (strcmp(text, "primary") == 0) {
		options->superblock = SUPERBLOCK_PRIMARY;
		return true;
	}
	if (!option_number(text, NULL, &options->superblock_block))
		return false;
	options->superblock = SUPERBLOCK_AT;
	return true;
}

bool option_takes_value(const struct option_row *row)
{
	return row->value != NULL && row->kind != SUPERBLOCK_TOO;
}

bool option_store(const struct option_row *row, const char *text, struct options *options)
{
	void *const place = (char *)options + row->at;
	struct option_number *const number = place;
	uint64_t *const plain = place;
	enum ext_problem problem;

	switch (row->kind) {
	case SWITCH:
		*(bool *)place = true;
		return true;
	case COUNTER:
		++*(unsigned *)place;
		return true;
	case TEXT:
		*(const char **)place = text;
		return *text != '\0';
	case NUMBER:
		number->given = true;
		return option_number(text, NULL, &number->value);
	case POSITIVE:
		number->given = true;
		return option_number(text, NULL, &number->value) && number->value > 0;
	case SIZE:
		number->given = true;
		return size_from(text, &number->value);
	case PLAIN_NUMBER:
		return option_number(text, NULL, plain);
	case PLAIN_SIZE:
		return size_from(text, plain);
	case CHOICE:
		*(int *)place = choice_from(row->value, text);
		return *(int *)place >= 0;
	case BLOCK_SIZE:
		return size_from(text, plain) && *plain >= 1024 && *plain <= 65536 &&
		       (*plain & (*plain - 1)) == 0;
	case SUPERBLOCK:
		return superblock_from(text, options);
	case SUPERBLOCK_TOO:
		options->repair_superblock = true;
		return !text || superblock_from(text, options);
	case PROBLEM:
		problem = ext_problem_by_slug(text);
		options->ignored[problem] = true;
		return problem != EXT_NO_PROBLEM;
	case SHOW_HELP:
	case SHOW_VERSION:
		return true;
	}
	return false;
}

const char *option_expectation(const struct option_row *row)
{
	switch (row->kind) {
	case NUMBER:
	case PLAIN_NUMBER:
		return "a number";
	case POSITIVE:
		return "a number from 1";
	case SIZE:
	case PLAIN_SIZE:
		return "bytes, such as 1048576, 2048s or 1M";
	case CHOICE:
		return row->value;
	case BLOCK_SIZE:
		return "a power of two from 1024 to 65536";
	case SUPERBLOCK:
	case SUPERBLOCK_TOO:
		return "a block number or `primary'";
	case PROBLEM:
		return "a code that `fsck-lite explain --list' lists";
	case SWITCH:
	case COUNTER:
	case TEXT:
	case SHOW_HELP:
	case SHOW_VERSION:
		break;
	}
	return "a value";
}
