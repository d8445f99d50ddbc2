/* SPDX-License-Identifier: MIT */
/* Findings in one call, for the families of checks. */
#ifndef CHECKS_REPORT_H
#define CHECKS_REPORT_H

#include <ext/error.h>

static inline void report_inode(struct ext_sink *sink, enum ext_problem problem, ext_ino ino,
				const char *field, uint64_t found, uint64_t low, uint64_t high)
{
	const struct ext_finding finding = {.problem = problem,
					    .place = {.structure = EXT_AT_INODE,
						      .has = EXT_HAS_INODE,
						      .inode = ino,
						      .field = field},
					    .found = found,
					    .low = low,
					    .high = high};

	ext_report(sink, &finding);
}

static inline void report_superblock(struct ext_sink *sink, enum ext_problem problem,
				     const char *field, uint64_t found, uint64_t low, uint64_t high)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_SUPERBLOCK, .field = field},
		.found = found,
		.low = low,
		.high = high};

	ext_report(sink, &finding);
}

static inline void report_group(struct ext_sink *sink, enum ext_problem problem, ext_group group,
				const char *field, uint64_t found, uint64_t low, uint64_t high)
{
	const struct ext_finding finding = {.problem = problem,
					    .place = {.structure = EXT_AT_GROUP_DESCRIPTOR,
						      .has = EXT_HAS_GROUP,
						      .group = group,
						      .field = field},
					    .found = found,
					    .low = low,
					    .high = high};

	ext_report(sink, &finding);
}

#endif
