/* SPDX-License-Identifier: MIT */
/*
 * Before e2fsck -y compares the bitmaps, it has given up the blocks of attributes that are none,
 * and has taken a block that nobody owns for each copy of one that several own, for a
 * new root and for a new lost+found, which are marked at once. Where the blocks that
 * were marked for nobody are among them, no difference is left to ask about. The counts follow
 * lost+found alone.
 */
#include "config.h"

#include "questions/families.h"

/* In clusters. */
struct space {
	uint64_t leaked, marked_free; /* of the bitmaps, once attributes are given up */
	uint64_t last_leaked;
	uint64_t given_up; /* owned by nobody from now on */
	uint64_t shared;   /* given up, but somebody else has it, who needs no copy now */
};

static bool is_marked_free(const struct questions *questions, ext_block block)
{
	const uint64_t cluster_blocks = questions->survey->superblock->cluster_blocks;
	struct ext_finding finding;

	for (uint64_t at = findings_begin(EXT_BLOCK_MARKED_FREE);
	     questions_next(questions, EXT_BLOCK_MARKED_FREE, &at, &finding);)
		if (finding.place.block == block && finding.found == cluster_blocks)
			return true;
	return false;
}

/* Whoever shares no other block shares nothing any more. */
static void unask_shared(const struct questions *questions, ext_block block)
{
	static const uint32_t codes[] = {0x013003, 0x013006, 0x013007};
	static const enum ext_problem shared[] = {EXT_BLOCK_SHARED, EXT_BLOCK_IN_METADATA};
	const uint64_t cluster_blocks = questions->survey->superblock->cluster_blocks;
	struct ext_finding finding;

	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
		for (uint64_t at = findings_begin(shared[i]);
		     questions_next(questions, shared[i], &at, &finding);)
			if (finding.place.block == block && finding.found == cluster_blocks)
				for (size_t j = 0; j < sizeof codes / sizeof *codes; j++)
					findings_unask_one(questions->findings, at, codes[j]);
}

static void give_up_attributes(const struct questions *questions, struct space *space)
{
	const struct survey *survey = questions->survey;
	struct ext_finding finding;

	for (uint64_t at = findings_begin(EXT_XATTR_BLOCK_UNUSABLE);
	     questions_next(questions, EXT_XATTR_BLOCK_UNUSABLE, &at, &finding);) {
		const ext_block block = finding.place.block;
		const uint64_t cluster = block >> survey->superblock->cluster_log2;

		if (block_set_has(&survey->shared, cluster)) {
			space->shared++;
			unask_shared(questions, block);
			questions_unask_codes(questions, at, EXT_XATTR_BLOCK_UNUSABLE, 0x050000);
			continue;
		}
		space->given_up++;
		if (is_marked_free(questions, block)) {
			space->marked_free--;
			questions_unask_codes(questions, at, EXT_XATTR_BLOCK_UNUSABLE, 0x050000);
			continue;
		}
		space->leaked++;
		if (cluster > space->last_leaked)
			space->last_leaked = cluster;
	}
}

/* Are all clusters that are marked for nobody among the first `taken` that nobody owns? */
static bool are_taken(const struct survey *survey, const struct space *space, uint64_t taken)
{
	const uint64_t first =
		survey->superblock->first_data_block >> survey->superblock->cluster_log2;
	const uint64_t count = space->last_leaked - first + 1;

	return space->leaked == 0 ||
	       count - block_set_count(&survey->owned, first, count) + space->given_up <= taken;
}

static void unask_counts(const struct questions *questions, enum ext_problem problem, uint32_t code)
{
	struct ext_finding finding;

	for (uint64_t at = findings_begin(problem);
	     questions_next(questions, problem, &at, &finding);)
		if (questions->stop != STOPS_NOWHERE || finding.asked == EXT_ASKED_IN_REPAIR)
			findings_unask_one(questions->findings, at, code);
}

void weigh_space(const struct questions *questions)
{
	static const enum ext_problem moved[] = {EXT_BLOCK_SHARED, EXT_XATTR_BLOCK_UNUSABLE};
	static const enum ext_problem differences[] = {EXT_BLOCK_LEAKED, EXT_BLOCK_MARKED_FREE,
						       EXT_XATTR_BLOCK_UNUSABLE};
	const struct survey *survey = questions->survey;
	const struct ext_superblock *sb = survey->superblock;
	const bool makes_root =
		questions_have_no_root(questions) || questions_have(questions, EXT_ROOT_EMPTY);
	const bool makes_lost_found = makes_root ||
				      questions_have(questions, EXT_ROOT_UNREADABLE) ||
				      questions_have(questions, EXT_LOST_FOUND_MISSING);
	struct space space = {
		.leaked = survey->owners[OWNER_LEAKED] >> sb->cluster_log2,
		.marked_free = survey->used_but_marked_free >> sb->cluster_log2,
		.last_leaked = survey->last_leaked,
	};
	uint64_t copies, after;
	bool is_filled, holds;

	give_up_attributes(questions, &space);
	copies = survey->copied_blocks >> sb->cluster_log2;
	copies -= space.shared < copies ? space.shared : copies;
	/* The clusters that are free in the end, but for lost+found. */
	after = (survey->bitmaps_free_blocks + survey->owners[OWNER_LEAKED] -
		 survey->used_but_marked_free) >>
		sb->cluster_log2;
	after += space.given_up - copies - makes_root;
	is_filled = space.marked_free == 0 &&
		    are_taken(survey, &space,
			      copies + (unsigned)makes_root + (unsigned)makes_lost_found);
	holds = after << sb->cluster_log2 == sb->free_block_count;
	for (size_t i = 0; holds && i < sizeof moved / sizeof *moved; i++) {
		findings_unask(questions->findings, moved[i], 0x05000e);
		findings_unask(questions->findings, moved[i], 0x05000f);
	}
	if (holds)
		unask_counts(questions, EXT_SUPERBLOCK_FREE_BLOCKS, 0x05000f);
	if (holds && (sb->group_count == 1 || is_filled))
		unask_counts(questions, EXT_GROUP_FREE_BLOCKS, 0x05000e);
	if (questions->stop == STOPS_NOWHERE || !is_filled)
		return;
	for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
		findings_unask(questions->findings, differences[i], 0x050006);
}
