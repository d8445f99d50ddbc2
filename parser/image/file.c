/* SPDX-License-Identifier: MIT */
/*
 * A regular file or a block device, opened for reading only. Knows how the system tells sizes,
 * holes and read errors.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#ifdef HAVE_SYS_SYSCALL_H
#include <sys/syscall.h>
#endif
#include <unistd.h>
#ifdef HAVE_SYS_IOCTL_H
#include <sys/ioctl.h>
#endif
#ifdef HAVE_LINUX_FS_H
#include <linux/fs.h>
#endif

#include "bytes/checked.h"
#include "image/direct.h"
#include "image/source.h"

/* Kernel headers may be missing where the kernel is Linux all the same (musl). */
#if !defined BLKGETSIZE64 && defined __linux__ && defined _IOR
#define BLKGETSIZE64 _IOR(0x12, 114, size_t)
#endif

/* Bytes of one hint: of more, Linux takes no more than it reads ahead, which is this by default. */
enum { HINT = 128 * 1024 };

_Static_assert(sizeof(off_t) == 8, "large file support");

struct file {
	struct ext_source source;
	int descriptor;
	bool knows_holes;
	struct direct direct;
	char path[];
};

/*
 * By way of void: on i386 the atomic counts inside need more alignment than a source. malloc, from
 * which every file comes, gives it.
 */
static struct file *file_of(struct ext_source *source)
{
	void *const file = source;

	return file;
}

