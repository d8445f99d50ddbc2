/* SPDX-License-Identifier: MIT */
/* Symlinks whose target is in a block: gathered inode by inode, looked at many at a time. */
#ifndef CHECKS_SYMLINK_TARGETS_H
#define CHECKS_SYMLINK_TARGETS_H

#include "checks/inspection.h"

bool symlink_targets_init(struct checks *checks);
void symlink_targets_clear(struct checks *checks);

/* Is the target in `bytes` as long as the size says? `flags` are i_flags. */
bool symlink_target_fits(uint32_t flags, uint64_t expected, const uint8_t *bytes, size_t size);

/* A symlink with one block, its first: looked at now or, with others, later. */
void inspect_block_target(const struct inspection *inspection);

/* Those that are left, once all inodes were seen. */
void check_symlink_targets(struct checks *checks);

#endif
