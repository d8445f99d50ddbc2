/* SPDX-License-Identifier: MIT */
/*
 * What e2fsck asks of one fault depends on the others. With -n some faults make it stop in the
 * middle (stops.c): what comes later it asks only in a repair, which has mended what came before,
 * and what follows from the answer "no" it never asks. Here the codes of the rows are held against
 * all findings; what is wrong, and how badly, is not touched.
 */
#include "config.h"

#include "checks/cut_short.h"
#include "checks/names.h"
#include "checks/questions.h"
#include "checks/space.h"
#include "checks/stops.h"

static void unask(const struct questions *questions, enum ext_problem problem, uint32_t code)
{
	findings_unask(questions->findings, problem, code);
}

static void unask_from(const struct questions *questions, enum ext_problem problem, uint32_t least)
{
	questions_unask_codes(questions, 0, problem, least);
}

/*
 * A descriptor that points nowhere sends e2fsck to the backup table. Only where there is none does
 * it ask of each place; and without the table of the root's group it sees nothing of what is in it.
 */
static void weigh_descriptors(const struct questions *questions)
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
		if (is_out)
			unask_from(questions, EXT_GROUP_CHECKSUM, 0);
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

/* Pass 2 looks closer at what has a name, pass 4 at what should have one: not at values. */
static bool is_value(const struct questions *questions, ext_ino ino)
{
	return ino >= questions->survey->superblock->first_inode &&
	       (inode_states_get(&questions->survey->inodes, ino) & STATE_SYSTEM) != 0;
}

/* An inode is cleared for the first of its faults, and for a content that makes no sense at once.
 */
static void weigh_bad_inodes(const struct questions *questions)
{
	static const enum ext_problem first[] = {EXT_INODE_MODE,       EXT_SYMLINK_INVALID,
						 EXT_CHARACTER_DEVICE, EXT_BLOCK_DEVICE,
						 EXT_FIFO_INODE,       EXT_SOCKET_INODE};
	static const enum ext_problem later[] = {EXT_FRAGMENT_ADDRESS, EXT_FRAGMENT_NUMBER,
						 EXT_FRAGMENT_SIZE, EXT_XATTR_BLOCK_RANGE};
	static const uint32_t asked[] = {0x02000d, 0x02000e, 0x02000f, 0x020010, 0x020032};
	struct ext_finding finding;

	for (size_t i = 0; i < sizeof later / sizeof *later; i++)
		for (uint64_t at = findings_begin(later[i]);
		     questions_next(questions, later[i], &at, &finding);)
			if (is_value(questions, finding.place.inode))
				questions_unask_codes(questions, at, later[i], 0x020000);
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		for (uint64_t at = findings_begin(first[i]);
		     questions_next(questions, first[i], &at, &finding);)
			if (is_value(questions, finding.place.inode))
				questions_unask_codes(questions, at, first[i], 0x020000);
	if (questions->stop > STOPS_IN_PASS_2)
		return;
	for (size_t i = 0; i < sizeof later / sizeof *later; i++)
		for (uint64_t at = findings_begin(later[i]);
		     questions_next(questions, later[i], &at, &finding);)
			for (size_t j = 0; j < sizeof first / sizeof *first; j++)
				if (questions_have_inode(questions, first[j], finding.place.inode))
					for (size_t k = 0; k < sizeof asked / sizeof *asked; k++)
						findings_unask_one(questions->findings, at,
								   asked[k]);
	for (uint64_t at = findings_begin(EXT_INODE_MODE);
	     questions_next(questions, EXT_INODE_MODE, &at, &finding);)
		if (!(inode_states_get(&questions->survey->inodes, finding.place.inode) &
		      STATE_USED))
			findings_unask_one(questions->findings, at, 0x020012);
}

/* An index whose root does not hold is dropped, and with it what else is wrong in it. */
static void weigh_indexes(const struct questions *questions)
{
	static const enum ext_problem below[] = {
		EXT_HTREE_LIMIT,       EXT_HTREE_COUNT,
		EXT_HTREE_ORDER,       EXT_HTREE_NODE,
		EXT_HTREE_BLOCK_RANGE, EXT_HTREE_LEAF_MISSING,
		EXT_HTREE_BLOCK_TWICE, EXT_HTREE_BLOCK_UNREFERENCED,
		EXT_HTREE_HASH_LOW,    EXT_HTREE_HASH_HIGH};
	struct ext_finding finding;

	if (questions->stop > STOPS_IN_PASS_2)
		return;
	for (size_t i = 0; i < sizeof below / sizeof *below; i++)
		for (uint64_t at = findings_begin(below[i]);
		     questions_next(questions, below[i], &at, &finding);)
			if (questions_have_inode(questions, EXT_HTREE_ROOT_CHECKSUM,
						 finding.place.inode) ||
			    (below[i] == EXT_HTREE_LIMIT && finding.place.logical == 0 &&
			     questions->survey->superblock->has_metadata_csum))
				for (uint32_t code = 0x020034; code <= 0x020040; code++)
					findings_unask_one(questions->findings, at, code);
}

