/* SPDX-License-Identifier: MIT */
/*
 * The superblock beyond what decoding needs. Decoding itself reports magic, geometry and checksum
 * (parser/structure/superblock.c). Invariants: features that fit each other; sizes of the extra
 * part of inodes; quota files in inodes that may be theirs; times in the past, where a clock was
 * given: without one the answer would change from day to day.
 */
#include "config.h"

#include <stdlib.h>

#include "checks/checks.h"
#include "checks/report.h"

enum { EXTRA_LEAST = 4, SMALL_INODE = 128, DAY = 86400, HURD = 1, TESTING = 4 };

static void check_features(const struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	struct ext_sink *sink = checks->sink;

	if (sb->has_metadata_csum && ext_has_ro_compat(sb, EXT_RO_GDT_CSUM))
		report_superblock(sink, EXT_FEATURE_CHECKSUMS, "s_feature_ro_compat", sb->ro_compat,
				  0, 0);
	if (ext_has_incompat(sb, EXT_INCOMPAT_64BIT) && !ext_has_incompat(sb, EXT_INCOMPAT_EXTENTS))
		report_superblock(sink, EXT_FEATURE_64BIT, "s_feature_incompat", sb->incompat, 0,
				  0);
	if (ext_has_incompat(sb, EXT_INCOMPAT_CSUM_SEED) && !sb->has_metadata_csum)
		report_superblock(sink, EXT_FEATURE_CHECKSUM_SEED, "s_feature_incompat",
				  sb->incompat, 0, 0);
	if (ext_has_compat(sb, EXT_COMPAT_RESIZE_INODE) &&
	    ext_has_incompat(sb, EXT_INCOMPAT_META_BG))
		report_superblock(sink, EXT_FEATURE_RESIZE, "s_feature_compat", sb->compat, 0, 0);
	if (!ext_has_compat(sb, EXT_COMPAT_RESIZE_INODE) && sb->reserved_gdt_blocks != 0)
		report_superblock(sink, EXT_FEATURE_RESERVED_GDT, "s_reserved_gdt_blocks",
				  sb->reserved_gdt_blocks, 0, 0);
	if (sb->creator_os == HURD && ext_has_incompat(sb, EXT_INCOMPAT_FILETYPE))
		report_superblock(sink, EXT_FEATURE_HURD, "s_creator_os", sb->creator_os, 0, 0);
	if (sb->flags & TESTING)
		report_superblock(sink, EXT_FEATURE_TESTING, "s_flags", sb->flags, 0, 0);
	if (sb->has_early_features)
		report_superblock(sink, EXT_FEATURE_REVISION, "s_rev_level", sb->revision, 1, 1);
}

static void check_extra_size(const struct checks *checks, enum ext_problem problem,
			     const char *field, uint32_t size)
{
	const uint32_t most = checks->superblock->inode_size - SMALL_INODE;

	if (size != 0 && (size < EXTRA_LEAST || size > most || size % 4 != 0))
		report_superblock(checks->sink, problem, field, size, EXTRA_LEAST, most);
}

static bool is_taken(const struct ext_superblock *sb, ext_ino ino)
{
	return ino > sb->inode_count ||
	       (ino <= EXT_INO_REPLICA && ino != EXT_INO_USER_QUOTA && ino != EXT_INO_GROUP_QUOTA);
}

static void check_quota_inode(const struct checks *checks, const char *field, ext_ino ino)
{
	const struct ext_superblock *sb = checks->superblock;

	if (ino != 0 && is_taken(sb, ino))
		report_superblock(checks->sink, EXT_QUOTA_INODE_NUMBER, field, ino,
				  EXT_INO_USER_QUOTA, sb->inode_count);
}

/* The clock that tests of e2fsck set; nobody else is asked for the time. */
static void check_times(const struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	const char *text = getenv("E2FSCK_TIME");
	const long long now = text ? strtoll(text, NULL, 0) : 0;

	if (now <= 0)
		return;
	if (sb->mount_time > now + DAY)
		report_superblock(checks->sink, EXT_SUPERBLOCK_MOUNT_TIME, "s_mtime",
				  (uint64_t)sb->mount_time, (uint64_t)now, (uint64_t)now);
	if (sb->write_time > now + DAY)
		report_superblock(checks->sink, EXT_SUPERBLOCK_WRITE_TIME, "s_wtime",
				  (uint64_t)sb->write_time, (uint64_t)now, (uint64_t)now);
}

void check_superblock(struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;

	check_source(checks);
	check_features(checks);
	if (sb->inode_size > SMALL_INODE) {
		check_extra_size(checks, EXT_SUPERBLOCK_MIN_EXTRA_SIZE, "s_min_extra_isize",
				 sb->min_extra_isize);
		check_extra_size(checks, EXT_SUPERBLOCK_WANT_EXTRA_SIZE, "s_want_extra_isize",
				 sb->want_extra_isize);
	}
	check_orphan_file(checks);
	if (sb->forgotten_journal_inode != 0)
		report_superblock(checks->sink, EXT_JOURNAL_HAS_JOURNAL, "s_journal_inum",
				  sb->forgotten_journal_inode, 0, 0);
	check_quota_inode(checks, "s_usr_quota_inum", sb->user_quota_inode);
	check_quota_inode(checks, "s_grp_quota_inum", sb->group_quota_inode);
	check_quota_inode(checks, "s_prj_quota_inum", sb->project_quota_inode);
	check_times(checks);
	check_mmp(checks);
}
