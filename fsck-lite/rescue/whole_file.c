/* SPDX-License-Identifier: MIT */
/* Content into files that are not seen before they are whole. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "rescue/output_names.h"
#include "rescue/whole_file.h"

/* A file with more data than this is not begun where it cannot end. */
enum { LARGE = 1 << 20, COMPARED = 1 << 16, ZEROS = 1 << 12 };

int whole_file_put(void *context, uint64_t at, const uint8_t *data, size_t length)
{
	const int fd = *(const int *)context;

	while (length > 0) {
		const ssize_t written = pwrite(fd, data, length, (off_t)at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? errno : ENOSPC;
		data += written;
		length -= (size_t)written;
		at += (uint64_t)written;
	}
	return 0;
}

static int compare_piece(void *context, uint64_t at, const uint8_t *data, size_t length)
{
	const int fd = *(const int *)context;
	uint8_t there[COMPARED];

	while (length > 0) {
		const size_t part = length < COMPARED ? length : (size_t)COMPARED;

		if (pread(fd, there, part, (off_t)at) != (ssize_t)part ||
		    memcmp(there, data, part) != 0)
			return EILSEQ;
		data += part;
		length -= part;
		at += part;
	}
	return 0;
}

static int compare_zeros(void *context, uint64_t at, uint64_t length, bool is_gap)
{
	static const uint8_t zeros[ZEROS];
	const int fd = *(const int *)context;

	(void)is_gap;
	while (length > 0) {
		const uint64_t part = length < ZEROS ? length : ZEROS;
#ifdef SEEK_DATA
		const off_t data = lseek(fd, (off_t)at, SEEK_DATA);

		if ((data < 0 && errno == ENXIO) || (data >= 0 && (uint64_t)data - at >= length))
			return 0;
#endif
		if (compare_piece(context, at, zeros, (size_t)part) != 0)
			return EILSEQ;
		at += part;
		length -= part;
	}
	return 0;
}

static int pour_into(struct copy_item *item, int *fd, bool compare)
{
	const struct pour into = {.content = item->content,
				  .inode = item->inode,
				  .digest = item->digest,
				  .gaps = item->gaps,
				  .stop = item->stop,
				  .data = compare ? compare_piece : whole_file_put,
				  .zeros = compare ? compare_zeros : NULL,
				  .context = fd};

	return pour(&into);
}

bool whole_file_is_same(int folder, struct copy_item *item, int *error)
{
	int fd = openat(folder, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat there;
	bool same;

	*error = 0;
	if (fd < 0)
		return false;
	same = fstat(fd, &there) == 0 && S_ISREG(there.st_mode) &&
	       (uint64_t)there.st_size == item->inode->size;
	if (same) {
		*error = pour_into(item, &fd, true);
		same = *error == 0;
		if (!same && item->digest)
			ext_digest_begin(item->digest);
		if (!same)
			gaps_clear(item->gaps);
	}
	close(fd);
	return same;
}

bool whole_file_has_room(int folder, struct copy_item *item, bool *is_full)
{
	const struct content_piece *pieces;
	struct statvfs target;
	uint64_t stored = 0;
	size_t count;

	if (item->inode->size > INT64_MAX) {
		snprintf(item->reason, sizeof item->reason, "cannot be written: %s",
			 strerror(EFBIG));
		return false;
	}
	if (item->inode->size < LARGE || fstatvfs(folder, &target) != 0 || target.f_frsize == 0)
		return true;
	(void)content_map(item->content, item->inode, &pieces, &count);
	for (size_t i = 0; i < count; i++)
		stored += pieces[i].length;
	if ((uint64_t)target.f_bavail >= stored / target.f_frsize)
		return true;
	*is_full = true;
	snprintf(item->reason, sizeof item->reason,
		 "there is no room for its %" PRIu64 " bytes of data", stored);
	return false;
}

int whole_file_begin(int folder)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const int fd = openat(folder, output_partial_name, flags, 0600);

	if (fd >= 0 || errno != EEXIST || unlinkat(folder, output_partial_name, 0) != 0)
		return fd;
	return openat(folder, output_partial_name, flags, 0600);
}

int whole_file_fill(int fd, struct copy_item *item)
{
	if (item->inode->size > 0 && ftruncate(fd, (off_t)item->inode->size) != 0)
		return errno;
	return pour_into(item, &fd, false);
}

int whole_file_end(int folder, int fd, const char *name, int error)
{
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error == 0 && renameat(folder, output_partial_name, folder, name) != 0)
		error = errno;
	if (error != 0)
		unlinkat(folder, output_partial_name, 0);
	return error;
}
