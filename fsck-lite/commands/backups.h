/* SPDX-License-Identifier: MIT */
/* The second half of `backups`: --scan. */
#ifndef COMMANDS_BACKUPS_H
#define COMMANDS_BACKUPS_H

#include "commands/command.h"

int backups_scan(const struct options *options);

#endif
