/* SPDX-License-Identifier: MIT */
/*
 * The features of the orphan file. Invariants: a filesystem with an orphan file has a journal; it
 * is marked as in use only where there is one, and only while something is in it; without the
 * feature its inode is empty. What is in the file is the survey's.
 */
#include "config.h"

#include <ext/orphan.h>

#include "checks/checks.h"
#include "checks/report.h"

struct counting_sink {
	struct ext_sink sink;
	uint64_t count;
};

static void count(struct ext_sink *sink, const struct ext_finding *finding)
{
	(void)finding;
	((struct counting_sink *)(void *)sink)->count++;
}

/* Is the file in order, and nothing in it? */
static bool is_clean(const struct checks *checks)
{
	struct counting_sink faults = {{count}, 0};
	struct ext_orphans *orphans;
	struct ext_orphan orphan;
	bool is_empty = true;

	if (ext_orphans_open(checks->filesystem, &faults.sink, &orphans, NULL) != EXT_OK)
		return false;
	while (is_empty && ext_orphans_next(orphans, &orphan) == EXT_OK)
		is_empty = !orphan.from_file;
	ext_orphans_close(orphans);
	return is_empty && faults.count == 0;
}

static bool is_in_use(const struct checks *checks, ext_ino ino)
{
	struct ext_inode inode;

	return ino <= checks->superblock->inode_count &&
	       ext_inode_read(checks->filesystem, ino, &inode, NULL, NULL) == EXT_OK &&
	       inode.links != 0;
}

void check_orphan_file(struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	struct ext_sink *const sink = checks->sink;
	const bool is_marked = ext_has_ro_compat(sb, EXT_RO_ORPHAN_PRESENT);

	if (!ext_has_compat(sb, EXT_COMPAT_ORPHAN_FILE)) {
		if (is_marked)
			report_superblock(sink, EXT_ORPHAN_PRESENT_WITHOUT_FILE,
					  "s_feature_ro_compat", sb->ro_compat, 0, 0);
		if (sb->forgotten_orphan_file != 0 && is_in_use(checks, sb->forgotten_orphan_file))
			report_superblock(sink, EXT_ORPHAN_FILE_IN_USE, "s_orphan_file_inum",
					  sb->forgotten_orphan_file, 0, 0);
		return;
	}
	if (!ext_has_compat(sb, EXT_COMPAT_HAS_JOURNAL))
		report_superblock(sink, EXT_ORPHAN_FILE_WITHOUT_JOURNAL, "s_feature_compat",
				  sb->compat, 0, 0);
	/* While it is mounted the mark stands, whatever is in the file. */
	if (is_marked && checks->image->source == SUPERBLOCK_IS_PRIMARY &&
	    checks->image->journal == JOURNAL_IS_CLEAN && is_clean(checks))
		report_superblock(sink, EXT_ORPHAN_PRESENT_CLEAN, "s_feature_ro_compat",
				  sb->ro_compat, 0, 0);
}
