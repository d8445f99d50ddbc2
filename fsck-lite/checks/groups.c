/* SPDX-License-Identifier: MIT */
/*
 * Group descriptors: places inside their own group where there is no flex_bg, marks of what was
 * never used. Places outside of the filesystem, checksums and counts are the survey's.
 */
#include "config.h"

#include "checks/checks.h"
#include "checks/report.h"

/* Inside the filesystem, but in another group: flex_bg alone allows that. */
static void check_home(const struct checks *checks, enum ext_problem problem, ext_group group,
		       const char *field, ext_block block, uint32_t length)
{
	const struct ext_superblock *sb = checks->superblock;
	const ext_block first = ext_group_first_block(sb, group);
	const ext_block last = first + ext_group_block_count(sb, group) - 1;

	if (block <= sb->first_data_block || block >= sb->block_count ||
	    length > sb->block_count - block)
		return;
	if (block < first || block + length - 1 > last)
		report_group(checks->sink, problem, group, field, block, first, last);
}

static void check_homes(const struct checks *checks, ext_group group,
			const struct ext_group_descriptor *descriptor)
{
	check_home(checks, EXT_GROUP_BLOCK_BITMAP_RANGE, group, "bg_block_bitmap",
		   descriptor->block_bitmap, 1);
	check_home(checks, EXT_GROUP_INODE_BITMAP_RANGE, group, "bg_inode_bitmap",
		   descriptor->inode_bitmap, 1);
	check_home(checks, EXT_GROUP_INODE_TABLE_RANGE, group, "bg_inode_table",
		   descriptor->inode_table, checks->superblock->inode_table_blocks);
}

static void check_inside(const struct checks *checks, enum ext_problem problem, ext_group group,
			 const char *field, ext_block block, uint32_t length)
{
	const struct ext_superblock *sb = checks->superblock;

	if (block <= sb->first_data_block || block >= sb->block_count ||
	    length > sb->block_count - block)
		report_group(checks->sink, problem, group, field, block,
			     (uint64_t)sb->first_data_block + 1, sb->block_count - 1);
}

void check_group_places(const struct checks *checks, ext_group group,
			const struct ext_group_descriptor *descriptor)
{
	/* A descriptor of zeros was wiped as a whole, and points nowhere wrong. */
	if (!descriptor->readable ||
	    (descriptor->block_bitmap | descriptor->inode_bitmap | descriptor->inode_table) == 0)
		return;
	check_inside(checks, EXT_GROUP_BLOCK_BITMAP_RANGE, group, "bg_block_bitmap",
		     descriptor->block_bitmap, 1);
	check_inside(checks, EXT_GROUP_INODE_BITMAP_RANGE, group, "bg_inode_bitmap",
		     descriptor->inode_bitmap, 1);
	check_inside(checks, EXT_GROUP_INODE_TABLE_RANGE, group, "bg_inode_table",
		     descriptor->inode_table, checks->superblock->inode_table_blocks);
	if (!ext_has_incompat(checks->superblock, EXT_INCOMPAT_FLEX_BG))
		check_homes(checks, group, descriptor);
}

static void check_marks(const struct checks *checks, ext_group group,
			const struct ext_group_descriptor *descriptor)
{
	const struct ext_superblock *sb = checks->superblock;

	if (group == sb->group_count - 1 && (descriptor->flags & EXT_GROUP_BLOCK_UNINIT))
		report_group(checks->sink, EXT_GROUP_LAST_UNINIT, group, "bg_flags",
			     descriptor->flags, 0, 0);
	/* More than the inodes that there are is the survey's finding. */
	if (descriptor->itable_unused > descriptor->free_inodes &&
	    descriptor->itable_unused <= sb->inodes_per_group)
		report_group(checks->sink, EXT_GROUP_ITABLE_UNUSED, group, "bg_itable_unused",
			     descriptor->itable_unused, 0, descriptor->free_inodes);
}

/* Without group checksums the marks are left out when the descriptor is decoded. */
static void check_forgotten_marks(const struct checks *checks, ext_group group)
{
	enum { FLAGS_AT = 0x12, UNUSED_AT = 0x1c };
	const struct ext_span raw = ext_group_raw(checks->filesystem, group);
	uint32_t flags, unused;

	if (!raw.data || raw.size < UNUSED_AT + 2)
		return;
	flags = (uint32_t)raw.data[FLAGS_AT] | (uint32_t)raw.data[FLAGS_AT + 1] << 8;
	unused = (uint32_t)raw.data[UNUSED_AT] | (uint32_t)raw.data[UNUSED_AT + 1] << 8;
	if ((flags & (EXT_GROUP_INODE_UNINIT | EXT_GROUP_BLOCK_UNINIT)) != 0 || unused != 0)
		report_group(checks->sink, EXT_GROUP_UNINIT_WITHOUT_CHECKSUM, group, "bg_flags",
			     flags, 0, 0);
}

void check_groups(struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	const bool flexible = ext_has_incompat(sb, EXT_INCOMPAT_FLEX_BG);

	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(checks->filesystem, group, &descriptor);
		if (!descriptor.readable)
			continue;
		if (!flexible)
			check_homes(checks, group, &descriptor);
		if (sb->has_group_csum && !ext_filesystem_is_stale(checks->filesystem))
			check_marks(checks, group, &descriptor);
		else if (!sb->has_group_csum)
			check_forgotten_marks(checks, group);
	}
}
