/* SPDX-License-Identifier: MIT */
/*
 * What an inode says of its space against what its map comes to. Invariants: the size ends behind
 * the last written block, in whole blocks for a directory; i_blocks counts everything owned; the
 * map reaches no further than the type allows; bigalloc has extents; extra fields fit. Also whether
 * a tree of extents is larger than it must be, which is nobody's fault.
 */
#include "config.h"

#include "checks/inspection.h"

enum { SECTOR_LOG2 = 9, SMALL_INODE = 128, EXTRA_LEAST = 4 };

/* The most bytes that twelve pointers and three levels of indirect blocks reach. */
static uint64_t block_map_most(const struct ext_superblock *sb)
{
	const uint64_t pointers = sb->block_size / 4;

	return (12 + pointers + pointers * pointers + pointers * pointers * pointers)
	       << sb->block_size_log2;
}

static void report_size(const struct inspection *inspection, uint64_t low, uint64_t high)
{
	inspection_report(inspection, EXT_INODE_SIZE, "i_size", inspection_size(inspection), low,
			  high);
}

static void inspect_directory_size(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const uint64_t size = inspection_size(inspection);
	const uint64_t blocks = size >> sb->block_size_log2;
	const uint64_t mapped = inspection->facts->mapped_end;

	if (inspection->inode->flags & EXT_INODE_INLINE_DATA) {
		uint64_t inline_size = 0;

		/* That there is none is a finding of its own. */
		if (inspection_inline_size(inspection, &inline_size) && inline_size != size)
			report_size(inspection, inline_size, inline_size);
		return;
	}
	/* Of a map that could not be read whole nobody knows where it ends. */
	const bool is_wrong = blocks > mapped ? !inspection->facts->is_unread
					      : mapped - blocks > sb->prealloc_directory_blocks;

	if (size % sb->block_size != 0 || is_wrong)
		report_size(inspection, mapped << sb->block_size_log2,
			    mapped << sb->block_size_log2);
}

static void inspect_file_size(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct inode_facts *facts = inspection->facts;
	const uint32_t flags = inspection->inode->flags;
	const uint64_t size = inspection_size(inspection);
	const uint64_t least =
		facts->written_end > 0 ? (facts->written_end - 1) << sb->block_size_log2 : 0;
	const uint64_t most = (flags & EXT_INODE_EXTENTS)
				      ? ((uint64_t)1 << (32 + sb->block_size_log2)) - 1
				      : block_map_most(sb);

	/* Behind the end of a verity file lies its hash tree; an orphan is still to be cut. */
	if ((size < least && (flags & EXT_INODE_VERITY) == 0 && !facts->is_orphan) || size > most)
		report_size(inspection, least, most);
}

static void inspect_large_file(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const uint64_t size = inspection_size(inspection);

	if (size < (uint64_t)1 << 31 || ext_has_ro_compat(sb, EXT_RO_LARGE_FILE))
		return;
	inspection_report(inspection,
			  sb->revision == 0 ? EXT_LARGE_FILE_REVISION : EXT_LARGE_FILE_FEATURE,
			  "i_size", size, 0, ((uint64_t)1 << 31) - 1);
}

static void inspect_blocks(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode *inode = inspection->inode;
	const bool in_blocks = ext_has_ro_compat(sb, EXT_RO_HUGE_FILE) &&
			       (inode->flags & EXT_INODE_HUGE_FILE) != 0;
	uint64_t expected = inspection_clusters(inspection) << sb->cluster_log2;
	enum { HURD = 1 };

	if (!in_blocks)
		expected <<= sb->block_size_log2 - SECTOR_LOG2;
	if (inode->blocks_raw != expected && sb->creator_os != HURD &&
	    !inspection->facts->is_unread && !inspection->values.is_unread)
		inspection_report(inspection, EXT_INODE_BLOCKS, "i_blocks", inode->blocks_raw,
				  expected, expected);
}

static void inspect_reach(const struct inspection *inspection)
{
	const struct inode_facts *facts = inspection->facts;

	if (facts->is_beyond)
		inspection_report(inspection,
				  inspection->inode->type == EXT_TYPE_DIRECTORY
					  ? EXT_DIRECTORY_TOO_LARGE
					  : EXT_SYMLINK_TOO_LARGE,
				  "i_block", facts->first_beyond, 0, facts->reach - 1);
}

/* Reserved inodes that Linux does not read when it mounts; e2fsck does not look at their extra
 * fields. */
static bool is_read_seldom(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const ext_ino ino = inspection->inode->number;

	return ino < sb->first_inode && ino != EXT_INO_ROOT && ino != sb->journal_inode &&
	       ino != sb->user_quota_inode && ino != sb->group_quota_inode &&
	       ino != sb->project_quota_inode;
}

