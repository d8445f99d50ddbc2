/* SPDX-License-Identifier: MIT */
/*
 * Walks an indirect block map in file order: twelve direct pointers in the inode, then one, two and
 * three levels of indirect blocks. A pointer of 0 is a hole, at any level. The map has no checksum.
 * Doc: ext4/ifork.rst, "Direct/Indirect Block Addressing".
 */
#include "config.h"

#include "bytes/checked.h"
#include "bytes/endian.h"
#include "walk/mapping.h"

enum { DIRECT = 12, POINTERS = 15 };

/* File blocks below one pointer at `depth` levels above the data; capped, as no file reaches so
 * far. */
static uint64_t stride(const struct ext_superblock *sb, unsigned depth)
{
	return (uint64_t)1 << (sb->block_size_log2 - 2) * depth;
}

/* The first file block behind pointer `index` of the inode, and the depth of what hangs there. */
static uint64_t root_logical(const struct ext_superblock *sb, uint32_t index, unsigned *depth)
{
	uint64_t logical = DIRECT;

	*depth = 0;
	if (index < DIRECT)
		return index;
	for (*depth = 1; *depth < index - DIRECT + 1; ++*depth)
		logical += stride(sb, *depth);
	return logical;
}

void block_map_start(struct ext_mapping *mapping)
{
	mapping->levels[0] = (struct level){.bytes = mapping->inode->i_block, .count = POINTERS};
	mapping->level_count = 1;
}

static uint32_t pointer_at(const struct level *level, uint32_t index)
{
	const struct le32 *pointers = (const struct le32 *)(const void *)level->bytes;

	return get(pointers[index]);
}

static bool in_range(struct ext_mapping *mapping, ext_block block, uint64_t logical)
{
	const struct ext_superblock *sb = &mapping->filesystem->superblock;

	/* A pointer to the superblock exists; that it is nonsense shows when blocks are claimed. */
	if (block >= sb->first_data_block && block < sb->block_count)
		return true;
	mapping->damaged = true;
	if (mapping->bad_pointers < LISTED_POINTERS)
		mapping_report(mapping,
			       mapping->inode->number == EXT_INO_BAD_BLOCKS ? EXT_BAD_BLOCK_RANGE
									    : EXT_BLOCK_MAP_RANGE,
			       mapping_place(mapping, logical), block, sb->first_data_block,
			       sb->block_count - 1);
	else if (mapping->bad_pointers == LISTED_POINTERS)
		mapping_report(mapping, EXT_BLOCK_MAP_GARBAGE, mapping_place(mapping, logical),
			       block, 0, LISTED_POINTERS);
	mapping->bad_pointers++;
	return false;
}

/* Pointers from `index` on, before `count`, that follow each other on disk as in the file. */
static uint32_t run_length(const struct level *level, uint32_t index, uint32_t count,
			   ext_block block, uint64_t block_count)
{
	uint32_t length = 1;

	while (index + length < count && block + length < block_count &&
	       pointer_at(level, index + length) == block + length)
		length++;
	return length;
}

static void descend(struct ext_mapping *mapping, ext_block block, unsigned depth, uint64_t logical,
		    struct ext_run *run)
{
	const struct ext_superblock *sb = &mapping->filesystem->superblock;
	const uint8_t *bytes = mapping_read(mapping, mapping->level_count, block);

	*run = (struct ext_run){EXT_RUN_TREE, (ext_logical)logical, 1, block, depth - 1, false};
	mapping->tree_block = (struct ext_span){bytes, bytes ? sb->block_size : 0};
	if (!bytes) {
		struct ext_place place = mapping_place(mapping, logical);

		place.has |= EXT_HAS_BLOCK;
		place.block = block;
		mapping->unread = true;
		mapping_report(mapping, EXT_BLOCK_MAP_UNREADABLE, place, block, 0, 0);
		return;
	}
	mapping->levels[mapping->level_count++] = (struct level){.bytes = bytes,
								 .count = sb->block_size / 4,
								 .depth = depth - 1,
								 .logical = logical,
								 .block = block};
}

enum ext_status block_map_next(struct ext_mapping *mapping, struct ext_run *run)
{
	const struct ext_superblock *sb = &mapping->filesystem->superblock;

	while (mapping->level_count > 0) {
		struct level *level = &mapping->levels[mapping->level_count - 1];
		const bool is_root = mapping->level_count == 1;
		uint32_t index = level->index;
		unsigned depth = level->depth;
		uint64_t logical;
		ext_block block;

		while (index < level->count && pointer_at(level, index) == 0)
			index++;
		if (index == level->count) {
			mapping->level_count--;
			continue;
		}
		block = pointer_at(level, index);
		level->index = index + 1;
		logical = is_root ? root_logical(sb, index, &depth)
				  : level->logical + index * stride(sb, depth);
		if (logical + stride(sb, depth) <= mapping->from)
			continue;
		/* Larger blocks would reach further than a file block number can say. */
		if (logical > UINT32_MAX || !in_range(mapping, block, logical))
			continue;
		if (depth > 0) {
			if (!mapping_spend(mapping, 1))
				return EXT_END;
			if (depth > 1 || is_root)
				mapping_forget_siblings(mapping);
			else if (!mapping_has_sibling(mapping, block))
				mapping_read_siblings(mapping, block,
						      run_length(level, index, level->count, block,
								 sb->block_count));
			descend(mapping, block, depth, logical, run);
			return EXT_OK;
		}
		const uint32_t length = run_length(level, index, is_root ? DIRECT : level->count,
						   block, sb->block_count);

		if (!mapping_spend(mapping, length))
			return EXT_END;
		level->index = index + length;
		*run = (struct ext_run){EXT_RUN_DATA, (ext_logical)logical, length, block, 0,
					false};
		return EXT_OK;
	}
	return EXT_END;
}
