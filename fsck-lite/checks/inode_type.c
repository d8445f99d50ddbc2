/* SPDX-License-Identifier: MIT */
/*
 * What each file type may keep in the inode. Invariants: a known type; devices, fifos and sockets
 * without size, map or data flags; symlinks whose target is as long as their size; nothing that is
 * no directory begins with "." and ".."; extents with their flag.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "checks/inspection.h"
#include "checks/symlink_targets.h"

enum { POINTERS = 15, DEVICE_WORDS = 4, FAST_MAX = 60 };

static bool is_device(const struct inspection *inspection)
{
	const uint32_t flags = inspection->inode->flags;

	if (flags & (EXT_INODE_INDEX | EXT_INODE_EXTENTS))
		return false;
	/* Old kernels left what was there before: only beside flags that no device gets is it
	 * odd. */
	if ((flags & (EXT_INODE_IMMUTABLE | EXT_INODE_APPEND)) == 0)
		return true;
	for (unsigned i = DEVICE_WORDS; i < POINTERS; i++)
		if (inspection_word(inspection, i) != 0)
			return false;
	return true;
}

static void inspect_immutable(const struct inspection *inspection)
{
	const uint32_t flags = inspection->inode->flags;

	if (flags & (EXT_INODE_IMMUTABLE | EXT_INODE_APPEND))
		inspection_report(inspection, EXT_SPECIAL_IMMUTABLE, "i_flags", flags, 0, 0);
}

static void inspect_device(const struct inspection *inspection, enum ext_problem problem)
{
	const struct ext_inode *inode = inspection->inode;

	if (!is_device(inspection)) {
		inspection_report(inspection, problem, "i_block", 0, 0, 0);
		return;
	}
	if (inode->flags & EXT_INODE_INLINE_DATA)
		inspection_report(inspection, EXT_SPECIAL_FLAGS, "i_flags", inode->flags, 0, 0);
	inspect_immutable(inspection);
	if (inspection_size(inspection) != 0)
		inspection_report(inspection, EXT_SPECIAL_SIZE, "i_size",
				  inspection_size(inspection), 0, 0);
}

/* As far as the inode tells. */
static bool target_is_valid(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;
	const struct inode_facts *facts = inspection->facts;
	uint64_t inline_size;

	if (inspection->leftovers.size_high != 0 || inode->size == 0 ||
	    (inode->flags & EXT_INODE_INDEX))
		return false;
	if (inode->flags & EXT_INODE_INLINE_DATA)
		return (inode->flags & EXT_INODE_EXTENTS) == 0 &&
		       inspection_inline_size(inspection, &inline_size) &&
		       (inode->size == inline_size ||
			(inode->size < FAST_MAX && inline_size == FAST_MAX));
	if (inode->size < FAST_MAX)
		return (inode->flags & EXT_INODE_EXTENTS) == 0 &&
		       symlink_target_fits(inode->flags, inode->size, inode->i_block, FAST_MAX);
	if (facts->data_blocks != 1 || facts->first_logical != 0)
		return false;
	/* One pointer is all that a target needs, and what stands in the others is no target. */
	if ((inode->flags & EXT_INODE_EXTENTS) == 0)
		for (unsigned word = 1; word < 15; word++)
			if (inspection_word(inspection, word) != 0)
				return false;
	return true;
}

/* True when the target is in a block, and has to be looked at there. */
static bool inspect_symlink(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;

	if ((inode->flags & EXT_INODE_EXTENTS) && inode->size < FAST_MAX &&
	    ext_has_incompat(inspection->superblock, EXT_INCOMPAT_EXTENTS) &&
	    !inspection_has_extent_root(inspection))
		inspection_report(inspection, EXT_SYMLINK_EXTENTS_FLAG, "i_flags", inode->flags, 0,
				  0);
	if (!target_is_valid(inspection))
		inspection_report(inspection, EXT_SYMLINK_INVALID, NULL, inode->size, 0, 0);
	else if (inode->size >= FAST_MAX && (inode->flags & EXT_INODE_INLINE_DATA) == 0)
		return true;
	else
		inspect_immutable(inspection);
	return false;
}

/* Two entries, "." for this inode and "..": a directory whose mode was damaged. */
static bool begins_as_directory(const struct inspection *inspection, const uint8_t *block)
{
	const struct ext_superblock *sb = inspection->superblock;
	struct ext_dirent_cursor cursor;
	struct ext_dirent dot, dotdot;

	ext_dirent_cursor_init(&cursor, sb, (struct ext_span){block, sb->block_size}, 0, false);
	return ext_dirent_next(&cursor, &dot, NULL) == EXT_OK && dot.name_length == 1 &&
	       dot.name[0] == '.' && dot.inode == inspection->inode->number &&
	       ext_dirent_next(&cursor, &dotdot, NULL) == EXT_OK && dotdot.name_length == 2 &&
	       memcmp(dotdot.name, "..", 2) == 0;
}

