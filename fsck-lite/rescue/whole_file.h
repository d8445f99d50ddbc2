/* SPDX-License-Identifier: MIT */
/*
 * One file in a directory, atomically: it is written under a name of its own and gets the right one
 * when it is whole. Also whether an earlier run wrote it already, and whether it has room.
 */
#ifndef RESCUE_WHOLE_FILE_H
#define RESCUE_WHOLE_FILE_H

#include "rescue/writer.h"

/*
 * Is the file there already, with the same content? Neither size nor times prove that: it may be
 * from before the machine lost its power, or from a run that could read less. `error` is ECANCELED
 * when it was stopped.
 */
bool whole_file_is_same(int folder, struct copy_item *item, int *error);

/*
 * Is there room for the data of a large file? A target is not filled up with half of one, and an
 * image whose files all claim the same blocks keeps nothing else from being written. False: the
 * reason is in the item; `is_full` is set where more room would help.
 */
bool whole_file_has_room(int folder, struct copy_item *item, bool *is_full);

/* Opens a new unfinished file in `folder`, in place of what a killed run left. -1: errno says why.
 */
int whole_file_begin(int folder);
/* `length` bytes of `data` at `at`, to `*context`, the descriptor. 0 or an errno. */
int whole_file_put(void *context, uint64_t at, const uint8_t *data, size_t length);
/* Size and content of the item, holes as holes. 0 or an errno. */
int whole_file_fill(int fd, struct copy_item *item);
/* Closes it, and gives it its name unless `error` says that it is not whole. 0 or an errno. */
int whole_file_end(int folder, int fd, const char *name, int error);

#endif
