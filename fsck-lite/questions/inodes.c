/* SPDX-License-Identifier: MIT */
/* What e2fsck asks of inodes, of which a repair mends or clears some before it asks the rest. */
#include "config.h"

#include "questions/families.h"

/* Pass 2 looks closer at what has a name, pass 4 at what should have one: not at values. */
static bool is_value(const struct questions *questions, ext_ino ino)
{
	return ino >= questions->survey->superblock->first_inode &&
	       (inode_states_get(&questions->survey->inodes, ino) & STATE_SYSTEM) != 0;
}

/* An inode is cleared for the first of its faults, and for a content that makes no sense at once.
 */
void weigh_bad_inodes(const struct questions *questions)
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
void weigh_checksums(const struct questions *questions)
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
void weigh_repaired_first(const struct questions *questions)
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

/* Whose codes say that the inode is cleared, so that its names lead to an unused one. */
static const enum ext_problem clearing[] = {EXT_INLINE_FLAG_WRONG, EXT_INLINE_AND_EXTENTS_JUNK,
					    EXT_BLOCK_MAP_GARBAGE, EXT_EXTENT_ROOT,
					    EXT_EXTENT_MAGIC,	   EXT_EXTENT_MAX,
					    EXT_EXTENT_ENTRIES};
void weigh_reserved(const struct questions *questions)
{
	static const uint32_t of_cleared[] = {0x05000a, 0x05000b, 0x05000d};
	const ext_ino first = questions->survey->superblock->first_inode;
	struct ext_finding finding;

	for (size_t i = 0; i < sizeof clearing / sizeof *clearing; i++)
		for (uint64_t at = findings_begin(clearing[i]);
		     questions_next(questions, clearing[i], &at, &finding);) {
			const ext_ino ino = finding.place.inode;
			const uint8_t state = inode_states_get(&questions->survey->inodes, ino);

			for (size_t j = 0;
			     ino < first && j < sizeof of_cleared / sizeof *of_cleared; j++)
				findings_unask_one(questions->findings, at, of_cleared[j]);
			if (ino != EXT_INO_ROOT && (ino < first || (state & STATE_NAMED) == 0))
				findings_unask_one(questions->findings, at, 0x020003);
		}
}

/* Is the whole inode cleared in pass 1? */
static bool is_cleared(const struct questions *questions, ext_ino ino)
{
	static const enum ext_problem whole[] = {EXT_INLINE_FLAG_WRONG, EXT_INLINE_AND_EXTENTS_JUNK,
						 EXT_INLINE_NO_ATTRIBUTE, EXT_EXTENT_ROOT,
						 EXT_BLOCK_MAP_GARBAGE};

	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		if (questions_have_inode(questions, whole[i], ino))
			return true;
	return false;
}

void weigh_cleared(const struct questions *questions)
{
	static const enum ext_problem content[] = {EXT_INODE_MODE,	  EXT_FRAGMENT_ADDRESS,
						   EXT_FRAGMENT_NUMBER,	  EXT_FRAGMENT_SIZE,
						   EXT_XATTR_BLOCK_RANGE, EXT_DIRECTORY_SIZE_HIGH,
						   EXT_LINK_COUNT_WRONG};
	struct ext_finding finding;

	if (questions->stop > STOPS_IN_PASS_2)
		return;
	for (size_t i = 0; i < sizeof content / sizeof *content; i++)
		for (uint64_t at = findings_begin(content[i]);
		     questions_next(questions, content[i], &at, &finding);)
			if (is_cleared(questions, finding.place.inode))
				questions_unask_codes(questions, at, content[i], 0x020000);
	/* A size that was mended has its high half mended. */
	for (uint64_t at = findings_begin(EXT_DIRECTORY_SIZE_HIGH);
	     questions_next(questions, EXT_DIRECTORY_SIZE_HIGH, &at, &finding);)
		if (questions_have_inode(questions, EXT_INODE_SIZE, finding.place.inode))
			questions_unask_codes(questions, at, EXT_DIRECTORY_SIZE_HIGH, 0x020000);
}
