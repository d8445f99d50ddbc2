/* SPDX-License-Identifier: MIT */
/*
 * What the layout itself owns: boot block, superblock copies, descriptor tables and their reserve,
 * bitmaps, inode tables, the MMP block. Their places follow from superblock and descriptors.
 */
#include "config.h"

#include "accounting/claims.h"

struct layout_pass {
	struct survey *survey;
	struct ext_sink *sink;
};

/* Counts clusters into the groups they lie in: a group whose bitmap is not written implies them. */
static void count_fixed(struct survey *survey, uint64_t cluster, uint64_t count)
{
	const struct ext_superblock *sb = survey->superblock;
	const uint64_t first = sb->first_data_block >> sb->cluster_log2;

	while (count > 0 && cluster >= first) {
		const uint64_t group = (cluster - first) / sb->clusters_per_group;
		const uint64_t left =
			sb->clusters_per_group - (cluster - first) % sb->clusters_per_group;
		const uint64_t part = count < left ? count : left;

		if (group >= sb->group_count)
			return;
		survey->group_fixed[group] += (uint32_t)part;
		cluster += part;
		count -= part;
	}
}

static enum ext_problem overlap_of(enum ext_structure structure)
{
	switch (structure) {
	case EXT_AT_BLOCK_BITMAP:
		return EXT_BLOCK_BITMAP_OVERLAP;
	case EXT_AT_INODE_BITMAP:
		return EXT_INODE_BITMAP_OVERLAP;
	case EXT_AT_INODE_TABLE:
		return EXT_INODE_TABLE_OVERLAP;
	default:
		return EXT_METADATA_OVERLAP;
	}
}

static void take(const struct layout_pass *pass, enum owner owner, ext_group group,
		 enum ext_structure structure, ext_block block, uint64_t length)
{
	struct survey *survey = pass->survey;
	const struct ext_superblock *sb = survey->superblock;
	struct block_set *again = sb->cluster_log2 == 0 ? &survey->shared : NULL;
	uint64_t first, count, added;

	if (block >= sb->block_count || length == 0)
		return;
	if (length > sb->block_count - block)
		length = sb->block_count - block;
	first = block >> sb->cluster_log2;
	count = ((block + length - 1) >> sb->cluster_log2) - first + 1;
	added = block_set_add(&survey->owned, first, count, again);
	survey->owners[owner] +=
		added == count ? claims_blocks(survey, first, count) : added << sb->cluster_log2;
	if (added == count) {
		count_fixed(survey, first, count);
		return;
	}
	/* Structures share clusters under bigalloc; which of them is new is seen one by one. */
	if (added > 0)
		survey->group_fixed[group] += (uint32_t)added;
	if (again && added < count) {
		const struct ext_finding finding = {.problem = overlap_of(structure),
						    .place = {.structure = structure,
							      .has = EXT_HAS_GROUP | EXT_HAS_BLOCK,
							      .group = group,
							      .block = block},
						    .found = count - added};

		ext_report(pass->sink, &finding);
	}
}

static void report_range(const struct layout_pass *pass, enum ext_problem problem, ext_group group,
			 const char *field, ext_block found)
{
	const struct ext_superblock *sb = pass->survey->superblock;
	const struct ext_finding finding = {.problem = problem,
					    .place = {.structure = EXT_AT_GROUP_DESCRIPTOR,
						      .has = EXT_HAS_GROUP,
						      .group = group,
						      .field = field},
					    .found = found,
					    .low = (uint64_t)sb->first_data_block + 1,
					    .high = sb->block_count - 1};

	ext_report(pass->sink, &finding);
}

