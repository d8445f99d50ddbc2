/* SPDX-License-Identifier: MIT */
/* Opens a file again for reads past the page cache, and gives that up where it does not pay. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <ext/source.h>

#include "image/direct.h"

enum {
	SECTOR = 512,
	PAGE = 4096,
	TRIAL = 4 << 20, /* bytes; before, the first requests weigh too much */
	/*
	 * MiB a second that a thread must get. Hard disks and sticks give less, shared by a few
	 * threads; what waits for SATA or more is the processor.
	 */
	WORTHWHILE = 64,
	NANOSECONDS = 1000000000,
};

void direct_init(struct direct *direct)
{
	direct->descriptor = -1;
	direct->is_off = true;
}

void direct_open(struct direct *direct, int descriptor)
{
#ifdef O_DIRECT
	char again[32];

	/* By its descriptor: the path may name another file by now. */
	snprintf(again, sizeof again, "/proc/self/fd/%d", descriptor);
	direct->descriptor = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_DIRECT);
#else
	(void)descriptor;
#endif
	direct->bytes = direct->nanoseconds = 0;
	direct->is_off = direct->descriptor < 0;
}

void direct_close(struct direct *direct)
{
	if (direct->descriptor >= 0)
		close(direct->descriptor);
	direct_init(direct);
}

bool direct_is_on(const struct direct *direct)
{
	return !atomic_load_explicit(&direct->is_off, memory_order_relaxed);
}

static uint64_t now(void)
{
	struct timespec time = {0};

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

/* Weighs a read that took `nanoseconds` with those before. */
static void weigh(struct direct *direct, uint64_t bytes, uint64_t nanoseconds)
{
	bytes += atomic_fetch_add_explicit(&direct->bytes, bytes, memory_order_relaxed);
	nanoseconds +=
		atomic_fetch_add_explicit(&direct->nanoseconds, nanoseconds, memory_order_relaxed);
	if (bytes >= TRIAL && (bytes >> 20) * (NANOSECONDS / WORTHWHILE) < nanoseconds)
		direct->is_off = true;
}

size_t direct_read(struct direct *direct, uint64_t offset, void *buffer, size_t length)
{
	const size_t whole = length - length % SECTOR;
	uint64_t began;
	ssize_t got;

	if (length < EXT_LONG_READ || !direct_is_on(direct) || offset % SECTOR != 0 ||
	    (uintptr_t)buffer % PAGE != 0)
		return 0;
	began = now();
	got = pread(direct->descriptor, buffer, whole, (off_t)offset);
	if (got <= 0 || got % SECTOR != 0) {
		/* Sectors larger than ours, a filesystem that cannot, a medium that fails. */
		direct->is_off = true;
		return 0;
	}
	weigh(direct, (uint64_t)got, now() - began);
	return (size_t)got;
}
