/* SPDX-License-Identifier: MIT */
/*
 * What e2fsck asks of one fault depends on the others. With -n some faults make it stop in the
 * middle: what comes later it asks only in a repair, which has mended what came before, and what
 * follows from the answer "no" it never asks. Here the codes of the rows are held against all
 * findings; what is wrong, and how badly, is not touched.
 */
#include "config.h"

#include <stdlib.h>

#include "checks/questions.h"

/* Where e2fsck -n stops; later passes are greater. */
enum stop {
	STOPS_IN_PASS_1 = 1,
	STOPS_IN_PASS_1B,
	STOPS_IN_PASS_2,
	STOPS_IN_PASS_3,
	STOPS_IN_PASS_4,
	STOPS_NOWHERE,
};

struct questions {
	struct findings *findings;
	const struct checks *checks;
	const struct survey *survey;
	bool has_copy; /* of the descriptors, which e2fsck reads through as well */
	enum stop stop;
};

static bool has(const struct questions *questions, enum ext_problem problem)
{
	return findings_count(questions->findings, problem) > 0;
}

static bool has_any(const struct questions *questions, const enum ext_problem *problems,
		    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (has(questions, problems[i]))
			return true;
	return false;
}

static void unask(const struct questions *questions, enum ext_problem problem, uint32_t code)
{
	findings_unask(questions->findings, problem, code);
}

/* All codes of the row from `least` on. */
static void unask_from(const struct questions *questions, enum ext_problem problem, uint32_t least)
{
	const char *at = ext_problem_text(problem)->e2fsck;

	while (*at) {
		char *end;
		const unsigned long code = strtoul(at, &end, 16);

		if (code >= least)
			unask(questions, problem, (uint32_t)code);
		for (at = end; *at == ' ';)
			at++;
	}
}

static bool is_found_in(const struct questions *questions, enum ext_problem problem,
			ext_group group)
{
	struct ext_finding finding;

	for (uint64_t at = findings_begin(problem);
	     findings_next(questions->findings, &at, &finding) && finding.problem == problem;)
		if (finding.place.group == group)
			return true;
	return false;
}

/* Is there a finding of `problem` at this inode? */
static bool is_found_at(const struct questions *questions, enum ext_problem problem, ext_ino ino)
{
	struct ext_finding finding;

	for (uint64_t at = findings_begin(problem);
	     findings_next(questions->findings, &at, &finding) && finding.problem == problem;)
		if (finding.place.inode == ino)
			return true;
	return false;
}

/* An entry that is no entry ends pass 2, where nobody lets it be salvaged. */
static bool has_broken_directory(const struct questions *questions)
{
	static const enum ext_problem broken[] = {EXT_DIRENT_LENGTH, EXT_DIRENT_ALIGNMENT,
						  EXT_DIRENT_TRUNCATED, EXT_DIRENT_NAME_LENGTH,
						  EXT_DIRENT_FINAL_LENGTH};

	return has_any(questions, broken, sizeof broken / sizeof *broken);
}

/*
 * After pass 1, e2fsck reads an inode again where it wants to know more of it than that it is a
 * file or a directory, and gives up when the checksum is wrong, which pass 1 was not allowed to
 * mend.
 */
static enum stop stop_at_checksum(const struct questions *questions)
{
	static const enum ext_problem odd[] = {
		EXT_INODE_MODE,	      EXT_SYMLINK_INVALID, EXT_CHARACTER_DEVICE,
		EXT_BLOCK_DEVICE,     EXT_FIFO_INODE,	   EXT_SOCKET_INODE,
		EXT_FRAGMENT_ADDRESS, EXT_FRAGMENT_NUMBER, EXT_FRAGMENT_SIZE};
	static const enum ext_problem uncounted[] = {EXT_LINK_COUNT_WRONG, EXT_INODE_LOST,
						     EXT_INODE_LOST_EMPTY};
	struct ext_finding finding;
	enum stop stop = STOPS_NOWHERE;

