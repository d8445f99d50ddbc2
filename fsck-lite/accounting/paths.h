/* SPDX-License-Identifier: MIT */
/*
 * Paths of a few inodes, found in one pass over the directories after a survey: what findings are
 * about is named to people by its path.
 */
#ifndef ACCOUNTING_PATHS_H
#define ACCOUNTING_PATHS_H

#include "accounting/findings.h"
#include "accounting/survey.h"

struct paths;

/* Of the inodes that the kept findings name. NULL when there is no memory, or nothing to name. */
struct paths *paths_of_findings(struct survey *survey, const struct findings *findings);

/* Of `count` inodes. */
struct paths *paths_new(struct survey *survey, const ext_ino *inodes, size_t count);
void paths_free(struct paths *paths);

/*
 * Writes the path of `ino`: "/a/b", or "#12/b" below a directory that nothing names. Returns its
 * length as snprintf does; 0 when there is none. The text may hold any bytes.
 */
size_t paths_of(const struct paths *paths, ext_ino ino, char *text, size_t size);

#endif
