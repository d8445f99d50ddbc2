/* SPDX-License-Identifier: MIT */
/* Symlinks whose target is in a block. */
#ifndef CHECKS_SYMLINK_TARGETS_H
#define CHECKS_SYMLINK_TARGETS_H

#include "checks/directories.h"

/* Is the target in `bytes` as long as the size says? `flags` are i_flags. */
bool symlink_target_fits(uint32_t flags, uint64_t expected, const uint8_t *bytes, size_t size);

/* `block` is NULL where it could not be read: that is not called wrong. */
void check_symlink_target(struct checks *checks, const struct directory_run *symlink,
			  const uint8_t *block, struct ext_sink *sink);

/* The entries that name those whose target makes no sense; once all directories were read. */
void check_symlink_names(struct directory_checks *checks, struct survey *survey);

#endif
