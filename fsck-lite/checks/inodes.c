/* SPDX-License-Identifier: MIT */
/*
 * One inode: whether it is deleted or in use, and then what its own bytes and its map say about
 * each other. Invariants: deleted inodes have a time of deletion, those in use have none; a link of
 * the orphan list is no time.
 */
#include "config.h"

#include "checks/inspection.h"
#include "checks/xattr_values.h"

/* A filesystem written in the first minutes of 1970 has deletion times like inode numbers. */
static bool times_are_early(const struct ext_superblock *sb)
{
	return (sb->write_time != 0 && sb->write_time < sb->inode_count) ||
	       (sb->mount_time != 0 && sb->mount_time < sb->inode_count) ||
	       (sb->mkfs_time != 0 && sb->mkfs_time < sb->inode_count);
}

static bool is_reserved_quota(const struct inspection *inspection)
{
	const ext_ino ino = inspection->inode->number;

	return ino == EXT_INO_USER_QUOTA || ino == EXT_INO_GROUP_QUOTA ||
	       (ino != 0 && ino == inspection->superblock->project_quota_inode);
}

/* False: the inode is deleted, and there is no more to ask. */
static bool inspect_deletion(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode *inode = inspection->inode;
	/* What the orphan list links is in order: its "time" is the next number. */
	const bool is_orphan = inspection->facts->is_orphan;

	if (inode->dtime != 0 && inode->dtime < sb->inode_count && !is_orphan &&
	    !times_are_early(sb))
		inspection_report(inspection, EXT_INODE_LOW_DELETION_TIME, "i_dtime", inode->dtime,
				  sb->inode_count, UINT32_MAX);
	if (inode->links > 0 || inode->number < sb->first_inode || is_reserved_quota(inspection))
		return true;
	if (inode->dtime == 0 && inode->mode != 0 && !is_orphan)
		inspection_report(inspection, EXT_INODE_DELETED_WITHOUT_TIME, "i_dtime", 0, 1,
				  UINT32_MAX);
	return is_orphan;
}

static void report_size_high(const struct inspection *inspection)
{
	struct ext_finding finding = {.problem = EXT_DIRECTORY_SIZE_HIGH,
				      .place = {.structure = EXT_AT_INODE,
						.has = EXT_HAS_INODE,
						.inode = inspection->inode->number,
						.field = "i_size_high"},
				      .found = inspection->leftovers.size_high};

	/* Whose index is not looked at is not known to e2fsck for a large one. */
	if ((inspection->inode->flags & EXT_INODE_INDEX) == 0)
		ext_finding_unasked(&finding, 0x020039);
	ext_report(inspection->sink, &finding);
}

static void inspect_leftovers(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode_leftovers *leftovers = &inspection->leftovers;
	enum { HURD = 1 };

	if (leftovers->fragment_address != 0)
		inspection_report(inspection, EXT_FRAGMENT_ADDRESS, "i_obso_faddr",
				  leftovers->fragment_address, 0, 0);
	if (leftovers->size_high != 0 && inspection->inode->type == EXT_TYPE_DIRECTORY &&
	    !ext_has_incompat(sb, EXT_INCOMPAT_LARGEDIR))
		report_size_high(inspection);
	if (sb->creator_os == HURD) {
		if (leftovers->fragment != 0)
			inspection_report(inspection, EXT_FRAGMENT_NUMBER, "h_i_frag",
					  leftovers->fragment, 0, 0);
		if (leftovers->fragment_size != 0)
			inspection_report(inspection, EXT_FRAGMENT_SIZE, "h_i_fsize",
					  leftovers->fragment_size, 0, 0);
		return;
	}
	if (leftovers->xattr_block_high != 0 && !ext_has_incompat(sb, EXT_INCOMPAT_64BIT))
		inspection_report(inspection, EXT_XATTR_BLOCK_HIGH, "i_file_acl_high",
				  leftovers->xattr_block_high, 0, 0);
	if (leftovers->blocks_high != 0 && !ext_has_ro_compat(sb, EXT_RO_HUGE_FILE))
		inspection_report(inspection, EXT_INODE_BLOCKS_HIGH, "i_blocks_high",
				  leftovers->blocks_high, 0, 0);
}

bool check_inode(struct checks *checks, const struct survey *survey, const struct ext_inode *inode,
		 const uint8_t *raw, const struct inode_facts *facts, struct ext_sink *sink)
{
	struct inspection inspection = {.checks = checks,
					.survey = survey,
					.superblock = survey->superblock,
					.inode = inode,
					.raw = raw,
					.facts = facts,
					.sink = sink};
	bool has_target;

	if (!inspect_deletion(&inspection))
		return false;
	ext_inode_leftovers(raw, &inspection.leftovers);
	if (inode->flags != 0)
		inspect_flags(&inspection);
	if (!inspect_special(&inspection))
		return false;
	if (inode->links == 0) {
		/* Charged until it is gone. */
		if (facts->is_orphan)
			inspect_quota(&inspection);
		return false;
	}
	if (inode->dtime != 0 && !facts->is_orphan)
		inspection_report(&inspection, EXT_INODE_DELETION_TIME, "i_dtime", inode->dtime, 0,
				  0);
	inspect_leftovers(&inspection);
	inspect_xattrs(&inspection);
	if (inode->flags & EXT_INODE_EA_INODE)
		inspect_value_content(&inspection);
	has_target = inspect_type(&inspection);
	inspect_space(&inspection);
	inspect_quota(&inspection);
	return has_target;
}
