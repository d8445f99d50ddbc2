/* SPDX-License-Identifier: MIT */
/* What e2fsck asks of descriptors, and of all that it cannot see without them. */
#include "config.h"

#include "questions/families.h"

/* Block 0 is no place, but before a group that begins with it nothing lies that would be asked of.
 */
static void weigh_zeros(const struct questions *questions)
{
	static const struct {
		enum ext_problem problem;
		uint32_t code;
	} places[] = {{EXT_GROUP_BLOCK_BITMAP_RANGE, 0x000001},
		      {EXT_GROUP_INODE_BITMAP_RANGE, 0x000002},
		      {EXT_GROUP_INODE_TABLE_RANGE, 0x000003}};
	const struct ext_superblock *sb = questions->survey->superblock;
	const bool is_flexible = ext_has_incompat(sb, EXT_INCOMPAT_FLEX_BG);
	struct ext_finding finding;

	for (size_t i = 0; sb->first_data_block == 0 && i < sizeof places / sizeof *places; i++)
		for (uint64_t at = findings_begin(places[i].problem);
		     questions_next(questions, places[i].problem, &at, &finding);)
			if (finding.found == 0 && (is_flexible || finding.place.group == 0))
				findings_unask_one(questions->findings, at, places[i].code);
}

/* A hidden group: that of the root is the end. */
static void weigh_unused(const struct questions *questions)
{
	const struct survey *survey = questions->survey;
	struct ext_finding finding;

	for (uint64_t at = findings_begin(EXT_GROUP_ITABLE_UNUSED);
	     questions_next(questions, EXT_GROUP_ITABLE_UNUSED, &at, &finding);) {
		const ext_group group = finding.place.group;
		const bool hides = questions_hide_group(questions, group);

		if (!hides || group != 0)
			findings_unask_one(questions->findings, at, 0x030001);
		if (!hides || survey->directory_count == survey->group_directories[group])
			findings_unask_one(questions->findings, at, 0x020003);
	}
}

/* A mark that counts for nothing is asked about again for each name of an inode of the group. */
static void weigh_marks(const struct questions *questions)
{
	const struct survey *survey = questions->survey;
	const uint32_t inodes = survey->superblock->inodes_per_group;
	struct ext_finding finding;

	for (uint64_t at = findings_begin(EXT_GROUP_UNINIT_WITHOUT_CHECKSUM);
	     questions_next(questions, EXT_GROUP_UNINIT_WITHOUT_CHECKSUM, &at, &finding);) {
		const ext_ino before = finding.place.group * inodes;
		const ext_ino named =
			inode_states_next(&survey->inodes, before + 1, STATE_NAMED, 0);

		if ((finding.found & EXT_GROUP_INODE_UNINIT) == 0 || named == 0 ||
		    named - before > inodes)
			findings_unask_one(questions->findings, at, 0x020046);
	}
}

/*
 * A descriptor that points nowhere sends e2fsck to the backup table. Only where there is none does
 * it ask of each place; and without the table of the root's group it sees nothing of what is in it.
 */
void weigh_descriptors(const struct questions *questions)
{
	const bool is_out = questions_have_place_out_of_range(questions);
	const bool is_wiped = !questions->has_copy && questions->checks->wiped_groups > 0;
	const bool has_no_root =
		!questions->has_copy &&
		(questions_have_group(questions, EXT_GROUP_INODE_TABLE_RANGE, 0) ||
		 (is_wiped && !is_out &&
		  questions->checks->wiped_groups == questions->survey->superblock->group_count));
	static const uint32_t places[] = {0x000001, 0x000002, 0x000003};
	/* Without the table, all in it is free. */
	static const uint32_t roots[] = {0x010001, 0x030001, 0x030004, 0x050006, 0x05000a,
					 0x05000b, 0x05000c, 0x05000d, 0x05000e, 0x05000f};

	weigh_zeros(questions);
	weigh_unused(questions);
	weigh_marks(questions);
	if (!is_out && questions->checks->wiped_groups == 0 &&
	    questions->checks->image->source == SUPERBLOCK_IS_PRIMARY) {
		questions_unask(questions, EXT_DESCRIPTORS_REPLACED, 0x000045);
		questions_unask_codes(questions, 0, EXT_COPY_FREE_BLOCKS, 0);
		questions_unask_codes(questions, 0, EXT_COPY_FREE_INODES, 0);
	}
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (!is_wiped || is_out)
			questions_unask(questions, EXT_DESCRIPTORS_REPLACED, places[i]);
		if (!questions->has_copy)
			continue;
		questions_unask(questions, EXT_GROUP_BLOCK_BITMAP_RANGE, places[i]);
		questions_unask(questions, EXT_GROUP_INODE_BITMAP_RANGE, places[i]);
		questions_unask(questions, EXT_GROUP_INODE_TABLE_RANGE, places[i]);
	}
	if (questions->has_copy) {
		if (is_out)
			questions_unask_codes(questions, 0, EXT_GROUP_CHECKSUM, 0);
		questions_unask_codes(questions, 0, EXT_BLOCK_BITMAP_OVERLAP, 0);
		questions_unask_codes(questions, 0, EXT_INODE_BITMAP_OVERLAP, 0);
	}
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		if (!has_no_root || is_out)
			questions_unask(questions, EXT_DESCRIPTORS_REPLACED, roots[i]);
		if (!has_no_root)
			questions_unask(questions, EXT_GROUP_INODE_TABLE_RANGE, roots[i]);
	}
	if (!has_no_root)
		return;
	for (unsigned problem = 1; problem < EXT_PROBLEM_COUNT; problem++)
		if (problem != EXT_GROUP_INODE_TABLE_RANGE && problem != EXT_DESCRIPTORS_REPLACED)
			questions_unask_codes(questions, 0, (enum ext_problem)problem, 0x010000);
}
