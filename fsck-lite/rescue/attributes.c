/* SPDX-License-Identifier: MIT */
/* Attributes onto files, in the order that keeps them: the owner first, since a change of owner
 * drops capabilities and setuid bits; times last, since all else may change them. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#ifdef HAVE_SYS_XATTR_H
#include <sys/xattr.h>
#endif
#include <unistd.h>

#include "rescue/attributes.h"

static mode_t permissions(struct writer *writer, const struct copy_item *item)
{
	mode_t mode = item->inode->mode & 07777;

	if (!writer->preserve_privileged && item->inode->type != EXT_TYPE_DIRECTORY &&
	    (mode & 06000) != 0) {
		mode &= ~(mode_t)06000;
		writer->modes_dropped++;
		sidecar_add_mode(&writer->sidecar, item);
	}
	return mode;
}

static void set_owner(struct writer *writer, const struct copy_item *item, int folder, int fd)
{
	const int done = fd >= 0 ? fchown(fd, item->inode->uid, item->inode->gid)
				 : fchownat(folder, item->name, item->inode->uid, item->inode->gid,
					    AT_SYMLINK_NOFOLLOW);

	if (done != 0) {
		writer->owners_lost++;
		sidecar_add_owner(&writer->sidecar, item);
	}
}

static void set_times(struct writer *writer, const struct copy_item *item, int folder, int fd)
{
	const struct ext_inode *inode = item->inode;
	const struct timespec times[2] = {
		{(time_t)inode->atime.seconds, (long)inode->atime.nanoseconds},
		{(time_t)inode->mtime.seconds, (long)inode->mtime.nanoseconds}};
	const int done = (int64_t)times[1].tv_sec != inode->mtime.seconds ? -1
			 : fd >= 0					  ? futimens(fd, times)
				   : utimensat(folder, item->name, times, AT_SYMLINK_NOFOLLOW);

	if (done != 0) {
		writer->times_lost++;
		sidecar_add_times(&writer->sidecar, item);
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
static bool set_one(const struct writer *writer, const struct ext_xattr *xattr,
		    struct ext_span value, int fd, const char *path)
{
	char name[EXT_NAME_MAX + 64];
	uint8_t acl[8192];

	if (ext_xattr_name(xattr, name, sizeof name) >= sizeof name)
		return false;
	if (is_privileged(name) && !writer->preserve_privileged)
		return false;
	if (xattr->index == 2 || xattr->index == 3) {
		const size_t size = ext_acl_to_syscall(value, acl, sizeof acl);

		return size > 0 && set_xattr(fd, path, name, acl, size);
	}
	return set_xattr(fd, path, name, value.data, value.size);
}

/* Attributes that are not user data of the file but how the filesystem keeps it. */
static bool is_internal(const struct ext_xattr *xattr)
{
	return (xattr->index == 7 && xattr->name_length == 4 &&
		memcmp(xattr->name, "data", 4) == 0) ||
	       xattr->index == 9;
}

static void set_xattrs(struct writer *writer, const struct copy_item *item, int fd,
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
		if (is_internal(&xattr) || set_one(writer, &xattr, value, fd, path))
			continue;
		writer->xattrs_lost++;
		sidecar_add_xattr(&writer->sidecar, item, &xattr, value);
	}
	ext_xattr_list_close(list);
}

int attributes_set(struct writer *writer, const struct copy_item *item, int folder, int fd)
{
	char path[EXT_NAME_MAX + 64] = "";
	int error = 0;

	/* There is no call for attributes with a folder and a name, so the way leads through this
	 * process's own table of open files; the last step follows no symbolic link. */
	if (fd < 0)
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", folder, item->name);
	set_owner(writer, item, folder, fd);
	if (item->inode->type != EXT_TYPE_SYMLINK) {
		const mode_t mode = permissions(writer, item);

		if ((fd >= 0 ? fchmod(fd, mode)
			     : fchmodat(folder, item->name, mode, AT_SYMLINK_NOFOLLOW)) != 0)
			error = errno;
	}
	set_xattrs(writer, item, fd, path);
	set_times(writer, item, folder, fd);
	if (sidecar_add_flags(&writer->sidecar, item))
		writer->flags_lost++;
	return error;
}
