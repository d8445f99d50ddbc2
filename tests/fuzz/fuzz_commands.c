/* SPDX-License-Identifier: MIT */
/*
 * A whole image of any bytes, given to the commands themselves: check, backups, show, restore and
 * the proof of a repair. Nothing is written but to /dev/null. The exit status must be a documented
 * one.
 */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "fuzz.h"

#include "commands/command.h"

static const struct {
	struct command command;
	const char *arguments[4]; /* behind the image; NULL at the end */
} calls[] = {
	{{"check", COMMAND_CHECK, command_check, 1, 1, "IMAGE", ""}, {"--json"}},
	{{"backups", COMMAND_BACKUPS, command_backups, 1, 1, "IMAGE", ""}, {"--scan"}},
	{{"show", COMMAND_SHOW, command_show, 2, 3, "IMAGE", ""}, {"journal", "--hex"}},
	{{"show", COMMAND_SHOW, command_show, 2, 3, "IMAGE", ""}, {"inode", "2", "--history"}},
	{{"ls", COMMAND_LS, command_ls, 1, 2, "IMAGE", ""}, {"-lR", "--deleted"}},
	{{"restore", COMMAND_RESTORE, command_restore, 1, UINT_MAX, "IMAGE", ""},
	 {"--tar=/dev/null", "--deleted"}},
	{{"repair", COMMAND_REPAIR, command_repair, 1, 1, "IMAGE", ""}, {"--superblock", "-n"}},
};

static void call(size_t which, const char *path)
{
	char words[5][64];
	char *arguments[5];
	struct options options;
	int count = 0;

	snprintf(words[0], sizeof words[0], "%s", path);
	arguments[count++] = words[0];
	for (size_t i = 0; i < 4 && calls[which].arguments[i]; i++) {
		snprintf(words[count], sizeof words[count], "%s", calls[which].arguments[i]);
		arguments[count] = words[count];
		count++;
	}
	if (options_read(&options, &calls[which].command, count, arguments) == OPTIONS_RUN) {
		const int status = calls[which].command.run(&options);

		FUZZ_ASSERT(status == EXIT_CLEAN || status == EXIT_REPAIRED ||
			    status == EXIT_PROBLEMS || status == EXIT_CANNOT_RUN);
	}
	options_clear(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/fuzz-commands-XXXXXX";
	const int descriptor = mkstemp(path);

	if (descriptor < 0)
		return 0;
	/* What they print is not of interest, only that they come back. */
	if (!freopen("/dev/null", "w", stdout))
		return 0;
	if (write(descriptor, data, size) == (ssize_t)size)
		for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
			call(i, path);
	close(descriptor);
	unlink(path);
	return 0;
}
