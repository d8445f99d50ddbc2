/* SPDX-License-Identifier: MIT */
/* A window of open directories; what fell out of it is found again by its "..", and recognised. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounting/grow.h"
#include "rescue/open_folders.h"

enum { KEPT_OPEN = 64, FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

int open_folders_here(const struct open_folders *folders)
{
	return folders->stack[folders->depth - 1].fd;
}

int open_folders_top(const struct open_folders *folders)
{
	return folders->stack[0].fd;
}

int open_folders_push(struct open_folders *folders, int fd)
{
	struct open_folder *outer;
	struct stat folder;
	int error = 0;

	if (fstat(fd, &folder) != 0)
		error = errno;
	else if (!GROW(folders->stack, folders->depth, folders->size))
		error = ENOMEM;
	if (error != 0) {
		close(fd);
		return error;
	}
	folders->stack[folders->depth++] = (struct open_folder){fd, folder.st_dev, folder.st_ino};
	if (folders->depth > KEPT_OPEN + 1) {
		outer = &folders->stack[folders->depth - 1 - KEPT_OPEN];
		if (outer->fd >= 0)
			close(outer->fd);
		outer->fd = -1;
	}
	return 0;
}

void open_folders_pop(struct open_folders *folders)
{
	const int left = folders->stack[folders->depth - 1].fd;
	struct open_folder *outer;

	if (folders->depth < 2)
		return;
	outer = &folders->stack[folders->depth - 2];
	if (outer->fd < 0 && left >= 0) {
		struct stat folder;

		outer->fd = openat(left, "..", FLAGS);
		if (outer->fd >= 0 &&
		    (fstat(outer->fd, &folder) != 0 || folder.st_dev != outer->device ||
		     folder.st_ino != outer->inode)) {
			close(outer->fd);
			outer->fd = -1;
		}
	}
	if (left >= 0)
		close(left);
	folders->depth--;
}

void open_folders_clear(struct open_folders *folders)
{
	for (size_t i = 0; i < folders->depth; i++)
		if (folders->stack[i].fd >= 0)
			close(folders->stack[i].fd);
	free(folders->stack);
	memset(folders, 0, sizeof *folders);
}

int open_folders_parent(const struct open_folders *folders, const char *path, const char **name)
{
	int fd = openat(open_folders_top(folders), ".", FLAGS);
	const char *slash;

	while (fd >= 0 && (slash = strchr(path, '/')) != NULL) {
		char part[256];
		const size_t length = (size_t)(slash - path);
		int inner = -1, error = ENAMETOOLONG;

		if (length < sizeof part) {
			memcpy(part, path, length);
			part[length] = '\0';
			inner = openat(fd, part, FLAGS);
			error = errno;
		}
		close(fd);
		errno = error;
		fd = inner;
		path = slash + 1;
	}
	*name = path;
	return fd;
}
