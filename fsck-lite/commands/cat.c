/* SPDX-License-Identifier: MIT */
/*
 * `cat`: the content of a file on stdout. Holes are zeros; so is what cannot be read, which is
 * named on stderr, so that every byte that comes stands at its own place.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ext/mapping.h>

#include "accounting/shortfall.h"
#include "cancel.h"
#include "commands/command.h"
#include "commands/rescued.h"
#include "complain.h"
#include "findings_aloud.h"
#include "image.h"
#include "target.h"

enum { CHUNK = 1 << 18 };

struct output {
	const struct options *options;
	struct opened_image image;
	struct findings_aloud findings;
	const char *path;
	struct ext_inode inode;
	uint64_t written;
	uint64_t lost; /* bytes given as zeros because they could not be read */
	uint8_t *chunk;
	bool can_skip; /* stdout is a new regular file: what is skipped in it is a hole, so zeros */
};

static bool put(struct output *output, const uint8_t *bytes, size_t length)
{
	if (fwrite(bytes, 1, length, stdout) != length)
		return false;
	output->written += length;
	return !cancelled();
}

/* Is stdout a regular file with nothing behind the place where it stands? */
static bool output_can_skip(void)
{
	const int flags = fcntl(STDOUT_FILENO, F_GETFL);
	const off_t at = lseek(STDOUT_FILENO, 0, SEEK_CUR);
	struct stat file;

	return flags >= 0 && !(flags & O_APPEND) && at >= 0 && fstat(STDOUT_FILENO, &file) == 0 &&
	       S_ISREG(file.st_mode) && file.st_size <= at;
}

/* Leaves a hole of `length` bytes in stdout; false when zeros are to be written instead. */
static bool skip(struct output *output, uint64_t length)
{
	if (!output->can_skip || length > INT64_MAX || fflush(stdout) != 0 ||
	    lseek(STDOUT_FILENO, (off_t)length, SEEK_CUR) < 0)
		return false;
	output->written += length;
	return true;
}

/* A hole at the end belongs to the file too. */
static void end_output(const struct output *output)
{
	off_t at;

	if (!output->can_skip || fflush(stdout) != 0)
		return;
	at = lseek(STDOUT_FILENO, 0, SEEK_CUR);
	if (at >= 0 && ftruncate(STDOUT_FILENO, at) != 0)
		complain("%s: %s: the hole at its end could not be made", output->image.path,
			 output->path);
}

/* Zeros up to byte `end` of the file. */
static bool put_zeros(struct output *output, uint64_t end)
{
	if (end > output->inode.size)
		end = output->inode.size;
	if (output->written >= end || skip(output, end - output->written))
		return true;
	memset(output->chunk, 0, CHUNK);
	while (output->written < end) {
		const uint64_t left = end - output->written;

		if (!put(output, output->chunk, left < CHUNK ? (size_t)left : CHUNK))
			return false;
	}
	return true;
}

static void say_lost(struct output *output, uint64_t first, uint64_t length,
		     const struct ext_error *error)
{
	char text[512];

	output->lost += length;
	ext_error_describe(error, text, sizeof text);
	complain("%s: %s: bytes %" PRIu64 " to %" PRIu64 " are given as zeros: %s",
		 output->image.path, output->path, first, first + length - 1, text);
}

/* One piece of a run; what fails is tried again block by block. */
static bool put_blocks(struct output *output, ext_block block, uint32_t count, size_t length)
{
	const uint32_t block_size = output->image.superblock->block_size;
	struct ext_error error;

	if (ext_filesystem_read_blocks(output->image.filesystem, block, count, output->chunk,
				       &error) == EXT_OK)
		return put(output, output->chunk, length);
	if (count == 1) {
		memset(output->chunk, 0, length);
		say_lost(output, output->written, length, &error);
		return put(output, output->chunk, length);
	}
	for (uint32_t i = 0; i < count && length > 0; i++) {
		const size_t part = length < block_size ? length : block_size;

		if (!put_blocks(output, block + i, 1, part))
			return false;
		length -= part;
	}
	return true;
}

static bool put_run(struct output *output, const struct ext_run *run)
{
	const struct ext_superblock *superblock = output->image.superblock;
	const uint32_t most = CHUNK / superblock->block_size;
	const uint64_t start = (uint64_t)run->logical << superblock->block_size_log2;

	if (!put_zeros(output, start))
		return false;
	if (run->kind == EXT_RUN_UNWRITTEN)
		return put_zeros(output,
				 start + ((uint64_t)run->length << superblock->block_size_log2));
	for (uint32_t done = 0; done < run->length && output->written < output->inode.size;) {
		const uint32_t left = run->length - done;
		const uint32_t count = left < most ? left : most;
		const uint64_t bytes = (uint64_t)count << superblock->block_size_log2;
		const uint64_t rest = output->inode.size - output->written;

		if (!put_blocks(output, run->physical + done, count,
				(size_t)(bytes < rest ? bytes : rest)))
			return false;
		done += count;
	}
	return true;
}

