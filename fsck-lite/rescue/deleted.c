/* SPDX-License-Identifier: MIT */
/*
 * Deleted inodes: the newest version in use that the log holds, if the number has no other life
 * now; or as they stand in their tables, where what they mapped was left in them.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "rescue/deleted.h"
#include "rescue/lives.h"
#include "rescue/plausible.h"
#include "rescue/rewritten.h"
#include "rescue/tree.h"

enum { TABLE_BUFFER = 512 * 1024 };

struct finder {
	struct healing *healing;
	const struct survey *survey;
	struct name_sources *names;
	struct deleted_list *list;
	struct table_index *index;
	struct lives seen;	   /* that are decided */
	struct block_set numbered; /* inodes of which a life was seen */
	uint32_t order;		   /* of the version that is looked at */
	struct ext_mapping *mapping;
	uint8_t *buffer, *best;
	bool failed;
};

/* Does the number belong to the same file still, or to nobody? */
static bool is_alive(const struct finder *finder, const struct ext_inode *version)
{
	struct ext_inode now;

	if (!(inode_states_get(&finder->survey->inodes, version->number) & STATE_USED))
		return false;
	return ext_inode_read(finder->survey->filesystem, version->number, &now, NULL, NULL) !=
		       EXT_OK ||
	       now.generation == version->generation;
}

/* How much a node maps: an emptied one is worth nothing. */
static uint32_t weight(const struct ext_inode *inode, struct ext_span block)
{
	uint32_t count = 0;

	if (inode->flags & EXT_INODE_EXTENTS)
		return block.data[2] | (uint32_t)block.data[3] << 8;
	for (size_t at = 0; at + 4 <= block.size; at += 4)
		count += (block.data[at] | block.data[at + 1] | block.data[at + 2] |
			  block.data[at + 3]) != 0;
	return count;
}

static bool node_fits(const struct finder *finder, const struct ext_inode *inode,
		      struct ext_span block)
{
	return inode->flags & EXT_INODE_EXTENTS
		       ? plausible_extent_node(finder->survey->superblock, block)
		       : plausible_indirect(finder->survey->superblock, block);
}

/* Puts the fullest version of a map's node in place, unless somebody owns the block now. */
static bool put_back_node(struct finder *finder, const struct ext_inode *inode, ext_block block)
{
	const struct ext_superblock *sb = finder->survey->superblock;
	const struct ext_span bytes = {finder->buffer, sb->block_size};
	uint32_t first = 0, count = 0, most = 0;
	bool found = false;

	if (block_set_has(&finder->survey->owned, block >> sb->cluster_log2))
		return false;
	if (ext_filesystem_read_blocks(finder->healing->filesystem, block, 1, finder->buffer,
				       NULL) == EXT_OK &&
	    node_fits(finder, inode, bytes))
		most = weight(inode, bytes);
	if (finder->healing->history)
		ext_journal_history_find(finder->healing->history, block, &first, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct ext_journal_version version;

		ext_journal_history_version(finder->healing->history, first + i, &version);
		if (version.confidence == EXT_CONFIDENCE_DOUBTFUL ||
		    ext_journal_history_read(finder->healing->history, first + i, finder->buffer,
					     NULL) != EXT_OK ||
		    !node_fits(finder, inode, bytes) || weight(inode, bytes) <= most)
			continue;
		most = weight(inode, bytes);
		memcpy(finder->best, finder->buffer, sb->block_size);
		found = true;
	}
	return found && heal_put(finder->healing, block, finder->best);
}

static void put_back_map(struct finder *finder, const struct ext_inode *inode)
{
	struct ext_run run;

	for (unsigned round = 0; round < 6; round++) {
		bool changed = false;

		ext_mapping_start(finder->mapping, inode, 0, NULL);
		while (ext_mapping_next(finder->mapping, &run) == EXT_OK)
			if (run.kind == EXT_RUN_TREE)
				changed |= put_back_node(finder, inode, run.physical);
		if (!changed)
			return;
	}
}

/* How many blocks of a run somebody owns now. */
static uint64_t reused_of(const struct finder *finder, const struct ext_run *run, ext_block *first)
{
	const unsigned shift = finder->survey->superblock->cluster_log2;
	const ext_block end = run->physical + run->length;
	uint64_t cluster = run->physical >> shift, reused = 0;

	for (; block_set_next(&finder->survey->owned, cluster, &cluster) && cluster << shift < end;
	     cluster++) {
		const ext_block from =
			cluster << shift < run->physical ? run->physical : cluster << shift;
		const ext_block until = (cluster + 1) << shift < end ? (cluster + 1) << shift : end;

		if (*first == 0)
			*first = from;
		reused += until - from;
	}
	return reused;
}

