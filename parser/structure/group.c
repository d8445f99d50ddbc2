/* SPDX-License-Identifier: MIT */
/*
 * One group descriptor: 32 bytes, and as many again where the 64bit feature makes them larger.
 * Doc: ext4/group_descr.rst; the checksum's two forms: ext4/checksums.rst.
 */
#include "config.h"

#include "bytes/crc16.h"
#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "layout/layout.h"
#include "structure/filesystem.h"
#include "structure/group.h"
#include "structure/checksum.h"

enum { CHECKSUM_AT = 0x1e };

struct ext_span ext_group_raw(const struct ext_filesystem *fs, ext_group group)
{
	const uint32_t size = fs->superblock.descriptor_size;

	return (struct ext_span){fs->descriptors + (size_t)group * size, size};
}

/*
 * With metadata_csum: the low half of crc32c over group number and descriptor, checksum as zeros.
 * With gdt_csum alone: crc16 over UUID, group number and descriptor, checksum left out; it takes
 * the current UUID even where a checksum seed is stored.
 */
uint16_t group_descriptor_checksum(const struct ext_superblock *sb, ext_group group,
				   struct ext_span raw)
{
	static const uint8_t zeros[2];
	const size_t behind = CHECKSUM_AT + sizeof zeros;
	struct le32 number;

	put(&number, group);
	if (sb->has_metadata_csum) {
		uint32_t crc = crc32c(sb->checksum_seed, &number, sizeof number);

		crc = crc32c(crc, raw.data, CHECKSUM_AT);
		crc = crc32c(crc, zeros, sizeof zeros);
		return (uint16_t)crc32c(crc, raw.data + behind, raw.size - behind);
	}
	uint16_t crc = crc16(UINT16_MAX, sb->uuid, sizeof sb->uuid);

	crc = crc16(crc, &number, sizeof number);
	crc = crc16(crc, raw.data, CHECKSUM_AT);
	return crc16(crc, raw.data + behind, raw.size - behind);
}

void ext_group_locations(const struct ext_filesystem *fs, ext_group group,
			 struct ext_group_descriptor *descriptor)
{
	const struct ext_superblock *sb = &fs->superblock;
	const struct ext_span bytes = ext_group_raw(fs, group);
	const struct ext_raw_group_descriptor *raw =
		(const struct ext_raw_group_descriptor *)(const void *)bytes.data;
	const struct ext_raw_group_descriptor_high *high = NULL;
	const uint32_t table_block = group / sb->descriptors_per_block;

	*descriptor = (struct ext_group_descriptor){0};
	if (fs->unreadable[table_block / 8] >> table_block % 8 & 1)
		return;
	descriptor->readable = true;
	if (bytes.size >= sizeof *raw + sizeof *high)
		high = (const struct ext_raw_group_descriptor_high *)(const void *)(bytes.data +
										    sizeof *raw);
	descriptor->block_bitmap = get(raw->bg_block_bitmap_lo);
	descriptor->inode_bitmap = get(raw->bg_inode_bitmap_lo);
	descriptor->inode_table = get(raw->bg_inode_table_lo);
	descriptor->free_clusters = get(raw->bg_free_blocks_count_lo);
	descriptor->free_inodes = get(raw->bg_free_inodes_count_lo);
	descriptor->directories = get(raw->bg_used_dirs_count_lo);
	descriptor->block_bitmap_checksum = get(raw->bg_block_bitmap_csum_lo);
	descriptor->inode_bitmap_checksum = get(raw->bg_inode_bitmap_csum_lo);
	descriptor->itable_unused = get(raw->bg_itable_unused_lo);
	if (high) {
		descriptor->block_bitmap |= (uint64_t)get(high->bg_block_bitmap_hi) << 32;
		descriptor->inode_bitmap |= (uint64_t)get(high->bg_inode_bitmap_hi) << 32;
		descriptor->inode_table |= (uint64_t)get(high->bg_inode_table_hi) << 32;
		descriptor->free_clusters |= (uint32_t)get(high->bg_free_blocks_count_hi) << 16;
		descriptor->free_inodes |= (uint32_t)get(high->bg_free_inodes_count_hi) << 16;
		descriptor->directories |= (uint32_t)get(high->bg_used_dirs_count_hi) << 16;
		descriptor->itable_unused |= (uint32_t)get(high->bg_itable_unused_hi) << 16;
		descriptor->block_bitmap_checksum |= (uint32_t)get(high->bg_block_bitmap_csum_hi)
						     << 16;
		descriptor->inode_bitmap_checksum |= (uint32_t)get(high->bg_inode_bitmap_csum_hi)
						     << 16;
	}
	/* Flags and unused counts mean something only under a checksum; in a copy they are stale.
	 */
	if (sb->has_group_csum && !fs->stale_descriptors)
		descriptor->flags = get(raw->bg_flags);
	else
		descriptor->itable_unused = 0;
	descriptor->checksum_stored = get(raw->bg_checksum);
}

void ext_group_read(const struct ext_filesystem *fs, ext_group group,
		    struct ext_group_descriptor *descriptor)
{
	ext_group_locations(fs, group, descriptor);
	if (!descriptor->readable || !fs->superblock.has_group_csum)
		return;
	descriptor->checksum_computed =
		group_descriptor_checksum(&fs->superblock, group, ext_group_raw(fs, group));
	descriptor->checksum =
		checksum_state(descriptor->checksum_stored == descriptor->checksum_computed);
}