static enum ext_status file_read(struct ext_source *source, uint64_t offset, void *buffer,
				 size_t length, struct ext_error *error)
{
	struct file *const file = file_of(source);
	uint8_t *bytes = buffer;
	const size_t direct = direct_read(&file->direct, offset, buffer, length);

	bytes += direct;
	offset += direct;
	length -= direct;
	while (length > 0) {
		const size_t most = length < INT_MAX / 2 ? length : INT_MAX / 2;
		const ssize_t got = pread(file->descriptor, bytes, most, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ext_fail(error, EXT_IO, EXT_UNREADABLE, source_place(offset), errno);
		/* The file was cut after it was opened. */
		if (got == 0)
			return source_truncated(error, offset, length, offset);
		bytes += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return EXT_OK;
}

/*
 * lseek moves the descriptor's position, which nobody uses: its answer is in its result, so threads
 * do not meet here.
 */
static enum ext_status file_next_data(struct ext_source *source, uint64_t offset, uint64_t *start,
				      uint64_t *end)
{
#if defined SEEK_DATA && defined SEEK_HOLE
	const struct file *const file = file_of(source);

	if (file->knows_holes) {
		const off_t data = lseek(file->descriptor, (off_t)offset, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			return EXT_END;
		if (data >= 0) {
			const off_t hole = lseek(file->descriptor, data, SEEK_HOLE);

			if ((uint64_t)data >= source->size)
				return EXT_END;
			*start = (uint64_t)data;
			*end = hole > data && (uint64_t)hole < source->size ? (uint64_t)hole
									    : source->size;
			return EXT_OK;
		}
	}
#endif
	*start = offset;
	*end = source->size;
	return EXT_OK;
}

/* -1 with errno set when the system would have to wait, or does not tell. */
static ssize_t read_at_once(int descriptor, const struct iovec *vector, uint64_t offset)
{
#if defined HAVE_PREADV2 && defined RWF_NOWAIT
	return preadv2(descriptor, vector, 1, (off_t)offset, RWF_NOWAIT);
#elif defined SYS_preadv2
	/* musl has no function for it. The offset goes in two halves, as the kernel joins them. */
	enum { NOWAIT = 8 };

	return syscall(SYS_preadv2, descriptor, vector, 1L, (long)offset, (long)(offset >> 32),
		       NOWAIT);
#else
	(void)descriptor;
	(void)vector;
	(void)offset;
	errno = ENOSYS;
	return -1;
#endif
}

static bool file_in_memory(struct ext_source *source, uint64_t offset)
{
	uint8_t byte;
	const struct iovec vector = {&byte, 1};

	return read_at_once(file_of(source)->descriptor, &vector, offset) == 1;
}

static void file_will_need(struct ext_source *source, uint64_t offset, uint64_t length)
{
#ifdef HAVE_POSIX_FADVISE
	const struct file *const file = file_of(source);

	if (length >= EXT_LONG_READ && direct_is_on(&file->direct))
		return;
	/* Nothing is lost when the system does not take it. */
	for (uint64_t done = 0; done < length; done += HINT)
		(void)posix_fadvise(file->descriptor, (off_t)(offset + done),
				    (off_t)min_u64(length - done, HINT), POSIX_FADV_WILLNEED);
#else
	(void)source;
	(void)offset;
	(void)length;
#endif
}

/* Does the system tell what it has in memory? Then what is not there can be told from the rest. */
static bool tells_memory(const struct file *file)
{
	uint8_t byte;
	const struct iovec vector = {&byte, 1};

	return read_at_once(file->descriptor, &vector, 0) >= 0 || errno == EAGAIN;
}

static void file_expect_reads(struct ext_source *source, enum ext_reads reads)
{
	struct file *const file = file_of(source);

#ifdef HAVE_POSIX_FADVISE
	(void)posix_fadvise(file->descriptor, 0, 0,
			    reads == EXT_READS_GUESSED ? POSIX_FADV_NORMAL : POSIX_FADV_RANDOM);
#endif
	direct_close(&file->direct);
	if (reads == EXT_READS_LONG && tells_memory(file))
		direct_open(&file->direct, file->descriptor);
}

static void file_close(struct ext_source *source)
{
	struct file *const file = file_of(source);

	direct_close(&file->direct);
	close(file->descriptor);
	free(file);
}

static const struct source_operations file_operations = {
	.read = file_read,
	.next_data = file_next_data,
	.will_need = file_will_need,
	.in_memory = file_in_memory,
	.expect_reads = file_expect_reads,
	.close = file_close,
};

/* False with errno set when what is open is not a file or device, or does not tell its size. */
static bool find_size(int descriptor, uint64_t *size, bool *is_regular)
{
	struct stat status;
	off_t end;

	if (fstat(descriptor, &status) != 0)
		return false;
	*is_regular = S_ISREG(status.st_mode);
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		return false;
	}
	if (*is_regular) {
		*size = status.st_size > 0 ? (uint64_t)status.st_size : 0;
		return true;
	}
	/* Some systems give raw disks as character devices; a pipe or a terminal fails in lseek. */
	if (!S_ISBLK(status.st_mode) && !S_ISCHR(status.st_mode)) {
		errno = ESPIPE;
		return false;
	}
#ifdef BLKGETSIZE64
	if (S_ISBLK(status.st_mode) && ioctl(descriptor, (IOCTL_REQUEST)BLKGETSIZE64, size) == 0)
		return true;
#endif
	end = lseek(descriptor, 0, SEEK_END);
	if (end < 0)
		return false;
	*size = (uint64_t)end;
	return true;
}

enum ext_status ext_source_open_file(const char *path, struct ext_source **source,
				     struct ext_error *error)
{
	/* A named pipe must fail, not wait for a writer. */
	const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const size_t length = strlen(path) + 1;
	struct file *file;
	uint64_t size = 0;
	bool is_regular = false;

	if (descriptor < 0)
		return ext_fail(error, EXT_ARGUMENT, EXT_OPEN_FAILED, (struct ext_place){0}, errno);
	if (!find_size(descriptor, &size, &is_regular)) {
		const int reason = errno;

		close(descriptor);
		return ext_fail(error, EXT_ARGUMENT, EXT_OPEN_FAILED, (struct ext_place){0},
				reason);
	}
	file = malloc(sizeof *file + length);
	if (!file) {
		close(descriptor);
		return ext_no_memory(error);
	}
	source_init(&file->source, &file_operations, NULL, size);
	file->descriptor = descriptor;
	file->knows_holes = is_regular;
	direct_init(&file->direct);
	memcpy(file->path, path, length);
	file->source.name = file->path;
	*source = &file->source;
	return EXT_OK;
}
