/* SPDX-License-Identifier: MIT */
/*
 * File content by position: mapped blocks, holes as zeros, inline data, symlink targets.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "structure/inline_data.h"
#include "walk/mapping.h"

static enum ext_status read_inline(const struct ext_filesystem *fs, const struct ext_inode *inode,
				   uint64_t offset, uint8_t *buffer, size_t length,
				   struct ext_error *error)
{
	const struct ext_superblock *sb = &fs->superblock;
	uint8_t *raw = malloc(sb->inode_size);
	struct ext_inode again;
	enum ext_status status;

	if (!raw)
		return ext_no_memory(error);
	status = inode->stored_at == 0 ? ext_inode_read(fs, inode->number, &again, raw, error)
				       : ext_source_read(fs->source, inode->stored_at, raw,
							 sb->inode_size, error);
	if (status == EXT_OK) {
		const struct ext_span tail =
			inline_data_tail(sb, (struct ext_span){raw, sb->inode_size});

		for (size_t i = 0; i < length; i++) {
			const uint64_t at = offset + i;

			if (at < INLINE_IN_I_BLOCK)
				buffer[i] = inode->i_block[at];
			else if (at - INLINE_IN_I_BLOCK < tail.size)
				buffer[i] = tail.data[at - INLINE_IN_I_BLOCK];
			else
				buffer[i] = 0;
		}
	}
	free(raw);
	return status;
}

/* The part of a run that the request wants, read to its place in the buffer. */
static enum ext_status read_run(const struct ext_filesystem *fs, const struct ext_run *run,
				uint64_t offset, uint8_t *buffer, size_t length,
				struct ext_error *error)
{
	const unsigned shift = fs->superblock.block_size_log2;
	const uint64_t run_start = (uint64_t)run->logical << shift;
	const uint64_t run_end = run_start + ((uint64_t)run->length << shift);
	const uint64_t start = run_start > offset ? run_start : offset;
	const uint64_t end = min_u64(run_end, offset + length);

	if (start >= end || run->kind != EXT_RUN_DATA)
		return EXT_OK;
	return ext_source_read(fs->source, (run->physical << shift) + (start - run_start),
			       buffer + (start - offset), (size_t)(end - start), error);
}

enum ext_status ext_file_read(struct ext_mapping *mapping, const struct ext_inode *inode,
			      uint64_t offset, void *buffer, size_t length, size_t *got,
			      struct ext_error *error)
{
	const struct ext_filesystem *fs = mapping->filesystem;
	const unsigned shift = fs->superblock.block_size_log2;
	const struct ext_place place = {
		.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = inode->number};
	struct ext_run run;

	if (offset >= inode->size)
		length = 0;
	else
		length = (size_t)min_u64(length, inode->size - offset);
	if (length == 0) {
		*got = 0;
		return EXT_OK;
	}
	if (inode->flags & EXT_INODE_INLINE_DATA) {
		const enum ext_status status =
			read_inline(fs, inode, offset, buffer, length, error);

		if (status == EXT_OK)
			*got = length;
		return status;
	}
	memset(buffer, 0, length);
	ext_mapping_start(mapping, inode, offset >> shift, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		enum ext_status status;

		if (run.kind == EXT_RUN_TREE)
			continue;
		if ((uint64_t)run.logical << shift >= offset + length)
			break;
		status = read_run(fs, &run, offset, buffer, length, error);
		if (status != EXT_OK)
			return status;
	}
	if (mapping->unread)
		return ext_fail(error, EXT_IO, EXT_UNREADABLE, place, 0);
	if (ext_mapping_damaged(mapping))
		return ext_corrupt(error, EXT_FILE_MAP_DAMAGED, place, 0, 0, 0);
	*got = length;
	return EXT_OK;
}

enum ext_status ext_symlink_read(struct ext_mapping *mapping, const struct ext_inode *inode,
				 char *target, size_t size, size_t *length, struct ext_error *error)
{
	const size_t wanted = (size_t)min_u64(size, inode->size);
	size_t got = 0;

	if (ext_inode_is_fast_symlink(inode)) {
		memcpy(target, inode->i_block, wanted);
	} else {
		const enum ext_status status =
			ext_file_read(mapping, inode, 0, target, wanted, &got, error);

		if (status != EXT_OK)
			return status;
	}
	*length = (size_t)min_u64(inode->size, SIZE_MAX);
	return EXT_OK;
}
