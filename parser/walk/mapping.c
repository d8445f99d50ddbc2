/* SPDX-License-Identifier: MIT */
/*
 * One cursor over the blocks of a file, whichever way they are mapped. What both ways share: the
 * buffers, the budget that ends a map which repeats itself, and how faults are reported.
 */
#include "config.h"

#include <stdlib.h>

#include "bytes/checked.h"
#include "walk/mapping.h"

/* Bytes of leaves that are read together: long enough for EXT_READS_LONG. */
enum { SIBLINGS = 2 * EXT_LONG_READ, PAGE = 4096 };

enum ext_status ext_mapping_new(const struct ext_filesystem *filesystem,
				struct ext_mapping **mapping, struct ext_error *error)
{
	struct ext_mapping *new = calloc(1, sizeof *new);

	if (!new)
		return ext_no_memory(error);
	new->filesystem = filesystem;
	*mapping = new;
	return EXT_OK;
}

void ext_mapping_free(struct ext_mapping *mapping)
{
	if (!mapping)
		return;
	free(mapping->buffers);
	if (mapping->owns_siblings)
		free(mapping->siblings);
	free(mapping);
}

void ext_mapping_lend(struct ext_mapping *mapping, void *buffer, size_t size)
{
	if (!buffer)
		return;
	if (mapping->owns_siblings)
		free(mapping->siblings);
	mapping->siblings = buffer;
	mapping->siblings_size = size;
	mapping->owns_siblings = false;
	mapping->sibling_count = 0;
}

struct ext_place mapping_place(const struct ext_mapping *mapping, uint64_t logical)
{
	const struct level *level =
		mapping->level_count > 0 ? &mapping->levels[mapping->level_count - 1] : NULL;
	struct ext_place place = {.structure = EXT_AT_INODE,
				  .has = EXT_HAS_INODE | EXT_HAS_LOGICAL,
				  .inode = mapping->inode->number,
				  .logical = logical};

	if (level && level->block != 0) {
		place.structure = mapping->is_extents ? EXT_AT_EXTENT_NODE : EXT_AT_BLOCK_MAP;
		place.has |= EXT_HAS_BLOCK;
		place.block = level->block;
	}
	return place;
}

void mapping_report(struct ext_mapping *mapping, enum ext_problem problem, struct ext_place place,
		    uint64_t found, uint64_t low, uint64_t high)
{
	const struct ext_finding finding = {
		.problem = problem, .place = place, .found = found, .low = low, .high = high};

	mapping->damaged = true;
	ext_report(mapping->sink, &finding);
}

bool mapping_has_sibling(const struct ext_mapping *mapping, ext_block block)
{
	return block - mapping->first_sibling < mapping->sibling_count;
}

void mapping_read_siblings(struct ext_mapping *mapping, ext_block block, uint32_t count)
{
	const uint32_t size = mapping->filesystem->superblock.block_size;

	if (!mapping->is_for_all || mapping->is_patchy || count < 2)
		return;
	if (!mapping->siblings && (mapping->siblings = aligned_alloc(PAGE, SIBLINGS)) != NULL) {
		mapping->siblings_size = SIBLINGS;
		mapping->owns_siblings = true;
	}
	if (mapping->siblings_size / size < 2)
		return;
	count = (uint32_t)min_u64(count, mapping->siblings_size / size);
	mapping->first_sibling = block;
	mapping->sibling_count = count;
	if (ext_filesystem_read_blocks(mapping->filesystem, block, count, mapping->siblings,
				       NULL) == EXT_OK)
		return;
	/* One of them cannot be read: which, shows when each is read alone. */
	mapping->sibling_count = 0;
	mapping->is_patchy = true;
}

void mapping_forget_siblings(struct ext_mapping *mapping)
{
	mapping->sibling_count = 0;
}

const uint8_t *mapping_read(struct ext_mapping *mapping, unsigned level, ext_block block)
{
	const size_t size = mapping->filesystem->superblock.block_size;
	uint8_t *buffer;

	if (mapping_has_sibling(mapping, block))
		return mapping->siblings + (size_t)(block - mapping->first_sibling) * size;

	/* Most files never need a buffer: their map fits the inode. */
	if (!mapping->buffers && !(mapping->buffers = malloc((LEVELS - 1) * size)))
		mapping->out_of_memory = true;
	if (!mapping->buffers || level < 1 || level >= LEVELS)
		return NULL;
	buffer = mapping->buffers + (level - 1) * size;
	return ext_filesystem_read_blocks(mapping->filesystem, block, 1, buffer, NULL) == EXT_OK
		       ? buffer
		       : NULL;
}

bool mapping_spend(struct ext_mapping *mapping, uint64_t length)
{
	if (length <= mapping->budget) {
		mapping->budget -= length;
		return true;
	}
	mapping_report(mapping, EXT_MAPPING_TOO_LARGE, mapping_place(mapping, 0),
		       mapping->filesystem->superblock.block_count, 0,
		       mapping->filesystem->superblock.block_count);
	mapping->level_count = 0;
	return false;
}

void ext_mapping_start(struct ext_mapping *mapping, const struct ext_inode *inode, uint64_t from,
		       struct ext_sink *sink)
{
	mapping->inode = inode;
	mapping->sink = sink;
	mapping->from = from;
	mapping->damaged = mapping->unread = false;
	mapping->level_count = 0;
	mapping->bad_pointers = 0;
	mapping->is_for_all = mapping->is_patchy = false;
	mapping->sibling_count = 0;
	mapping->budget = mapping->filesystem->superblock.block_count;
	mapping->is_extents = (inode->flags & EXT_INODE_EXTENTS) != 0;
	mapping->tree_block = (struct ext_span){0};
	if (!ext_inode_maps_blocks(inode))
		return;
	if (!mapping->is_extents) {
		block_map_start(mapping);
		return;
	}
	/* The seed is needed only where there are tree blocks. */
	if (inode->i_block[6] != 0 || inode->i_block[7] != 0)
		mapping->seed = ext_inode_seed(&mapping->filesystem->superblock, inode->number,
					       inode->generation);
	extent_tree_start(mapping);
}

enum ext_status ext_mapping_next(struct ext_mapping *mapping, struct ext_run *run)
{
	if (mapping->level_count == 0)
		return EXT_END;
	return mapping->is_extents ? extent_tree_next(mapping, run) : block_map_next(mapping, run);
}

unsigned ext_mapping_several(struct ext_mapping *mapping, struct ext_run *runs, unsigned room)
{
	if (mapping->level_count == 0 || !mapping->is_extents)
		return 0;
	return extent_tree_several(mapping, runs, room);
}

bool ext_mapping_out_of_memory(const struct ext_mapping *mapping)
{
	return mapping->out_of_memory;
}

bool ext_mapping_damaged(const struct ext_mapping *mapping)
{
	return mapping->damaged;
}

struct ext_span ext_mapping_tree_block(const struct ext_mapping *mapping)
{
	return mapping->tree_block;
}
