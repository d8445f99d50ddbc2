/* SPDX-License-Identifier: MIT */
/* Which directories hold most, as du counts: everything below, each inode once. */
#ifndef ACCOUNTING_LARGEST_H
#define ACCOUNTING_LARGEST_H

#include "accounting/survey.h"

struct largest_directory {
	ext_ino ino;
	uint64_t bytes; /* i_blocks of everything below, itself included */
	uint64_t inodes;
};

/*
 * Fills `list` with the `count` largest directories of a finished survey, largest first; returns
 * how many there are, 0 when there is no memory.
 */
size_t largest_directories(struct survey *survey, struct largest_directory *list, size_t count);

#endif
