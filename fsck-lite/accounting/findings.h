/* SPDX-License-Identifier: MIT */
/*
 * Collects findings from any number of threads: counts all, keeps the first `most` of each problem
 * in the order of the disk, so that the report is the same whatever the order of arrival.
 */
#ifndef ACCOUNTING_FINDINGS_H
#define ACCOUNTING_FINDINGS_H

#include <ext/error.h>

struct findings;

/* NULL when there is no memory. */
struct findings *findings_new(uint64_t most);
void findings_free(struct findings *findings);

/* The sink that feeds the collection; thread-safe. */
struct ext_sink *findings_sink(struct findings *findings);

/*
 * Adds why an image could not be opened, unless it was reported on the way: documents have no
 * standard error to say it on.
 */
void findings_refusal(struct findings *findings, const struct ext_error *refusal);

/* Problems that are to be neither kept nor counted; borrowed, an entry for each problem. NULL:
 * none. */
void findings_ignore(struct findings *findings, const bool *ignored);

/* Only findings of this severity and above are given by `findings_next`; all are counted. */
void findings_least(struct findings *findings, enum ext_severity severity);

/* How many findings of `problem`, or of `severity`, there were. */
uint64_t findings_count(const struct findings *findings, enum ext_problem problem);
uint64_t findings_count_severity(const struct findings *findings, enum ext_severity severity);

/*
 * Puts what was kept in order; call once all is collected. Then `findings_next` gives one after
 * another (start with *position 0): by problem, in the order of problem.def, then by place.
 * False at the end.
 */
void findings_sort(struct findings *findings);
bool findings_next(const struct findings *findings, uint64_t *position,
		   struct ext_finding *finding);

/* The position of the first finding of `problem`, from which `findings_next` goes on. */
uint64_t findings_begin(enum ext_problem problem);

/* Notes that e2fsck does not ask `code` about the finding that left `position` behind. */
void findings_unask_one(struct findings *findings, uint64_t position, uint32_t code);

/* Notes that e2fsck asks nothing about it. */
void findings_unask_whole(struct findings *findings, uint64_t position);

/* Notes that it asks it after all. */
void findings_ask_one(struct findings *findings, uint64_t position, uint32_t code);

/* Notes that e2fsck asks `code`, one of those of the row, about no finding of `problem`. */
void findings_unask(struct findings *findings, enum ext_problem problem, uint32_t code);

#endif
