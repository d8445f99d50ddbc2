/* SPDX-License-Identifier: MIT */
/* Usage by owner, kept while the inodes pass by. */
#ifndef CHECKS_QUOTAS_H
#define CHECKS_QUOTAS_H

#include "checks/checks.h"

bool quotas_init(struct checks *checks);
void quotas_clear(struct checks *checks);

/* Quota files against usage, after the survey. */
void check_quotas(struct checks *checks, const struct survey *survey);

#endif