static void inspect_extra(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode *inode = inspection->inode;
	const struct ext_time *times[4] = {&inode->atime, &inode->ctime, &inode->mtime,
					   &inode->crtime};
	const int64_t early = ((int64_t)3 << 32) - ((int64_t)1 << 31), late = (int64_t)3 << 32;
	uint32_t extra, most;

	if (sb->inode_size == SMALL_INODE)
		return;
	extra = (uint32_t)inspection->raw[SMALL_INODE] | (uint32_t)inspection->raw[SMALL_INODE + 1]
								 << 8;
	most = sb->inode_size - SMALL_INODE;
	if (extra != 0 && (extra < EXTRA_LEAST || extra > most || extra % 4 != 0))
		inspection_report(inspection,
				  is_read_seldom(inspection) ? EXT_RESERVED_EXTRA_SIZE
							     : EXT_INODE_EXTRA_SIZE,
				  "i_extra_isize", extra, EXTRA_LEAST, most);
	/* The times of an inode that holds the value of an attribute are a hash and a count. */
	if (inode->flags & EXT_INODE_EA_INODE)
		return;
	for (unsigned i = 0; i < 4; i++)
		if (times[i]->seconds >= early && times[i]->seconds < late) {
			inspection_report(inspection, EXT_INODE_TIMES_EPOCH, NULL,
					  (uint64_t)times[i]->seconds, 0, 0);
			break;
		}
}

/*
 * A level could go when the entries below it would fit above, or lose a block when one is empty in
 * sum. The counts leave out one entry of each block that is not full: a split leaves it free.
 */
static void inspect_tree(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const uint32_t per_block = (sb->block_size - 12) / 12;
	const uint32_t root = inspection_word(inspection, 0) >> 16;
	const uint32_t root_room = inspection_word(inspection, 1) & 0xffff;
	const unsigned depth = inspection_word(inspection, 1) >> 16;
	uint64_t entries[TREE_LEVELS + 1] = {root}, room[TREE_LEVELS + 1] = {root_room};

	if (depth == 0 || depth > TREE_LEVELS || !inspection_has_extent_root(inspection) ||
	    inspection->facts->is_unread)
		return;
	for (unsigned level = 1; level <= depth; level++) {
		entries[level] = inspection->facts->tree[depth - level].entries;
		room[level] = inspection->facts->tree[depth - level].room;
	}
	for (unsigned level = 0; level <= depth; level++) {
		if (room[level] > entries[level] && room[level] - entries[level] > per_block) {
			inspection_report(inspection, EXT_EXTENT_TREE_NARROWER, NULL, level, 0, 0);
			return;
		}
		for (unsigned above = 0; above < level; above++)
			if (entries[level] < room[above]) {
				inspection_report(inspection, EXT_EXTENT_TREE_SHALLOWER, NULL,
						  level, 0, 0);
				return;
			}
	}
}

/* Inline data that are nowhere leave a directory with nothing. */
static bool is_empty_inline(const struct inspection *inspection)
{
	uint64_t size;

	return (inspection->inode->flags & EXT_INODE_INLINE_DATA) != 0 &&
	       !inspection_inline_size(inspection, &size);
}

static void report_empty(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;
	struct ext_finding finding = {
		.problem = EXT_DIRECTORY_EMPTY,
		.place = {.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = inode->number}};

	/* Only a map of pointers has a hole where its first block should be. */
	if (inode->flags & (EXT_INODE_EXTENTS | EXT_INODE_INLINE_DATA))
		ext_finding_unasked(&finding, 0x020015);
	/* A root that is cleared is made anew, in the same inode. */
	if (inode->number == EXT_INO_ROOT)
		for (uint32_t code = 0x05000a; code <= 0x05000d; code++)
			ext_finding_unasked(&finding, code);
	ext_report(inspection->sink, &finding);
}

void inspect_space(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode *inode = inspection->inode;
	const struct inode_facts *facts = inspection->facts;

	inspect_extra(inspection);
	if (inode->type == EXT_TYPE_SYMLINK && (inode->flags & EXT_INODE_INLINE_DATA))
		return;
	inspect_reach(inspection);
	if ((inode->flags & EXT_INODE_EXTENTS) && inode->type != EXT_TYPE_SYMLINK) {
		if (inspection_word(inspection, 1) >> 16 > 0)
			inspect_tree(inspection);
		if (facts->runs == 0 && !inspection_has_extent_root(inspection) &&
		    (inode->type == EXT_TYPE_REGULAR || inode->type == EXT_TYPE_DIRECTORY) &&
		    (inode->flags & EXT_INODE_INLINE_DATA) == 0 &&
		    ext_has_incompat(sb, EXT_INCOMPAT_EXTENTS))
			inspection_report(inspection, EXT_EXTENT_ROOT, "i_block", 0, 0, 0);
	}
	if (inode->type == EXT_TYPE_DIRECTORY) {
		/* A block of attributes is enough for e2fsck to keep it. */
		if (inspection_clusters(inspection) == 0 &&
		    ((inode->flags & EXT_INODE_INLINE_DATA) == 0 || is_empty_inline(inspection)))
			report_empty(inspection);
		inspect_directory_size(inspection);
	} else if (inode->type != EXT_TYPE_SYMLINK) {
		inspect_file_size(inspection);
	}
	if (inode->type == EXT_TYPE_REGULAR)
		inspect_large_file(inspection);
	inspect_blocks(inspection);
	if (ext_has_ro_compat(sb, EXT_RO_BIGALLOC) &&
	    (inode->type == EXT_TYPE_REGULAR || inode->type == EXT_TYPE_DIRECTORY) &&
	    (inode->number == EXT_INO_ROOT || inode->number >= sb->first_inode) &&
	    (inode->flags & (EXT_INODE_EXTENTS | EXT_INODE_INLINE_DATA)) == 0 &&
	    inode->blocks_raw > (uint64_t)(inode->xattr_block != 0)
					<< (sb->block_size_log2 - SECTOR_LOG2))
		inspection_report(inspection, EXT_BIGALLOC_BLOCK_MAP, "i_flags", inode->flags, 0,
				  0);
}
