/* SPDX-License-Identifier: MIT */
/*
 * The directories between the top of the output and where is written now, as descriptors that were
 * opened step by step without following a link. Only the innermost stay open: a tree may be deeper
 * than a process may have files.
 */
#ifndef RESCUE_OPEN_FOLDERS_H
#define RESCUE_OPEN_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct open_folder {
	int fd; /* -1: closed for now */
	dev_t device;
	ino_t inode;
};

struct open_folders {
	struct open_folder *stack; /* the top first; it is never closed */
	size_t depth, size;
};

/* The innermost, -1 when it is lost: while it was closed, something else was put in its place. */
int open_folders_here(const struct open_folders *folders);
int open_folders_top(const struct open_folders *folders);

/* Takes `fd` over as the innermost; 0 or an errno (then it is closed). */
int open_folders_push(struct open_folders *folders, int fd);
/* Leaves the innermost, not the top: closes it, and opens the one above again if it was closed. */
void open_folders_pop(struct open_folders *folders);
void open_folders_clear(struct open_folders *folders);

/*
 * Opens the directory in which `path` (from the top) lies, without following links; `*name` is set
 * to its last part. -1: errno says why. To be closed.
 */
int open_folders_parent(const struct open_folders *folders, const char *path, const char **name);

#endif
