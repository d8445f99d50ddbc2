/* SPDX-License-Identifier: MIT */
/* Names of the wanted inodes and of all directories above them, collected in two passes. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "accounting/paths.h"
#include "accounting/scan.h"

enum { DEPTH_MOST = 512 };

/* One wanted inode: who names it, and how. */
struct named {
	ext_ino ino, parent;
	uint8_t length; /* 0: no name found yet */
	char *name;
};

struct paths {
	struct survey *survey;
	struct named *items; /* sorted by inode */
	size_t count, size;
};

static int compare_named(const void *left, const void *right)
{
	const struct named *a = left, *b = right;

	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

static struct named *find(const struct paths *paths, ext_ino ino)
{
	const struct named key = {.ino = ino};

	return paths->count ? bsearch(&key, paths->items, paths->count, sizeof key, compare_named)
			    : NULL;
}

static bool want(struct paths *paths, ext_ino ino)
{
	if (!GROW(paths->items, paths->count, paths->size))
		return false;
	paths->items[paths->count++] = (struct named){.ino = ino};
	return true;
}

static void sort(struct paths *paths)
{
	size_t kept = 0;

	if (paths->count > 1)
		qsort(paths->items, paths->count, sizeof *paths->items, compare_named);
	for (size_t i = 0; i < paths->count; i++) {
		if (kept > 0 && paths->items[kept - 1].ino == paths->items[i].ino) {
			/* The same inode twice: keep the one that has its name. */
			if (paths->items[kept - 1].length == 0 && paths->items[i].length > 0)
				paths->items[kept - 1] = paths->items[i];
			continue;
		}
		paths->items[kept++] = paths->items[i];
	}
	paths->count = kept;
}

static void take_name(void *context, const struct entry_place *place,
		      const struct ext_dirent *entry)
{
	struct paths *paths = context;
	struct named *named;

	if (entry->name_length == 0 || (entry->name[0] == '.' && entry->name_length == 1) ||
	    (entry->name_length == 2 && entry->name[0] == '.' && entry->name[1] == '.'))
		return;
	named = find(paths, entry->inode);
	/* Of several names, the one in the lowest directory: the same on every run. */
	if (!named || (named->length > 0 && named->parent <= place->directory->ino))
		return;
	free(named->name);
	named->length = 0;
	named->name = malloc(entry->name_length);
	if (!named->name)
		return;
	memcpy(named->name, entry->name, entry->name_length);
	named->length = entry->name_length;
	named->parent = place->directory->ino;
}

static bool any_directory(const struct directory *directory)
{
	(void)directory;
	return true;
}

static void collect(struct paths *paths)
{
	const struct directory_visitor visitor = {any_directory, take_name, paths};

	(void)scan_entries(paths->survey, &visitor, NULL);
}

/* All directories above what has a name by now. */
static void want_ancestors(struct paths *paths)
{
	const size_t count = paths->count;

	for (size_t i = 0; i < count; i++) {
		ext_ino at = paths->items[i].parent;

		for (unsigned depth = 0; at != 0 && at != EXT_INO_ROOT && depth < DEPTH_MOST;
		     depth++) {
			const struct directory *directory = survey_directory(paths->survey, at);

			if (!want(paths, at) || !directory)
				break;
			at = directory->parent;
		}
	}
	sort(paths);
}

struct paths *paths_new(struct survey *survey, const ext_ino *inodes, size_t count)
{
	struct paths *paths = calloc(1, sizeof *paths);

	if (!paths)
		return NULL;
	paths->survey = survey;
	for (size_t i = 0; i < count; i++)
		if (!want(paths, inodes[i]))
			break;
	sort(paths);
	collect(paths);
	want_ancestors(paths);
	collect(paths);
	return paths;
}

struct paths *paths_of_findings(struct survey *survey, const struct findings *findings)
{
	struct ext_finding finding;
	struct paths *paths;
	ext_ino *inodes = NULL;
	size_t count = 0, size = 0;

	for (uint64_t at = 0; findings_next(findings, &at, &finding);)
		if (finding.place.has & EXT_HAS_INODE && GROW(inodes, count, size))
			inodes[count++] = finding.place.inode;
	paths = count > 0 ? paths_new(survey, inodes, count) : NULL;
	free(inodes);
	return paths;
}

void paths_free(struct paths *paths)
{
	if (!paths)
		return;
	for (size_t i = 0; i < paths->count; i++)
		free(paths->items[i].name);
	free(paths->items);
	free(paths);
}

size_t paths_of(const struct paths *paths, ext_ino ino, char *text, size_t size)
{
	const struct named *chain[DEPTH_MOST];
	unsigned depth = 0;
	size_t length = 0;
	ext_ino at = ino;

	if (ino == EXT_INO_ROOT && size > 1) {
		text[0] = '/';
		return 1;
	}
	while (at != EXT_INO_ROOT && depth < DEPTH_MOST) {
		const struct named *named = find(paths, at);

		if (!named || named->length == 0)
			break;
		chain[depth++] = named;
		at = named->parent;
	}
	if (depth == 0)
		return 0;
	if (at != EXT_INO_ROOT && depth < DEPTH_MOST) {
		char digits[16];
		size_t count = 0;

		/* The top that nothing names. */
		for (ext_ino number = at; number > 0; number /= 10)
			digits[count++] = (char)('0' + number % 10);
		digits[count++] = '#';
		for (; count > 0; length++, count--)
			if (length < size)
				text[length] = digits[count - 1];
	}
	while (depth-- > 0) {
		if (length < size)
			text[length] = '/';
		length++;
		for (unsigned i = 0; i < chain[depth]->length; i++, length++)
			if (length < size)
				text[length] = chain[depth]->name[i];
	}
	return length;
}