/* Are its blocks free now, or somebody else's? */
static void judge(struct finder *finder, const struct ext_inode *inode,
		  struct deleted_inode *deleted)
{
	struct ext_run run;

	ext_mapping_start(finder->mapping, inode, 0, NULL);
	while (ext_mapping_next(finder->mapping, &run) == EXT_OK) {
		if (run.kind != EXT_RUN_DATA)
			continue;
		deleted->blocks += run.length;
		deleted->reused += reused_of(finder, &run, &deleted->first_reused);
	}
	deleted->confidence = deleted->reused > 0 || ext_mapping_damaged(finder->mapping)
				      ? RESCUE_PARTIAL
				      : RESCUE_LIKELY;
}

static void take(struct finder *finder, const struct ext_inode *inode, uint64_t offset)
{
	const bool is_earlier = block_set_has(&finder->numbered, inode->number);
	struct deleted_inode *deleted;

	if (inode->type == EXT_TYPE_DIRECTORY)
		names_know_directory(finder->names, inode, finder->mapping);
	else if (ext_inode_maps_blocks(inode) && !is_earlier)
		put_back_map(finder, inode);
	if (!GROW(finder->list->items, finder->list->count, finder->list->size)) {
		finder->failed = true;
		return;
	}
	deleted = &finder->list->items[finder->list->count++];
	*deleted = (struct deleted_inode){.ino = inode->number,
					  .offset = offset,
					  .links = inode->links,
					  .type = (uint8_t)inode->type,
					  .is_earlier = is_earlier,
					  .order = finder->order,
					  .reused_node = RESCUE_NONE};
	judge(finder, inode, deleted);
}

static void take_slot(struct finder *finder, ext_ino ino, const uint8_t *raw, uint64_t offset)
{
	const struct ext_superblock *sb = finder->survey->superblock;
	struct ext_inode inode;

	if (ino < sb->first_inode || ext_inode_is_unused(raw))
		return;
	ext_inode_decode(sb, ino, raw, &inode);
	if (lives_has(&finder->seen, ino, inode.generation) ||
	    ext_inode_checksum(sb, ino, raw, NULL, NULL) == EXT_CHECKSUM_BAD ||
	    !plausible_inode(sb, &inode, raw))
		return;
	/* Its last name is gone, but size and map are not cut yet. */
	if (inode.links == 0 && inode.type == EXT_TYPE_REGULAR && inode.size > 0 &&
	    inode.sectors > 0)
		inode.links = 1;
	if (inode.links == 0)
		return;
	finder->failed |= !lives_add(&finder->seen, ino, inode.generation);
	if (!is_alive(finder, &inode))
		take(finder, &inode, offset);
	block_set_add(&finder->numbered, ino, 1, NULL);
}

/* A version of the table block that begins with inode `first`, which lies at `offset`. */
static void take_block(struct finder *finder, ext_ino first, const uint8_t *block, uint64_t offset)
{
	const struct ext_superblock *sb = finder->survey->superblock;

	for (uint32_t slot = 0; slot < sb->block_size / sb->inode_size; slot++)
		take_slot(finder, first + slot, block + (size_t)slot * sb->inode_size,
			  offset + (uint64_t)slot * sb->inode_size);
}

static void look_through(struct finder *finder)
{
	const struct ext_superblock *sb = finder->survey->superblock;
	struct ext_journal_history *history = finder->healing->history;
	const uint32_t count = ext_journal_history_versions(history);
	uint8_t *block = malloc(sb->block_size);

	/* Sorted by block, oldest first: from the end back comes the newest of each block first. */
	for (uint32_t i = count; block && i-- > 0 && !finder->failed;) {
		struct ext_journal_version version;
		uint64_t offset;
		ext_ino first;

		ext_journal_history_version(history, i, &version);
		first = table_index_find(finder->index, version.block);
		if (first == 0 || version.escaped ||
		    version.confidence == EXT_CONFIDENCE_DOUBTFUL ||
		    ext_journal_block_offset(finder->healing->journal, version.log_block, &offset,
					     NULL) != EXT_OK ||
		    ext_journal_history_read(history, i, block, NULL) != EXT_OK)
			continue;
		finder->order = version.transaction + 1;
		take_block(finder, first, block, offset);
	}
	finder->order = 0;
	for (size_t i = finder->healing->strays.count; block && i-- > 0 && !finder->failed;) {
		const struct stray_copy *stray = &finder->healing->strays.items[i];
		uint64_t offset;

		if (stray->first != 0 &&
		    ext_journal_block_offset(finder->healing->journal, stray->log_block, &offset,
					     NULL) == EXT_OK &&
		    ext_journal_block_read(finder->healing->journal, stray->log_block, block,
					   NULL) == EXT_OK)
			take_block(finder, stray->first, block, offset);
	}
	free(block);
}

