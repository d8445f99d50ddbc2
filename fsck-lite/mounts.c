/* SPDX-License-Identifier: MIT */
/* What /proc/mounts and /sys say, where there are such files. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "mounts.h"

/* Ends the word at `text`; returns what stands behind it, or NULL. */
static char *cut_word(char *text)
{
	char *const end = text ? strpbrk(text, " \n") : NULL;

	if (!end)
		return NULL;
	*end = '\0';
	return end + 1;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool mounts_have(const struct stat *wanted, char *where, size_t size, bool *writable)
{
	FILE *const mounts = fopen("/proc/mounts", "r");
	char line[4096];
	bool mounted = false;

	if (!mounts)
		return false;
	while (!mounted && fgets(line, sizeof line, mounts)) {
		char *const point = line[0] == '/' ? cut_word(line) : NULL;
		char *const type = cut_word(point);
		char *const options = cut_word(type);
		struct stat found;

		if (!options || stat(line, &found) != 0 || !is_same(wanted, &found))
			continue;
		mounted = true;
		if (where)
			snprintf(where, size, "%s", point);
		if (writable)
			*writable = strncmp(options, "rw", 2) == 0;
	}
	fclose(mounts);
	return mounted;
}

/* The first line of a file of /sys, without its end. */
static bool read_line(const char *path, char *line, int size)
{
	FILE *const file = fopen(path, "r");
	const bool got = file && fgets(line, size, file);

	if (file)
		fclose(file);
	if (got)
		line[strcspn(line, "\n")] = '\0';
	return got;
}

int mounts_loop_device(const struct stat *wanted)
{
	enum { LOOPS = 256 };
	char path[64], backing[4096];

	for (int i = 0; i < LOOPS; i++) {
		struct stat found;

		snprintf(path, sizeof path, "/sys/block/loop%d/loop/backing_file", i);
		if (read_line(path, backing, sizeof backing) && stat(backing, &found) == 0 &&
		    found.st_dev == wanted->st_dev && found.st_ino == wanted->st_ino)
			return i;
	}
	return -1;
}
