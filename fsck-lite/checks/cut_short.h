/* SPDX-License-Identifier: MIT */
/* What e2fsck asks of an image that ends before its filesystem does. */
#ifndef CHECKS_CUT_SHORT_H
#define CHECKS_CUT_SHORT_H

#include "checks/stops.h"

void weigh_cut_short(const struct questions *questions);

#endif
