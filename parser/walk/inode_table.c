/* SPDX-License-Identifier: MIT */
/*
 * Streams inode tables: large reads in table order, several tables in one read where flex_bg packs
 * them together. What cannot be read comes as a run without bytes, as small as a block.
 */
#include "config.h"

#include <stdlib.h>

#include <ext/inode.h>
#include <ext/pages.h>

#include "bytes/checked.h"
#include "structure/filesystem.h"

/* Bytes between two tables that are read over rather than skipped. */
enum { GAP = 65536 };

struct ext_inode_table {
	const struct ext_filesystem *filesystem;
	ext_group group, last; /* the group being read; the one to stop before */
	bool whole;
	uint32_t index, end;   /* inodes of the group: next to give, and how many to give */
	uint64_t table_offset; /* bytes; of the group's table */
	bool table_bad;	       /* the descriptor points nowhere */
	bool group_started;
	uint8_t *buffer, *owned; /* read into; NULL, or the same: freed with this */
	size_t size;		 /* of the buffer */
	uint64_t start, filled;	 /* what the buffer holds: offset, bytes */
};

void ext_inode_table_restart(struct ext_inode_table *table, ext_group first, ext_group last)
{
	const ext_group count = table->filesystem->superblock.group_count;

	table->group = first;
	table->last = last < count ? last : count;
	table->group_started = false;
}

enum ext_status ext_inode_table_open(const struct ext_filesystem *filesystem, ext_group first,
				     ext_group last, bool whole, size_t buffer_size,
				     struct ext_inode_table **table, struct ext_error *error)
{
	const struct ext_superblock *sb = &filesystem->superblock;
	struct ext_inode_table *new = calloc(1, sizeof *new);

	if (!new)
		return ext_no_memory(error);
	new->filesystem = filesystem;
	ext_inode_table_restart(new, first, last);
	new->whole = whole;
	/* Whole blocks, so that a read that fails can be tried again block by block. */
	new->size = buffer_size / sb->block_size * sb->block_size;
	if (new->size < sb->block_size)
		new->size = sb->block_size;
	new->buffer = new->owned = malloc(new->size);
	if (!new->buffer) {
		free(new);
		return ext_no_memory(error);
	}
	ext_pages_expect(new->buffer, new->size);
	*table = new;
	return EXT_OK;
}

void ext_inode_table_lend(struct ext_inode_table *table, void *buffer, size_t size)
{
	const uint32_t block_size = table->filesystem->superblock.block_size;

	if (!buffer || size < block_size)
		return;
	free(table->owned);
	table->owned = NULL;
	table->buffer = buffer;
	table->size = size / block_size * block_size;
	table->filled = 0;
}

void ext_inode_table_close(struct ext_inode_table *table)
{
	if (!table)
		return;
	free(table->owned);
	free(table);
}

/* Inodes of the group that may be in use. A descriptor that fails its checksum hides none. */
static uint32_t inodes_to_read(const struct ext_inode_table *table, ext_group group,
			       const struct ext_group_descriptor *descriptor)
{
	const uint32_t count = table->filesystem->superblock.inodes_per_group;
	struct ext_group_descriptor verified;

	if (table->whole || (descriptor->flags & EXT_GROUP_INODE_UNINIT) == 0) {
		if (table->whole || descriptor->itable_unused == 0 ||
		    descriptor->itable_unused > count)
			return count;
	}
	ext_group_read(table->filesystem, group, &verified);
	if (verified.checksum == EXT_CHECKSUM_BAD)
		return count;
	if (descriptor->flags & EXT_GROUP_INODE_UNINIT)
		return 0;
	return count - descriptor->itable_unused;
}

static void start_group(struct ext_inode_table *table)
{
	const struct ext_superblock *sb = &table->filesystem->superblock;
	struct ext_group_descriptor descriptor;

	ext_group_locations(table->filesystem, table->group, &descriptor);
	table->group_started = true;
	table->index = 0;
	table->end = inodes_to_read(table, table->group, &descriptor);
	table->table_offset = descriptor.inode_table << sb->block_size_log2;
	table->table_bad =
		!descriptor.readable || descriptor.inode_table <= sb->first_data_block ||
		!range_inside(descriptor.inode_table, sb->inode_table_blocks, sb->block_count);
}

/*
 * Bytes worth reading at `offset`: to the end of this group's inodes, and on through the tables of
 * the following groups as long as they lie right behind and their gap is small.
 */
