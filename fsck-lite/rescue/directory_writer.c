/* SPDX-License-Identifier: MIT */
/*
 * Writes a rescue tree into a directory. Everything goes through descriptors of directories that
 * this writer opened itself without following links, and through names that hold no '/': whatever
 * the image says, nothing lands outside. A file appears under its name only when it is whole.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#ifdef HAVE_SYS_SYSMACROS_H
#include <sys/sysmacros.h>
#endif
#include <unistd.h>

#include "rescue/attributes.h"
#include "rescue/open_folders.h"
#include "rescue/output_names.h"
#include "rescue/whole_file.h"

struct directory_writer {
	struct writer writer;
	struct open_folders folders;
};

static struct directory_writer *self_of(struct writer *writer)
{
	return (struct directory_writer *)(void *)writer;
}

static int here(struct writer *writer)
{
	return open_folders_here(&self_of(writer)->folders);
}

static enum write_result fail(struct copy_item *item, const char *what, int error)
{
	if (error == ECANCELED)
		return WRITE_CANCELLED;
	snprintf(item->reason, sizeof item->reason, "%s: %s", what, strerror(error));
	return error == ENOSPC || error == EDQUOT ? WRITE_FULL : WRITE_FAILED;
}

/* Is something there under the item's name, and what? False: nothing. */
static bool look(struct writer *writer, const struct copy_item *item, struct stat *there)
{
	return fstatat(here(writer), item->name, there, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The end of something that was made or found under its name: it gets its attributes. */
static enum write_result dress(struct writer *writer, struct copy_item *item,
			       enum write_result result)
{
	const int error = attributes_set(writer, item, here(writer), -1);

	return error != 0 ? fail(item, "cannot be given its mode", error) : result;
}

/* Makes room where an earlier run left something else; only --resume may. */
static int clear_way(struct writer *writer, const struct copy_item *item)
{
	if (!writer->resume)
		return EEXIST;
	return unlinkat(here(writer), item->name, 0) == 0 ? 0 : errno;
}

static enum write_result write_file(struct writer *writer, struct copy_item *item)
{
	struct stat there;
	bool is_full = false;
	int fd, error = 0;

	if (look(writer, item, &there)) {
		if (!writer->resume || S_ISDIR(there.st_mode))
			return fail(item, "something is in its place", EEXIST);
		if (whole_file_is_same(here(writer), item, &error))
			return dress(writer, item, WRITE_SKIPPED);
		if (error == ECANCELED)
			return WRITE_CANCELLED;
	}
	if (!whole_file_has_room(here(writer), item, &is_full)) {
		writer->without_room += is_full;
		return WRITE_FAILED;
	}
	fd = whole_file_begin(here(writer));
	if (fd < 0)
		return fail(item, "cannot be created", errno);
	error = whole_file_fill(fd, item);
	if (error == 0)
		error = attributes_set(writer, item, here(writer), fd);
	error = whole_file_end(here(writer), fd, item->name, error);
	return error != 0 ? fail(item, "cannot be written", error) : WRITE_DONE;
}

static enum write_result write_link(struct writer *writer, struct copy_item *item)
{
	struct directory_writer *self = self_of(writer);
	const char *name;
	const int folder = open_folders_parent(&self->folders, item->link, &name);
	struct stat first, there;
	enum write_result result = WRITE_DONE;
	int error = 0;

	if (folder < 0)
		return fail(item, "cannot be linked", errno);
	if (fstatat(folder, name, &first, AT_SYMLINK_NOFOLLOW) == 0 && look(writer, item, &there)) {
		if (writer->resume && there.st_dev == first.st_dev && there.st_ino == first.st_ino)
			result = WRITE_SKIPPED;
		else
			error = S_ISDIR(there.st_mode) ? EEXIST : clear_way(writer, item);
	}
	if (result == WRITE_DONE && error == 0 &&
	    linkat(folder, name, here(writer), item->name, 0) != 0)
		error = errno;
	close(folder);
	return error != 0 ? fail(item, "cannot be linked", error) : result;
}

static enum write_result write_symlink(struct writer *writer, struct copy_item *item)
{
	char *target = malloc(item->link_length + 1), *found = malloc(item->link_length + 1);
	enum write_result result = WRITE_DONE;
	struct stat there;
	int error = target && found ? 0 : ENOMEM;

	if (error == 0) {
		memcpy(target, item->link, item->link_length);
		target[item->link_length] = '\0';
		if (look(writer, item, &there)) {
			const ssize_t length =
				readlinkat(here(writer), item->name, found, item->link_length + 1);

			if (writer->resume && length == (ssize_t)item->link_length &&
			    memcmp(found, target, item->link_length) == 0)
				result = WRITE_SKIPPED;
			else
				error = S_ISDIR(there.st_mode) ? EEXIST : clear_way(writer, item);
		}
	}
	if (error == 0 && result == WRITE_DONE && symlinkat(target, here(writer), item->name) != 0)
		error = errno;
	free(target);
	free(found);
	return error != 0 ? fail(item, "cannot be created", error) : dress(writer, item, result);
}

static enum write_result write_special(struct writer *writer, struct copy_item *item)
{
	const struct ext_inode *inode = item->inode;
	const bool is_device = inode->type == EXT_TYPE_CHARACTER || inode->type == EXT_TYPE_BLOCK;
	uint32_t major_number = 0, minor_number = 0;
	mode_t type = S_IFIFO;
	struct stat there;

	if (is_device) {
		ext_inode_device(inode, &major_number, &minor_number);
		type = inode->type == EXT_TYPE_BLOCK ? S_IFBLK : S_IFCHR;
	} else if (inode->type == EXT_TYPE_SOCKET) {
		type = S_IFSOCK;
	}
	/* A device node made from an image would open this machine's own devices. */
	if (is_device && !writer->preserve_privileged) {
		writer->devices_left++;
		sidecar_add_special(&writer->sidecar, item);
		return WRITE_LEFT;
	}
	const dev_t device = makedev(major_number, minor_number);

	if (look(writer, item, &there)) {
		int error;

		if (writer->resume && (there.st_mode & S_IFMT) == type &&
		    (!is_device || there.st_rdev == device))
			return dress(writer, item, WRITE_SKIPPED);
		error = S_ISDIR(there.st_mode) ? EEXIST : clear_way(writer, item);
		if (error != 0)
			return fail(item, "something is in its place", error);
	}
	if (mknodat(here(writer), item->name, type | 0600, device) != 0) {
		const int error = errno;

		if (is_device)
			sidecar_add_special(&writer->sidecar, item);
		return fail(item, "cannot be created", error);
	}
	return dress(writer, item, WRITE_DONE);
}

/* Directories. */

static enum write_result enter(struct writer *writer, struct copy_item *item)
{
	struct directory_writer *self = self_of(writer);
	struct stat there;
	int fd, error;

	if (*item->path == '\0') { /* the top is open already */
		if (writer->resume)
			(void)unlinkat(here(writer), output_partial_name, 0);
		return WRITE_DONE;
	}
	if (here(writer) < 0)
		return fail(item, "the directory above it was moved away", ENOENT);
	if (mkdirat(here(writer), item->name, 0700) != 0) {
		if (errno != EEXIST)
			return fail(item, "cannot be created", errno);
		/* An earlier run may have closed it to its owner already. */
		if (writer->resume && look(writer, item, &there) && S_ISDIR(there.st_mode) &&
		    (there.st_mode & 0700) != 0700)
			(void)fchmodat(here(writer), item->name, 0700, AT_SYMLINK_NOFOLLOW);
	}
	/* Whatever stands there now, it is entered only if it is a true directory. */
	fd = openat(here(writer), item->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(item, "something is in its place", errno);
	error = open_folders_push(&self->folders, fd);
	if (error != 0)
		return fail(item, "cannot be entered", error);
	if (writer->resume)
		(void)unlinkat(here(writer), output_partial_name, 0);
	return WRITE_DONE;
}

static enum write_result leave(struct writer *writer, struct copy_item *item)
{
	enum write_result result = WRITE_DONE;
	int error;

	if (here(writer) < 0) {
		result = fail(item, "it was moved away while it was written to", ENOENT);
	} else if (item->node->ino != 0) {
		error = attributes_set(writer, item, -1, here(writer));
		if (error != 0)
			result = fail(item, "cannot be given its mode", error);
	}
	open_folders_pop(&self_of(writer)->folders);
	return result;
}

/* The sidecar appears whole, too. With --resume it takes the place of the earlier run's. */
static enum write_result finish(struct writer *writer)
{
	const int top = open_folders_top(&self_of(writer)->folders);
	uint8_t buffer[16384];
	struct stat before;
	uint64_t size, at = 0;
	size_t got;
	int fd, error = 0;

	if (!sidecar_end(&writer->sidecar, &size)) {
		errno = ENOSPC;
		return WRITE_FAILED;
	}
	if (size == 0)
		return WRITE_DONE;
	if (!writer->resume && faccessat(top, output_sidecar_name, F_OK, 0) == 0) {
		errno = EEXIST;
		return WRITE_FAILED;
	}
	/* A name more in the top does not count as a change of it. */
	if (fstat(top, &before) != 0)
		return WRITE_FAILED;
	fd = whole_file_begin(top);
	if (fd < 0)
		return WRITE_FAILED;
	while (error == 0 && (got = sidecar_read(&writer->sidecar, buffer, sizeof buffer)) > 0) {
		error = whole_file_put(&fd, at, buffer, got);
		at += got;
	}
	error = whole_file_end(top, fd, output_sidecar_name, error);
	if (error != 0) {
		errno = error;
		return WRITE_FAILED;
	}
	const struct timespec times[2] = {before.st_atim, before.st_mtim};

	(void)futimens(top, times);
	return WRITE_DONE;
}

static void close_writer(struct writer *writer)
{
	open_folders_clear(&self_of(writer)->folders);
	sidecar_clear(&writer->sidecar);
	free(writer);
}

struct writer *directory_writer_new(const char *path)
{
	struct directory_writer *self = calloc(1, sizeof *self);
	int fd = -1, error;

	if (!self)
		return NULL;
	self->writer = (struct writer){.enter = enter,
				       .leave = leave,
				       .file = write_file,
				       .hard_link = write_link,
				       .symlink = write_symlink,
				       .special = write_special,
				       .finish = finish,
				       .close = close_writer};
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = fd < 0 ? errno : open_folders_push(&self->folders, fd);
	if (error == 0)
		return &self->writer;
	close_writer(&self->writer);
	errno = error;
	return NULL;
}
