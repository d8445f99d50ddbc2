/* SPDX-License-Identifier: MIT */
/* Healing: inodes first, then what they lead to, for only a good inode says what a block should be.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/xattr.h>

#include "rescue/heal.h"
#include "rescue/lost_nodes.h"
#include "rescue/plausible.h"

enum { ROUNDS = 6, TABLE_BUFFER = 512 * 1024 };

struct table_start {
	ext_block block;
	ext_group group;
};

struct table_index {
	const struct ext_superblock *superblock;
	size_t count;
	struct table_start starts[];
};

static int compare_starts(const void *left, const void *right)
{
	const struct table_start *a = left, *b = right;

	return a->block < b->block ? -1 : a->block > b->block;
}

struct table_index *table_index_new(const struct ext_filesystem *filesystem)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	struct table_index *index =
		malloc(sizeof *index + (size_t)sb->group_count * sizeof *index->starts);

	if (!index)
		return NULL;
	index->superblock = sb;
	index->count = 0;
	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(filesystem, group, &descriptor);
		if (descriptor.readable && descriptor.inode_table > sb->first_data_block)
			index->starts[index->count++] =
				(struct table_start){descriptor.inode_table, group};
	}
	qsort(index->starts, index->count, sizeof *index->starts, compare_starts);
	return index;
}

void table_index_free(struct table_index *index)
{
	free(index);
}

ext_ino table_index_find(const struct table_index *index, ext_block block)
{
	const struct ext_superblock *sb = index->superblock;
	size_t low = 0, high = index->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (index->starts[middle].block <= block)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || block - index->starts[low - 1].block >= sb->inode_table_blocks)
		return 0;
	return index->starts[low - 1].group * sb->inodes_per_group + 1 +
	       (ext_ino)(block - index->starts[low - 1].block) * (sb->block_size / sb->inode_size);
}

bool heal_put(struct healing *healing, ext_block block, const uint8_t *bytes)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(healing->filesystem);

	return ext_overlay_write(healing->overlay, block << sb->block_size_log2, bytes,
				 sb->block_size, NULL) == EXT_OK;
}

bool heal_find(const struct healing *healing, ext_block block,
	       bool (*fits)(const void *context, struct ext_span bytes), const void *context,
	       uint8_t *buffer)
{
	const uint32_t size = ext_filesystem_superblock(healing->filesystem)->block_size;
	uint32_t first, count;

	if (!healing->history)
		return false;
	ext_journal_history_find(healing->history, block, &first, &count);
	while (count-- > 0) {
		struct ext_journal_version version;

		ext_journal_history_version(healing->history, first + count, &version);
		if (version.confidence != EXT_CONFIDENCE_DOUBTFUL &&
		    ext_journal_history_read(healing->history, first + count, buffer, NULL) ==
			    EXT_OK &&
		    fits(context, (struct ext_span){buffer, size}))
			return true;
	}
	return false;
}

/* Is the inode on disk as good as can be told? Zeros are not: something may have been there. */
static bool inode_is_good(const struct ext_superblock *sb, ext_ino ino, const uint8_t *raw)
{
	struct ext_inode inode;

	if (all_zero((struct ext_span){raw, 128}))
		return false;
	if (sb->has_metadata_csum)
		return ext_inode_checksum(sb, ino, raw, NULL, NULL) == EXT_CHECKSUM_OK;
	ext_inode_decode(sb, ino, raw, &inode);
	if (ino == EXT_INO_ROOT)
		return inode.type == EXT_TYPE_DIRECTORY && plausible_inode(sb, &inode, raw);
	/* Reserved inodes may have no mode, and a map all the same. */
	return (ino < sb->first_inode && inode.mode == 0) || plausible_inode(sb, &inode, raw);
}

/* One inode table block: slots that are not good on disk from the version that is. */
static bool heal_table_block(struct healing *healing, ext_ino first, uint8_t *disk,
			     const uint8_t *version)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(healing->filesystem);
	bool changed = false;

	for (uint32_t i = 0; i < sb->block_size / sb->inode_size; i++) {
		uint8_t *ours = disk + (size_t)i * sb->inode_size;
		const uint8_t *theirs = version + (size_t)i * sb->inode_size;

		if (memcmp(ours, theirs, sb->inode_size) == 0 ||
		    inode_is_good(sb, first + i, ours) || !inode_is_good(sb, first + i, theirs))
			continue;
		memcpy(ours, theirs, sb->inode_size);
		healing->inodes++;
		changed = true;
	}
	return changed;
}

