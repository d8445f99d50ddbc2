/* SPDX-License-Identifier: MIT */
/*
 * One block stands for all that were reused of a file: most are reused together. Owners are found
 * in one pass over the inodes, their names in one over the tree.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "accounting/block_names.h"
#include "accounting/order.h"
#include "rescue/reuse.h"

/* The first reused block of each, in order; returns how many. */
static size_t gather(const struct deleted_list *list, ext_block *blocks)
{
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].reused > 0)
			blocks[count++] = list->items[i].first_reused;
	if (count > 1)
		qsort(blocks, count, sizeof *blocks, compare_blocks);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || blocks[i] != blocks[kept - 1])
			blocks[kept++] = blocks[i];
	return kept;
}

static void find_owners(struct deleted_list *list, const struct ext_filesystem *filesystem,
			const ext_block *blocks, size_t count)
{
	struct block_names *names = NULL;

	if (block_names_new(filesystem, blocks, count, &names, NULL) != EXT_OK)
		return;
	for (size_t i = 0; i < list->count; i++) {
		struct block_name name;

		if (list->items[i].reused == 0)
			continue;
		block_names_get(names, list->items[i].first_reused, &name);
		list->items[i].reused_by = name.inode;
	}
	block_names_free(names);
}

/* An inode and where it is in the tree. */
struct owner_node {
	ext_ino ino;
	uint32_t node;
};

static int compare_owners(const void *left, const void *right)
{
	const struct owner_node *a = left, *b = right;

	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

static void find_nodes(struct deleted_list *list, const struct rescue_tree *tree, size_t most)
{
	struct owner_node *owners = malloc(most * sizeof *owners);
	size_t count = 0;

	for (size_t i = 0; owners && i < list->count; i++)
		if (list->items[i].reused_by != 0)
			owners[count++] =
				(struct owner_node){list->items[i].reused_by, RESCUE_NONE};
	if (owners && count > 1)
		qsort(owners, count, sizeof *owners, compare_owners);
	for (uint32_t at = tree->count; count > 0 && at-- > 0;) {
		const struct owner_node key = {.ino = tree->nodes[at].ino};
		struct owner_node *found =
			tree->nodes[at].origin == RESCUE_DELETED
				? NULL
				: bsearch(&key, owners, count, sizeof key, compare_owners);

		if (found)
			found->node = at;
	}
	for (size_t i = 0; i < list->count && count > 0; i++) {
		const struct owner_node key = {.ino = list->items[i].reused_by};
		const struct owner_node *found =
			bsearch(&key, owners, count, sizeof key, compare_owners);

		if (found)
			list->items[i].reused_node = found->node;
	}
	free(owners);
}

void reuse_find(struct deleted_list *list, const struct rescue_tree *tree)
{
	ext_block *blocks = malloc((list->count + 1) * sizeof *blocks);
	const size_t count = blocks ? gather(list, blocks) : 0;

	if (count > 0) {
		find_owners(list, tree->filesystem, blocks, count);
		find_nodes(list, tree, list->count);
	}
	free(blocks);
}

const struct deleted_inode *reuse_of(const struct rescue_tree *tree, const struct rescue_node *node)
{
	size_t count = 0;
	const struct deleted_inode *lives =
		node->origin == RESCUE_DELETED ? deleted_lives(tree->deleted, node->ino, &count)
					       : NULL;

	for (size_t i = 0; i < count; i++)
		if (lives[i].offset == node->inode_offset)
			return lives[i].reused + lives[i].rewritten > 0 ? &lives[i] : NULL;
	return NULL;
}

void reuse_text(const struct output_names *names, const struct deleted_inode *deleted, char *text,
		size_t size)
{
	char *path = deleted->reused_node != RESCUE_NONE ? output_path(names, deleted->reused_node)
							 : NULL;

	if (deleted->reused == 0)
		snprintf(text, size,
			 "%" PRIu64 " of its %" PRIu64
			 " blocks were another file's since, which was deleted as well",
			 deleted->rewritten, deleted->blocks);
	else if (path)
		snprintf(text, size,
			 "%" PRIu64 " of its %" PRIu64 " blocks belong to %s (inode %" PRIu32
			 ") now",
			 deleted->reused, deleted->blocks, path, deleted->reused_by);
	else if (deleted->reused_by != 0)
		snprintf(text, size,
			 "%" PRIu64 " of its %" PRIu64 " blocks belong to inode %" PRIu32 " now",
			 deleted->reused, deleted->blocks, deleted->reused_by);
	else
		snprintf(text, size,
			 "%" PRIu64 " of its %" PRIu64
			 " blocks belong to the filesystem itself now",
			 deleted->reused, deleted->blocks);
	free(path);
}
