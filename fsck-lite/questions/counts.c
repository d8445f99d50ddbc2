/* SPDX-License-Identifier: MIT */
/* What e2fsck asks of counts, which other answers have made right or wrong by then. */
#include "config.h"

#include "questions/families.h"

/* A count that only the bitmap on disk makes wrong or right; who asks where tells. */
static void weigh_count(const struct questions *questions, enum ext_problem problem, uint32_t code,
			bool is_repaired_first)
{
	struct ext_finding finding;

	for (uint64_t at = findings_begin(problem);
	     questions_next(questions, problem, &at, &finding);)
		if ((finding.asked == EXT_ASKED_WITHOUT_REPAIR &&
		     questions->stop != STOPS_NOWHERE) ||
		    (finding.asked == EXT_ASKED_IN_REPAIR && is_repaired_first))
			findings_unask_one(questions->findings, at, code);
}

/* The map of the journal comes back from the copy in the superblock, with what it has lost. */
static bool journal_comes_back(const struct questions *questions)
{
	return questions_have_inode(questions, EXT_BLOCK_MAP_RANGE,
				    questions->survey->superblock->journal_inode) &&
	       !questions_have_no_journal(questions);
}

void weigh_group_counts(const struct questions *questions)
{
	/* Orphans go, and unused parts of tables are read again, before anything is counted. */
	const bool is_again = questions_have(questions, EXT_ORPHAN_PENDING) ||
			      questions_have(questions, EXT_DIRENT_TO_UNUSED_AREA) ||
			      questions_have(questions, EXT_DIRENT_TO_UNINIT_GROUP);
	const bool is_cleared = is_again || questions_have(questions, EXT_BAD_BLOCKS_INODE) ||
				journal_comes_back(questions);

	weigh_count(questions, EXT_GROUP_FREE_BLOCKS, 0x05000e, is_cleared);
	weigh_count(questions, EXT_SUPERBLOCK_FREE_BLOCKS, 0x05000f, is_cleared);
	weigh_count(questions, EXT_GROUP_FREE_INODES, 0x05000b, is_again);
	weigh_count(questions, EXT_SUPERBLOCK_FREE_INODES, 0x05000d, is_again);
}

/* A new root is counted as the old one was. */
void weigh_counts(const struct questions *questions)
{
	if ((questions_have_no_root(questions) || questions_have(questions, EXT_ROOT_EMPTY)) &&
	    questions->survey->directory_count > 0)
		questions_unask(questions, EXT_GROUP_DIRECTORIES, 0x05000c);
}
