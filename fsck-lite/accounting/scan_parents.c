/* SPDX-License-Identifier: MIT */
/*
 * Which directory names which: the edges that all threads found, sorted, so that the result does
 * not depend on who was first.
 */
#include "config.h"

#include <stdlib.h>

#include "accounting/directory_worker.h"

struct directory *survey_directory(const struct survey *survey, ext_ino ino)
{
	size_t low = 0, high = survey->directory_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (survey->directories[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	return low < survey->directory_count && survey->directories[low].ino == ino
		       ? &survey->directories[low]
		       : NULL;
}

static int compare_edges(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	if (a->child != b->child)
		return a->child < b->child ? -1 : 1;
	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	return a->is_second - b->is_second;
}

static void report_two_parents(const struct survey *survey, const struct directory *directory,
			       ext_ino parent)
{
	const struct ext_finding finding = {
		.problem = EXT_DIRENT_SECOND_PARENT,
		.place = {.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = parent},
		.found = directory->ino,
		.low = directory->parent};

	ext_report(survey->options.sink, &finding);
}

/* The parent among the `count` directories that name `directory`: the one that its ".." says, else
 * one that does not name it where its own ".." should be. */
static ext_ino choose_parent(const struct directory *directory, const struct edge *edges,
			     size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (edges[i].parent == directory->dotdot)
			return edges[i].parent;
	for (size_t i = 0; i < count; i++)
		if (!edges[i].is_second)
			return edges[i].parent;
	return edges[0].parent;
}

/* Gives every directory its parent. */
void scan_parents(struct survey *survey, struct edge *edges, size_t count)
{
	if (count > 1)
		qsort(edges, count, sizeof *edges, compare_edges);
	for (size_t first = 0, last; first < count; first = last) {
		struct directory *directory = survey_directory(survey, edges[first].child);
		bool taken = false;

		for (last = first; last < count && edges[last].child == edges[first].child;)
			last++;
		if (!directory)
			continue;
		directory->parent = choose_parent(directory, edges + first, last - first);
		for (size_t i = first; i < last; i++) {
			if (!taken && edges[i].parent == directory->parent)
				taken = true;
			else if (!edges[i].is_second)
				report_two_parents(survey, directory, edges[i].parent);
		}
	}
}
