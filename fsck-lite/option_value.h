/* SPDX-License-Identifier: MIT */
/* One option as the table of options.c has it, and its value from text. */
#ifndef FSCK_LITE_OPTION_VALUE_H
#define FSCK_LITE_OPTION_VALUE_H

#include "options.h"

enum option_kind {
	SWITCH,		/* bool */
	COUNTER,	/* unsigned, one more each time */
	TEXT,		/* const char * */
	NUMBER,		/* struct option_number, at least 0 */
	POSITIVE,	/* struct option_number, at least 1 */
	SIZE,		/* struct option_number, with K, M, G, T, or s for sectors */
	PLAIN_NUMBER,	/* uint64_t */
	PLAIN_SIZE,	/* uint64_t, with the same suffixes */
	CHOICE,		/* int: which of the words of `value`, with | between them */
	BLOCK_SIZE,	/* uint64_t, a power of two from 1024 to 65536 */
	SUPERBLOCK,	/* a block number or `primary` */
	SUPERBLOCK_TOO, /* of repair: what to repair, and perhaps through which block */
	PROBLEM,	/* a slug; may be given again */
	SHOW_HELP,
	SHOW_VERSION,
};

struct option_row {
	char letter;	  /* or 0 */
	const char *name; /* or NULL */
	enum option_kind kind;
	uint32_t commands; /* a bit for each that takes it */
	size_t at;	   /* of the value in struct options */
	const char *value; /* what the help calls the value */
	const char *help;
};

/* Whether a value must follow. */
bool option_takes_value(const struct option_row *row);

/* Stores the value; false when `text` is none for this row. NULL where the option takes none. */
bool option_store(const struct option_row *row, const char *text, struct options *options);

/* What a value of this kind looks like, for the complaint about one that does not. */
const char *option_expectation(const struct option_row *row);

/*
 * Decimal, or hex behind 0x; the whole text or, with `suffix`, up to the first byte that is no
 * digit. False, and nothing stored, when it is no number of 64 bits.
 */
bool option_number(const char *text, const char **suffix, uint64_t *number);

#endif
