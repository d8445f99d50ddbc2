/* SPDX-License-Identifier: MIT */
/*
 * Opening: a superblock copy, and the group descriptor table that goes with it, read whole. Which
 * copy to open is the caller's question (walk/choose.c has an answer).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "structure/filesystem.h"

static enum ext_status read_superblock(struct ext_filesystem *fs,
				       const struct ext_open_options *options,
				       struct ext_error *error)
{
	const uint64_t offset =
		options->superblock_offset ? options->superblock_offset : EXT_SUPERBLOCK_OFFSET;
	const struct ext_place place = {
		.structure = EXT_AT_SUPERBLOCK, .has = EXT_HAS_OFFSET, .offset = offset};
	uint8_t raw[EXT_SUPERBLOCK_SIZE];
	enum ext_status status;

	if (options->superblock)
		return ext_superblock_decode(options->superblock, place, &fs->superblock,
					     options->sink, error);
	status = ext_source_read(fs->source, offset, raw, sizeof raw, error);
	if (status != EXT_OK)
		return status;
	return ext_superblock_decode(raw, place, &fs->superblock, options->sink, error);
}

static void report_unreadable(struct ext_sink *sink, const struct ext_error *error, ext_block block)
{
	struct ext_finding finding = ext_finding_of_error(error);

	finding.place = (struct ext_place){
		.structure = EXT_AT_GROUP_DESCRIPTOR, .has = EXT_HAS_BLOCK, .block = block};
	ext_report(sink, &finding);
}

/* One descriptor block into its place in the table, the last one clipped to the groups there are.
 */
static void read_descriptor_block(struct ext_filesystem *fs, const struct ext_open_options *options,
				  uint32_t index, size_t table_size)
{
	const struct ext_superblock *sb = &fs->superblock;
	const size_t at = (size_t)index * sb->block_size;
	const ext_block block = ext_descriptor_block(sb, options->copy_group, index);
	const size_t size = table_size - at < sb->block_size ? table_size - at : sb->block_size;
	struct ext_error error;

	if (ext_source_read(fs->source, block << sb->block_size_log2, fs->descriptors + at, size,
			    &error) == EXT_OK)
		return;
	memset(fs->descriptors + at, 0, size);
	fs->unreadable[index / 8] |= (uint8_t)(1u << index % 8);
	report_unreadable(options->sink, &error, block);
}

/* How many descriptor blocks from `index` on lie one behind another. */
static uint32_t contiguous_blocks(const struct ext_superblock *sb, ext_group copy_group,
				  uint32_t index)
{
	const uint32_t most = 4096;
	const ext_block first = ext_descriptor_block(sb, copy_group, index);
	uint32_t count = 1;

	while (count < most && index + count < sb->descriptor_blocks &&
	       ext_descriptor_block(sb, copy_group, index + count) == first + count)
		count++;
	return count;
}

static enum ext_status read_descriptors(struct ext_filesystem *fs,
					const struct ext_open_options *options,
					struct ext_error *error)
{
	const struct ext_superblock *sb = &fs->superblock;
	const uint64_t table_size = (uint64_t)sb->group_count * sb->descriptor_size;
	size_t size;

	/* A table that is larger than the image is not there: the counts lie. */
	if (table_size > ext_source_size(fs->source) || !narrow_size(table_size, &size))
		return ext_corrupt(error, EXT_SUPERBLOCK_BLOCK_COUNT,
				   (struct ext_place){.structure = EXT_AT_SUPERBLOCK,
						      .field = "s_blocks_count"},
				   sb->block_count, (uint64_t)sb->first_data_block + 1,
				   ext_source_size(fs->source) >> sb->block_size_log2);
	fs->descriptors = calloc(1, size);
	fs->unreadable = calloc(1, sb->descriptor_blocks / 8 + 1);
	if (!fs->descriptors || !fs->unreadable)
		return ext_no_memory(error);
	if (options->descriptors) {
		memcpy(fs->descriptors, options->descriptors,
		       options->descriptors_size < size ? options->descriptors_size : size);
		return EXT_OK;
	}
	for (uint32_t index = 0; index < sb->descriptor_blocks;) {
		const uint32_t count = contiguous_blocks(sb, options->copy_group, index);
		const size_t at = (size_t)index * sb->block_size;
		const uint64_t wanted = (uint64_t)count * sb->block_size;
		const size_t part = (size_t)min_u64(wanted, size - at);
		const ext_block block = ext_descriptor_block(sb, options->copy_group, index);

		/* One large read; block by block only where it fails. */
		if (ext_source_read(fs->source, block << sb->block_size_log2, fs->descriptors + at,
				    part, NULL) != EXT_OK)
			for (uint32_t i = 0; i < count; i++)
				read_descriptor_block(fs, options, index + i, size);
		index += count;
	}
	return EXT_OK;
}

