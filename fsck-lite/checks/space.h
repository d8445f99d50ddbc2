/* SPDX-License-Identifier: MIT */
/* What a repair leaves of the differences in bitmaps and counts of blocks. */
#ifndef CHECKS_SPACE_H
#define CHECKS_SPACE_H

#include "checks/stops.h"

void weigh_space(const struct questions *questions);

#endif