	for (uint64_t at = findings_begin(EXT_INODE_CHECKSUM);
	     findings_next(questions->findings, &at, &finding) &&
	     finding.problem == EXT_INODE_CHECKSUM;) {
		const ext_ino ino = finding.place.inode;
		const uint8_t state = inode_states_get(&questions->survey->inodes, ino);
		const uint8_t type = state & STATE_TYPE;

		if ((state & STATE_NAMED) && type != EXT_TYPE_REGULAR && type != EXT_TYPE_DIRECTORY)
			return STOPS_IN_PASS_2;
		for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
			if ((state & STATE_NAMED) && is_found_at(questions, odd[i], ino))
				return STOPS_IN_PASS_2;
		for (size_t i = 0; i < sizeof uncounted / sizeof *uncounted; i++)
			if (is_found_at(questions, uncounted[i], ino))
				stop = STOPS_IN_PASS_4;
	}
	return stop;
}

static bool has_place_out_of_range(const struct questions *questions)
{
	static const enum ext_problem places[] = {EXT_GROUP_BLOCK_BITMAP_RANGE,
						  EXT_GROUP_INODE_BITMAP_RANGE,
						  EXT_GROUP_INODE_TABLE_RANGE};

	return has_any(questions, places, sizeof places / sizeof *places);
}

/* A root that e2fsck makes anew, or would. */
static bool is_root_lost(const struct questions *questions)
{
	return has(questions, EXT_ROOT_MISSING) || has(questions, EXT_ROOT_NOT_DIRECTORY);
}

static enum stop find_stop(const struct questions *questions)
{
	enum stop at_checksum;

	if (has(questions, EXT_XATTR_MAGIC) || has(questions, EXT_BLOCK_MAP_UNREADABLE) ||
	    (!questions->has_copy && has_place_out_of_range(questions)))
		return STOPS_IN_PASS_1;
	if (has(questions, EXT_INODE_CHECKSUM) &&
	    (has(questions, EXT_BLOCK_SHARED) || has(questions, EXT_BLOCK_IN_METADATA)))
		return STOPS_IN_PASS_1B;
	at_checksum = stop_at_checksum(questions);
	if (has_broken_directory(questions) || at_checksum == STOPS_IN_PASS_2)
		return STOPS_IN_PASS_2;
	return is_root_lost(questions) ? STOPS_IN_PASS_3 : at_checksum;
}

/*
 * A descriptor that points nowhere sends e2fsck to the backup table. Only where there is none does
 * it ask of each place; and without the table of the root's group it sees nothing of what is in it.
 */
static void weigh_descriptors(const struct questions *questions)
{
	const bool is_out = has_place_out_of_range(questions);
	const bool is_wiped = !questions->has_copy && questions->checks->wiped_groups > 0;
	const bool has_no_root =
		!questions->has_copy &&
		(is_found_in(questions, EXT_GROUP_INODE_TABLE_RANGE, 0) ||
		 (is_wiped && !is_out &&
		  questions->checks->wiped_groups == questions->survey->superblock->group_count));
	static const uint32_t places[] = {0x000001, 0x000002, 0x000003};
	static const uint32_t roots[] = {0x010001, 0x030001, 0x030004};

	if (!is_out && questions->checks->wiped_groups == 0 &&
	    questions->checks->image->source == SUPERBLOCK_IS_PRIMARY) {
		unask(questions, EXT_DESCRIPTORS_REPLACED, 0x000045);
		unask_from(questions, EXT_COPY_FREE_BLOCKS, 0);
		unask_from(questions, EXT_COPY_FREE_INODES, 0);
	}
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (!is_wiped || is_out)
			unask(questions, EXT_DESCRIPTORS_REPLACED, places[i]);
		if (!questions->has_copy)
			continue;
		unask(questions, EXT_GROUP_BLOCK_BITMAP_RANGE, places[i]);
		unask(questions, EXT_GROUP_INODE_BITMAP_RANGE, places[i]);
		unask(questions, EXT_GROUP_INODE_TABLE_RANGE, places[i]);
	}
	if (questions->has_copy) {
		unask_from(questions, EXT_BLOCK_BITMAP_OVERLAP, 0);
		unask_from(questions, EXT_INODE_BITMAP_OVERLAP, 0);
	}
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		if (!has_no_root || is_out)
			unask(questions, EXT_DESCRIPTORS_REPLACED, roots[i]);
		if (!has_no_root)
			unask(questions, EXT_GROUP_INODE_TABLE_RANGE, roots[i]);
	}
	if (!has_no_root)
		return;
	for (unsigned problem = 1; problem < EXT_PROBLEM_COUNT; problem++)
		if (problem != EXT_GROUP_INODE_TABLE_RANGE && problem != EXT_DESCRIPTORS_REPLACED)
			unask_from(questions, (enum ext_problem)problem, 0x010000);
}

