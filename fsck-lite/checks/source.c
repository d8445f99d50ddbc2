/* SPDX-License-Identifier: MIT */
/*
 * What is read instead of the primary superblock and descriptor table, when the evidence was
 * against these: the primary's own faults, and how old the counts of the copy are. A user who asked
 * for a copy is told nothing.
 */
#include "config.h"

#include "checks/checks.h"
#include "checks/report.h"

/* The faults of the primary superblock; those of its table, as far as it can be read. */
static void judge_primary(const struct checks *checks)
{
	struct ext_source *const source = ext_filesystem_source(checks->filesystem);
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK,
					.has = EXT_HAS_OFFSET,
					.offset = EXT_SUPERBLOCK_OFFSET};
	struct ext_superblock primary;
	uint8_t raw[EXT_SUPERBLOCK_SIZE];
	struct ext_error error;

	if (ext_source_read(source, EXT_SUPERBLOCK_OFFSET, raw, sizeof raw, &error) != EXT_OK ||
	    ext_superblock_decode(raw, place, &primary, checks->sink, &error) != EXT_OK) {
		const struct ext_finding finding = ext_finding_of_error(&error);

		ext_report(checks->sink, &finding);
	}
}

static bool in_layout(const struct ext_superblock *sb, ext_group group, ext_block block)
{
	struct ext_group_layout layout;

	if (block <= sb->first_data_block || block >= sb->block_count)
		return false;
	ext_group_layout(sb, group, &layout);
	return (layout.has_superblock && block == layout.superblock_block) ||
	       (block >= layout.descriptors_start &&
		block < layout.descriptors_start + layout.descriptor_blocks);
}

/* Bitmaps of a group that lie on each other, on its inode table or on the table of descriptors. */
static void check_group_overlaps(const struct checks *checks, ext_group group,
				 const struct ext_group_descriptor *descriptor)
{
	const struct ext_superblock *sb = checks->superblock;
	const ext_block table = descriptor->inode_table;
	const ext_block blocks = descriptor->block_bitmap, inodes = descriptor->inode_bitmap;

	if (!descriptor->readable || (blocks | inodes | table) == 0)
		return;
	if ((blocks >= table && blocks - table < sb->inode_table_blocks) ||
	    in_layout(sb, group, blocks))
		report_group(checks->sink, EXT_BLOCK_BITMAP_OVERLAP, group, "bg_block_bitmap",
			     blocks, 0, 0);
	if ((inodes >= table && inodes - table < sb->inode_table_blocks) || inodes == blocks ||
	    in_layout(sb, group, inodes))
		report_group(checks->sink, EXT_INODE_BITMAP_OVERLAP, group, "bg_inode_bitmap",
			     inodes, 0, 0);
}

/* Places and checksums in the primary's own table. */
static void judge_primary_table(struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	const struct opened_image *image = checks->image;
	struct ext_filesystem *primary;

	if (ext_filesystem_open(ext_filesystem_source(checks->filesystem), NULL, &primary, NULL) !=
	    EXT_OK)
		return;
	if (ext_filesystem_superblock(primary)->group_count != sb->group_count ||
	    ext_filesystem_superblock(primary)->descriptor_size != sb->descriptor_size) {
		ext_filesystem_close(primary);
		return;
	}
	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_read(primary, group, &descriptor);
		if (descriptor.checksum == EXT_CHECKSUM_BAD)
			report_group(checks->sink, EXT_GROUP_CHECKSUM, group, "bg_checksum",
				     descriptor.checksum_stored, descriptor.checksum_computed,
				     descriptor.checksum_computed);
		checks->wiped_groups +=
			descriptor.readable && (descriptor.block_bitmap | descriptor.inode_bitmap |
						descriptor.inode_table) == 0;
		check_group_places(checks, group, &descriptor);
		check_group_overlaps(checks, group, &descriptor);
	}
	/* Nothing else says where the bitmaps are: they are judged where the table has them. */
	if (image->source == SUPERBLOCK_IS_PRIMARY && image->rebuilt_groups > 0)
		checks->judged = primary;
	else
		ext_filesystem_close(primary);
}

