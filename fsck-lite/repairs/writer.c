/* SPDX-License-Identifier: MIT */
/* Writes to images, sector by sector, and refuses where somebody else may be writing, too. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complain.h"
#include "mounts.h"
#include "repairs/writer.h"

enum { SECTOR = 512, STOPPED_FOR_TEST = 99 };

static bool is_free(const struct writer *writer)
{
	struct stat status;
	int loop;

	if (fstat(writer->file, &status) != 0) {
		complain("%s: %s", writer->path, strerror(errno));
		return false;
	}
	if (mounts_have(&status, NULL, 0, NULL)) {
		complain("%s: it is mounted; nothing is written", writer->path);
		return false;
	}
	if (!S_ISREG(status.st_mode))
		return true;
	loop = mounts_loop_device(&status);
	if (loop >= 0)
		complain("%s: /dev/loop%d stands on it; detach that first (losetup -d)",
			 writer->path, loop);
	return loop < 0;
}

bool writer_open(struct writer *writer, const char *path, uint64_t start)
{
	const char *const stop = getenv("FSCK_LITE_TEST_STOP_AFTER");
	struct stat status;
	int flags = O_RDWR;

	*writer = (struct writer){.path = path, .file = -1, .start = start};
	if (stop)
		writer->stop_after = (unsigned)strtoul(stop, NULL, 10);
	/* On a block device this fails while it is mounted or part of something that is in use. */
	if (stat(path, &status) == 0 && S_ISBLK(status.st_mode))
		flags |= O_EXCL;
	writer->file = open(path, flags);
	if (writer->file < 0) {
		complain("%s: cannot be opened for writing: %s", path,
			 errno == EBUSY ? "it is in use" : strerror(errno));
		return false;
	}
	return is_free(writer);
}

void writer_close(struct writer *writer)
{
	if (writer->file >= 0)
		close(writer->file);
	writer->file = -1;
}

bool writer_read(const struct writer *writer, uint64_t offset, uint8_t *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		const ssize_t got = pread(writer->file, bytes + done, length - done,
					  (off_t)(writer->start + offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

bool writer_finds(const struct writer *writer, uint64_t offset, const uint8_t *bytes, size_t length)
{
	uint8_t *const found = malloc(length);
	const bool same = found && writer_read(writer, offset, found, length) &&
			  memcmp(found, bytes, length) == 0;

	free(found);
	return same;
}

static bool write_all(struct writer *writer, uint64_t offset, const uint8_t *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		const ssize_t put = pwrite(writer->file, bytes + done, length - done,
					   (off_t)(writer->start + offset + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			complain("%s: byte %" PRIu64 ": cannot be written: %s", writer->path,
				 writer->start + offset + done, strerror(put < 0 ? errno : ENOSPC));
			return false;
		}
		done += (size_t)put;
	}
	/* Tests cut the power here. */
	if (++writer->writes == writer->stop_after)
		_exit(STOPPED_FOR_TEST);
	return true;
}

bool writer_change(struct writer *writer, uint64_t offset, const uint8_t *before,
		   const uint8_t *after, size_t length)
{
	size_t at = 0;

	/* Neighbours go out in one write: a superblock is not to be torn without need. */
	while (at < length) {
		size_t end = at;

		while (end < length && memcmp(before + end, after + end,
					      length - end < SECTOR ? length - end : SECTOR) != 0)
			end += SECTOR;
		end = end < length ? end : length;
		if (end == at)
			at += SECTOR;
		else if (!write_all(writer, offset + at, after + at, end - at))
			return false;
		else
			at = end;
	}
	return true;
}

bool writer_flush(struct writer *writer)
{
	if (fsync(writer->file) == 0)
		return true;
	complain("%s: cannot be flushed: %s", writer->path, strerror(errno));
	return false;
}
