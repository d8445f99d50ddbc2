/* SPDX-License-Identifier: MIT */
/*
 * The tree as a whole, once every entry was seen. Invariants: ".." of every directory names the
 * directory that names it; every directory is reached from the root; there is a lost+found that
 * can take what is not. What hangs below a lost directory is counted, so that the largest loss can
 * be named first.
 */
#include "config.h"

#include "accounting/lost.h"
#include "checks/directories.h"

static void report_directory(struct directory_checks *checks, enum ext_problem problem, ext_ino ino,
			     uint64_t found, uint64_t low, uint64_t high)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = ino},
		.found = found,
		.low = low,
		.high = high};

	ext_report(checks->checks->sink, &finding);
}

static void check_parent(struct directory_checks *checks, const struct survey *survey,
			 const struct directory *directory)
{
	const struct ext_superblock *sb = survey->superblock;
	const ext_ino parent = directory->ino == EXT_INO_ROOT ? EXT_INO_ROOT : directory->parent;

	/* Nobody names it: there is nothing to hold ".." against. */
	if (parent == 0 || directory->dotdot == parent)
		return;
	/* No second entry: that has been said. Or it was not read: nobody knows. */
	if (directory->dotdot == 0 && (directory->has_first || directory->is_unread))
		return;
	if ((directory->flags & EXT_INODE_INLINE_DATA) &&
	    (directory->dotdot == 0 || directory->dotdot > sb->inode_count))
		report_directory(checks, EXT_INLINE_DIRECTORY_PARENT, directory->ino,
				 directory->dotdot, 1, sb->inode_count);
	else
		report_directory(checks, EXT_DOTDOT_INODE, directory->ino, directory->dotdot,
				 parent, parent);
}

static void check_lost_found(struct directory_checks *checks, const struct survey *survey)
{
	const ext_ino ino = atomic_load(&checks->lost_found);
	const uint8_t state = inode_states_get(&survey->inodes, ino);
	const struct directory *directory = survey_directory(survey, ino);
	const bool is_used = ino != 0 && (state & STATE_USED);

	if (!is_used && survey->lost_inodes > 0 && survey->root_readable)
		report_directory(checks, EXT_LOST_FOUND_MISSING, EXT_INO_ROOT, 0, 0, 0);
	else if (is_used && (state & STATE_TYPE) != EXT_TYPE_DIRECTORY)
		report_directory(checks, EXT_LOST_FOUND_TYPE, ino, 0, 0, 0);
	if (!directory)
		return;
	if (directory->flags & EXT_INODE_INLINE_DATA)
		report_directory(checks, EXT_LOST_FOUND_INLINE, ino, 0, 0, 0);
	if (directory->flags & EXT_INODE_ENCRYPT)
		report_directory(checks, EXT_LOST_FOUND_ENCRYPTED, ino, 0, 0, 0);
}

void check_connectivity(struct directory_checks *checks, struct survey *survey)
{
	for (size_t i = 0; i < survey->directory_count; i++)
		check_parent(checks, survey, &survey->directories[i]);
	if (!lost_directories(survey, checks->checks->sink, false))
		checks->checks->out_of_memory = true;
	check_lost_found(checks, survey);
}