/* Counts as old as the copy; the checksums of its bitmaps are no younger. */
static void report_stale(const struct checks *checks, enum ext_problem problem, ext_block block)
{
	struct ext_finding finding = {
		.problem = problem, .place = {.structure = EXT_AT_SUPERBLOCK}, .found = block};

	if (!checks->superblock->has_metadata_csum) {
		ext_finding_unasked(&finding, 0x05001a);
		ext_finding_unasked(&finding, 0x05001b);
	}
	ext_report(checks->sink, &finding);
}

/* The copy's counts as they are stored against those that were brought up to date. */
static void judge_counts(const struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	const struct opened_image *image = checks->image;
	struct ext_open_options options = {.superblock_offset = image->superblock_offset,
					   .copy_group = image->copy_group};
	struct ext_filesystem *copy;
	bool blocks_differ = false, inodes_differ = false;
	ext_block block = image->superblock_block;

	if (image->source == SUPERBLOCK_IS_PRIMARY) {
		ext_group group = 1;

		while (group < sb->group_count && !ext_group_has_superblock(sb, group))
			group++;
		if (group == sb->group_count)
			return;
		options.copy_group = group;
		options.superblock_offset = ext_superblock_copy_offset(sb, group);
		block = ext_group_first_block(sb, group);
	}
	if (ext_filesystem_open(ext_filesystem_source(checks->filesystem), &options, &copy, NULL) !=
	    EXT_OK)
		return;
	if (ext_filesystem_superblock(copy)->group_count == sb->group_count &&
	    ext_filesystem_superblock(copy)->descriptor_size == sb->descriptor_size)
		for (ext_group group = 0; group < sb->group_count; group++) {
			struct ext_group_descriptor stored, current;

			ext_group_locations(copy, group, &stored);
			ext_group_locations(checks->filesystem, group, &current);
			blocks_differ =
				blocks_differ || stored.free_clusters != current.free_clusters;
			inodes_differ = inodes_differ || stored.free_inodes != current.free_inodes;
		}
	if (blocks_differ)
		report_stale(checks, EXT_COPY_FREE_BLOCKS, block);
	if (inodes_differ)
		report_stale(checks, EXT_COPY_FREE_INODES, block);
	ext_filesystem_close(copy);
}

void checks_ignore_made_up(bool ignored[EXT_PROBLEM_COUNT])
{
	static const enum ext_problem made_up[] = {
		/* The seed of the hashes, and that of checksums in inodes of values. */
		EXT_HTREE_HASH_LOW,
		EXT_HTREE_HASH_HIGH,
		EXT_XATTR_INODE_HASH,
		/* Features that leave nothing where a superblock is made from. */
		EXT_EXTENTS_WITHOUT_FEATURE,
		EXT_EXTENTS_FLAG_WRONG,
		EXT_INLINE_WITHOUT_FEATURE,
		EXT_LARGE_FILE_FEATURE,
		EXT_LINK_COUNT_FEATURE,
		EXT_HTREE_WITHOUT_FEATURE,
		EXT_CASEFOLD_WITHOUT_FEATURE,
		EXT_XATTR_VALUE_BLOCK,
		EXT_XATTR_INODE_WITHOUT_FEATURE,
		EXT_RESIZE_INODE_IN_USE,
		EXT_GROUP_UNINIT_WITHOUT_CHECKSUM,
		EXT_ORPHAN_PRESENT_CLEAN,
		EXT_QUOTA_USAGE,
	};

	for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++)
		ignored[made_up[i]] = true;
}

void check_source(struct checks *checks)
{
	const struct opened_image *image = checks->image;

	if (image->doubts == 0 ||
	    (image->source == SUPERBLOCK_IS_PRIMARY && image->replaced_groups == 0))
		return;
	if (image->source == SUPERBLOCK_IS_PRIMARY) {
		report_superblock(checks->sink, EXT_DESCRIPTORS_REPLACED, NULL,
				  image->replaced_groups, 0, 0);
	} else {
		report_superblock(checks->sink,
				  image->is_rebuilt ? EXT_PRIMARY_SUPERBLOCK_REBUILT
						    : EXT_PRIMARY_SUPERBLOCK_REPLACED,
				  NULL, image->superblock_block, 0, 0);
		judge_primary(checks);
	}
	judge_primary_table(checks);
	judge_counts(checks);
}
