/* SPDX-License-Identifier: MIT */
/*
 * du over a surveyed filesystem: sizes of inodes in one pass over the tables, added to the
 * directory that names each first, then from every directory to the one above, leaves first.
 */
#include "config.h"

#include <stdlib.h>

#include "accounting/largest.h"
#include "accounting/scan.h"

struct sums {
	struct survey *survey;
	uint64_t *bytes, *inodes; /* for each directory of the survey */
	uint32_t *children;	  /* directories below that are not added yet */
	struct block_set counted; /* inodes that have been added somewhere */
};

static size_t index_of(const struct survey *survey, ext_ino ino)
{
	const struct directory *directory = survey_directory(survey, ino);

	return directory ? (size_t)(directory - survey->directories) : SIZE_MAX;
}

static void add_inode(struct sums *sums, ext_ino ino, size_t to)
{
	struct ext_inode inode;

	if (block_set_add(&sums->counted, ino, 1, NULL) == 0 ||
	    ext_inode_read(sums->survey->filesystem, ino, &inode, NULL, NULL) != EXT_OK)
		return;
	sums->bytes[to] += inode.sectors * 512;
	sums->inodes[to]++;
}

/* Every name in one directory; a hard link counts where it is met first. */
static void add_entries(struct sums *sums, size_t index)
{
	struct ext_directory *directory;
	struct ext_dirent entry;

	if (ext_directory_open(sums->survey->filesystem, sums->survey->directories[index].ino,
			       &directory, NULL) != EXT_OK)
		return;
	while (ext_directory_next(directory, &entry, NULL, NULL) == EXT_OK) {
		const uint8_t state = inode_states_get(&sums->survey->inodes, entry.inode);

		if ((state & STATE_USED) && (state & STATE_TYPE) != EXT_TYPE_DIRECTORY)
			add_inode(sums, entry.inode, index);
	}
	ext_directory_close(directory);
}

/* Adds every directory to the one above, when all below it have been added. */
static void add_upwards(struct sums *sums)
{
	struct survey *survey = sums->survey;

	for (size_t i = 0; i < survey->directory_count; i++) {
		const size_t parent = index_of(survey, survey->directories[i].parent);

		if (parent != SIZE_MAX)
			sums->children[parent]++;
	}
	for (size_t i = 0; i < survey->directory_count; i++) {
		size_t at = i;

		/* A chain of only children goes up in one climb; done ones are marked. */
		while (at != SIZE_MAX && sums->children[at] == 0) {
			const size_t parent = index_of(survey, survey->directories[at].parent);

			sums->children[at] = UINT32_MAX;
			if (parent == SIZE_MAX || sums->children[parent] == UINT32_MAX)
				break;
			sums->bytes[parent] += sums->bytes[at];
			sums->inodes[parent] += sums->inodes[at];
			sums->children[parent]--;
			at = parent;
		}
	}
}

static void pick(const struct sums *sums, struct largest_directory *list, size_t count,
		 size_t *filled)
{
	const struct survey *survey = sums->survey;

	for (size_t i = 0; i < survey->directory_count; i++) {
		size_t at = *filled;

		if (at == count && sums->bytes[i] <= list[count - 1].bytes)
			continue;
		if (at < count)
			++*filled;
		else
			at--;
		for (; at > 0 && list[at - 1].bytes < sums->bytes[i]; at--)
			list[at] = list[at - 1];
		list[at] = (struct largest_directory){survey->directories[i].ino, sums->bytes[i],
						      sums->inodes[i]};
	}
}

size_t largest_directories(struct survey *survey, struct largest_directory *list, size_t count)
{
	struct sums sums = {.survey = survey};
	size_t filled = 0;

	sums.bytes = calloc(survey->directory_count + 1, sizeof *sums.bytes);
	sums.inodes = calloc(survey->directory_count + 1, sizeof *sums.inodes);
	sums.children = calloc(survey->directory_count + 1, sizeof *sums.children);
	if (sums.bytes && sums.inodes && sums.children && count > 0 &&
	    block_set_init(&sums.counted, (uint64_t)survey->superblock->inode_count + 1)) {
		for (size_t i = 0; i < survey->directory_count; i++) {
			add_inode(&sums, survey->directories[i].ino, i);
			add_entries(&sums, i);
		}
		add_upwards(&sums);
		pick(&sums, list, count, &filled);
	}
	block_set_clear(&sums.counted);
	free(sums.bytes);
	free(sums.inodes);
	free(sums.children);
	return filled;
}
