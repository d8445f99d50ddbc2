/* SPDX-License-Identifier: MIT */
/* Which of the questions that stand in its row e2fsck asks about a finding, all findings known. */
#ifndef QUESTIONS_QUESTIONS_H
#define QUESTIONS_QUESTIONS_H

#include "accounting/findings.h"
#include "accounting/survey.h"
#include "checks/checks.h"

/* Call once all findings are there and in order. */
void weigh_questions(struct findings *findings, const struct checks *checks,
		     const struct survey *survey);

#endif
