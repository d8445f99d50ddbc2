/* SPDX-License-Identifier: MIT */
/* Lost trees, measured: each file below a top counts once, however many names it has there. */
#include "config.h"

#include <stdlib.h>

#include "accounting/lost.h"
#include "accounting/scan.h"

/* What hangs below each top of a lost tree. */
struct lost_tree {
	ext_ino top;
	uint64_t inodes, blocks;
};

struct loss {
	struct survey *survey;
	struct lost_tree *trees; /* by top */
	size_t count;
	struct block_set seen; /* inodes counted already: they may have several names */
};

static const struct directory *top_of(const struct survey *survey,
				      const struct directory *directory)
{
	/* Parents end at the top: the survey cut every loop. */
	while (directory && directory->parent != 0 && directory->ino != EXT_INO_ROOT) {
		const struct directory *parent = survey_directory(survey, directory->parent);

		if (!parent)
			break;
		directory = parent;
	}
	return directory;
}

static struct lost_tree *tree_of(struct loss *loss, const struct directory *directory)
{
	const struct directory *top = top_of(loss->survey, directory);
	size_t low = 0, high = loss->count;

	while (top && low < high) {
		const size_t middle = low + (high - low) / 2;

		if (loss->trees[middle].top < top->ino)
			low = middle + 1;
		else
			high = middle;
	}
	return top && low < loss->count && loss->trees[low].top == top->ino ? &loss->trees[low]
									    : NULL;
}

static void count_inode(struct loss *loss, struct lost_tree *tree, ext_ino ino)
{
	const struct ext_superblock *sb = loss->survey->superblock;
	struct ext_inode inode;

	if (block_set_has(&loss->seen, ino))
		return;
	block_set_add(&loss->seen, ino, 1, NULL);
	tree->inodes++;
	if (ext_inode_read(loss->survey->filesystem, ino, &inode, NULL, NULL) == EXT_OK)
		tree->blocks += inode.sectors >> (sb->block_size_log2 - 9);
}

static bool is_lost(const struct directory *directory)
{
	return directory->reach == REACH_LOST;
}

static void count_entry(void *context, const struct entry_place *place,
			const struct ext_dirent *entry)
{
	struct loss *loss = context;
	const uint8_t state = inode_states_get(&loss->survey->inodes, entry->inode);
	struct lost_tree *tree;

	/* Directories are counted by themselves; what the root reaches too is not lost. */
	if (!survey_is_lost(state) || (state & STATE_TYPE) == EXT_TYPE_DIRECTORY)
		return;
	tree = tree_of(loss, place->directory);
	if (tree)
		count_inode(loss, tree, entry->inode);
}

static bool is_top(const struct directory *directory)
{
	return directory->reach == REACH_LOST && directory->parent == 0 &&
	       directory->ino != EXT_INO_ROOT;
}

static void measure(struct loss *loss)
{
	struct survey *survey = loss->survey;
	const struct directory_visitor visitor = {is_lost, count_entry, loss};

	for (size_t i = 0; i < survey->directory_count; i++) {
		const struct directory *directory = &survey->directories[i];
		struct lost_tree *tree = is_lost(directory) ? tree_of(loss, directory) : NULL;

		if (tree)
			count_inode(loss, tree, directory->ino);
	}
	(void)scan_entries(survey, &visitor, NULL);
}

static void report(struct ext_sink *sink, enum ext_problem problem, ext_ino ino, uint64_t found,
		   uint64_t low)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = ino},
		.found = found,
		.low = low,
		.high = low};

	ext_report(sink, &finding);
}

bool lost_directories(struct survey *survey, struct ext_sink *sink, bool with_loops)
{
	struct loss loss = {.survey = survey};

	for (size_t i = 0; i < survey->directory_count; i++)
		loss.count += is_top(&survey->directories[i]);
	if (loss.count == 0)
		return true;
	loss.trees = calloc(loss.count, sizeof *loss.trees);
	if (!loss.trees ||
	    !block_set_init(&loss.seen, (uint64_t)survey->superblock->inode_count + 1)) {
		free(loss.trees);
		return false;
	}
	loss.count = 0;
	for (size_t i = 0; i < survey->directory_count; i++)
		if (is_top(&survey->directories[i]))
			loss.trees[loss.count++].top = survey->directories[i].ino;
	measure(&loss);
	for (size_t i = 0; i < loss.count; i++) {
		const struct directory *top = survey_directory(survey, loss.trees[i].top);

		if (top && (with_loops || !top->is_loop))
			report(sink, EXT_DIRECTORY_LOST, top->ino, loss.trees[i].inodes,
			       loss.trees[i].blocks);
	}
	block_set_clear(&loss.seen);
	free(loss.trees);
	return true;
}

void lost_files(const struct survey *survey, struct ext_sink *sink)
{
	struct ext_inode inode;

	for (ext_ino ino = 0; (ino = inode_states_next(&survey->inodes, ino + 1, STATE_USED,
						       STATE_NAMED | STATE_REACHED | STATE_ORPHAN |
							       STATE_SYSTEM)) != 0;)
		if (!survey_directory(survey, ino) &&
		    ext_inode_read(survey->filesystem, ino, &inode, NULL, NULL) == EXT_OK)
			report(sink, EXT_INODE_LOST, ino, inode.links, 0);
}