/*
 * A freed inode in its table. Linux cuts size and map, older drivers did not; and of a directory
 * the number and the generation are enough to know its blocks by.
 */
static void take_freed(struct finder *finder, ext_ino ino, const uint8_t *raw)
{
	const struct ext_superblock *sb = finder->survey->superblock;
	struct ext_inode inode;
	uint64_t offset;

	if (ino < sb->first_inode || ext_inode_is_unused(raw))
		return;
	ext_inode_decode(sb, ino, raw, &inode);
	if (inode.links != 0 || inode.dtime == 0 ||
	    ext_inode_checksum(sb, ino, raw, NULL, NULL) == EXT_CHECKSUM_BAD)
		return;
	if (inode.type == EXT_TYPE_DIRECTORY)
		names_know_directory(finder->names, &inode, finder->mapping);
	else if (inode.size > 0 && inode.sectors > 0 && !block_set_has(&finder->numbered, ino) &&
		 !(inode_states_get(&finder->survey->inodes, ino) & STATE_USED) &&
		 plausible_inode(sb, &inode, raw) &&
		 ext_inode_offset(finder->healing->filesystem, ino, &offset, NULL) == EXT_OK) {
		inode.links = 1;
		take(finder, &inode, offset);
	}
}

static void look_at_tables(struct finder *finder)
{
	const struct ext_superblock *sb = finder->survey->superblock;
	struct ext_inode_table *table;
	struct ext_inode_run run;

	if (ext_inode_table_open(finder->healing->filesystem, 0, sb->group_count, true,
				 TABLE_BUFFER, &table, NULL) != EXT_OK) {
		finder->failed = true;
		return;
	}
	while (ext_inode_table_next(table, &run) == EXT_OK && !finder->failed)
		for (uint32_t i = 0; run.raw && i < run.count; i++)
			take_freed(finder, run.first + i, run.raw + (size_t)i * sb->inode_size);
	ext_inode_table_close(table);
}

/* Lives of one number, the newest first; of one transaction, as they were found. */
static int compare_lives(const void *left, const void *right)
{
	const struct deleted_inode *a = left, *b = right;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->is_earlier != b->is_earlier)
		return a->is_earlier ? 1 : -1;
	if (a->order != b->order)
		return a->order > b->order ? -1 : 1;
	return a->offset > b->offset ? -1 : a->offset < b->offset;
}

bool deleted_find(struct healing *healing, const struct survey *survey, struct name_sources *names,
		  struct deleted_list *list)
{
	const uint32_t block_size = survey->superblock->block_size;
	struct finder finder = {.healing = healing, .survey = survey, .names = names, .list = list};
	/* An external journal's versions have no place in the view that files are read from. */
	const bool has_history = healing->history && ext_journal_summary(healing->journal)->home !=
							     EXT_JOURNAL_HOME_EXTERNAL;

	finder.index = table_index_new(healing->filesystem);
	finder.buffer = malloc(block_size);
	finder.best = malloc(block_size);
	if (!finder.index || !finder.buffer || !finder.best ||
	    !block_set_init(&finder.numbered, (uint64_t)survey->superblock->inode_count + 1) ||
	    ext_mapping_new(healing->filesystem, &finder.mapping, NULL) != EXT_OK)
		finder.failed = true;
	if (!finder.failed && has_history)
		look_through(&finder);
	if (!finder.failed)
		look_at_tables(&finder);
	if (list->count > 1)
		qsort(list->items, list->count, sizeof *list->items, compare_lives);
	finder.failed = finder.failed || !rewritten_drop(healing, list);
	ext_mapping_free(finder.mapping);
	lives_clear(&finder.seen);
	block_set_clear(&finder.numbered);
	table_index_free(finder.index);
	free(finder.buffer);
	free(finder.best);
	return !finder.failed;
}

const struct deleted_inode *deleted_lives(const struct deleted_list *list, ext_ino ino,
					  size_t *count)
{
	size_t low = 0, high = list ? list->count : 0;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (list->items[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	*count = 0;
	while (list && low + *count < list->count && list->items[low + *count].ino == ino)
		++*count;
	return *count > 0 ? &list->items[low] : NULL;
}

const struct deleted_inode *deleted_get(const struct deleted_list *list, ext_ino ino)
{
	size_t count;

	return deleted_lives(list, ino, &count);
}

void deleted_clear(struct deleted_list *list)
{
	free(list->items);
	memset(list, 0, sizeof *list);
}
