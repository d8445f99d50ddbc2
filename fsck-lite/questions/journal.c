/* SPDX-License-Identifier: MIT */
/* What e2fsck asks of the inode of the journal. */
#include "config.h"

#include "questions/families.h"

/* The inode of a journal that is given up is cleared, if anything is in it, or comes back from the
 * copy in the superblock, before anybody looks into it; then it shares nothing. */
void weigh_journal(const struct questions *questions)
{
	const ext_ino ino = questions->survey->superblock->journal_inode;
	struct ext_finding finding;
	struct ext_inode inode;

	if (!questions_have_no_journal(questions) &&
	    !questions_have(questions, EXT_JOURNAL_SUPERBLOCK_MAGIC))
		return;
	for (unsigned i = 1; i < EXT_PROBLEM_COUNT; i++)
		for (uint64_t at = findings_begin((enum ext_problem)i);
		     questions_next(questions, (enum ext_problem)i, &at, &finding);)
			if (i != EXT_JOURNAL_INODE && (finding.place.has & EXT_HAS_INODE) &&
			    finding.place.inode == ino &&
			    (finding.place.structure == EXT_AT_INODE ||
			     finding.place.structure == EXT_AT_EXTENT_NODE ||
			     finding.place.structure == EXT_AT_BLOCK_MAP))
				findings_unask_whole(questions->findings, at);
	if (questions_have_inode(questions, EXT_BLOCK_SHARED, ino)) {
		questions_unask(questions, EXT_BLOCK_SHARED, 0x013006);
		questions_unask(questions, EXT_BLOCK_SHARED, 0x013007);
	}
	if (ext_inode_read(questions->survey->filesystem, ino, &inode, NULL, NULL) == EXT_OK &&
	    inode.links == 0 && inode.blocks_raw == 0)
		questions_unask(questions, EXT_JOURNAL_INODE, 0x010034);
}
