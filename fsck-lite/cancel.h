/* SPDX-License-Identifier: MIT */
/* SIGINT and SIGTERM end a command between two steps, never in the middle of a write. */
#ifndef FSCK_LITE_CANCEL_H
#define FSCK_LITE_CANCEL_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM only raise the flag, and a closed pipe is a write error. */
void cancel_install(void);

/*
 * Has the user asked to stop? Long loops ask once a block group or file, clean up and return
 * EXIT_CANCELLED. A second signal ends the process at once.
 */
bool cancelled(void);

#endif