/* Bitmaps and inode table of a group, wherever its descriptor says they are. */
static void take_pointed(const struct layout_pass *pass, ext_group group)
{
	const struct ext_superblock *sb = pass->survey->superblock;
	struct ext_group_descriptor descriptor;

	ext_group_read(pass->survey->filesystem, group, &descriptor);
	if (!descriptor.readable)
		return;
	if (descriptor.checksum == EXT_CHECKSUM_BAD) {
		const struct ext_finding finding = {.problem = EXT_GROUP_CHECKSUM,
						    .place = {.structure = EXT_AT_GROUP_DESCRIPTOR,
							      .has = EXT_HAS_GROUP,
							      .group = group,
							      .field = "bg_checksum"},
						    .found = descriptor.checksum_stored,
						    .low = descriptor.checksum_computed,
						    .high = descriptor.checksum_computed};

		ext_report(pass->sink, &finding);
	}
	if (descriptor.itable_unused > sb->inodes_per_group) {
		const struct ext_finding finding = {.problem = EXT_GROUP_ITABLE_UNUSED,
						    .place = {.structure = EXT_AT_GROUP_DESCRIPTOR,
							      .has = EXT_HAS_GROUP,
							      .group = group,
							      .field = "bg_itable_unused"},
						    .found = descriptor.itable_unused,
						    .high = sb->inodes_per_group};

		ext_report(pass->sink, &finding);
	}
	if (descriptor.block_bitmap <= sb->first_data_block ||
	    descriptor.block_bitmap >= sb->block_count)
		report_range(pass, EXT_GROUP_BLOCK_BITMAP_RANGE, group, "bg_block_bitmap",
			     descriptor.block_bitmap);
	else
		take(pass, OWNER_BLOCK_BITMAPS, group, EXT_AT_BLOCK_BITMAP, descriptor.block_bitmap,
		     1);
	if (descriptor.inode_bitmap <= sb->first_data_block ||
	    descriptor.inode_bitmap >= sb->block_count)
		report_range(pass, EXT_GROUP_INODE_BITMAP_RANGE, group, "bg_inode_bitmap",
			     descriptor.inode_bitmap);
	else
		take(pass, OWNER_INODE_BITMAPS, group, EXT_AT_INODE_BITMAP, descriptor.inode_bitmap,
		     1);
	if (descriptor.inode_table <= sb->first_data_block ||
	    descriptor.inode_table >= sb->block_count ||
	    sb->inode_table_blocks > sb->block_count - descriptor.inode_table)
		report_range(pass, EXT_GROUP_INODE_TABLE_RANGE, group, "bg_inode_table",
			     descriptor.inode_table);
	else
		take(pass, OWNER_INODE_TABLES, group, EXT_AT_INODE_TABLE, descriptor.inode_table,
		     sb->inode_table_blocks);
}

void claims_of_layout(struct survey *survey, struct ext_sink *sink)
{
	const struct ext_superblock *sb = survey->superblock;
	const struct layout_pass pass = {survey, sink};

	if (sb->first_data_block > 0) {
		block_set_add(&survey->owned, 0, sb->first_data_block, NULL);
		survey->owners[OWNER_BOOT] += sb->first_data_block;
	}
	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_layout layout;

		ext_group_layout(sb, group, &layout);
		if (layout.has_superblock) {
			/* In 1k blocks with bigalloc the copy is in block 1, and block 0 is the
			 * boot block of the same cluster. */
			take(&pass, OWNER_SUPERBLOCKS, group, EXT_AT_SUPERBLOCK,
			     ext_group_first_block(sb, group),
			     layout.superblock_block - ext_group_first_block(sb, group) + 1);
		}
		take(&pass, OWNER_GROUP_DESCRIPTORS, group, EXT_AT_GROUP_DESCRIPTOR,
		     layout.descriptors_start, layout.descriptor_blocks);
		take(&pass, OWNER_RESERVED_GDT, group, EXT_AT_GROUP_DESCRIPTOR,
		     layout.descriptors_start + layout.descriptor_blocks, layout.reserved_blocks);
	}
	/* Second, so that a descriptor that points into the fixed layout is the one at fault. */
	for (ext_group group = 0; group < sb->group_count; group++)
		take_pointed(&pass, group);
	if (sb->mmp_block > sb->first_data_block && sb->mmp_block < sb->block_count)
		take(&pass, OWNER_MMP,
		     (ext_group)((sb->mmp_block - sb->first_data_block) / sb->blocks_per_group),
		     EXT_AT_MMP, sb->mmp_block, 1);
}
