/* SPDX-License-Identifier: MIT */
/* Checksums run backwards: what they were made with. */
#ifndef EXT_CHECKSUM_ORIGIN_H
#define EXT_CHECKSUM_ORIGIN_H

#include <ext/inode.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The only inode number for which the checksum of these inode_size bytes holds. False when they
 * keep no checksum, or only 16 bits of it. That it means something, only a second sign can tell.
 */
bool ext_inode_number_by_checksum(const struct ext_superblock *superblock, const uint8_t *raw,
				  ext_ino *ino);

#ifdef __cplusplus
}
#endif

#endif
