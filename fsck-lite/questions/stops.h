/* SPDX-License-Identifier: MIT */
/* Where e2fsck -n would stop, by what was found. */
#ifndef QUESTIONS_STOPS_H
#define QUESTIONS_STOPS_H

#include "questions/asked.h"

enum stop questions_stop(const struct questions *questions);

#endif
