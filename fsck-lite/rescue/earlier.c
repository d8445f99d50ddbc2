/* SPDX-License-Identifier: MIT */
/* Opening an earlier filesystem, and where its tree goes. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ext/earlier.h>
#include <ext/mapping.h>

#include "rescue/earlier.h"

enum { NAMES_TRIED = 100 };

static enum ext_status open_filesystem(const struct opened_image *image,
				       const struct ext_choice *choice,
				       struct earlier_rescue *earlier, struct ext_error *error)
{
	/* What waits in the log of today was not written yet: the image is as it was below it. */
	earlier->image = (struct opened_image){.path = image->path,
					       .base = image->base,
					       .window = image->window,
					       .start = image->start,
					       .source = SUPERBLOCK_IS_FOUND};
	const enum ext_status status = ext_choice_open(image_view(&earlier->image), choice, NULL,
						       &earlier->image.filesystem, error);

	if (status == EXT_OK)
		earlier->image.superblock = ext_filesystem_superblock(earlier->image.filesystem);
	return status;
}

/* A block of an inode table that mke2fs left for later, and the kernel has not come to. */
static bool is_untouched_table(const struct earlier_rescue *earlier, ext_block block)
{
	const struct ext_superblock *sb = earlier->now->superblock;
	const ext_ino first = table_index_find(earlier->tables_now, block);
	struct ext_group_descriptor descriptor;

	if (first == 0)
		return false;
	ext_group_locations(earlier->now->filesystem, (first - 1) / sb->inodes_per_group,
			    &descriptor);
	return !(descriptor.flags & EXT_GROUP_INODE_ZEROED) &&
	       (descriptor.flags & EXT_GROUP_INODE_UNINIT ||
		(first - 1) % sb->inodes_per_group >=
			sb->inodes_per_group - descriptor.itable_unused);
}

/* Is an inode in use today in these `size` bytes at `offset`? */
static bool is_in_use_now(const struct earlier_rescue *earlier, uint64_t offset, uint32_t size)
{
	const struct ext_superblock *now = earlier->now->superblock;
	const ext_ino first = table_index_find(earlier->tables_now, offset >> now->block_size_log2);
	const uint32_t at = (uint32_t)(offset & (now->block_size - 1));
	bool is_used = false;

	for (uint32_t i = at / now->inode_size; first != 0 && i * now->inode_size < at + size; i++)
		is_used |= (inode_states_get(&earlier->now->inodes, first + i) & STATE_USED) != 0;
	return is_used;
}

/* Does an inode of the earlier filesystem stand where that of today has one in use? */
static bool is_foreign(void *context, ext_ino ino)
{
	const struct earlier_rescue *earlier = context;
	uint64_t offset;

	return ext_inode_offset(earlier->image.filesystem, ino, &offset, NULL) == EXT_OK &&
	       is_in_use_now(earlier, offset, earlier->image.superblock->inode_size);
}

bool earlier_has_inode(void *context, ext_ino ino)
{
	const struct earlier_rescue *earlier = context;
	uint64_t offset;

	if (inode_states_get(&earlier->now->inodes, ino) & STATE_USED)
		return false;
	/* Never handed out, and no checksum holds: what stands there, the log of old may have left.
	 */
	return earlier->now->superblock->has_metadata_csum ||
	       (ext_inode_offset(earlier->now->filesystem, ino, &offset, NULL) == EXT_OK &&
		table_index_find(earlier->tables,
				 offset >> earlier->image.superblock->block_size_log2) != 0);
}

/* What it held is gone from the filesystem of today: deleted, and whole unless written over. */
static void mark_deleted(struct earlier_rescue *earlier)
{
	struct rescue_tree *const tree = &earlier->tree;

	for (uint32_t i = RESCUE_ROOT + 1; i < tree->count; i++) {
		struct rescue_node *const node = &tree->nodes[i];
		struct ext_inode inode;

		if (node->origin == RESCUE_DELETED)
			continue;
		node->origin = RESCUE_DELETED;
		if (node->confidence != RESCUE_SURE)
			continue;
		node->confidence = RESCUE_LIKELY;
		if (node->type == EXT_TYPE_REGULAR &&
		    rescue_inode(tree, node, &inode, NULL, NULL) == EXT_OK &&
		    earlier_overwritten(earlier, &inode) > 0)
			node->confidence = RESCUE_PARTIAL;
	}
}

enum ext_status earlier_open(const struct opened_image *image, const struct survey *survey,
			     const struct deep_options *options, struct earlier_rescue *earlier,
			     struct ext_error *error)
{
	const struct ext_earlier_options search = {.stop = options->stop};
	struct deep_options with_foreign = *options;
	struct ext_choice choice;
	enum ext_status status = ext_earlier_find(image->filesystem, &search, &choice, error);

	memset(earlier, 0, sizeof *earlier);
	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	status = open_filesystem(image, &choice, earlier, error);
	ext_choice_clear(&choice);
	if (status == EXT_OK)
		status = ext_mapping_new(earlier->image.filesystem, &earlier->mapping, error);
	if (status == EXT_OK) {
		earlier->now = survey;
		earlier->tables = table_index_new(earlier->image.filesystem);
		earlier->tables_now = table_index_new(image->filesystem);
		with_foreign.is_foreign = is_foreign;
		with_foreign.foreign_context = earlier;
		status = earlier->tables && earlier->tables_now
				 ? deep_open(&earlier->image, &with_foreign, &earlier->deep, error)
				 : ext_no_memory(error);
	}
	if (status == EXT_OK && !earlier->deep.survey.stopped)
		status = deep_tree(&earlier->deep, &earlier->tree, error);
	if (status == EXT_OK)
		mark_deleted(earlier);
	if (status != EXT_OK) {
		const bool is_memory = status == EXT_MEMORY;

		earlier_close(earlier);
		return is_memory ? status : EXT_OK;
	}
	earlier->found = true;
	return EXT_OK;
}