static bool inline_begins_as_directory(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const uint32_t parent = inspection_word(inspection, 0),
		       child = inspection_word(inspection, 1);
	const uint32_t length = inspection_word(inspection, 2) & 0xffff;
	uint64_t size;

	return inspection_inline_size(inspection, &size) && size % 4 == 0 &&
	       parent < sb->inode_count && (parent >= sb->first_inode || parent == EXT_INO_ROOT) &&
	       child < sb->inode_count && (child >= sb->first_inode || child == 0) &&
	       length <= FAST_MAX - 4;
}

/* Where a directory with another mode would have its first block; 0: it can be none. */
static ext_block first_block_of_disguised(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode *inode = inspection->inode;
	bool beyond_device = false;

	if ((inode->flags & EXT_INODE_EXTENTS) && ext_has_incompat(sb, EXT_INCOMPAT_EXTENTS)) {
		/* The first extent of a root without levels. */
		if (!inspection_has_extent_root(inspection) ||
		    inspection_word(inspection, 0) >> 16 == 0 ||
		    inspection_word(inspection, 1) >> 16 != 0 ||
		    inspection_word(inspection, 3) != 0)
			return 0;
		return inspection_word(inspection, 5);
	}
	for (unsigned i = 0; i < POINTERS; i++) {
		const uint32_t block = inspection_word(inspection, i);

		if (block != 0 && (block < sb->first_data_block || block >= sb->block_count))
			return 0;
		beyond_device = beyond_device || (block != 0 && i >= DEVICE_WORDS);
	}
	if ((inode->type == EXT_TYPE_CHARACTER || inode->type == EXT_TYPE_BLOCK) &&
	    inode->links == 1 && !beyond_device)
		return 0;
	return inspection_word(inspection, 0);
}

static void inspect_disguise(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	ext_block first;
	uint8_t *block;
	bool is_directory = false;

	if (inspection_word(inspection, 0) == 0)
		return;
	if (inspection->inode->flags & EXT_INODE_INLINE_DATA) {
		is_directory = ext_has_incompat(sb, EXT_INCOMPAT_INLINE_DATA) &&
			       inline_begins_as_directory(inspection);
	} else {
		first = first_block_of_disguised(inspection);
		block = first > sb->first_data_block && first < sb->block_count
				? checks_memory(inspection->checks, sb->block_size)
				: NULL;
		is_directory = block &&
			       ext_filesystem_read_blocks(inspection->survey->filesystem, first, 1,
							  block, NULL) == EXT_OK &&
			       begins_as_directory(inspection, block);
		free(block);
	}
	if (is_directory)
		inspection_report(inspection, EXT_DIRECTORY_MODE, "i_mode", inspection->inode->mode,
				  0, 0);
}

bool inspect_type(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode *inode = inspection->inode;
	uint64_t ignored;

	switch (inode->type) {
	case EXT_TYPE_REGULAR:
	case EXT_TYPE_DIRECTORY:
		if ((inode->flags & EXT_INODE_EXTENTS) == 0 &&
		    ((inode->flags & EXT_INODE_INLINE_DATA) == 0 ||
		     !inspection_inline_size(inspection, &ignored)) &&
		    ext_has_incompat(sb, EXT_INCOMPAT_EXTENTS) &&
		    inspection_has_extent_root(inspection))
			inspection_report(inspection, EXT_EXTENTS_FLAG_MISSING, "i_flags",
					  inode->flags, 0, 0);
		return false;
	case EXT_TYPE_SYMLINK:
		return inspect_symlink(inspection);
	case EXT_TYPE_CHARACTER:
		inspect_device(inspection, EXT_CHARACTER_DEVICE);
		break;
	case EXT_TYPE_BLOCK:
		inspect_device(inspection, EXT_BLOCK_DEVICE);
		break;
	case EXT_TYPE_FIFO:
		inspect_device(inspection, EXT_FIFO_INODE);
		break;
	case EXT_TYPE_SOCKET:
		inspect_device(inspection, EXT_SOCKET_INODE);
		break;
	case EXT_TYPE_UNKNOWN:
		inspection_report(inspection, EXT_INODE_MODE, "i_mode", inode->mode, 0, 0);
		break;
	}
	inspect_disguise(inspection);
	return false;
}
