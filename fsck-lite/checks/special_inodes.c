/* SPDX-License-Identifier: MIT */
/*
 * Inodes that have a number of their own: the list of bad blocks, root, quota files, journal,
 * resize inode, orphan file, reserved ones. Invariants: each has the mode that belongs to it, and
 * is empty where the superblock does not use it.
 */
#include "config.h"

#include "checks/inspection.h"

static bool is_in_use(const struct ext_inode *inode)
{
	return inode->links != 0 || inode->blocks_raw != 0 ||
	       (inode->i_block[0] | inode->i_block[1] | inode->i_block[2] | inode->i_block[3]) != 0;
}

static void expect_regular(const struct inspection *inspection, enum ext_problem problem)
{
	if (inspection->inode->type != EXT_TYPE_REGULAR)
		inspection_report(inspection, problem, "i_mode", inspection->inode->mode, 0x8000,
				  0x8000);
}

static void expect_empty(const struct inspection *inspection, enum ext_problem problem)
{
	if (is_in_use(inspection->inode))
		inspection_report(inspection, problem, NULL, 0, 0, 0);
}

/* Which structure of the layout a bad block lies in. */
static void judge_bad_block(const struct inspection *inspection, ext_block block, bool *in_primary)
{
	const struct ext_superblock *sb = inspection->superblock;

	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_descriptor descriptor;
		struct ext_group_layout layout;
		bool in_head;

		ext_group_layout(sb, group, &layout);
		in_head = (layout.has_superblock && block == layout.superblock_block) ||
			  (block >= layout.descriptors_start &&
			   block < layout.descriptors_start + layout.descriptor_blocks);
		if (in_head && group == 0)
			*in_primary = true;
		else if (in_head)
			inspection_report(inspection, EXT_BAD_BLOCK_IN_COPY, NULL, group, 0, 0);
		ext_group_locations(inspection->survey->filesystem, group, &descriptor);
		if (descriptor.readable && descriptor.block_bitmap == block)
			inspection_report(inspection, EXT_BAD_BLOCK_IN_BLOCK_BITMAP, NULL, group, 0,
					  0);
		if (descriptor.readable && descriptor.inode_bitmap == block)
			inspection_report(inspection, EXT_BAD_BLOCK_IN_INODE_BITMAP, NULL, group, 0,
					  0);
	}
}

/* The table block that holds the inode of the list. */
static bool holds_the_list(const struct inspection *inspection, ext_block block)
{
	struct ext_group_descriptor descriptor;

	ext_group_locations(inspection->survey->filesystem, 0, &descriptor);
	return descriptor.readable && descriptor.inode_table != 0 &&
	       descriptor.inode_table == block;
}

/* Does the block lie where superblocks, descriptors or bitmaps do? */
static bool is_metadata(const struct inspection *inspection, ext_block block)
{
	const struct ext_superblock *sb = inspection->superblock;

	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_descriptor descriptor;
		struct ext_group_layout layout;

		ext_group_layout(sb, group, &layout);
		ext_group_locations(inspection->survey->filesystem, group, &descriptor);
		if ((layout.has_superblock && block == layout.superblock_block) ||
		    (block >= layout.descriptors_start && block < layout.descriptors_start +
									  layout.descriptor_blocks +
									  layout.reserved_blocks) ||
		    (descriptor.readable &&
		     (block == descriptor.block_bitmap || block == descriptor.inode_bitmap ||
		      (block >= descriptor.inode_table &&
		       block - descriptor.inode_table < sb->inode_table_blocks))))
			return true;
	}
	return false;
}

/* The blocks that the list itself lies in, as many as are looked at. */
struct list_blocks {
	ext_block block[64];
	unsigned count;
};

/* They are neither metadata, nor on the list. */
static void judge_list_blocks(const struct inspection *inspection, const struct list_blocks *own,
			      struct ext_mapping *mapping)
{
	struct ext_run run;

