/* SPDX-License-Identifier: MIT */
/* Reads bitmaps, neighbours together, and tells the system which will be read next. */
#include "config.h"

#include <stdlib.h>

#include "accounting/ahead.h"
#include "accounting/bitmap_reader.h"

enum { READ_SIZE = 128 * 1024 };

bool bitmap_reader_init(struct bitmap_reader *reader, const struct ext_filesystem *filesystem,
			const struct ext_filesystem *judged, bool is_of_inodes)
{
	const size_t block_size = ext_filesystem_superblock(filesystem)->block_size;

	*reader = (struct bitmap_reader){
		.filesystem = filesystem,
		.judged = judged,
		.is_of_inodes = is_of_inodes,
		.buffer = malloc(READ_SIZE > block_size ? READ_SIZE : block_size)};
	return reader->buffer != NULL;
}

void bitmap_reader_clear(struct bitmap_reader *reader)
{
	free(reader->buffer);
	reader->buffer = NULL;
}

/* Where the bitmap of `group` lies; 0 when it was never written. */
static ext_block place_of(const struct bitmap_reader *reader, ext_group group)
{
	struct ext_group_descriptor descriptor;

	ext_group_locations(reader->judged, group, &descriptor);
	if (descriptor.flags &
	    (reader->is_of_inodes ? EXT_GROUP_INODE_UNINIT : EXT_GROUP_BLOCK_UNINIT))
		return 0;
	return reader->is_of_inodes ? descriptor.inode_bitmap : descriptor.block_bitmap;
}

/* How many blocks from `block`, the bitmap of `group`, on are bitmaps of the groups that follow. */
static uint64_t stretch(const struct bitmap_reader *reader, ext_group group, ext_block block)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(reader->filesystem);
	const uint64_t most = READ_SIZE >> sb->block_size_log2;
	uint64_t count = 1;

	while (count < most && sb->group_count - group > count && sb->block_count - block > count &&
	       place_of(reader, group + (ext_group)count) == block + count)
		count++;
	return count;
}

void bitmap_reader_hint(struct bitmap_reader *reader, ext_group first)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(reader->filesystem);
	struct ahead ahead;
	ext_group group;

	ahead_init(&ahead, ext_filesystem_source(reader->filesystem));
	for (group = first; group < sb->group_count && group - first < BITMAPS_AHEAD; group++) {
		const ext_block block = place_of(reader, group);

		if (block != 0 && block < sb->block_count)
			ahead_add(&ahead, block << sb->block_size_log2, sb->block_size);
	}
	ahead_tell(&ahead);
	reader->hinted = group;
}

const uint8_t *bitmap_reader_load(struct bitmap_reader *reader, ext_group group, ext_block block)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(reader->filesystem);

	if (block >= reader->start && block < reader->start + reader->filled)
		return reader->buffer + ((block - reader->start) << sb->block_size_log2);
	if (block <= sb->first_data_block || block >= sb->block_count)
		return NULL;
	if (group >= reader->hinted &&
	    !ext_source_in_memory(ext_filesystem_source(reader->filesystem),
				  block << sb->block_size_log2))
		bitmap_reader_hint(reader, group);
	reader->start = block;
	reader->filled = stretch(reader, group, block);
	if (ext_filesystem_read_blocks(reader->filesystem, block, (uint32_t)reader->filled,
				       reader->buffer, NULL) == EXT_OK)
		return reader->buffer;
	reader->filled = 1;
	if (ext_filesystem_read_blocks(reader->filesystem, block, 1, reader->buffer, NULL) ==
	    EXT_OK)
		return reader->buffer;
	reader->filled = 0;
	return NULL;
}
