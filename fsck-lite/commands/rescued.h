/* SPDX-License-Identifier: MIT */
/* `ls` and `cat` with --lost or --deleted: a look at what restore would bring back. */
#ifndef COMMANDS_RESCUED_H
#define COMMANDS_RESCUED_H

#include "options.h"

/* Lists what is lost, or deleted, with how sure it is; below the path that is named, if any. */
int list_rescued(const struct options *options);

/* Writes the content of a lost or deleted file, by the path that the listing gives. */
int cat_rescued(const struct options *options);

#endif
