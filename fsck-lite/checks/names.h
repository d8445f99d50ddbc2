/* SPDX-License-Identifier: MIT */
/* What e2fsck asks of "." and "..", and of what names count. */
#ifndef CHECKS_NAMES_H
#define CHECKS_NAMES_H

#include "checks/stops.h"

void weigh_names(const struct questions *questions);

#endif
