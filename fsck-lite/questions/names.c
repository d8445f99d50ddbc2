/* SPDX-License-Identifier: MIT */
/*
 * What e2fsck asks of "." and "..", and of the links that names make. A repair writes what is
 * missing of the first two before it counts, and keeps names that Linux does not get to.
 */
#include "config.h"

#include "checks/directories.h"
#include "questions/families.h"

/* Every missing name is a "." or a ".." that the repair writes before it counts, or one that it
 * keeps. */
static bool counts_dots_alone(const struct questions *questions, const struct ext_finding *count)
{
	const ext_ino ino = count->place.inode;
	struct ext_finding finding;
	uint64_t dots = questions_have_inode(questions, EXT_DOT_MISSING, ino);

	for (uint64_t at = findings_begin(EXT_DOTDOT_MISSING);
	     questions_next(questions, EXT_DOTDOT_MISSING, &at, &finding);) {
		const struct directory *directory =
			survey_directory(questions->survey, finding.place.inode);

		dots += directory && directory->ino != EXT_INO_ROOT && directory->parent == ino;
	}
	if (ino == EXT_INO_ROOT)
		dots += questions_have_inode(questions, EXT_DOTDOT_MISSING, ino);
	dots += salvage_count(questions->checks->directories, ino);
	return count->found - count->low == dots;
}

static void weigh_counts_of_links(const struct questions *questions)
{
	static const enum ext_problem lost[] = {EXT_DIRECTORY_LOST, EXT_INODE_LOST,
						EXT_INODE_LOST_EMPTY};
	struct ext_finding finding;

	if (questions->stop >= STOPS_IN_PASS_4)
		return;
	for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
		for (uint64_t at = findings_begin(lost[i]);
		     questions_next(questions, lost[i], &at, &finding);)
			if (salvage_count(questions->checks->directories, finding.place.inode) > 0)
				questions_unask_codes(questions, at, lost[i], 0x020000);
	for (uint64_t at = findings_begin(EXT_LINK_COUNT_WRONG);
	     questions_next(questions, EXT_LINK_COUNT_WRONG, &at, &finding);)
		if (counts_dots_alone(questions, &finding))
			findings_unask_one(questions->findings, at, 0x040003);
	/* A directory without a block is cleared before anybody looks for its "..". */
	for (uint64_t at = findings_begin(EXT_DOTDOT_INODE);
	     questions_next(questions, EXT_DOTDOT_INODE, &at, &finding);)
		if (questions_have_inode(questions, EXT_DIRECTORY_EMPTY, finding.place.inode))
			findings_unask_one(questions->findings, at, 0x030005);
}

/* A repair makes "." out of the first entry, and an empty second one of what it is too long by. */
static void weigh_dots(const struct questions *questions)
{
	const bool is_repair = questions->stop <= STOPS_IN_PASS_1B;
	struct ext_finding finding;

	for (uint64_t at = findings_begin(EXT_DOT_NOT_FIRST);
	     is_repair && questions_next(questions, EXT_DOT_NOT_FIRST, &at, &finding);)
		findings_unask_one(questions->findings, at, 0x020001);
	for (uint64_t at = findings_begin(EXT_DOTDOT_NOT_SECOND);
	     questions_next(questions, EXT_DOTDOT_NOT_SECOND, &at, &finding);) {
		const ext_ino ino = finding.place.inode;
		const bool is_split = is_repair &&
				      questions_have_inode(questions, EXT_DOT_NOT_FIRST, ino) &&
				      questions_have_inode(questions, EXT_DOT_LENGTH, ino);

		findings_unask_one(questions->findings, at, is_split ? 0x02000c : 0x02000a);
	}
	for (uint64_t at = findings_begin(EXT_DOT_LENGTH);
	     is_repair && questions_next(questions, EXT_DOT_LENGTH, &at, &finding);)
		if (questions_have_inode(questions, EXT_DOT_NOT_FIRST, finding.place.inode))
			findings_unask_one(questions->findings, at, 0x020024);
}

/* A list of bad blocks that nobody believes takes no blocks from anyone; one that cannot be read
 * takes no names. */
static void weigh_bad_blocks(const struct questions *questions)
{
	if (questions->survey->bad_blocks.is_heeded)
		return;
	questions_unask(questions, EXT_DIRENT_TO_BAD_BLOCKS, 0x050006);
	if (questions_have_inode(questions, EXT_INODE_CHECKSUM, EXT_INO_BAD_BLOCKS))
		questions_unask(questions, EXT_DIRENT_TO_BAD_BLOCKS, 0x020005);
}

void weigh_names(const struct questions *questions)
{
	weigh_dots(questions);
	weigh_bad_blocks(questions);
	weigh_counts_of_links(questions);
}
