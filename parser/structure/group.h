/* SPDX-License-Identifier: MIT */
/* The checksum of a group descriptor, for those that make one. */
#ifndef STRUCTURE_GROUP_H
#define STRUCTURE_GROUP_H

#include <ext/filesystem.h>

/* Of the descriptor's bytes, whatever stands in its checksum field. */
uint16_t group_descriptor_checksum(const struct ext_superblock *superblock, ext_group group,
				   struct ext_span raw);

#endif
