/* SPDX-License-Identifier: MIT */
/* What the files about directory blocks share: record lengths, and the checksum of a leaf. */
#ifndef STRUCTURE_DIRENT_H
#define STRUCTURE_DIRENT_H

#include <ext/directory.h>

/* A record length in bytes from its stored form, which for 64 KiB blocks is a code of its own. */
uint32_t dirent_record_length(uint32_t block_size, uint16_t stored);

/* The checksum of a linear or leaf block; NONE when it has no tail. */
enum ext_checksum_state leaf_checksum(const struct ext_superblock *superblock, uint32_t inode_seed,
				      struct ext_span block, uint32_t *stored, uint32_t *computed);

#endif
