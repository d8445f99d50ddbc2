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

/* Where a bitmap of a group is, how much of it the group uses, and what is said of it. */
struct bitmap {
	enum ext_structure structure;
	enum ext_problem out_of_range;
	ext_block block;
	uint32_t bits;
	uint32_t checksum; /* as the descriptor keeps it */
};

static enum ext_status read_bitmap(const struct ext_filesystem *fs, ext_group group,
				   const struct bitmap *bitmap, uint8_t *bytes,
				   enum ext_checksum_state *checksum, struct ext_error *error)
{
	const struct ext_superblock *sb = &fs->superblock;
	const struct ext_place place = {.structure = bitmap->structure,
					.has = EXT_HAS_GROUP | EXT_HAS_BLOCK,
					.group = group,
					.block = bitmap->block};
	enum ext_status status;

	if (bitmap->block < sb->first_data_block || bitmap->block >= sb->block_count ||
	    bitmap->block == 0)
		return ext_corrupt(error, bitmap->out_of_range, place, bitmap->block,
				   sb->first_data_block, sb->block_count - 1);
	status = ext_filesystem_read_blocks(fs, bitmap->block, 1, bytes, error);
	if (status != EXT_OK) {
		if (error)
			error->place = place;
		return status;
	}
	if (checksum)
		*checksum = ext_bitmap_checksum(sb, bytes, bitmap->bits, bitmap->checksum);
	return EXT_OK;
}

enum ext_status ext_block_bitmap_read(const struct ext_filesystem *fs, ext_group group,
				      uint8_t *bitmap, enum ext_checksum_state *checksum,
				      struct ext_error *error)
{
	struct ext_group_descriptor descriptor;

	ext_group_locations(fs, group, &descriptor);
	return read_bitmap(fs, group,
			   &(struct bitmap){.structure = EXT_AT_BLOCK_BITMAP,
					    .out_of_range = EXT_GROUP_BLOCK_BITMAP_RANGE,
					    .block = descriptor.block_bitmap,
					    .bits = fs->superblock.clusters_per_group,
					    .checksum = descriptor.block_bitmap_checksum},
			   bitmap, checksum, error);
}

enum ext_status ext_inode_bitmap_read(const struct ext_filesystem *fs, ext_group group,
				      uint8_t *bitmap, enum ext_checksum_state *checksum,
				      struct ext_error *error)
{
	struct ext_group_descriptor descriptor;

	ext_group_locations(fs, group, &descriptor);
	return read_bitmap(fs, group,
			   &(struct bitmap){.structure = EXT_AT_INODE_BITMAP,
					    .out_of_range = EXT_GROUP_INODE_BITMAP_RANGE,
					    .block = descriptor.inode_bitmap,
					    .bits = fs->superblock.inodes_per_group,
					    .checksum = descriptor.inode_bitmap_checksum},
			   bitmap, checksum, error);
}