/* A symlink that is mended in more than its checksum is in the cache as it should be; without
 * repair it is the end of pass 2 before the root's checksum counts. */
static bool is_mended_symlink(const struct questions *questions, ext_ino ino)
{
	static const enum ext_problem mended[] = {EXT_INODE_SIZE, EXT_INODE_BLOCKS,
						  EXT_SYMLINK_INVALID};
	const uint8_t state = inode_states_get(&questions->survey->inodes, ino);

	for (size_t i = 0; i < sizeof mended / sizeof *mended; i++)
		if ((state & STATE_TYPE) == EXT_TYPE_SYMLINK &&
		    questions_have_inode(questions, mended[i], ino))
			return true;
	return false;
}

/* The blocks of a directory are not looked at when there are none, or when its inode is looked at
 * first. */
static void weigh_checksums(const struct questions *questions)
{
	static const enum ext_problem before[] = {EXT_DIRECTORY_EMPTY, EXT_XATTR_BLOCK_RANGE,
						  EXT_FRAGMENT_ADDRESS, EXT_FRAGMENT_NUMBER,
						  EXT_FRAGMENT_SIZE};
	struct ext_finding finding;

	for (uint64_t at = findings_begin(EXT_INODE_CHECKSUM);
	     questions_next(questions, EXT_INODE_CHECKSUM, &at, &finding);) {
		if (finding.place.inode == EXT_INO_ROOT &&
		    questions_have(questions, EXT_ROOT_UNREADABLE))
			findings_unask_one(questions->findings, at, 0x02004d);
		/* The resize inode is made anew, which ends pass 1 where it cannot be read. */
		if (finding.place.inode != EXT_INO_RESIZE ||
		    !ext_has_compat(questions->survey->superblock, EXT_COMPAT_RESIZE_INODE))
			findings_unask_one(questions->findings, at, 0x01004e);
		for (size_t i = 0; i < sizeof before / sizeof *before; i++)
			if (questions_have_inode(questions, before[i], finding.place.inode)) {
				findings_unask_one(questions->findings, at, 0x02004d);
				findings_unask_one(questions->findings, at, 0x020049);
			}
		if (!is_mended_symlink(questions, finding.place.inode) &&
		    inode_cache_takes_root(&questions->checks->inode_cache, questions->survey,
					   finding.place.inode))
			findings_ask_one(questions->findings, at, 0x02004d);
	}
}

/*
 * The list of bad blocks is cleared before anybody looks into it; and an inode that lacks nothing
 * but its extents flag gets that, and shares no block any more.
 */
static void weigh_repaired_first(const struct questions *questions)
{
	static const enum ext_problem of_list[] = {EXT_INODE_CHECKSUM, EXT_EXTENT_MAGIC,
						   EXT_EXTENT_MAX, EXT_EXTENT_ENTRIES,
						   EXT_EXTENT_ROOT};
	struct ext_finding finding;

	if (questions_have(questions, EXT_BAD_BLOCKS_INODE))
		for (size_t i = 0; i < sizeof of_list / sizeof *of_list; i++)
			for (uint64_t at = findings_begin(of_list[i]);
			     questions_next(questions, of_list[i], &at, &finding);)
				if (finding.place.inode == EXT_INO_BAD_BLOCKS)
					findings_unask_whole(questions->findings, at);
	for (uint64_t at = findings_begin(EXT_BLOCK_SHARED);
	     questions_next(questions, EXT_BLOCK_SHARED, &at, &finding);)
		if (questions_have_inode(questions, EXT_EXTENTS_FLAG_MISSING, finding.place.inode))
			questions_unask_codes(questions, at, EXT_BLOCK_SHARED, 0x050000);
}

/* The inode of a journal that is given up is cleared, if anything is in it, or comes back from the
 * copy in the superblock, before anybody looks into it; then it shares nothing. */
static void weigh_journal(const struct questions *questions)
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
		unask(questions, EXT_BLOCK_SHARED, 0x013006);
		unask(questions, EXT_BLOCK_SHARED, 0x013007);
	}
	if (ext_inode_read(questions->survey->filesystem, ino, &inode, NULL, NULL) == EXT_OK &&
	    inode.links == 0 && inode.blocks_raw == 0)
		unask(questions, EXT_JOURNAL_INODE, 0x010034);
}

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

