/* SPDX-License-Identifier: MIT */
/*
 * An image that ends before its filesystem. A repair of such a one goes no further than to say so;
 * without repair e2fsck looks at all that it can read, but what it cannot read of the map of an
 * inode, or of the tables, is the end of pass 1. Nobody comes behind to ask the rest.
 */
#include "config.h"

#include "questions/families.h"

/* The first inode in a block of the tables. */
static ext_ino inode_of_block(const struct survey *survey, ext_group group, ext_block block)
{
	const struct ext_superblock *sb = survey->superblock;
	const uint32_t per_block = sb->block_size / sb->inode_size;
	struct ext_group_descriptor descriptor;

	ext_group_read(survey->filesystem, group, &descriptor);
	if (block < descriptor.inode_table ||
	    block - descriptor.inode_table >= sb->inodes_per_group / per_block)
		return group * sb->inodes_per_group + 1;
	return group * sb->inodes_per_group + 1 +
	       (ext_ino)(block - descriptor.inode_table) * per_block;
}

/* The first inode at which pass 1 ends; 0: it does not. */
static ext_ino last_inode(const struct questions *questions)
{
	const struct survey *survey = questions->survey;
	static const enum ext_problem unread[] = {EXT_EXTENT_UNREADABLE, EXT_INODES_UNREADABLE};
	struct ext_finding finding;
	ext_ino last = 0;

	/* Where a block of attributes may have the data of a file, one of the first inodes with
	 * attributes is the last. */
	if (ext_has_incompat(survey->superblock, EXT_INCOMPAT_INLINE_DATA) &&
	    questions_have(questions, EXT_XATTR_UNREADABLE))
		return survey->superblock->first_inode;
	for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
		for (uint64_t at = findings_begin(unread[i]);
		     questions_next(questions, unread[i], &at, &finding);) {
			const ext_ino ino = finding.place.has & EXT_HAS_INODE
						    ? finding.place.inode
						    : inode_of_block(survey, finding.place.group,
								     finding.place.block);

			if (last == 0 || ino < last)
				last = ino;
		}
	return last;
}

/* What pass 1 asks of inodes behind the last, and what it asks at its end. */
static void unask_behind(const struct questions *questions, ext_ino last)
{
	struct ext_finding finding;

	for (unsigned problem = 1; problem < EXT_PROBLEM_COUNT; problem++)
		for (uint64_t at = findings_begin((enum ext_problem)problem);
		     questions_next(questions, (enum ext_problem)problem, &at, &finding);)
			/* Size and blocks are asked once the map is read. */
			if ((finding.place.has & EXT_HAS_INODE) &&
			    (finding.place.inode > last ||
			     (finding.place.inode == last &&
			      (problem == EXT_INODE_SIZE || problem == EXT_INODE_BLOCKS))))
				questions_unask_codes(questions, at, (enum ext_problem)problem,
						      0x010000);
	questions_unask_codes(questions, 0, EXT_XATTR_REFERENCE_COUNT, 0x010000);
}

void weigh_cut_short(const struct questions *questions)
{
	/* What comes first behind the pass that is the last. */
	static const uint32_t behind[] = {
		[STOPS_IN_PASS_1] = 0x011000, [STOPS_IN_PASS_1B] = 0x020000,
		[STOPS_IN_PASS_2] = 0x030000, [STOPS_IN_PASS_3] = 0x040000,
		[STOPS_IN_PASS_4] = 0x050000,
	};
	enum stop stop = questions->stop;
	ext_ino last;

	if (!questions_have(questions, EXT_BLOCKS_BEYOND_END))
		return;
	/* What is connected is counted anew. */
	findings_unask(questions->findings, EXT_INODE_LOST, 0x040003);
	last = last_inode(questions);
	if (last != 0) {
		stop = STOPS_IN_PASS_1;
		unask_behind(questions, last);
	}
	if (stop < STOPS_IN_PASS_1 || stop == STOPS_NOWHERE)
		return;
	for (unsigned problem = 1; problem < EXT_PROBLEM_COUNT; problem++) {
		/* That a tree could be shallower is asked in pass 1 already. */
		if (stop == STOPS_IN_PASS_1 && problem == EXT_EXTENT_UNREADABLE)
			continue;
		questions_unask_codes(questions, 0, (enum ext_problem)problem, behind[stop]);
	}
}
