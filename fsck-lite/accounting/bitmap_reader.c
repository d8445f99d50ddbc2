/* SPDX-License-Identifier: MIT */
/* Reads bitmaps, neighbours together, and tells the system which will be read next. */
#include "config.h"

#include <stdlib.h>

#include "accounting/ahead.h"
#include "accounting/bitmap_reader.h"

enum { READ_SIZE = 128 * 1024, AHEAD_GROUPS = 256 };

bool bitmap_reader_init(struct bitmap_reader *reader, const struct ext_filesystem *filesystem)
{
	const size_t block_size = ext_filesystem_superblock(filesystem)->block_size;

	*reader = (struct bitmap_reader){
		.filesystem = filesystem,
		.buffer = malloc(READ_SIZE > block_size ? READ_SIZE : block_size)};
	return reader->buffer != NULL;
}

void bitmap_reader_clear(struct bitmap_reader *reader)
{
	free(reader->buffer);
	reader->buffer = NULL;
}

const uint8_t *bitmap_reader_load(struct bitmap_reader *reader, ext_block block)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(reader->filesystem);
	uint64_t count = READ_SIZE >> sb->block_size_log2;

	if (block >= reader->start && block < reader->start + reader->filled)
		return reader->buffer + ((block - reader->start) << sb->block_size_log2);
	if (block <= sb->first_data_block || block >= sb->block_count)
		return NULL;
	/* Far ahead only where flex_bg packs bitmaps. */
	if (sb->log_groups_per_flex == 0 || count == 0)
		count = 1;
	if (sb->log_groups_per_flex < 6 && count > (uint64_t)1 << sb->log_groups_per_flex)
		count = (uint64_t)1 << sb->log_groups_per_flex;
	if (count > sb->block_count - block)
		count = sb->block_count - block;
	reader->start = block;
	reader->filled = count;
	if (ext_filesystem_read_blocks(reader->filesystem, block, (uint32_t)count, reader->buffer,
				       NULL) == EXT_OK)
		return reader->buffer;
	reader->filled = 1;
	if (ext_filesystem_read_blocks(reader->filesystem, block, 1, reader->buffer, NULL) ==
	    EXT_OK)
		return reader->buffer;
	reader->filled = 0;
	return NULL;
}

/* Hints at the bitmaps of AHEAD_GROUPS groups. */
static void hint_at(struct ext_source *source, const struct ext_filesystem *judged, ext_group first)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(judged);
	struct ahead ahead;

	ahead_init(&ahead, source);
	if (!ext_source_wants_hints(ahead.source))
		return;
	for (ext_group group = first; group < sb->group_count && group - first < AHEAD_GROUPS;
	     group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(judged, group, &descriptor);
		if ((descriptor.flags & EXT_GROUP_BLOCK_UNINIT) == 0 &&
		    descriptor.block_bitmap < sb->block_count)
			ahead_add(&ahead, descriptor.block_bitmap << sb->block_size_log2,
				  sb->block_size);
		if ((descriptor.flags & EXT_GROUP_INODE_UNINIT) == 0 &&
		    descriptor.inode_bitmap < sb->block_count)
			ahead_add(&ahead, descriptor.inode_bitmap << sb->block_size_log2,
				  sb->block_size);
	}
	ahead_tell(&ahead);
}

void bitmap_reader_hint(const struct bitmap_reader *reader, const struct ext_filesystem *judged,
			ext_group group)
{
	struct ext_source *const source = ext_filesystem_source(reader->filesystem);

	if (group == 0)
		hint_at(source, judged, 0);
	if (group % AHEAD_GROUPS == 0)
		hint_at(source, judged, group + AHEAD_GROUPS);
}
