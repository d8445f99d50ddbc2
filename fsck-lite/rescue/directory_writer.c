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
#ifdef HAVE_SYS_XATTR_H
#include <sys/xattr.h>
#endif
#include <unistd.h>

#include "accounting/grow.h"
#include "rescue/copy_out.h"
#include "rescue/sidecar.h"

#ifndef O_DIRECTORY
#define O_DIRECTORY 0
#endif
#ifndef O_NOFOLLOW
#define O_NOFOLLOW 0
#endif
#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif

static const char partial_name[] = ".fsck-lite.partial";

struct directory_writer {
	struct writer writer;
	int root;
	int *stack; /* of open directories, the root first */
	size_t depth, size;
	struct sidecar sidecar;
	bool is_root_user;
	bool sidecar_failed;
};

static enum write_result fail(struct copy_item *item, const char *what, int error)
{
	snprintf(item->reason, sizeof item->reason, "%s: %s", what, strerror(error));
	return error == ENOSPC || error == EDQUOT ? WRITE_FULL : WRITE_FAILED;
}

static int here(const struct directory_writer *self)
{
	return self->stack[self->depth - 1];
}

static mode_t permissions(struct directory_writer *self, const struct copy_item *item)
{
	mode_t mode = item->inode->mode & 07777;

	if (!self->writer.preserve_privileged && item->inode->type != EXT_TYPE_DIRECTORY &&
	    (mode & 06000) != 0) {
		mode &= ~(mode_t)06000;
		self->writer.modes_dropped++;
		sidecar_add_mode(&self->sidecar, item);
	}
	return mode;
}

static void set_owner(struct directory_writer *self, const struct copy_item *item, int fd,
		      const char *name)
{
	const int done = fd >= 0 ? fchown(fd, item->inode->uid, item->inode->gid)
				 : fchownat(here(self), name, item->inode->uid, item->inode->gid,
					    AT_SYMLINK_NOFOLLOW);

	if (done != 0) {
		self->writer.owners_lost++;
		sidecar_add_owner(&self->sidecar, item);
	}
}

static void set_times(struct directory_writer *self, const struct copy_item *item, int fd,
		      const char *name)
{
	const struct ext_inode *inode = item->inode;
	const struct timespec times[2] = {
		{(time_t)inode->atime.seconds, (long)inode->atime.nanoseconds},
		{(time_t)inode->mtime.seconds, (long)inode->mtime.nanoseconds}};
	const int done = (int64_t)times[1].tv_sec != inode->mtime.seconds ? -1
			 : fd >= 0					  ? futimens(fd, times)
				   : utimensat(here(self), name, times, AT_SYMLINK_NOFOLLOW);

	if (done != 0) {
		self->writer.times_lost++;
		sidecar_add_times(&self->sidecar, item);
	}
}

/* Would this attribute give a file powers that its new owner never granted? */
static bool is_privileged(const char *name)
{
	return strcmp(name, "security.capability") == 0;
}

static bool set_xattr(int fd, const char *path, const char *name, const void *value, size_t size)
{
#ifdef HAVE_SYS_XATTR_H
	return (fd >= 0 ? fsetxattr(fd, name, value, size, 0)
			: lsetxattr(path, name, value, size, 0)) == 0;
#else
	(void)fd, (void)path, (void)name, (void)value, (void)size;
	return false;
#endif
}

/* ACLs have another form on disk than in system calls; the value that setxattr takes. */
static bool set_one(struct directory_writer *self, const struct copy_item *item,
		    const struct ext_xattr *xattr, struct ext_span value, int fd, const char *path)
{
	char name[EXT_NAME_MAX + 64];
	uint8_t acl[8192];

	if (ext_xattr_name(xattr, name, sizeof name) >= sizeof name)
		return false;
	if (is_privileged(name) && !self->writer.preserve_privileged)
		return false;
	if (xattr->index == 2 || xattr->index == 3) {
		const size_t size = ext_acl_to_syscall(value, acl, sizeof acl);

		return size > 0 && set_xattr(fd, path, name, acl, size);
	}
	(void)item;
	return set_xattr(fd, path, name, value.data, value.size);
}

/* Attributes that are not user data of the file but how the filesystem keeps it. */
static bool is_internal(const struct ext_xattr *xattr)
{
	return (xattr->index == 7 && xattr->name_length == 4 &&
		memcmp(xattr->name, "data", 4) == 0) ||
	       xattr->index == 9;
}