static void heal_from(struct healing *healing, ext_block block, ext_ino first, uint8_t *disk,
		      const uint8_t *version)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(healing->filesystem);

	if (ext_filesystem_read_blocks(healing->filesystem, block, 1, disk, NULL) != EXT_OK)
		memset(disk, 0, sb->block_size);
	if (heal_table_block(healing, first, disk, version))
		heal_put(healing, block, disk);
}

static void heal_tables(struct healing *healing, uint8_t *disk, uint8_t *version)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(healing->filesystem);
	struct table_index *index = table_index_new(healing->filesystem);
	const uint32_t count = ext_journal_history_versions(healing->history);

	/* From the newest back: what an earlier pass put in place is good already. */
	for (uint32_t i = count; index && i-- > 0;) {
		struct ext_journal_version logged;
		ext_ino first;

		ext_journal_history_version(healing->history, i, &logged);
		first = table_index_find(index, logged.block);
		if (first != 0 && logged.confidence != EXT_CONFIDENCE_DOUBTFUL &&
		    ext_journal_history_read(healing->history, i, version, NULL) == EXT_OK)
			heal_from(healing, logged.block, first, disk, version);
	}
	for (size_t i = healing->strays.count; i-- > 0;) {
		const struct stray_copy *stray = &healing->strays.items[i];
		uint64_t offset;

		if (stray->first != 0 &&
		    ext_inode_offset(healing->filesystem, stray->first, &offset, NULL) == EXT_OK &&
		    ext_journal_block_read(healing->journal, stray->log_block, version, NULL) ==
			    EXT_OK)
			heal_from(healing, offset >> sb->block_size_log2, stray->first, disk,
				  version);
	}
	table_index_free(index);
}

/* What is needed to judge a version of a block that belongs to one inode. */
struct judge {
	const struct ext_superblock *superblock;
	const struct ext_inode *inode;
	ext_logical logical;
};

static bool directory_fits(const void *context, struct ext_span bytes)
{
	const struct judge *judge = context;

	return plausible_directory_block(judge->superblock, judge->inode, judge->logical, bytes);
}

static bool map_fits(const void *context, struct ext_span bytes)
{
	const struct judge *judge = context;

	return judge->inode->flags & EXT_INODE_EXTENTS
		       ? plausible_extent_node(judge->superblock, bytes)
		       : plausible_indirect(judge->superblock, bytes);
}

static bool xattr_fits(const void *context, struct ext_span bytes)
{
	const struct judge *judge = context;
	struct ext_xattr_header header;

	return ext_xattr_header(judge->superblock, judge->inode->xattr_block, bytes, &header,
				NULL) == EXT_OK &&
	       header.checksum != EXT_CHECKSUM_BAD;
}

/* True when the block had to be, and could be, replaced. */
static bool heal_block(struct healing *healing, const struct judge *judge, ext_block block,
		       bool (*fits)(const void *context, struct ext_span bytes), uint8_t *buffer)
{
	const struct ext_span bytes = {buffer, judge->superblock->block_size};

	if (ext_filesystem_read_blocks(healing->filesystem, block, 1, buffer, NULL) == EXT_OK &&
	    fits(judge, bytes))
		return false;
	return heal_find(healing, block, fits, judge, buffer) && heal_put(healing, block, buffer);
}

/* The map of one inode, as often as a replaced node shows new ones below it. */
static void heal_map(struct healing *healing, struct ext_mapping *mapping,
		     const struct ext_inode *inode, uint8_t *buffer)
{
	const struct judge judge = {ext_filesystem_superblock(healing->filesystem), inode, 0};
	struct ext_run run;

	for (unsigned round = 0; round < ROUNDS; round++) {
		bool changed = false;

		ext_mapping_start(mapping, inode, 0, NULL);
		while (ext_mapping_next(mapping, &run) == EXT_OK) {
			if (run.kind != EXT_RUN_TREE ||
			    !heal_block(healing, &judge, run.physical, map_fits, buffer))
				continue;
			healing->map_blocks++;
			changed = true;
		}
		if (!changed)
			return;
	}
}

static void heal_directory(struct healing *healing, struct ext_mapping *mapping,
			   const struct ext_inode *inode, uint8_t *buffer)
{
	struct judge judge = {ext_filesystem_superblock(healing->filesystem), inode, 0};
	struct ext_run run;

	ext_mapping_start(mapping, inode, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		for (uint32_t i = 0; run.kind == EXT_RUN_DATA && i < run.length; i++) {
			judge.logical = run.logical + i;
			healing->directory_blocks += heal_block(healing, &judge, run.physical + i,
								directory_fits, buffer);
		}
	}
}

