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

enum { POINTERS = 15, DEVICE_WORDS = 4, FAST_MAX = 60, SHORT_TARGET = 512 };

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

/* Is the target in `bytes` as long as the size says? */
static bool has_length(const struct inspection *inspection, const uint8_t *bytes, size_t size)
{
	const uint64_t expected = inspection->inode->size;
	const uint8_t *end;

	if (inspection->inode->flags & EXT_INODE_ENCRYPT)
		return expected <= size &&
		       expected == (uint64_t)((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8) + 2;
	end = memchr(bytes, 0, size);
	return end && (uint64_t)(end - bytes) == expected;
}

/* A target in a block of its own. Of the block no more is read than the size asks for: most are
 * short, and there are many. */
static bool block_target_is_valid(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const uint64_t size = inspection->inode->size;
	const size_t length = size < sb->block_size ? (size_t)size + 1 : sb->block_size;
	uint8_t few[SHORT_TARGET], *const many = length > sizeof few ? malloc(length) : NULL;
	uint8_t *const bytes = length > sizeof few ? many : few;
	bool valid = true;

	/* What cannot be read is not called wrong. */
	if (bytes && ext_source_read(ext_filesystem_source(inspection->survey->filesystem),
				     inspection->facts->first_physical << sb->block_size_log2,
				     bytes, length, NULL) == EXT_OK)
		valid = has_length(inspection, bytes, length);
	free(many);
	return valid;
}

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
		       has_length(inspection, inode->i_block, FAST_MAX);
	if (facts->data_blocks != 1 || facts->first_logical != 0)
		return false;
	return block_target_is_valid(inspection);
}

static void inspect_symlink(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;

	if ((inode->flags & EXT_INODE_EXTENTS) && inode->size < FAST_MAX &&
	    ext_has_incompat(inspection->superblock, EXT_INCOMPAT_EXTENTS) &&
	    !inspection_has_extent_root(inspection))
		inspection_report(inspection, EXT_SYMLINK_EXTENTS_FLAG, "i_flags", inode->flags, 0,
				  0);
	if (!target_is_valid(inspection))
		inspection_report(inspection, EXT_SYMLINK_INVALID, NULL, inode->size, 0, 0);
	else
		inspect_immutable(inspection);
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
				? malloc(sb->block_size)
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

void inspect_type(const struct inspection *inspection)
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
		return;
	case EXT_TYPE_SYMLINK:
		inspect_symlink(inspection);
		return;
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
}