static void set_xattrs(struct directory_writer *self, const struct copy_item *item, int fd,
		       const char *path)
{
	struct ext_xattr_list *list;
	struct ext_xattr xattr;
	struct ext_span value;

	if (item->node->ino == 0 || item->inode->mode == 0 ||
	    (item->inode->xattr_block == 0 && item->inode->extra_isize == 0) ||
	    ext_xattr_list_open_raw(item->filesystem, item->inode, item->raw, &list, NULL) !=
		    EXT_OK)
		return;
	while (ext_xattr_list_next(list, &xattr, &value, NULL, NULL) == EXT_OK) {
		if (is_internal(&xattr) || set_one(self, item, &xattr, value, fd, path))
			continue;
		self->writer.xattrs_lost++;
		sidecar_add_xattr(&self->sidecar, item, &xattr, value);
	}
	ext_xattr_list_close(list);
}

/*
 * The same for what cannot be opened. There is no call with a folder and a name, so the way leads
 * through this process's own table of open files; the last step follows no symbolic link.
 */
static void set_xattrs_by_name(struct directory_writer *self, const struct copy_item *item)
{
	char path[EXT_NAME_MAX + 64];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", here(self), item->name);
	set_xattrs(self, item, -1, path);
}

/* Writes all of `data` at `offset`. */
static int write_all(int fd, const uint8_t *data, size_t length, uint64_t offset)
{
	while (length > 0) {
		const ssize_t written = pwrite(fd, data, length, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? errno : ENOSPC;
		data += written;
		length -= (size_t)written;
		offset += (uint64_t)written;
	}
	return 0;
}

static void digest_zeros(struct ext_digest *digest, uint64_t length)
{
	static const uint8_t zeros[4096];

	while (digest && length > 0) {
		const size_t part = length < sizeof zeros ? (size_t)length : sizeof zeros;

		ext_digest_add(digest, zeros, part);
		length -= part;
	}
}

/* Data to their places; holes stay holes, and so does what cannot be read. */
static int write_content(struct copy_item *item, int fd)
{
	const struct content_piece *pieces;
	uint64_t end = 0;
	size_t count;
	const bool whole = content_map(item->content, item->inode, &pieces, &count);

	for (size_t i = 0; i < count; i++) {
		const uint64_t stop = pieces[i].offset + pieces[i].length;

		digest_zeros(item->digest, pieces[i].offset - end);
		for (uint64_t at = pieces[i].offset; at < stop;) {
			const uint8_t *data;
			size_t got;

			if (content_read(item->content, item->inode, at, stop - at, &data, &got)) {
				const int error = write_all(fd, data, got, at);

				if (error != 0)
					return error;
				if (item->digest)
					ext_digest_add(item->digest, data, got);
			} else {
				item->unread += got;
				digest_zeros(item->digest, got);
			}
			at += got;
		}
		end = stop;
	}
	digest_zeros(item->digest, item->inode->size - end);
	if (!whole && item->unread == 0)
		item->unread = item->inode->size > end ? item->inode->size - end : 1;
	return 0;
}

/* Is the file there already as an earlier run would have left it? */
static bool is_there(const struct directory_writer *self, const struct copy_item *item)
{
	struct stat there;

	return fstatat(here(self), item->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(there.st_mode) && (uint64_t)there.st_size == item->inode->size &&
	       (int64_t)there.st_mtime == item->inode->mtime.seconds;
}

static enum write_result write_file(struct writer *writer, struct copy_item *item)
{
	struct directory_writer *self = (struct directory_writer *)(void *)writer;
	struct stat there;
	int fd, error = 0;

	if (writer->resume && is_there(self, item))
		return WRITE_SKIPPED;
	if (!writer->resume && fstatat(here(self), item->name, &there, AT_SYMLINK_NOFOLLOW) == 0)
		return fail(item, "something is in its place", EEXIST);
	fd = openat(here(self), partial_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return fail(item, "cannot be created", errno);
	if (item->inode->size > INT64_MAX || ftruncate(fd, (off_t)item->inode->size) != 0)
		error = item->inode->size > INT64_MAX ? EFBIG : errno;
	if (error == 0)
		error = write_content(item, fd);
	if (error == 0) {
		set_owner(self, item, fd, NULL);
		if (fchmod(fd, permissions(self, item)) != 0)
			error = errno;
		set_xattrs(self, item, fd, NULL);
		set_times(self, item, fd, NULL);
	}
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error == 0 && renameat(here(self), partial_name, here(self), item->name) != 0)
		error = errno;
	if (error == 0)
		return WRITE_DONE;
	unlinkat(here(self), partial_name, 0);
	return fail(item, "cannot be written", error);
}

static enum write_result write_link(struct writer *writer, struct copy_item *item)
{
	struct directory_writer *self = (struct directory_writer *)(void *)writer;

	if (linkat(self->root, item->link, here(self), item->name, 0) == 0)
		return WRITE_DONE;
	if (errno == EEXIST && writer->resume)
		return WRITE_SKIPPED;
	return fail(item, "cannot be linked", errno);
}

static enum write_result write_symlink(struct writer *writer, struct copy_item *item)
{
	struct directory_writer *self = (struct directory_writer *)(void *)writer;
	char *target = malloc(item->link_length + 1);
	enum write_result result = WRITE_DONE;

	if (!target)
		return fail(item, "cannot be created", ENOMEM);
	memcpy(target, item->link, item->link_length);
	target[item->link_length] = '\0';
	if (symlinkat(target, here(self), item->name) != 0)
		result = errno == EEXIST && writer->resume ? WRITE_SKIPPED
							   : fail(item, "cannot be created", errno);
	free(target);
	if (result != WRITE_DONE)
		return result;
	set_owner(self, item, -1, item->name);
	set_xattrs_by_name(self, item);
	set_times(self, item, -1, item->name);
	return WRITE_DONE;
}

static enum write_result write_special(struct writer *writer, struct copy_item *item)
{
	struct directory_writer *self = (struct directory_writer *)(void *)writer;
	const struct ext_inode *inode = item->inode;
	const bool is_device = inode->type == EXT_TYPE_CHARACTER || inode->type == EXT_TYPE_BLOCK;
	uint32_t major_number = 0, minor_number = 0;
	mode_t type = S_IFIFO;

	if (is_device) {
		ext_inode_device(inode, &major_number, &minor_number);
		type = inode->type == EXT_TYPE_BLOCK ? S_IFBLK : S_IFCHR;
	} else if (inode->type == EXT_TYPE_SOCKET) {
		type = S_IFSOCK;
	}
	/* A device node made from an image would open this machine's own devices. */
	if (is_device && !writer->preserve_privileged) {
		writer->devices_left++;
		sidecar_add_device(&self->sidecar, item, major_number, minor_number);
		return WRITE_SKIPPED;
	}
	if (mknodat(here(self), item->name, type | 0600, makedev(major_number, minor_number)) !=
	    0) {
		if (errno == EEXIST && writer->resume)
			return WRITE_SKIPPED;
		if (is_device)
			sidecar_add_device(&self->sidecar, item, major_number, minor_number);
		return fail(item, "cannot be created", errno);
	}
	set_owner(self, item, -1, item->name);
	if (fchmodat(here(self), item->name, permissions(self, item), 0) != 0)
		return fail(item, "cannot be given its mode", errno);
	set_xattrs_by_name(self, item);
	set_times(self, item, -1, item->name);
	return WRITE_DONE;
}

static enum write_result enter(struct writer *writer, struct copy_item *item)
{
	struct directory_writer *self = (struct directory_writer *)(void *)writer;
	int fd;

	if (!GROW(self->stack, self->depth, self->size))
		return fail(item, "cannot be created", ENOMEM);
	if (self->depth == 0) {
		self->stack[self->depth++] = self->root;
		return WRITE_DONE;
	}
	if (mkdirat(here(self), item->name, 0700) != 0 && errno != EEXIST)
		return fail(item, "cannot be created", errno);
	/* Whatever stands there now, it is entered only if it is a true directory. */
	fd = openat(here(self), item->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(item, "something is in its place", errno);
	self->stack[self->depth++] = fd;
	return WRITE_DONE;
}

static enum write_result leave(struct writer *writer, struct copy_item *item)
{
	struct directory_writer *self = (struct directory_writer *)(void *)writer;
	const int fd = here(self);
	enum write_result result = WRITE_DONE;

	self->depth--;
	if (self->depth == 0)
		self->depth = 1; /* the root stays open to the end */
	if (item->node->ino != 0) {
		set_owner(self, item, fd, NULL);
		if (fchmod(fd, item->inode->mode & 07777) != 0)
			result = fail(item, "cannot be given its mode", errno);
		set_xattrs(self, item, fd, NULL);
		set_times(self, item, fd, NULL);
	}
	if (fd != self->root)
		close(fd);
	return result;
}

static enum write_result finish(struct writer *writer)
{
	struct directory_writer *self = (struct directory_writer *)(void *)writer;

	return sidecar_write(&self->sidecar, self->root) ? WRITE_DONE : WRITE_FAILED;
}

static void close_writer(struct writer *writer)
{
	struct directory_writer *self = (struct directory_writer *)(void *)writer;

	while (self->depth > 1)
		close(self->stack[--self->depth]);
	close(self->root);
	sidecar_clear(&self->sidecar);
	free(self->stack);
	free(self);
}

struct writer *directory_writer_new(const char *path)
{
	struct directory_writer *self = calloc(1, sizeof *self);

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
	self->root = -1;
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		self->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (self->root < 0) {
		const int error = errno;

		free(self);
		errno = error;
		return NULL;
	}
	return &self->writer;
}
