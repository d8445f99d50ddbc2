/* SPDX-License-Identifier: MIT */
/*
 * Finds a free block that no coming record claims.
 */
#include "config.h"

#include "structure/filesystem.h"
#include "edit/allocate.h"

static bool is_reserved(const struct reserved_ranges *reserved, ext_block block, uint64_t length,
			ext_block *behind)
{
	for (size_t i = 0; reserved && i < reserved->count; i++) {
		const struct reserved_range *range = &reserved->ranges[i];

		if (range->block >= block + length)
			break;
		if (block < range->block + range->length) {
			*behind = range->block + range->length;
			return true;
		}
	}
	return false;
}

enum ext_status allocate_block(struct ext_editor *editor, const struct reserved_ranges *reserved,
			       ext_block goal, ext_block *block, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(ext_editor_filesystem(editor));
	/* Each reserved range is jumped over at most twice, once on each side of the end. */
	size_t tries = reserved ? 2 * reserved->count + 2 : 1;
	ext_block found = 0, behind = 0;

	while (tries-- > 0) {
		if (ext_editor_find_free(editor, goal, &found, error) != EXT_OK)
			break;
		if (!is_reserved(reserved, found, sb->cluster_blocks, &behind)) {
			*block = found;
			return ext_editor_mark_blocks(editor, found, 1, true, error);
		}
		goal = behind;
	}
	return ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
}
