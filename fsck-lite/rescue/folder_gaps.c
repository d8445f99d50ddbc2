/* SPDX-License-Identifier: MIT */
/*
 * The map of a directory against its size; and do entries fill each block to its end? A checksum
 * that speaks against entries which are in good order takes no name away.
 */
#include "config.h"

#include <stdlib.h>

#include <ext/directory.h>

#include "accounting/shortfall.h"
#include "rescue/folder_gaps.h"

static bool holds_entries(const struct ext_superblock *sb, struct ext_span block)
{
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	enum ext_status status;

	ext_dirent_cursor_init(&cursor, sb, block, 0,
			       sb->has_metadata_csum && ext_directory_block_has_tail(sb, block));
	while ((status = ext_dirent_next(&cursor, &entry, NULL)) == EXT_OK)
		;
	return status == EXT_END;
}

static uint64_t damaged_blocks(const struct ext_filesystem *filesystem,
			       const struct ext_inode *directory, const struct ext_run *run,
			       uint8_t *buffer)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	uint64_t damaged = 0;

	for (uint32_t i = 0; i < run->length; i++) {
		if ((uint64_t)run->logical + i >= directory->size >> sb->block_size_log2)
			break;
		damaged += ext_filesystem_read_blocks(filesystem, run->physical + i, 1, buffer,
						      NULL) != EXT_OK ||
			   !holds_entries(sb, (struct ext_span){buffer, sb->block_size});
	}
	return damaged;
}

bool folder_gaps_find(const struct ext_filesystem *filesystem, const struct ext_inode *directory,
		      bool judge, struct folder_gaps *gaps)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	struct ext_mapping *mapping = NULL;
	struct shortfall shortfall = {0};
	uint8_t *buffer = judge ? malloc(sb->block_size) : NULL;
	struct ext_run run;

	*gaps = (struct folder_gaps){.blocks = directory->size >> sb->block_size_log2};
	if (!ext_inode_maps_blocks(directory) ||
	    ext_mapping_new(filesystem, &mapping, NULL) != EXT_OK) {
		free(buffer);
		return false;
	}
	ext_mapping_start(mapping, directory, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		shortfall_add(&shortfall, sb, directory, &run);
		if (buffer && run.kind == EXT_RUN_DATA)
			gaps->damaged += damaged_blocks(filesystem, directory, &run, buffer);
	}
	if (shortfall.covered < gaps->blocks)
		gaps->unmapped = gaps->blocks - shortfall.covered;
	ext_mapping_free(mapping);
	free(buffer);
	return gaps->unmapped > 0 || gaps->damaged > 0;
}
