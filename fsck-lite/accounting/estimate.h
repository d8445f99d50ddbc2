/* SPDX-License-Identifier: MIT */
/* How much memory a survey will take, told from superblock and descriptors before it begins. */
#ifndef ACCOUNTING_ESTIMATE_H
#define ACCOUNTING_ESTIMATE_H

#include <ext/filesystem.h>

/* How many targets of symlinks may wait to be read (survey_options.most_targets); how many there
 * are no count tells. */
enum { ESTIMATE_TARGETS = 2048 };

/* Bytes, rather too many than too few; on a damaged filesystem more may be needed. */
uint64_t estimate_survey(const struct ext_filesystem *filesystem, unsigned threads,
			 uint64_t buffer_size);

#endif