static uint64_t stretch(const struct ext_inode_table *table, uint64_t offset)
{
	const struct ext_superblock *sb = &table->filesystem->superblock;
	uint64_t end = table->table_offset + (uint64_t)table->end * sb->inode_size;

	for (ext_group group = table->group + 1; group < table->last && end - offset < table->size;
	     group++) {
		struct ext_group_descriptor next;
		uint64_t start;
		uint32_t count;

		ext_group_locations(table->filesystem, group, &next);
		start = next.inode_table << sb->block_size_log2;
		if (!next.readable || start < end || start - end > GAP)
			break;
		count = inodes_to_read(table, group, &next);
		if (count == 0)
			break;
		end = start + (uint64_t)count * sb->inode_size;
	}
	return end - offset;
}

void ext_inode_table_hint(const struct ext_inode_table *table, ext_group first, ext_group last)
{
	const struct ext_superblock *sb = &table->filesystem->superblock;
	struct ext_source *const source = table->filesystem->source;
	const ext_group end = last < sb->group_count ? last : sb->group_count;
	uint64_t from = 0, to = 0; /* bytes that nothing was said of yet */

	for (ext_group group = first; group < end; group++) {
		struct ext_group_descriptor descriptor;
		uint64_t start;
		uint32_t count;

		ext_group_locations(table->filesystem, group, &descriptor);
		count = inodes_to_read(table, group, &descriptor);
		start = descriptor.inode_table << sb->block_size_log2;
		if (!descriptor.readable || count == 0 || descriptor.inode_table >= sb->block_count)
			continue;
		if (start < to || start - to > GAP) {
			ext_source_will_need(source, from, to - from);
			from = start;
		}
		to = start + (uint64_t)count * sb->inode_size;
	}
	ext_source_will_need(source, from, to - from);
}

/* Fills the buffer from `offset` on: as much as there is use for, or one block, or nothing. */
static enum ext_status fill(struct ext_inode_table *table, uint64_t offset, struct ext_error *error)
{
	const uint64_t block_size = table->filesystem->superblock.block_size;
	uint64_t wanted = stretch(table, offset);
	enum ext_status status;

	/* Whole blocks, which a table consists of, can be read past the page cache. */
	wanted = min_u64(wanted + (block_size - (offset + wanted) % block_size) % block_size,
			 table->size);

	table->start = offset;
	table->filled = wanted;
	status = ext_source_read(table->filesystem->source, offset, table->buffer, (size_t)wanted,
				 error);
	if (status == EXT_OK || wanted <= block_size)
		return status;
	table->filled = block_size - offset % block_size;
	return ext_source_read(table->filesystem->source, offset, table->buffer,
			       (size_t)table->filled, error);
}

/* The inodes left in the buffer, of this group. */
static void give(struct ext_inode_table *table, uint64_t offset, struct ext_inode_run *run)
{
	const uint32_t inode_size = table->filesystem->superblock.inode_size;
	const uint64_t there = (table->start + table->filled - offset) / inode_size;

	run->count = (uint32_t)min_u64(there, table->end - table->index);
	run->raw = table->buffer + (offset - table->start);
}

enum ext_status ext_inode_table_next(struct ext_inode_table *table, struct ext_inode_run *run)
{
	const struct ext_superblock *sb = &table->filesystem->superblock;
	uint64_t offset;

	while (!table->group_started || table->index == table->end) {
		if (table->group_started)
			table->group++;
		if (table->group >= table->last)
			return EXT_END;
		start_group(table);
	}
	offset = table->table_offset + (uint64_t)table->index * sb->inode_size;
	run->group = table->group;
	run->first = table->group * sb->inodes_per_group + table->index + 1;
	run->raw = NULL;
	if (table->table_bad) {
		run->count = table->end;
		ext_corrupt(&run->error, EXT_GROUP_INODE_TABLE_RANGE,
			    (struct ext_place){.structure = EXT_AT_GROUP_DESCRIPTOR,
					       .has = EXT_HAS_GROUP,
					       .group = table->group},
			    table->table_offset >> sb->block_size_log2,
			    (uint64_t)sb->first_data_block + 1, sb->block_count - 1);
	} else if (offset >= table->start && offset < table->start + table->filled) {
		give(table, offset, run);
	} else if (fill(table, offset, &run->error) == EXT_OK) {
		give(table, offset, run);
	} else {
		run->count = (uint32_t)min_u64(table->filled / sb->inode_size,
					       table->end - table->index);
		table->filled = 0;
		run->error.place.structure = EXT_AT_INODE_TABLE;
		run->error.place.has = EXT_HAS_GROUP | EXT_HAS_BLOCK;
		run->error.place.group = table->group;
		run->error.place.block = offset >> sb->block_size_log2;
	}
	table->index += run->count;
	return EXT_OK;
}
