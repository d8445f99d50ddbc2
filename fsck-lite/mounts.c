/* SPDX-License-Identifier: MIT */
/*
 * What /proc and /sys say, where there are such files. Mounts are told by device number: the name
 * in the table of mounts may be one that this system never had, such as /dev/root.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_SYS_SYSMACROS_H
#include <sys/sysmacros.h>
#endif
#include <sys/types.h>

#include "mounts.h"

enum { LOOPS = 256, LINE = 4096, LOOP_MAJOR = 7 };

/* A line of mountinfo: what of it matters here, pointing into the line. */
struct mount {
	unsigned long major_number, minor_number;
	char *point;
	const char *options; /* of the filesystem, not of this one mount */
};

/* Ends the word at `text`; returns what stands behind it, or NULL. */
static char *cut_word(char *text)
{
	char *const end = text ? strpbrk(text, " \n") : NULL;

	if (!end)
		return NULL;
	*end = '\0';
	return end + 1;
}

/* "98:0" */
static bool read_device(const char *text, struct mount *mount)
{
	char *end;

	mount->major_number = strtoul(text, &end, 10);
	if (end == text || *end != ':')
		return false;
	text = end + 1;
	mount->minor_number = strtoul(text, &end, 10);
	return end != text;
}

/* "36 35 98:0 /root /point rw,noatime shared:1 - ext3 /dev/sda1 rw": proc(5), /proc/PID/mountinfo.
 */
static bool read_mount(char *line, struct mount *mount)
{
	char *const parent = cut_word(line);
	char *const device = cut_word(parent);
	char *const root = cut_word(device);
	char *const point = cut_word(root);
	char *const behind_point = cut_word(point);
	char *const type = behind_point ? strstr(behind_point, " - ") : NULL;
	char *const source = type ? cut_word(type + 3) : NULL;
	char *const options = cut_word(source);

	if (!options || !read_device(device, mount))
		return false;
	mount->point = point;
	mount->options = options;
	return true;
}

static bool is_octal(char digit)
{
	return digit >= '0' && digit <= '7';
}

/* Blanks, tabs, line ends and backslashes stand in the table as \ and three octal digits. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) &&
		    is_octal(text[3])) {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
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

static bool is_same_file(const char *path, const struct stat *wanted)
{
	struct stat found;

	return stat(path, &found) == 0 && found.st_dev == wanted->st_dev &&
	       found.st_ino == wanted->st_ino;
}

/* Is it the device itself, or a loop device that stands on this file? */
static bool is_of(const struct mount *mount, const struct stat *wanted)
{
	char path[96], backing[LINE];

	if (S_ISBLK(wanted->st_mode))
		return mount->major_number == major(wanted->st_rdev) &&
		       mount->minor_number == minor(wanted->st_rdev);
	if (mount->major_number != LOOP_MAJOR)
		return false;
	snprintf(path, sizeof path, "/sys/dev/block/%lu:%lu/loop/backing_file", mount->major_number,
		 mount->minor_number);
	return read_line(path, backing, sizeof backing) && is_same_file(backing, wanted);
}

int mounts_loop_device(const struct stat *wanted)
{
	char path[64], backing[LINE];

	for (int i = 0; i < LOOPS; i++) {
		snprintf(path, sizeof path, "/sys/block/loop%d/loop/backing_file", i);
		if (read_line(path, backing, sizeof backing) && is_same_file(backing, wanted))
			return i;
	}
	return -1;
}

bool mounts_have(const struct stat *wanted, char *where, size_t size, bool *writable)
{
	FILE *const mounts = fopen("/proc/self/mountinfo", "r");
	char line[LINE];
	bool found = false;

	if (!mounts)
		return false;
	while (!found && fgets(line, sizeof line, mounts)) {
		struct mount mount;

		if (!read_mount(line, &mount) || !is_of(&mount, wanted))
			continue;
		found = true;
		unescape(mount.point);
		if (where)
			snprintf(where, size, "%s", mount.point);
		if (writable)
			*writable = strncmp(mount.options, "rw", 2) == 0;
	}
	fclose(mounts);
	return found;
}
