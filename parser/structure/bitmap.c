/* SPDX-License-Identifier: MIT */
/*
 * Block and inode bitmaps as they lie on disk, with their checksums. The checksum covers the bits
 * that a whole group uses, not the block: Doc: ext4/checksums.rst says otherwise, images do not.
 */
#include "config.h"

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "structure/filesystem.h"
#include "structure/checksum.h"

enum ext_checksum_state ext_bitmap_checksum(const struct ext_superblock *sb, const uint8_t *bitmap,
					    uint32_t bits, uint32_t stored)
{
	uint32_t crc;

	if (!sb->has_metadata_csum)
		return EXT_CHECKSUM_NONE;
	crc = crc32c(sb->checksum_seed, bitmap, bits / 8);
	/* Small descriptors have room for the low half only. */
	if (sb->descriptor_size < 64)
		crc &= UINT16_MAX;
	return checksum_state(crc == stored);
}

static enum ext_status read_bitmap(const struct ext_filesystem *fs, ext_block block,
				   struct ext_place place, enum ext_problem out_of_range,
				   uint8_t *bitmap, struct ext_error *error)
{
	const struct ext_superblock *sb = &fs->superblock;
	enum ext_status status;

	if (block < sb->first_data_block || block >= sb->block_count || block == 0)
		return ext_corrupt(error, out_of_range, place, block, sb->first_data_block,
				   sb->block_count - 1);
	status = ext_filesystem_read_blocks(fs, block, 1, bitmap, error);
	if (status != EXT_OK && error)
		error->place = place;
	return status;
}

enum ext_status ext_block_bitmap_read(const struct ext_filesystem *fs, ext_group group,
				      uint8_t *bitmap, enum ext_checksum_state *checksum,
				      struct ext_error *error)
{
	struct ext_group_descriptor descriptor;
	struct ext_place place = {.structure = EXT_AT_BLOCK_BITMAP,
				  .has = EXT_HAS_GROUP | EXT_HAS_BLOCK,
				  .group = group};
	enum ext_status status;

	ext_group_locations(fs, group, &descriptor);
	place.block = descriptor.block_bitmap;
	status = read_bitmap(fs, descriptor.block_bitmap, place, EXT_GROUP_BLOCK_BITMAP_RANGE,
			     bitmap, error);
	if (status != EXT_OK)
		return status;
	if (checksum)
		*checksum = ext_bitmap_checksum(&fs->superblock, bitmap,
						fs->superblock.clusters_per_group,
						descriptor.block_bitmap_checksum);
	return EXT_OK;
}

enum ext_status ext_inode_bitmap_read(const struct ext_filesystem *fs, ext_group group,
				      uint8_t *bitmap, enum ext_checksum_state *checksum,
				      struct ext_error *error)
{
	struct ext_group_descriptor descriptor;
	struct ext_place place = {.structure = EXT_AT_INODE_BITMAP,
				  .has = EXT_HAS_GROUP | EXT_HAS_BLOCK,
				  .group = group};
	enum ext_status status;

	ext_group_locations(fs, group, &descriptor);
	place.block = descriptor.inode_bitmap;
	status = read_bitmap(fs, descriptor.inode_bitmap, place, EXT_GROUP_INODE_BITMAP_RANGE,
			     bitmap, error);
	if (status != EXT_OK)
		return status;
	if (checksum)
		*checksum = ext_bitmap_checksum(&fs->superblock, bitmap,
						fs->superblock.inodes_per_group,
						descriptor.inode_bitmap_checksum);
	return EXT_OK;
}
