/* SPDX-License-Identifier: MIT */
/*
 * fs/ext4/super.c, step by step (ext4_calculate_overhead, count_overhead, ext4_set_resv_clusters,
 * ext4_statfs), for Linux 5.18 and later. Its odd corners are kept: floor division for the inode
 * table, reserved descriptor blocks left out under bigalloc, clusters compared with blocks.
 */
#include "config.h"

#include <ext/journal.h>
#include <ext/mapping.h>

#include "accounting/block_set.h"
#include "accounting/kernel_df.h"

enum { RESERVED_SHARE = 50, RESERVED_MOST = 4096 };

static uint64_t table_blocks(const struct ext_superblock *sb)
{
	return sb->inodes_per_group / (sb->block_size / sb->inode_size);
}

/* Clusters of `group` that hold metadata of any group of its flex group; only under bigalloc. */
static uint64_t clusters_of_group(const struct ext_filesystem *filesystem, ext_group group,
				  struct block_set *set)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	const ext_block first = ext_group_first_block(sb, group);
	const ext_block last = first + sb->blocks_per_group - 1;
	const uint64_t table = table_blocks(sb);
	struct ext_group_layout layout;
	uint64_t count = 0;

	for (ext_group other = 0; other < sb->group_count; other++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(filesystem, other, &descriptor);
		if (descriptor.block_bitmap >= first && descriptor.block_bitmap <= last)
			count += block_set_add(set, descriptor.block_bitmap >> sb->cluster_log2, 1,
					       NULL);
		if (descriptor.inode_bitmap >= first && descriptor.inode_bitmap <= last)
			count += block_set_add(set, descriptor.inode_bitmap >> sb->cluster_log2, 1,
					       NULL);
		if (descriptor.inode_table >= first && descriptor.inode_table + table <= last)
			for (uint64_t i = 0; i < table; i++)
				count += block_set_add(
					set,
					(first >> sb->cluster_log2) +
						((descriptor.inode_table + i - first) >>
						 sb->cluster_log2),
					1, NULL);
	}
	ext_group_layout(sb, group, &layout);
	if (layout.has_superblock) {
		count += block_set_add(set, first >> sb->cluster_log2, 1, NULL);
	}
	for (uint32_t i = 0; i < layout.descriptor_blocks; i++)
		count += block_set_add(set,
				       (first >> sb->cluster_log2) +
					       ((layout.has_superblock + i) >> sb->cluster_log2),
				       1, NULL);
	return count;
}

static uint64_t groups_overhead(const struct ext_filesystem *filesystem)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	uint64_t overhead = 0;
	struct block_set set;

	if (sb->cluster_log2 == 0) {
		for (ext_group group = 0; group < sb->group_count; group++) {
			struct ext_group_layout layout;

			ext_group_layout(sb, group, &layout);
			overhead += layout.has_superblock + (uint64_t)layout.descriptor_blocks +
				    (layout.has_superblock ? sb->reserved_gdt_blocks : 0) +
				    table_blocks(sb) + 2;
		}
		return overhead;
	}
	if (block_set_init(&set, ((sb->block_count >> sb->cluster_log2) + 1)))
		for (ext_group group = 0; group < sb->group_count; group++)
			overhead += clusters_of_group(filesystem, group, &set);
	block_set_clear(&set);
	return overhead;
}

/* Blocks of the internal journal, as far as the kernel uses them. */
static uint64_t journal_blocks(const struct ext_filesystem *filesystem)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	struct ext_journal_superblock journal;
	struct ext_mapping *mapping = NULL;
	struct ext_inode inode;
	uint8_t raw[1024];
	uint64_t blocks;
	size_t got = 0;

	if (sb->journal_inode == 0 ||
	    ext_inode_read(filesystem, sb->journal_inode, &inode, NULL, NULL) != EXT_OK)
		return 0;
	blocks = inode.size >> sb->block_size_log2;
	if (ext_mapping_new(filesystem, &mapping, NULL) != EXT_OK)
		return blocks;
	if (ext_file_read(mapping, &inode, 0, raw, sizeof raw, &got, NULL) == EXT_OK &&
	    got == sizeof raw &&
	    ext_journal_superblock_decode((struct ext_span){raw, sizeof raw}, (struct ext_place){0},
					  &journal, NULL, NULL) == EXT_OK &&
	    journal.length < blocks)
		blocks = journal.length;
	ext_mapping_free(mapping);
	return blocks;
}

static uint64_t overhead_clusters(const struct ext_filesystem *filesystem)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);

	/* Only under bigalloc is the stored number believed. */
	if (ext_has_ro_compat(sb, EXT_RO_BIGALLOC) && sb->overhead_clusters != 0 &&
	    sb->overhead_clusters <= sb->block_count)
		return sb->overhead_clusters;
	return (sb->first_data_block >> sb->cluster_log2) + groups_overhead(filesystem) +
	       ((journal_blocks(filesystem) + sb->cluster_blocks - 1) >> sb->cluster_log2);
}

void kernel_df(const struct ext_filesystem *filesystem, struct kernel_df *df)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	const uint64_t overhead = overhead_clusters(filesystem) << sb->cluster_log2;
	uint64_t free = 0, free_inodes = 0, kept = sb->reserved_block_count;

	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(filesystem, group, &descriptor);
		free += descriptor.free_clusters;
		free_inodes += descriptor.free_inodes;
	}
	free <<= sb->cluster_log2;
	if (ext_has_incompat(sb, EXT_INCOMPAT_EXTENTS)) {
		const uint64_t share = (sb->block_count >> sb->cluster_log2) / RESERVED_SHARE;

		kept += (share < RESERVED_MOST ? share : RESERVED_MOST) << sb->cluster_log2;
	}
	df->blocks = overhead < sb->block_count ? sb->block_count - overhead : 0;
	df->free = free;
	df->available = free >= kept ? free - kept : 0;
	df->inodes = sb->inode_count;
	df->inodes_free = free_inodes;
}
