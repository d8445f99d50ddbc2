/* SPDX-License-Identifier: MIT */
/* The exit status of every command, as fsck(8) has it. */
#ifndef FSCK_LITE_EXIT_H
#define FSCK_LITE_EXIT_H

enum exit_status {
	EXIT_CLEAN = 0,
	EXIT_REPAIRED = 1,   /* there were problems; all of them are repaired */
	EXIT_PROBLEMS = 4,   /* a finding of severity error remains */
	EXIT_CANNOT_RUN = 8, /* not an ext filesystem, input or output failed, no such path */
	EXIT_WRONG_USAGE = 16,
	EXIT_CANCELLED = 32, /* by SIGINT or SIGTERM */
};

#endif
