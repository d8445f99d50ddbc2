/* SPDX-License-Identifier: MIT */
/* The seed of metadata checksums, found from an inode that carries one. */
#ifndef WALK_CHECKSUM_SEED_H
#define WALK_CHECKSUM_SEED_H

#include <ext/inode.h>

/*
 * The only seed under which the checksum of this raw inode holds. False when the inode keeps just
 * 16 bits of it. Whether there is a checksum at all only a second inode can tell.
 */
bool checksum_seed_of_inode(uint32_t inode_size, ext_ino ino, const uint8_t *raw, uint32_t *seed);

/*
 * The same for any bytes over which a big-endian checksum stands at byte `at`, itself counted as
 * zero.
 */
uint32_t checksum_seed_of_block(struct ext_span bytes, size_t at);

#endif
