/* SPDX-License-Identifier: MIT */
/* A superblock made from what else survives, where no copy is left. */
#ifndef WALK_REBUILD_H
#define WALK_REBUILD_H

#include <ext/choose.h>

/*
 * Looks for a group descriptor table in `source` and works out from what it points at the numbers
 * that a superblock would give. `superblock` receives 1024 bytes that decode. Fails with CORRUPT
 * (superblock-magic) when nothing leads to a root directory.
 */
enum ext_status superblock_rebuild(struct ext_source *source, uint8_t superblock[1024],
				   struct ext_rebuilt *facts, struct ext_error *error);

#endif