/* What the repair frees and takes again leaves the counts as they are. */
static void weigh_counts(const struct questions *questions)
{
	const struct survey *survey = questions->survey;
	const struct ext_superblock *sb = survey->superblock;
	const uint64_t copied = survey->copied_blocks;
	const uint64_t after = survey->bitmaps_free_blocks + survey->owners[OWNER_LEAKED] -
			       survey->used_but_marked_free;
	const bool has_new_root = is_root_lost(questions) || has(questions, EXT_ROOT_EMPTY);

	if (after - copied == sb->free_block_count) {
		unask(questions, EXT_BLOCK_SHARED, 0x05000e);
		unask(questions, EXT_BLOCK_SHARED, 0x05000f);
	}
	if (!has_new_root || survey->directory_count == 0)
		return;
	unask(questions, EXT_GROUP_DIRECTORIES, 0x05000c);
	if (survey->owners[OWNER_LEAKED] != sb->cluster_blocks)
		return;
	unask(questions, EXT_GROUP_FREE_BLOCKS, 0x05000e);
	unask(questions, EXT_SUPERBLOCK_FREE_BLOCKS, 0x05000f);
	if (questions->stop != STOPS_NOWHERE)
		unask(questions, EXT_BLOCK_LEAKED, 0x050006);
}

/* Where e2fsck -n stops, it is the repair that asks: without what follows from "no". */
static void weigh_stop(const struct questions *questions)
{
	const enum stop stop = questions->stop;

	/* Whether a file is to go is asked of who does not want it copied. */
	if (stop <= STOPS_IN_PASS_1B) {
		unask(questions, EXT_BLOCK_SHARED, 0x013007);
		unask(questions, EXT_BLOCK_IN_METADATA, 0x013007);
		unask(questions, EXT_INODE_CHECKSUM, 0x02004d);
		unask(questions, EXT_INODE_CHECKSUM, 0x020049);
	}
	/* What cannot be used is gone before the entries are held against it. */
	if (stop <= STOPS_IN_PASS_2) {
		unask(questions, EXT_DIRENT_TO_BAD_INODE, 0x020028);
		unask(questions, EXT_DIRENT_TO_BLANK_INODE, 0x020028);
	}
	/* The entries for a root that is gone went before. */
	if (stop <= STOPS_IN_PASS_3 && is_root_lost(questions))
		unask(questions, EXT_DIRECTORY_LOST, 0x030005);
	/* Who does not want an empty file cleared is asked to connect it. */
	if (stop <= STOPS_IN_PASS_4)
		unask(questions, EXT_INODE_LOST_EMPTY, 0x040002);
	/* A bitmap that the repair has written by then has its checksum. */
	if (stop == STOPS_NOWHERE)
		return;
	if (has(questions, EXT_BLOCK_LEAKED) || has(questions, EXT_BLOCK_MARKED_FREE) ||
	    has(questions, EXT_BLOCK_SHARED))
		unask(questions, EXT_BLOCK_BITMAP_CHECKSUM, 0x05001b);
	if (has(questions, EXT_INODE_MARKED_USED) || has(questions, EXT_INODE_MARKED_FREE))
		unask(questions, EXT_INODE_BITMAP_CHECKSUM, 0x05001a);
}

void weigh_questions(struct findings *findings, const struct checks *checks,
		     const struct survey *survey)
{
	struct questions questions = {.findings = findings,
				      .checks = checks,
				      .survey = survey,
				      .has_copy = checks->image->replaced_groups >
						  checks->image->rebuilt_groups};

	questions.stop = find_stop(&questions);
	weigh_descriptors(&questions);
	weigh_counts(&questions);
	weigh_stop(&questions);
	if (survey->directory_count == 0)
		unask(&questions, EXT_ROOT_MISSING, 0x020003);
}