static bool put_mapped(struct output *output, struct ext_mapping *mapping)
{
	struct shortfall shortfall = {0};
	struct ext_run run;
	uint64_t missing;

	ext_mapping_start(mapping, &output->inode, 0, &output->findings.sink);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		shortfall_add(&shortfall, output->image.superblock, &output->inode, &run);
		/* What lies behind the end of the file is counted all the same. */
		if (run.kind != EXT_RUN_TREE && output->written < output->inode.size &&
		    !put_run(output, &run))
			return false;
	}
	if (ext_mapping_damaged(mapping)) {
		complain("%s: %s: the map of its blocks is damaged; what cannot be found is given "
			 "as zeros",
			 output->image.path, output->path);
		output->lost++;
	} else if ((missing = shortfall_bytes(&shortfall, output->image.filesystem,
					      &output->inode)) > 0) {
		complain("%s: %s: its map reaches fewer blocks than its inode counts; up to "
			 "%" PRIu64 " bytes of its holes are missing content",
			 output->image.path, output->path, missing);
		output->lost++;
	}
	return put_zeros(output, output->inode.size);
}

static bool put_inline(struct output *output, struct ext_mapping *mapping)
{
	struct ext_error error;
	size_t got;

	if (ext_file_read(mapping, &output->inode, 0, output->chunk, CHUNK, &got, &error) !=
	    EXT_OK) {
		say_lost(output, 0, output->inode.size, &error);
		return put_zeros(output, output->inode.size);
	}
	return put(output, output->chunk, got);
}

static int put_file(struct output *output)
{
	struct ext_mapping *mapping;
	struct ext_error error;
	bool is_done;

	if (ext_mapping_new(output->image.filesystem, &mapping, &error) != EXT_OK) {
		complain_error(output->image.path, &error);
		return EXIT_CANNOT_RUN;
	}
	if (output->inode.flags & EXT_INODE_ENCRYPT)
		complain("%s: %s: is encrypted; what comes is ciphertext", output->image.path,
			 output->path);
	output->can_skip = output_can_skip();
	is_done = output->inode.flags & EXT_INODE_INLINE_DATA ? put_inline(output, mapping)
							      : put_mapped(output, mapping);
	end_output(output);
	ext_mapping_free(mapping);
	if (!is_done && cancelled())
		return EXIT_CANCELLED;
	return output->lost > 0 ? EXIT_CANNOT_RUN : EXIT_CLEAN;
}

static int find_file(struct output *output)
{
	const int status = target_by_path(&output->image, output->path, &output->inode, NULL);

	if (status != EXIT_CLEAN)
		return status;
	switch (output->inode.type) {
	case EXT_TYPE_UNKNOWN: /* the journal or a lost inode: no mode, but perhaps content */
	case EXT_TYPE_REGULAR:
		return EXIT_CLEAN;
	case EXT_TYPE_DIRECTORY:
		complain("%s: %s: is a directory", output->image.path, output->path);
		break;
	case EXT_TYPE_SYMLINK:
		complain("%s: %s: is a symlink; `fsck-lite ls -l' shows where it leads",
			 output->image.path, output->path);
		break;
	case EXT_TYPE_CHARACTER:
	case EXT_TYPE_BLOCK:
	case EXT_TYPE_FIFO:
	case EXT_TYPE_SOCKET:
		complain("%s: %s: is no regular file", output->image.path, output->path);
		break;
	}
	return EXIT_CANNOT_RUN;
}

int command_cat(const struct options *options)
{
	struct output output = {.options = options, .path = options->operands[1]};
	int status;

	if (options->lost || options->deleted)
		return cat_rescued(options);
	output.findings = findings_aloud_for(options_image(options));
	status = open_image(options, options_image(options), &output.image, &output.findings.sink);
	if (status == EXIT_CLEAN)
		status = find_file(&output);
	if (status == EXIT_CLEAN) {
		output.chunk = malloc(CHUNK);
		if (output.chunk) {
			status = put_file(&output);
		} else {
			complain("%s: out of memory", output.image.path);
			status = EXIT_CANNOT_RUN;
		}
	}
	findings_aloud_end(&output.findings);
	free(output.chunk);
	close_image(&output.image);
	return status;
}
