/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and writes to standard error, as one line, what it took: wall clock and processor
 * seconds, peak memory in bytes, bytes read by system calls, exit status. It is this small because
 * the peak of a process counts from its fork: a child of an interpreter starts with that
 * interpreter's memory as its peak.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* What a dead child that has not been waited for yet has read; 0 where there is no such file. */
static uint64_t bytes_read(pid_t child)
{
	char path[64];
	uint64_t count = 0;

	snprintf(path, sizeof path, "/proc/%ld/io", (long)child);
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "rchar: %" SCNu64, &count) != 1)
		count = 0;
	fclose(file);
	return count;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 16;

	const double start = now();
	const pid_t child = fork();
	if (child < 0)
		return 8;
	if (child == 0) {
		const int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	siginfo_t info;
	if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) != 0)
		return 8;
	const double wall = now() - start;
	const uint64_t read = bytes_read(child);
	int status;
	struct rusage usage;
	if (wait4(child, &status, 0, &usage) != child)
		return 8;
	fprintf(stderr, "%.6f %.6f %" PRIu64 " %" PRIu64 " %d\n", wall,
		seconds(usage.ru_utime) + seconds(usage.ru_stime), (uint64_t)usage.ru_maxrss * 1024,
		read, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	return 0;
}
