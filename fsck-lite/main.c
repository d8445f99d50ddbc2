/* SPDX-License-Identifier: MIT */
/*
 * Finds the command, has its options read, runs it, and sees to it that the output arrived. Knows
 * no command's business.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "cancel.h"
#include "commands/command.h"
#include "complain.h"
#include "heap.h"

_Static_assert(sizeof(off_t) == 8, "files beyond 2 GiB need a 64-bit off_t");

/* In the order in which a person would try them. */
static const struct command commands[] = {
	{"check", COMMAND_CHECK, command_check, 1, 1, "IMAGE",
	 "a full read-only check: every fault named, a verdict, what to do next"},
	{"df", COMMAND_DF, command_df, 1, UINT_MAX, "IMAGE...",
	 "what df says, who owns every block, what the directories reach, where these disagree"},
	{"backups", COMMAND_BACKUPS, command_backups, 1, 1, "IMAGE",
	 "every superblock copy: where, how it differs, what it sees"},
	{"restore", COMMAND_RESTORE, command_restore, 1, UINT_MAX, "IMAGE [PATH...]",
	 "copy everything out that can be had, what no directory reaches included"},
	{"show", COMMAND_SHOW, command_show, 2, 3, "IMAGE WHAT [WHICH]",
	 "one structure decoded: super, group, inode, dir, extents, xattrs, journal, block"},
	{"ls", COMMAND_LS, command_ls, 1, 2, "IMAGE [PATH]",
	 "names in a directory, or in all below it"},
	{"cat", COMMAND_CAT, command_cat, 2, 2, "IMAGE PATH", "the content of a file"},
	{"repair", COMMAND_REPAIR, command_repair, 1, 1, "IMAGE",
	 "write a repair, once it has been proved on a copy in memory"},
	{"explain", COMMAND_EXPLAIN, command_explain, 0, 1, "PROBLEM",
	 "what a finding means, how it arises, how it is repaired"},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const struct command *command_by_name(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_help(void)
{
	puts("usage: fsck-lite COMMAND [OPTIONS] IMAGE [ARGUMENTS]\n\n"
	     "Reads, checks and rescues ext2, ext3 and ext4 filesystems, without mounting them.\n\n"
	     "commands:");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].summary);
	puts("\nIMAGE is a file, a gzip'd file or a block device. Only `repair' ever writes to "
	     "it.\n"
	     "fsck-lite COMMAND --help lists the options of a command.");
}

/* Called as fsck.ext4 or the like, the program is the check that fsck(8) expects. */
static bool has_name_of_fsck(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return strncmp(name, "fsck.ext", 8) == 0 || strcmp(name, "e2fsck") == 0;
}

static int run(const struct command *command, int count, char **arguments, bool is_fsck)
{
	struct options options;
	int status = EXIT_CANNOT_RUN;

	switch (options_read(&options, command, count, arguments)) {
	case OPTIONS_RUN:
		options.is_fsck = is_fsck;
		status = command->run(&options);
		break;
	case OPTIONS_ANSWERED:
		status = EXIT_CLEAN;
		break;
	case OPTIONS_WRONG:
		status = EXIT_WRONG_USAGE;
		break;
	}
	options_clear(&options);
	return status;
}

/* A reader who has seen enough is no error; a full disk is. */
static int flush_output(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == EPIPE || errno == 0)
		return status;
	complain("standard output: %s", strerror(errno));
	return EXIT_CANNOT_RUN;
}

/*
 * A closed stdin, stdout or stderr would be the number that the next file to be opened gets: then
 * `repair' would write its complaints into the image. The folder / is always there and takes
 * nothing.
 */
static void fill_standard_files(void)
{
	for (int file = 0; file <= STDERR_FILENO; file++)
		if (fcntl(file, F_GETFD) < 0 && open("/", O_RDONLY) < 0)
			return;
}

int main(int argc, char **argv)
{
	const struct command *command = NULL;
	int first = 2; /* where the options of the command begin */

	fill_standard_files();
	cancel_install();
	heap_keep();
	if (argc > 0 && has_name_of_fsck(argv[0])) {
		command = command_by_name("check");
		first = 1;
	}
	if (!command && argc < 2) {
		complain("no command given; try `fsck-lite --help'");
		return EXIT_WRONG_USAGE;
	}
	if (!command && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
			 (strcmp(argv[1], "help") == 0 && argc == 2))) {
		print_help();
		return flush_output(EXIT_CLEAN);
	}
	if (!command && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
		options_print_version();
		return flush_output(EXIT_CLEAN);
	}
	if (!command && strcmp(argv[1], "help") == 0 && (command = command_by_name(argv[2]))) {
		options_print_help(command);
		return flush_output(EXIT_CLEAN);
	}
	if (!command)
		command = command_by_name(argv[1]);
	if (!command) {
		complain("there is no command `%s'; try `fsck-lite --help'", argv[1]);
		return EXIT_WRONG_USAGE;
	}
	return flush_output(run(command, argc - first, argv + first, first == 1));
}