void earlier_close(struct earlier_rescue *earlier)
{
	rescue_tree_clear(&earlier->tree);
	deep_close(&earlier->deep);
	ext_mapping_free(earlier->mapping);
	ext_filesystem_close(earlier->image.filesystem);
	table_index_free(earlier->tables);
	table_index_free(earlier->tables_now);
	memset(earlier, 0, sizeof *earlier);
}

static bool is_overwritten(const struct earlier_rescue *earlier, ext_block block)
{
	const struct ext_superblock *now = earlier->now->superblock;
	const uint64_t at = block << earlier->image.superblock->block_size_log2;
	const ext_block todays = at >> now->block_size_log2;

	return todays < now->block_count &&
	       block_set_has(&earlier->now->owned, todays >> now->cluster_log2) &&
	       !is_untouched_table(earlier, todays);
}

uint64_t earlier_overwritten(void *context, const struct ext_inode *inode)
{
	const struct earlier_rescue *earlier = context;
	uint64_t count = 0;
	struct ext_run run;

	if (!ext_inode_maps_blocks(inode))
		return 0;
	ext_mapping_start(earlier->mapping, inode, 0, NULL);
	while (ext_mapping_next(earlier->mapping, &run) == EXT_OK)
		for (uint32_t i = 0; run.kind == EXT_RUN_DATA && i < run.length; i++)
			count += is_overwritten(earlier, run.physical + i);
	return count;
}

struct file_count {
	uint32_t all, reached, placed; /* placed: in a directory that is not lost */
};

static bool is_lost_found(const struct rescue_tree *tree, const struct rescue_node *node)
{
	static const char name[] = "lost+found";

	return node->name_length == sizeof name - 1 &&
	       memcmp(rescue_name(tree, node), name, sizeof name - 1) == 0;
}

/* Files and the like, directories aside. */
static struct file_count count_files(const struct rescue_tree *tree)
{
	struct file_count count = {0};
	uint32_t top = RESCUE_ROOT; /* the entry of the root that the walk is in */

	if (tree->count == 0)
		return count;
	for (uint32_t at = RESCUE_ROOT; at != RESCUE_NONE; at = rescue_next(tree, at)) {
		const struct rescue_node *node = &tree->nodes[at];

		if (node->parent == RESCUE_ROOT)
			top = at;
		if (node->type == EXT_TYPE_DIRECTORY || node->confidence == RESCUE_NAME)
			continue;
		count.all++;
		count.reached += node->origin == RESCUE_REACHED;
		count.placed += !is_lost_found(tree, &tree->nodes[top]);
	}
	return count;
}

/* Of an empty filesystem and an earlier one, that which has more files where they belong. */
static bool keeps_top(const struct rescue_tree *now, const struct rescue_tree *earlier)
{
	const struct file_count ours = count_files(now), theirs = count_files(earlier);

	if (ours.reached > 0)
		return true;
	return ours.placed != theirs.placed ? ours.placed > theirs.placed : ours.all >= theirs.all;
}

/* A name that nothing at the top of `tree` has. */
static bool free_name(const struct rescue_tree *tree, const char *wanted, char *name, size_t size)
{
	for (unsigned i = 1; i < NAMES_TRIED; i++) {
		uint32_t at = tree->nodes[RESCUE_ROOT].child;

		snprintf(name, size, i == 1 ? "%s" : "%s-%u", wanted, i);
		while (at != RESCUE_NONE &&
		       (tree->nodes[at].name_length != strlen(name) ||
			memcmp(rescue_name(tree, &tree->nodes[at]), name, strlen(name)) != 0))
			at = tree->nodes[at].next;
		if (at == RESCUE_NONE)
			return true;
	}
	return false;
}

/* Moves everything one level down, into a directory of this name. */
static bool nest(struct rescue_tree *tree, const char *name)
{
	const uint32_t first = tree->nodes[RESCUE_ROOT].child;
	const uint32_t entries = tree->nodes[RESCUE_ROOT].entries;
	uint32_t folder;

	tree->nodes[RESCUE_ROOT].child = RESCUE_NONE;
	tree->nodes[RESCUE_ROOT].entries = 0;
	folder = rescue_add(tree, RESCUE_ROOT, name, strlen(name), EXT_INO_ROOT, EXT_TYPE_DIRECTORY,
			    RESCUE_REACHED);
	if (folder == RESCUE_NONE)
		return false;
	tree->nodes[folder].child = first;
	tree->nodes[folder].entries = entries;
	for (uint32_t at = first; at != RESCUE_NONE; at = tree->nodes[at].next)
		tree->nodes[at].parent = folder;
	return true;
}

enum ext_status earlier_arrange(struct earlier_rescue *earlier, struct rescue_tree *now,
				struct rescue_tree **top, struct rescue_tree **apart,
				struct ext_error *error)
{
	const bool is_now = !earlier->found || keeps_top(now, &earlier->tree);
	char name[EXT_NAME_MAX];

	*top = is_now ? now : &earlier->tree;
	*apart = is_now ? &earlier->tree : now;
	if (!earlier->found || count_files(*apart).all == 0) {
		*apart = NULL;
		return EXT_OK;
	}
	if (!free_name(*top, is_now ? "earlier-filesystem" : "later-filesystem", name, sizeof name))
		*apart = NULL;
	else if (!nest(*apart, name))
		return ext_no_memory(error);
	return EXT_OK;
}