	for (unsigned i = 0; i < own->count; i++)
		if (is_metadata(inspection, own->block[i]))
			inspection_report(inspection, EXT_BAD_BLOCKS_TREE, NULL, own->block[i], 0,
					  0);
	ext_mapping_start(mapping, inspection->inode, 0, NULL);
	while (own->count > 0 && ext_mapping_next(mapping, &run) == EXT_OK)
		for (unsigned i = 0; i < own->count && run.kind != EXT_RUN_TREE; i++)
			if (own->block[i] >= run.physical &&
			    own->block[i] - run.physical < run.length)
				inspection_report(inspection, EXT_BAD_BLOCKS_TREE_BAD, NULL,
						  own->block[i], 0, 0);
}

static void inspect_bad_blocks(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;
	struct list_blocks own = {.count = 0};
	struct ext_mapping *mapping;
	struct ext_run run;
	bool in_primary = false;

	if (!bad_blocks_inode_is_plain(inode))
		inspection_report(inspection, EXT_BAD_BLOCKS_INODE, NULL, 0, 0, 0);
	if (inspection->facts->runs == 0 ||
	    ext_mapping_new(inspection->survey->filesystem, &mapping, NULL) != EXT_OK)
		return;
	ext_mapping_start(mapping, inode, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		if (run.kind == EXT_RUN_TREE) {
			if (own.count < sizeof own.block / sizeof *own.block)
				own.block[own.count++] = run.physical;
			continue;
		}
		for (uint32_t i = 0; i < run.length; i++) {
			judge_bad_block(inspection, run.physical + i, &in_primary);
			if (holds_the_list(inspection, run.physical + i))
				inspection_report(inspection, EXT_BAD_BLOCKS_INODE_BAD, NULL,
						  run.physical + i, 0, 0);
		}
	}
	judge_list_blocks(inspection, &own, mapping);
	ext_mapping_free(mapping);
	if (in_primary)
		inspection_report(inspection, EXT_BAD_BLOCK_IN_PRIMARY, NULL, 0, 0, 0);
}

static void inspect_root(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;

	if (inode->dtime != 0 && inode->links != 0)
		inspection_report(inspection, EXT_ROOT_DELETION_TIME, "i_dtime", inode->dtime, 0,
				  0);
}

static void inspect_reserved(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;
	bool wrong = inode->mode != 0;

	if (inode->number == EXT_INO_BOOT_LOADER)
		wrong = inode->type == EXT_TYPE_DIRECTORY;
	else if (inode->number == EXT_INO_RESIZE)
		wrong = inode->mode != 0 && inode->type != EXT_TYPE_REGULAR;
	if (wrong)
		inspection_report(inspection, EXT_RESERVED_INODE_MODE, "i_mode", inode->mode, 0, 0);
}

/* The rest of the checks for those of them that hold blocks. */
static bool with_space(const struct inspection *inspection)
{
	inspect_space(inspection);
	return false;
}

bool inspect_special(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const ext_ino ino = inspection->inode->number;

	if (ino == EXT_INO_BAD_BLOCKS) {
		inspect_bad_blocks(inspection);
		return false;
	}
	if (ino == EXT_INO_ROOT) {
		inspect_root(inspection);
		return true;
	}
	if (ino == EXT_INO_JOURNAL) {
		if (sb->journal_inode == ino) {
			expect_regular(inspection, EXT_JOURNAL_INODE_MODE);
			if (inspection->inode->flags & EXT_INODE_ENCRYPT)
				inspection_report(inspection, EXT_JOURNAL_INODE, "i_flags", ino, 0,
						  0);
			return with_space(inspection);
		}
		/* Without the feature, but with the number, it is the superblock that forgot it. */
		if (sb->forgotten_journal_inode != ino)
			expect_empty(inspection, EXT_JOURNAL_INODE_IN_USE);
		return true;
	}
	if (ino == EXT_INO_USER_QUOTA || ino == EXT_INO_GROUP_QUOTA ||
	    (ino != 0 && ino == sb->project_quota_inode)) {
		if (ino == sb->user_quota_inode || ino == sb->group_quota_inode ||
		    ino == sb->project_quota_inode) {
			expect_regular(inspection, EXT_QUOTA_INODE_MODE);
			return with_space(inspection);
		}
		expect_empty(inspection, EXT_QUOTA_INODE_IN_USE);
		return true;
	}
	if (ino != 0 && ino == sb->orphan_file_inode)
		return with_space(inspection);
	if (ino < sb->first_inode) {
		inspect_reserved(inspection);
		return with_space(inspection);
	}
	return true;
}