static void heal_inode(struct healing *healing, struct ext_mapping *mapping,
		       const struct ext_inode *inode, uint8_t *buffer)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(healing->filesystem);
	const struct judge judge = {sb, inode, 0};

	if (ext_inode_maps_blocks(inode))
		heal_map(healing, mapping, inode, buffer);
	if (inode->type == EXT_TYPE_DIRECTORY && ext_inode_maps_blocks(inode))
		heal_directory(healing, mapping, inode, buffer);
	if (inode->xattr_block > sb->first_data_block && inode->xattr_block < sb->block_count)
		healing->xattr_blocks +=
			heal_block(healing, &judge, inode->xattr_block, xattr_fits, buffer);
}

static enum ext_status heal_all_inodes(struct healing *healing, uint8_t *buffer,
				       struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(healing->filesystem);
	struct ext_inode_table *table = NULL;
	struct ext_mapping *mapping = NULL;
	struct ext_inode_run run;
	enum ext_status status = ext_mapping_new(healing->filesystem, &mapping, error);

	if (status == EXT_OK)
		status = ext_inode_table_open(healing->filesystem, 0, sb->group_count, true,
					      TABLE_BUFFER, &table, error);
	while (status == EXT_OK && (status = ext_inode_table_next(table, &run)) == EXT_OK) {
		for (uint32_t i = 0; run.raw && i < run.count; i++) {
			const uint8_t *raw = run.raw + (size_t)i * sb->inode_size;
			const ext_ino ino = run.first + i;
			struct ext_inode inode;

			if (ext_inode_is_unused(raw) ||
			    (ino < sb->first_inode && ino != EXT_INO_ROOT))
				continue;
			ext_inode_decode(sb, ino, raw, &inode);
			if (inode.links > 0 && plausible_inode(sb, &inode, raw))
				heal_inode(healing, mapping, &inode, buffer);
		}
	}
	ext_inode_table_close(table);
	ext_mapping_free(mapping);
	return status == EXT_END ? EXT_OK : status;
}

static enum ext_status open_history(const struct opened_image *image, struct healing *healing,
				    struct ext_error *error)
{
	const struct ext_journal_options options = {.external = image->external_journal,
						    .ignore_recover_flag = true,
						    .trust_damaged = true};
	enum ext_status status =
		ext_journal_open(image->filesystem, &options, &healing->journal, error);

	if (status != EXT_OK || !ext_journal_get_superblock(healing->journal))
		return status;
	status = ext_journal_history_open(healing->journal, &healing->history, error);
	if (status == EXT_OK)
		status = stray_copies_find(image->filesystem, healing->journal, healing->history,
					   &healing->strays, error);
	return status;
}

enum ext_status heal_open(const struct opened_image *image, struct healing *healing,
			  struct ext_error *error)
{
	const struct ext_superblock *sb = image->superblock;
	uint8_t *buffers = malloc((size_t)sb->block_size * 2);
	enum ext_status status;

	memset(healing, 0, sizeof *healing);
	if (!buffers)
		return ext_no_memory(error);
	status = ext_source_open_overlay(image_view(image), sb->block_size, &healing->overlay,
					 error);
	/* What is missing at the end of an image that was cut, the log may still have. */
	if (status == EXT_OK &&
	    sb->block_count > ext_source_size(healing->overlay) >> sb->block_size_log2)
		(void)ext_overlay_extend(healing->overlay, sb->block_count << sb->block_size_log2,
					 NULL);
	if (status == EXT_OK)
		status = ext_filesystem_reopen(image->filesystem, healing->overlay, true,
					       &healing->filesystem, error);
	if (status == EXT_OK)
		status = open_history(image, healing, error);
	if (status == EXT_OK && healing->history) {
		heal_tables(healing, buffers, buffers + sb->block_size);
		status = heal_all_inodes(healing, buffers, error);
	}
	if (status == EXT_OK)
		status = lost_nodes_heal(healing, error);
	free(buffers);
	if (status != EXT_OK)
		heal_close(healing);
	return status;
}

void heal_close(struct healing *healing)
{
	ext_filesystem_close(healing->filesystem);
	stray_copies_clear(&healing->strays);
	ext_journal_history_close(healing->history);
	ext_journal_close(healing->journal);
	ext_source_close(healing->overlay);
	memset(healing, 0, sizeof *healing);
}
