/* SPDX-License-Identifier: MIT */
/*
 * A whole image of any bytes, copied out into a scratch directory: nothing may appear or change
 * outside of the target, and nothing in it may have powers that were not asked for. The target is
 * prepared with links that lead out of it, under names that images have.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#include "commands/command.h"

/* Files are cut off here, so that an image cannot fill the machine that fuzzes it. */
enum { LARGEST = 1 << 26, PATH_SIZE = 4096 };

static const char secret[] = "as it was";

struct scratch {
	char path[64];
	int fd;
};

static void make_file(int folder, const char *name, const void *data, size_t size)
{
	const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static bool open_scratch(struct scratch *scratch)
{
	const char *top = getenv("TMPDIR");

	snprintf(scratch->path, sizeof scratch->path, "%s/fuzz-restore-XXXXXX",
		 top && strlen(top) < 40 ? top : "/tmp");
	if (!mkdtemp(scratch->path))
		return false;
	scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY);
	FUZZ_ASSERT(scratch->fd >= 0);
	FUZZ_ASSERT(mkdirat(scratch->fd, "target", 0700) == 0);
	FUZZ_ASSERT(mkdirat(scratch->fd, "outside", 0700) == 0);
	make_file(scratch->fd, "outside/secret", secret, sizeof secret);
	FUZZ_ASSERT(symlinkat("../outside", scratch->fd, "target/lost+found") == 0);
	FUZZ_ASSERT(symlinkat("../outside/secret", scratch->fd, "target/.fsck-lite.partial") == 0);
	FUZZ_ASSERT(symlinkat("../outside/secret", scratch->fd,
			      "target/fsck-lite-attributes.jsonl") == 0);
	return true;
}

/* Looks at everything in a directory, and removes it. Takes the descriptor over. */
static void empty(int fd, bool is_target)
{
	DIR *entries = fdopendir(fd);
	const struct dirent *entry;
	struct stat it;

	FUZZ_ASSERT(entries != NULL);
	while ((entry = readdir(entries)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		FUZZ_ASSERT(fstatat(fd, name, &it, AT_SYMLINK_NOFOLLOW) == 0);
		FUZZ_ASSERT(!is_target || (!S_ISBLK(it.st_mode) && !S_ISCHR(it.st_mode)));
		FUZZ_ASSERT(!is_target || S_ISDIR(it.st_mode) || S_ISLNK(it.st_mode) ||
			    (it.st_mode & 06000) == 0);
		if (S_ISDIR(it.st_mode)) {
			FUZZ_ASSERT(fchmodat(fd, name, 0700, 0) == 0);
			const int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

			FUZZ_ASSERT(inner >= 0);
			empty(inner, is_target);
		}
		FUZZ_ASSERT(unlinkat(fd, name, S_ISDIR(it.st_mode) ? AT_REMOVEDIR : 0) == 0);
	}
	closedir(entries);
}

static unsigned count_entries(int folder, const char *path)
{
	const int fd = openat(folder, path, O_RDONLY | O_DIRECTORY);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	unsigned count = 0;

	FUZZ_ASSERT(entries != NULL);
	while (readdir(entries))
		count++;
	closedir(entries);
	return count - 2;
}

/* Nothing but what open_scratch made stands outside of the target, as it was. */
static void look_outside(const struct scratch *scratch)
{
	char found[sizeof secret + 1];
	const int fd = openat(scratch->fd, "outside/secret", O_RDONLY | O_NOFOLLOW);
	struct stat file;

	FUZZ_ASSERT(fd >= 0 && read(fd, found, sizeof found) == (ssize_t)sizeof secret);
	FUZZ_ASSERT(memcmp(found, secret, sizeof secret) == 0);
	FUZZ_ASSERT(fstat(fd, &file) == 0 && file.st_nlink == 1 && (file.st_mode & 07777) == 0600);
	close(fd);
	FUZZ_ASSERT(count_entries(scratch->fd, "outside") == 1);
	FUZZ_ASSERT(count_entries(scratch->fd, ".") == 3);
}

static void restore(const struct scratch *scratch, const char *mode)
{
	static const struct command command = {
		"restore", COMMAND_RESTORE, command_restore, 1, UINT_MAX, "IMAGE", ""};
	char image[PATH_SIZE], target[PATH_SIZE], how[32];
	char *arguments[] = {image, target, how};
	struct options options;

	snprintf(image, sizeof image, "%s/image", scratch->path);
	snprintf(target, sizeof target, "--output=%s/target", scratch->path);
	snprintf(how, sizeof how, "%s", mode);
	if (options_read(&options, &command, 3, arguments) == OPTIONS_RUN) {
		const int status = command_restore(&options);

		FUZZ_ASSERT(status == EXIT_CLEAN || status == EXIT_PROBLEMS ||
			    status == EXIT_CANNOT_RUN);
	}
	options_clear(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rlimit largest = {LARGEST, LARGEST};
	struct scratch scratch;

	(void)setrlimit(RLIMIT_FSIZE, &largest);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (!freopen("/dev/null", "w", stdout) || !open_scratch(&scratch))
		return 0;
	make_file(scratch.fd, "image", data, size);
	restore(&scratch, "--deleted");
	look_outside(&scratch);
	restore(&scratch, "--resume");
	look_outside(&scratch);
	empty(openat(scratch.fd, "target", O_RDONLY | O_DIRECTORY), true);
	empty(scratch.fd, false);
	FUZZ_ASSERT(rmdir(scratch.path) == 0);
	return 0;
}
