/* SPDX-License-Identifier: MIT */
/* What no directory leads to, as findings: whole trees by their top, single files by themselves. */
#ifndef ACCOUNTING_LOST_H
#define ACCOUNTING_LOST_H

#include "accounting/survey.h"

/*
 * Reports the top of each lost tree, with the inodes and blocks that hang below it; that of a loop,
 * which the survey has reported as one, only `with_loops`. False when there is no memory.
 */
bool lost_directories(struct survey *survey, struct ext_sink *sink, bool with_loops);

/* Reports each lost inode that no entry names at all and that is no directory. */
void lost_files(const struct survey *survey, struct ext_sink *sink);

#endif
