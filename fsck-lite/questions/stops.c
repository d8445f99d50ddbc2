/* SPDX-License-Identifier: MIT */
/*
 * Where e2fsck -n stops. It goes on after most of what it is not allowed to mend, but not after
 * all: a superblock that no backup stands in for, a damaged journal, shared blocks when an inode
 * cannot be read again, entries that are none, a root that is gone. The order here is that of its
 * passes.
 */
#include "config.h"

#include "questions/stops.h"

/* An entry that is no entry ends pass 2, where nobody lets it be salvaged. */
static bool has_broken_directory(const struct questions *questions)
{
	static const enum ext_problem broken[] = {EXT_DIRENT_LENGTH, EXT_DIRENT_ALIGNMENT,
						  EXT_DIRENT_TRUNCATED, EXT_DIRENT_NAME_LENGTH,
						  EXT_DIRENT_FINAL_LENGTH};

	return questions_have_any(questions, broken, sizeof broken / sizeof *broken);
}

/* What we take for no inode is one to e2fsck, as long as it has links; entries may name it. */
static bool is_named_unused(const struct questions *questions, ext_ino ino)
{
	struct ext_finding finding;

	for (uint64_t at = findings_begin(EXT_DIRENT_TO_UNUSED_INODE);
	     questions_next(questions, EXT_DIRENT_TO_UNUSED_INODE, &at, &finding);)
		if (finding.found == ino)
			return true;
	return false;
}

/*
 * After pass 1, e2fsck reads an inode again where it wants to know more of it than that it is a
 * file or a directory, and gives up when the checksum is wrong, which pass 1 was not allowed to
 * mend.
 */
static enum stop stop_at_checksum(const struct questions *questions)
{
	static const enum ext_problem odd[] = {
		EXT_INODE_MODE,	       EXT_SYMLINK_INVALID,    EXT_CHARACTER_DEVICE,
		EXT_BLOCK_DEVICE,      EXT_FIFO_INODE,	       EXT_SOCKET_INODE,
		EXT_FRAGMENT_ADDRESS,  EXT_FRAGMENT_NUMBER,    EXT_FRAGMENT_SIZE,
		EXT_XATTR_BLOCK_RANGE, EXT_DIRECTORY_SIZE_HIGH};
	static const enum ext_problem uncounted[] = {EXT_LINK_COUNT_WRONG, EXT_INODE_LOST,
						     EXT_INODE_LOST_EMPTY};
	struct ext_finding finding;
	enum stop stop = STOPS_NOWHERE;

	for (uint64_t at = findings_begin(EXT_INODE_CHECKSUM);
	     questions_next(questions, EXT_INODE_CHECKSUM, &at, &finding);) {
		const ext_ino ino = finding.place.inode;
		const uint8_t state = inode_states_get(&questions->survey->inodes, ino);
		const uint8_t type = state & STATE_TYPE;

		const bool is_named = (state & STATE_NAMED) || is_named_unused(questions, ino);

		if (is_named && type != EXT_TYPE_REGULAR && type != EXT_TYPE_DIRECTORY)
			return STOPS_IN_PASS_2;
		for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
			if (is_named && questions_have_inode(questions, odd[i], ino))
				return STOPS_IN_PASS_2;
		for (size_t i = 0; i < sizeof uncounted / sizeof *uncounted; i++)
			if (questions_have_inode(questions, uncounted[i], ino))
				stop = STOPS_IN_PASS_4;
	}
	return stop;
}

/*
 * e2fsck looks for a backup of the superblock only where mke2fs puts it when nobody asks for
 * something else.
 */
static bool stops_at_superblock(const struct questions *questions)
{
	static const enum ext_problem unusable[] = {EXT_SUPERBLOCK_MAGIC,
						    EXT_SUPERBLOCK_CHECKSUM,
						    EXT_PRIMARY_SUPERBLOCK_REPLACED,
						    EXT_PRIMARY_SUPERBLOCK_REBUILT,
						    EXT_SUPERBLOCK_CLUSTERS_PER_GROUP,
						    EXT_SUPERBLOCK_RESERVED_GDT};
	const struct ext_superblock *sb = questions->survey->superblock;

	/* Nor does it open an image that ends before the descriptors. */
	return questions_have(questions, EXT_IMAGE_TRUNCATED) ||
	       (questions_have_any(questions, unusable, sizeof unusable / sizeof *unusable) &&
		(sb->group_count == 1 || sb->blocks_per_group != sb->block_size * 8));
}

static bool stops_at_journal(const struct questions *questions)
{
	static const enum ext_problem damaged[] = {
		EXT_JOURNAL_SUPERBLOCK_CHECKSUM, EXT_JOURNAL_SUPERBLOCK_MAGIC, EXT_JOURNAL_GEOMETRY,
		EXT_JOURNAL_FEATURES, EXT_JOURNAL_LENGTH};

	return questions_have_any(questions, damaged, sizeof damaged / sizeof *damaged) ||
	       questions_have_no_journal(questions);
}

enum stop questions_stop(const struct questions *questions)
{
	enum stop at_checksum;

	if (stops_at_superblock(questions))
		return STOPS_AT_SUPERBLOCK;
	if (stops_at_journal(questions))
		return STOPS_AT_JOURNAL;
	if (questions_have(questions, EXT_XATTR_MAGIC) ||
	    questions_have_inode(questions, EXT_INODE_CHECKSUM, EXT_INO_BAD_BLOCKS) ||
	    (ext_has_compat(questions->survey->superblock, EXT_COMPAT_RESIZE_INODE) &&
	     questions_have_inode(questions, EXT_INODE_CHECKSUM, EXT_INO_RESIZE)) ||
	    questions_have(questions, EXT_BLOCK_MAP_UNREADABLE) ||
	    (!questions->has_copy && questions_have(questions, EXT_GROUP_INODE_TABLE_RANGE)))
		return STOPS_IN_PASS_1;
	if (questions_have(questions, EXT_INODE_CHECKSUM) &&
	    (questions_have(questions, EXT_BLOCK_SHARED) ||
	     questions_have(questions, EXT_BLOCK_IN_METADATA)))
		return STOPS_IN_PASS_1B;
	at_checksum = stop_at_checksum(questions);
	if (has_broken_directory(questions) || at_checksum == STOPS_IN_PASS_2)
		return STOPS_IN_PASS_2;
	return questions_have_no_root(questions) || questions_hide_group(questions, 0)
		       ? STOPS_IN_PASS_3
		       : at_checksum;
}