enum ext_status ext_filesystem_open(struct ext_source *source,
				    const struct ext_open_options *options,
				    struct ext_filesystem **filesystem, struct ext_error *error)
{
	static const struct ext_open_options defaults;
	struct ext_filesystem *fs = calloc(1, sizeof *fs);
	enum ext_status status;

	if (!fs)
		return ext_no_memory(error);
	if (!options)
		options = &defaults;
	fs->source = source;
	fs->stale_descriptors = options->stale_descriptors;
	status = read_superblock(fs, options, error);
	if (status == EXT_OK)
		status = read_descriptors(fs, options, error);
	if (status != EXT_OK) {
		ext_filesystem_close(fs);
		return status;
	}
	fs->blocks_present = min_u64(fs->superblock.block_count,
				     ext_source_size(source) >> fs->superblock.block_size_log2);
	*filesystem = fs;
	return EXT_OK;
}

enum ext_status ext_filesystem_reopen(const struct ext_filesystem *filesystem,
				      struct ext_source *source, bool stale,
				      struct ext_filesystem **reopened, struct ext_error *error)
{
	const struct ext_superblock *sb = &filesystem->superblock;
	const size_t size = (size_t)sb->group_count * sb->descriptor_size;
	const size_t bits = sb->descriptor_blocks / 8 + 1;
	struct ext_filesystem *fs = calloc(1, sizeof *fs);

	if (!fs)
		return ext_no_memory(error);
	*fs = *filesystem;
	fs->source = source;
	fs->stale_descriptors = stale;
	fs->descriptors = malloc(size);
	fs->unreadable = malloc(bits);
	if (!fs->descriptors || !fs->unreadable) {
		ext_filesystem_close(fs);
		return ext_no_memory(error);
	}
	memcpy(fs->descriptors, filesystem->descriptors, size);
	memcpy(fs->unreadable, filesystem->unreadable, bits);
	*reopened = fs;
	return EXT_OK;
}

void ext_filesystem_close(struct ext_filesystem *fs)
{
	if (!fs)
		return;
	free(fs->descriptors);
	free(fs->unreadable);
	free(fs);
}

const struct ext_superblock *ext_filesystem_superblock(const struct ext_filesystem *fs)
{
	return &fs->superblock;
}

struct ext_source *ext_filesystem_source(const struct ext_filesystem *fs)
{
	return fs->source;
}

bool ext_filesystem_is_stale(const struct ext_filesystem *fs)
{
	return fs->stale_descriptors;
}

uint64_t ext_filesystem_blocks_present(const struct ext_filesystem *fs)
{
	return fs->blocks_present;
}

enum ext_status ext_filesystem_read_blocks(const struct ext_filesystem *fs, ext_block block,
					   uint32_t count, void *buffer, struct ext_error *error)
{
	const struct ext_superblock *sb = &fs->superblock;

	if (!range_inside(block, count, sb->block_count))
		return ext_corrupt(error, EXT_BLOCK_RANGE, (struct ext_place){0}, block,
				   sb->first_data_block, sb->block_count);
	return ext_source_read(fs->source, block << sb->block_size_log2, buffer,
			       (size_t)count << sb->block_size_log2, error);
}
