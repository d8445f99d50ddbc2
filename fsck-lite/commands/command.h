/* SPDX-License-Identifier: MIT */
/*
 * The commands. Each turns options into calls and calls into a report, and returns the exit status;
 * none of them exits by itself. The table of those that exist is in main.c.
 */
#ifndef COMMANDS_COMMAND_H
#define COMMANDS_COMMAND_H

#include <limits.h>

#include "exit.h"
#include "options.h"

struct command {
	const char *name;
	enum command_id id;
	int (*run)(const struct options *options); /* an enum exit_status */
	unsigned least, most;			   /* how many operands; UINT_MAX: any number */
	const char *operands;			   /* as the usage line shows them */
	const char *summary;			   /* what it does, in one line */
};

int command_backups(const struct options *options);
int command_cat(const struct options *options);
int command_check(const struct options *options);
int command_df(const struct options *options);
int command_explain(const struct options *options);
int command_ls(const struct options *options);
int command_repair(const struct options *options);
int command_restore(const struct options *options);
int command_show(const struct options *options);

#endif