static void weigh_group_counts(const struct questions *questions)
{
	/* Orphans go, and unused parts of tables are read again, before anything is counted. */
	const bool is_again = questions_have(questions, EXT_ORPHAN_PENDING) ||
			      questions_have(questions, EXT_DIRENT_TO_UNUSED_AREA) ||
			      questions_have(questions, EXT_DIRENT_TO_UNINIT_GROUP);
	const bool is_cleared = is_again || questions_have(questions, EXT_BAD_BLOCKS_INODE);

	weigh_count(questions, EXT_GROUP_FREE_BLOCKS, 0x05000e, is_cleared);
	weigh_count(questions, EXT_SUPERBLOCK_FREE_BLOCKS, 0x05000f, is_cleared);
	weigh_count(questions, EXT_GROUP_FREE_INODES, 0x05000b, is_again);
	weigh_count(questions, EXT_SUPERBLOCK_FREE_INODES, 0x05000d, is_again);
}

/* A new root is counted as the old one was. */
static void weigh_counts(const struct questions *questions)
{
	if ((questions_have_no_root(questions) || questions_have(questions, EXT_ROOT_EMPTY)) &&
	    questions->survey->directory_count > 0)
		unask(questions, EXT_GROUP_DIRECTORIES, 0x05000c);
}

/* Where e2fsck -n stops, it is the repair that asks: without what follows from "no". */
static void weigh_stop(const struct questions *questions)
{
	const enum stop stop = questions->stop;

	if (stop == STOPS_AT_SUPERBLOCK)
		for (unsigned problem = 1; problem < EXT_PROBLEM_COUNT; problem++)
			unask_from(questions, (enum ext_problem)problem, 0x000100);
	/* Whether a file is to go is asked of who does not want it copied. */
	if (stop <= STOPS_IN_PASS_1B) {
		unask(questions, EXT_HTREE_ROOT, 0x02003c);
		unask(questions, EXT_BLOCK_SHARED, 0x013007);
		unask(questions, EXT_BLOCK_IN_METADATA, 0x013007);
		unask(questions, EXT_INODE_CHECKSUM, 0x02004d);
		unask(questions, EXT_INODE_CHECKSUM, 0x020049);
		if (questions_have(questions, EXT_BLOCK_SHARED))
			unask(questions, EXT_DIRECTORY_CHECKSUM, 0x02004d);
	}
	/* What cannot be used is gone before the entries are held against it. */
	if (stop <= STOPS_IN_PASS_2) {
		unask(questions, EXT_DIRENT_TO_BAD_INODE, 0x020028);
		unask(questions, EXT_DIRENT_TO_BLANK_INODE, 0x020028);
		unask(questions, EXT_DIRECTORY_NO_TAIL, 0x02004d);
		unask(questions, EXT_DOT_MISSING, 0x020001);
		unask(questions, EXT_HTREE_ROOT, 0x020038);
		unask(questions, EXT_HTREE_ROOT, 0x02003d);
	}
	/* What is connected gets its ".." without a word. */
	if (stop <= STOPS_IN_PASS_3) {
		unask(questions, EXT_DIRENT_DUPLICATE, 0x020042);
		unask(questions, EXT_DIRECTORY_LOST, 0x030005);
		unask(questions, EXT_INODE_CHECKSUM, 0x030005);
		unask(questions, EXT_INODE_CHECKSUM, 0x040003);
	}
	/* Who does not want an empty file cleared is asked to connect it. */
	if (stop <= STOPS_IN_PASS_4)
		unask(questions, EXT_INODE_LOST_EMPTY, 0x040002);
	/* A bitmap that the repair has written by then has its checksum, and its padding. */
	if (stop == STOPS_NOWHERE)
		return;
	if (questions_have(questions, EXT_BLOCK_LEAKED) ||
	    questions_have(questions, EXT_BLOCK_MARKED_FREE) ||
	    questions_have(questions, EXT_BLOCK_SHARED)) {
		unask(questions, EXT_BLOCK_BITMAP_CHECKSUM, 0x05001b);
		unask(questions, EXT_BLOCK_BITMAP_PADDING, 0x050002);
	}
	if (questions_have(questions, EXT_INODE_MARKED_USED) ||
	    questions_have(questions, EXT_INODE_MARKED_FREE))
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

	questions.stop = questions_stop(&questions);
	weigh_descriptors(&questions);
	weigh_counts(&questions);
	weigh_space(&questions);
	weigh_group_counts(&questions);
	weigh_names(&questions);
	weigh_bad_inodes(&questions);
	weigh_indexes(&questions);
	weigh_checksums(&questions);
	weigh_repaired_first(&questions);
	weigh_stop(&questions);
	weigh_cut_short(&questions);
	weigh_journal(&questions);
	if (survey->directory_count == 0)
		unask(&questions, EXT_ROOT_MISSING, 0x020003);
}
