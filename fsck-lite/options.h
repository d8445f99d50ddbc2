/* SPDX-License-Identifier: MIT */
/*
 * The options of all commands, read by one parser from one table (options.c), so that a letter
 * means the same everywhere. Options may stand before, between and behind the operands; `--` ends
 * them.
 */
#ifndef FSCK_LITE_OPTIONS_H
#define FSCK_LITE_OPTIONS_H

#include <ext/error.h>

struct command;

enum command_id {
	COMMAND_CHECK,
	COMMAND_DF,
	COMMAND_BACKUPS,
	COMMAND_SHOW,
	COMMAND_LS,
	COMMAND_CAT,
	COMMAND_RESTORE,
	COMMAND_REPAIR,
	COMMAND_EXPLAIN,
};

/* A number that was given, or not. */
struct option_number {
	bool given;
	uint64_t value;
};

enum option_when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };
enum option_journal { JOURNAL_REPLAY, JOURNAL_IGNORE };
enum option_profile { PROFILE_NONE, PROFILE_IMAGE };
enum option_superblock {
	SUPERBLOCK_BY_EVIDENCE, /* the primary, unless the evidence is against it */
	SUPERBLOCK_PRIMARY,	/* the primary, whatever the evidence says */
	SUPERBLOCK_AT,		/* the one at superblock_block */
};

struct options {
	const struct command *command;

	/* Operands: the image comes first (explain: the slug). Borrowed from argv. */
	const char **operands;
	size_t operand_count;

	/* How the image is read. */
	enum option_superblock superblock;
	uint64_t superblock_block;	   /* in blocks; with SUPERBLOCK_AT */
	uint64_t block_size;		   /* bytes, a power of two; 0: try each */
	uint64_t offset;		   /* bytes; where the filesystem begins in the image */
	struct option_number partition;	   /* from 1 */
	int journal;			   /* enum option_journal */
	const char *external_journal;	   /* or NULL */
	const char *map;		   /* a ddrescue map file, or NULL */
	struct option_number threads;	   /* at least 1 */
	struct option_number memory_limit; /* bytes */

	/* What is printed. */
	bool json;
	bool jsonl;
	bool quiet;
	unsigned verbose;		  /* how often -v was given */
	int progress;			  /* enum option_when */
	int color;			  /* enum option_when; NO_COLOR turns auto into never */
	struct option_number progress_fd; /* -C: progress as e2fsck prints it */
	bool human_sizes;		  /* df -h */
	struct option_number top;	  /* how many directories df lists */
	uint64_t max_findings;		  /* of each code */
	int severity;			  /* enum ext_severity: the least that is listed */
	bool ignored[EXT_PROBLEM_COUNT];
	int profile;		   /* enum option_profile */
	const char *junit, *sarif; /* files to write, or NULL */

	/* What is wanted of a command. */
	bool list;				    /* backups, explain */
	bool markdown;				    /* explain */
	bool scan;				    /* backups */
	bool hex, history;			    /* show */
	bool long_format, recursive, inode_numbers; /* ls */
	bool deleted, lost;			    /* ls, cat, restore */
	const char *output, *tar, *manifest;	    /* restore; NULL where not given */
	bool dry_run, resume, preserve_privileged;
	bool repair_superblock; /* repair --superblock */
	const char *undo, *undo_with;

	/* fsck(8) habits; -n and -y also of repair. */
	bool answer_no, answer_yes, preen, force;
	bool is_fsck; /* called as fsck.ext4 or the like */
};

enum options_outcome {
	OPTIONS_RUN,	  /* go on */
	OPTIONS_ANSWERED, /* help or version has been printed */
	OPTIONS_WRONG,	  /* a complaint has been printed */
};

/*
 * Reads `count` arguments of `command` into `options`, which keeps pointers into them. To be
 * cleared afterwards, whatever the outcome.
 */
enum options_outcome options_read(struct options *options, const struct command *command, int count,
				  char **arguments);
void options_clear(struct options *options);

/* The image that the command works on. */
static inline const char *options_image(const struct options *options)
{
	return options->operands[0];
}

/* How many threads are to work: those asked for, or as many as there are processors. */
unsigned options_threads(const struct options *options);

void options_print_help(const struct command *command);
void options_print_version(void);

#endif
