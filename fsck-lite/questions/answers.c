/* SPDX-License-Identifier: MIT */
/* What follows from the answer "no", which nobody gives in a repair. */
#include "config.h"

#include "questions/families.h"

/* What is not asked where e2fsck -n stops in this pass or before: then it is the repair that asks.
 */
static const struct {
	enum stop last;
	enum ext_problem problem;
	uint32_t code;
} rows[] = {
	/* Whether a file is to go is asked of who does not want it copied. */
	{STOPS_IN_PASS_1B, EXT_HTREE_ROOT, 0x02003c},
	{STOPS_IN_PASS_1B, EXT_BLOCK_SHARED, 0x013007},
	{STOPS_IN_PASS_1B, EXT_BLOCK_IN_METADATA, 0x013007},
	{STOPS_IN_PASS_1B, EXT_INODE_CHECKSUM, 0x02004d},
	{STOPS_IN_PASS_1B, EXT_INODE_CHECKSUM, 0x020049},
	/* What cannot be used is gone before the entries are held against it. */
	{STOPS_IN_PASS_2, EXT_DIRENT_TO_BAD_INODE, 0x020028},
	{STOPS_IN_PASS_2, EXT_DIRENT_TO_BLANK_INODE, 0x020028},
	{STOPS_IN_PASS_2, EXT_DIRECTORY_NO_TAIL, 0x02004d},
	{STOPS_IN_PASS_2, EXT_DOT_MISSING, 0x020001},
	{STOPS_IN_PASS_2, EXT_HTREE_ROOT, 0x020038},
	{STOPS_IN_PASS_2, EXT_HTREE_ROOT, 0x02003d},
	/* What is connected gets its ".." without a word. */
	{STOPS_IN_PASS_3, EXT_DIRENT_DUPLICATE, 0x020042},
	{STOPS_IN_PASS_3, EXT_DIRECTORY_LOST, 0x030005},
	{STOPS_IN_PASS_3, EXT_INODE_CHECKSUM, 0x030005},
	{STOPS_IN_PASS_3, EXT_INODE_CHECKSUM, 0x040003},
	/* Who does not want an empty file cleared is asked to connect it. */
	{STOPS_IN_PASS_4, EXT_INODE_LOST_EMPTY, 0x040002},
};

/* A bitmap that the repair has written by then has its checksum, and its padding. */
static void weigh_bitmaps(const struct questions *questions)
{
	static const enum ext_problem blocks[] = {EXT_BLOCK_LEAKED, EXT_BLOCK_MARKED_FREE,
						  EXT_BLOCK_SHARED};
	static const enum ext_problem inodes[] = {EXT_INODE_MARKED_USED, EXT_INODE_MARKED_FREE};

	if (questions_have_any(questions, blocks, sizeof blocks / sizeof *blocks)) {
		questions_unask(questions, EXT_BLOCK_BITMAP_CHECKSUM, 0x05001b);
		questions_unask(questions, EXT_BLOCK_BITMAP_PADDING, 0x050002);
	}
	if (questions_have_any(questions, inodes, sizeof inodes / sizeof *inodes))
		questions_unask(questions, EXT_INODE_BITMAP_CHECKSUM, 0x05001a);
}

void weigh_answers(const struct questions *questions)
{
	/* What cannot even be opened has no size. */
	if (questions_have(questions, EXT_IMAGE_TRUNCATED)) {
		questions_unask(questions, EXT_IMAGE_TRUNCATED, 0x000005);
		questions_unask(questions, EXT_BLOCKS_BEYOND_END, 0x000005);
	}
	if (questions->stop == STOPS_AT_SUPERBLOCK)
		for (unsigned problem = 1; problem < EXT_PROBLEM_COUNT; problem++)
			questions_unask_codes(questions, 0, (enum ext_problem)problem, 0x000100);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (questions->stop <= rows[i].last)
			questions_unask(questions, rows[i].problem, rows[i].code);
	if (questions->stop <= STOPS_IN_PASS_1B && questions_have(questions, EXT_BLOCK_SHARED))
		questions_unask(questions, EXT_DIRECTORY_CHECKSUM, 0x02004d);
	if (questions->stop != STOPS_NOWHERE)
		weigh_bitmaps(questions);
}
