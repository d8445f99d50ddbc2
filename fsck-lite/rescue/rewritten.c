/* SPDX-License-Identifier: MIT */
/* Earlier lives of inode numbers against all files that were deleted later. */
#include "config.h"

#include <stdlib.h>

#include "rescue/rewritten.h"
#include "rescue/tree.h"

struct looker {
	const struct ext_filesystem *filesystem;
	const struct ext_superblock *superblock;
	struct ext_mapping *mapping;
	uint8_t *buffer; /* of an inode */
};

static int compare_age(const void *left, const void *right)
{
	const struct deleted_inode *const *a = left, *const *b = right;

	if ((*a)->order != (*b)->order)
		return (*a)->order > (*b)->order ? -1 : 1;
	if ((*a)->ino != (*b)->ino)
		return (*a)->ino < (*b)->ino ? -1 : 1;
	return (*a)->offset > (*b)->offset ? -1 : (*a)->offset < (*b)->offset;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Data blocks of a deleted inode that are in `taken`; afterwards all of them are. */
static uint64_t take_blocks(struct looker *looker, const struct deleted_inode *deleted,
			    struct block_set *taken)
{
	const struct ext_superblock *sb = looker->superblock;
	const unsigned shift = sb->cluster_log2;
	uint8_t *raw = looker->buffer; /* a block, so no inode is larger */
	struct ext_inode inode;
	struct ext_run run;
	uint64_t again = 0;

	if (ext_source_read(ext_filesystem_source(looker->filesystem), deleted->offset, raw,
			    sb->inode_size, NULL) != EXT_OK)
		return 0;
	ext_inode_decode(sb, deleted->ino, raw, &inode);
	if (!ext_inode_maps_blocks(&inode))
		return 0;
	ext_mapping_start(looker->mapping, &inode, 0, NULL);
	while (ext_mapping_next(looker->mapping, &run) == EXT_OK) {
		const uint64_t first = run.physical >> shift;
		const uint64_t count = ((run.physical + run.length - 1) >> shift) + 1 - first;

		if (run.kind != EXT_RUN_DATA)
			continue;
		again += least((count - block_set_add(taken, first, count, NULL)) << shift,
			       run.length);
	}
	return again;
}

/*
 * What an earlier life left in its blocks is there only as far as nobody had them later, deleted
 * since or not. Where somebody had them all, there is nothing to show.
 */
static bool drop_overwritten(struct looker *looker, struct deleted_list *list)
{
	const struct deleted_inode **by_age = malloc((list->count + 1) * sizeof *by_age);
	const struct ext_superblock *sb = looker->superblock;
	struct block_set taken = {0};
	size_t kept = 0;
	bool fits = by_age && block_set_init(&taken, (sb->block_count >> sb->cluster_log2) + 1);

	for (size_t i = 0; fits && i < list->count; i++)
		by_age[i] = &list->items[i];
	if (fits && list->count > 1)
		qsort(by_age, list->count, sizeof *by_age, compare_age);
	for (size_t i = 0; fits && i < list->count; i++) {
		struct deleted_inode *const deleted = &list->items[by_age[i] - list->items];
		const uint64_t again = take_blocks(looker, deleted, &taken);

		if (!deleted->is_earlier)
			continue;
		deleted->rewritten = again;
		if (again > 0)
			deleted->confidence = RESCUE_PARTIAL;
	}
	for (size_t i = 0; fits && i < list->count; i++) {
		const struct deleted_inode *deleted = &list->items[i];

		if (!deleted->is_earlier || deleted->blocks == 0 ||
		    deleted->rewritten + deleted->reused < deleted->blocks)
			list->items[kept++] = *deleted;
	}
	list->count = fits ? kept : list->count;
	fits = fits && !taken.out_of_memory;
	block_set_clear(&taken);
	free(by_age);
	return fits;
}

static bool has_earlier(const struct deleted_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].is_earlier)
			return true;
	return false;
}

bool rewritten_drop(const struct healing *healing, struct deleted_list *list)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(healing->filesystem);
	struct looker looker = {.filesystem = healing->filesystem, .superblock = sb};
	bool done = true;

	if (!has_earlier(list))
		return true;
	looker.buffer = malloc(sb->inode_size);
	done = looker.buffer &&
	       ext_mapping_new(healing->filesystem, &looker.mapping, NULL) == EXT_OK &&
	       drop_overwritten(&looker, list);
	ext_mapping_free(looker.mapping);
	free(looker.buffer);
	return done;
}
