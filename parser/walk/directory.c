/* SPDX-License-Identifier: MIT */
/*
 * A whole directory, entry by entry: its blocks in file order, whatever maps them, or its two
 * inline parts. Every mapped block is read and walked in order, so the hashed index is never needed
 * and cannot mislead; index blocks look like empty ones. Blocks beyond i_size are read too: in a
 * damaged inode the size is often what is wrong.
 * Doc: ext4/directory.rst; ext4/inlinedata.rst, "Inline Directories".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/directory.h>

#include "bytes/checked.h"
#include "bytes/endian.h"
#include "bytes/span.h"
#include "structure/filesystem.h"
#include "structure/inline_data.h"

enum {
	READ_AHEAD = 65536, /* bytes read at a time, as far as blocks lie together */
};

/* An inline directory has no "." and ".." on disk; they are made up first. */
enum inline_part { INLINE_DOT, INLINE_DOTDOT, INLINE_FIRST, INLINE_SECOND, INLINE_END };

struct ext_directory {
	const struct ext_filesystem *filesystem;
	struct ext_inode inode;
	uint32_t seed;

	/* The block or inline part that is being walked. */
	struct ext_dirent_cursor cursor;
	bool is_walking;
	struct ext_place place; /* of the block: what findings in it begin from */

	/* Inline directories. */
	uint8_t *raw; /* the whole inode; NULL otherwise */
	enum inline_part part;

	/* Blocks: the run under way, and what of it has been read. */
	struct ext_mapping *mapping;
	bool is_started;
	struct ext_run run; /* what is left of it */
	uint64_t expected;  /* the file block that comes next when there is no hole */
	uint8_t *buffer;
	ext_block buffered; /* first block in the buffer */
	uint32_t buffered_count;
	uint32_t buffer_blocks;
};

static const struct ext_superblock *superblock_of(const struct ext_directory *directory)
{
	return &directory->filesystem->superblock;
}

static enum ext_status begin_inline(struct ext_directory *directory, const uint8_t *raw,
				    struct ext_error *error)
{
	const size_t size = superblock_of(directory)->inode_size;

	directory->raw = malloc(size);
	if (!directory->raw)
		return ext_no_memory(error);
	memcpy(directory->raw, raw, size);
	return EXT_OK;
}

static enum ext_status begin_blocks(struct ext_directory *directory, struct ext_error *error)
{
	const struct ext_superblock *superblock = superblock_of(directory);
	const uint64_t mapped = divide_up(directory->inode.size, superblock->block_size);

	/* Most directories have one block; only long ones are worth a large buffer. */
	directory->buffer_blocks = READ_AHEAD / superblock->block_size;
	if (mapped < directory->buffer_blocks)
		directory->buffer_blocks = mapped > 0 ? (uint32_t)mapped : 1;
	directory->buffer = malloc((size_t)directory->buffer_blocks * superblock->block_size);
	if (!directory->buffer)
		return ext_no_memory(error);
	return ext_mapping_new(directory->filesystem, &directory->mapping, error);
}

enum ext_status ext_directory_open_inode(const struct ext_filesystem *filesystem,
					 const struct ext_inode *inode, const uint8_t *raw,
					 struct ext_directory **directory, struct ext_error *error)
{
	const struct ext_place place = {
		.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = inode->number};
	struct ext_directory *opened;
	enum ext_status status;

	if (inode->type != EXT_TYPE_DIRECTORY)
		return ext_fail(error, EXT_ARGUMENT, EXT_NOT_A_DIRECTORY, place, 0);
	opened = calloc(1, sizeof *opened);
	if (!opened)
		return ext_no_memory(error);
	opened->filesystem = filesystem;
	opened->inode = *inode;
	opened->seed = ext_inode_seed(superblock_of(opened), opened->inode.number,
				      opened->inode.generation);
	status = inode->flags & EXT_INODE_INLINE_DATA ? begin_inline(opened, raw, error)
						      : begin_blocks(opened, error);
	if (status != EXT_OK) {
		ext_directory_close(opened);
		return status;
	}
	*directory = opened;
	return EXT_OK;
}

enum ext_status ext_directory_open(const struct ext_filesystem *filesystem, ext_ino ino,
				   struct ext_directory **directory, struct ext_error *error)
{
	uint8_t *raw = malloc(filesystem->superblock.inode_size);
	struct ext_inode inode;
	enum ext_status status;

	if (!raw)
		return ext_no_memory(error);
	status = ext_inode_read(filesystem, ino, &inode, raw, error);
	if (status == EXT_OK)
		status = ext_directory_open_inode(filesystem, &inode, raw, directory, error);
	free(raw);
	return status;
}

void ext_directory_close(struct ext_directory *directory)
{
	if (!directory)
		return;
	ext_mapping_free(directory->mapping);
	free(directory->buffer);
	free(directory->raw);
	free(directory);
}

const struct ext_inode *ext_directory_inode(const struct ext_directory *directory)
{
	return &directory->inode;
}

struct ext_place ext_directory_place(const struct ext_directory *directory)
{
	return directory->place;
}

/* Reports what is wrong in the block under way; `inside` tells where. */
static void report_fault(const struct ext_directory *directory, struct ext_sink *sink,
			 const struct ext_error *error)
{
	struct ext_finding finding = ext_finding_of_error(error);

	finding.place = directory->place;
	finding.place.structure = error->place.structure;
	finding.place.has |= error->place.has & EXT_HAS_OFFSET;
	finding.place.offset = error->place.offset;
	finding.place.field = error->place.field;
	ext_report(sink, &finding);
}

static void report_hole(const struct ext_directory *directory, struct ext_sink *sink,
			uint64_t first, uint64_t length)
{
	const struct ext_finding finding = {
		.problem = EXT_DIRECTORY_HOLE,
		.place = {.structure = EXT_AT_DIRECTORY_BLOCK,
			  .has = EXT_HAS_INODE | EXT_HAS_LOGICAL,
			  .inode = directory->inode.number,
			  .logical = first},
		.found = length,
	};

	/* A hole that a damaged map left was reported with the map. */
	if (!ext_mapping_damaged(directory->mapping))
		ext_report(sink, &finding);
}

static void report_unwritten(const struct ext_directory *directory, struct ext_sink *sink,
			     const struct ext_run *run)
{
	const struct ext_finding finding = {
		.problem = EXT_DIRECTORY_UNWRITTEN,
		.place = {.structure = EXT_AT_DIRECTORY_BLOCK,
			  .has = EXT_HAS_INODE | EXT_HAS_LOGICAL | EXT_HAS_BLOCK,
			  .inode = directory->inode.number,
			  .logical = run->logical,
			  .block = run->physical},
		.found = run->length,
	};

	ext_report(sink, &finding);
}

/* Finds the next run of blocks that hold entries. Holes up to it, or up to the size, are reported.
 */
static enum ext_status next_run(struct ext_directory *directory, struct ext_sink *sink)
{
	const uint32_t block_size = superblock_of(directory)->block_size;
	const uint64_t blocks = divide_up(directory->inode.size, block_size);
	struct ext_run run;

	if (!directory->is_started)
		ext_mapping_start(directory->mapping, &directory->inode, 0, sink);
	directory->is_started = true;
	while (ext_mapping_next(directory->mapping, &run) == EXT_OK) {
		if (run.kind == EXT_RUN_TREE)
			continue;
		if (run.logical > directory->expected && directory->expected < blocks)
			report_hole(directory, sink, directory->expected,
				    min_u64(run.logical, blocks) - directory->expected);
		directory->expected = (uint64_t)run.logical + run.length;
		if (run.kind == EXT_RUN_UNWRITTEN) {
			report_unwritten(directory, sink, &run);
			continue;
		}
		directory->run = run;
		return EXT_OK;
	}
	if (directory->expected < blocks)
		report_hole(directory, sink, directory->expected, blocks - directory->expected);
	directory->expected = UINT64_MAX;
	return EXT_END;
}

/* The block that the run begins with, read together with those behind it; NULL when it cannot be.
 */
static const uint8_t *read_block(struct ext_directory *directory, struct ext_error *error)
{
	const struct ext_superblock *superblock = superblock_of(directory);
	const ext_block block = directory->run.physical;
	uint32_t count = directory->run.length;

	if (directory->buffered_count == 0 || block < directory->buffered ||
	    block - directory->buffered >= directory->buffered_count) {
		if (count > directory->buffer_blocks)
			count = directory->buffer_blocks;
		directory->buffered = block;
		directory->buffered_count = count;
		if (ext_filesystem_read_blocks(directory->filesystem, block, count,
					       directory->buffer, error) != EXT_OK) {
			/* One bad block must not hide its neighbours. */
			directory->buffered_count = 1;
			if (ext_filesystem_read_blocks(directory->filesystem, block, 1,
						       directory->buffer, error) != EXT_OK) {
				directory->buffered_count = 0;
				return NULL;
			}
		}
	}
	return directory->buffer + (size_t)(block - directory->buffered) * superblock->block_size;
}

static enum ext_directory_block_kind block_kind(const struct ext_directory *directory,
						struct ext_span block)
{
	return ext_directory_block_kind(superblock_of(directory), &directory->inode,
					(ext_logical)directory->place.logical, block);
}

static void check_checksum(const struct ext_directory *directory, struct ext_span block,
			   struct ext_sink *sink)
{
	static const enum ext_problem problems[] = {
		[EXT_DIRECTORY_LEAF] = EXT_DIRECTORY_CHECKSUM,
		[EXT_DIRECTORY_HTREE_ROOT] = EXT_HTREE_ROOT_CHECKSUM,
		[EXT_DIRECTORY_HTREE_NODE] = EXT_HTREE_NODE_CHECKSUM,
	};
	const struct ext_superblock *superblock = superblock_of(directory);
	const enum ext_directory_block_kind kind = block_kind(directory, block);
	struct ext_finding finding = {.problem = problems[kind], .place = directory->place};
	uint32_t stored, computed;

	if (ext_directory_block_checksum(superblock, directory->seed, kind, block, &stored,
					 &computed) != EXT_CHECKSUM_BAD)
		return;
	finding.found = stored;
	finding.low = finding.high = computed;
	ext_report(sink, &finding);
}

static enum ext_status next_block(struct ext_directory *directory, struct ext_sink *sink)
{
	const struct ext_superblock *superblock = superblock_of(directory);
	struct ext_error error;
	enum ext_status status;

	for (;;) {
		struct ext_span block = {NULL, superblock->block_size};

		if (directory->run.length == 0) {
			status = directory->expected == UINT64_MAX ? EXT_END
								   : next_run(directory, sink);
			if (status != EXT_OK)
				return status;
		}
		directory->place = (struct ext_place){
			.structure = EXT_AT_DIRECTORY_BLOCK,
			.has = EXT_HAS_INODE | EXT_HAS_LOGICAL | EXT_HAS_BLOCK,
			.inode = directory->inode.number,
			.logical = directory->run.logical,
			.block = directory->run.physical,
		};
		block.data = read_block(directory, &error);
		directory->run.logical++;
		directory->run.physical++;
		directory->run.length--;
		if (!block.data) {
			error.place = directory->place;
			report_fault(directory, sink, &error);
			continue;
		}
		if (sink && superblock->has_metadata_csum)
			check_checksum(directory, block, sink);
		/* A block that became an index keeps the bytes of the tail that it had as a leaf.
		 */
		ext_dirent_cursor_init(&directory->cursor, superblock, block, 0,
				       block_kind(directory, block) == EXT_DIRECTORY_LEAF &&
					       ext_directory_block_has_tail(superblock, block));
		return EXT_OK;
	}
}

static void make_up(struct ext_directory *directory, struct ext_dirent *entry, const char *name,
		    ext_ino ino)
{
	*entry = (struct ext_dirent){
		.inode = ino,
		.name_length = (uint8_t)strlen(name),
		.file_type = EXT_TYPE_DIRECTORY,
		.type_stored = EXT_TYPE_DIRECTORY,
		.name = name,
	};
	directory->place = (struct ext_place){.structure = EXT_AT_INLINE_DATA,
					      .has = EXT_HAS_INODE,
					      .inode = directory->inode.number};
}

/* The next inline part: either an entry that is made up (OK), or a chain to walk (is_walking). */
static enum ext_status next_part(struct ext_directory *directory, struct ext_dirent *entry)
{
	const struct ext_superblock *superblock = superblock_of(directory);
	const struct ext_span head = {directory->inode.i_block, INLINE_IN_I_BLOCK};
	const struct ext_span raw = {directory->raw, superblock->inode_size};
	struct ext_span tail;
	struct le32 parent;

	switch (directory->part++) {
	case INLINE_DOT:
		make_up(directory, entry, ".", directory->inode.number);
		return EXT_OK;
	case INLINE_DOTDOT:
		memcpy(&parent, directory->inode.i_block, sizeof parent);
		make_up(directory, entry, "..", get(parent));
		return EXT_OK;
	case INLINE_FIRST:
		ext_dirent_cursor_init(&directory->cursor, superblock, head, INLINE_PARENT_SIZE,
				       false);
		directory->is_walking = true;
		return EXT_OK;
	case INLINE_SECOND:
		tail = inline_data_tail(superblock, raw);
		ext_dirent_cursor_init(&directory->cursor, superblock, tail, 0, false);
		directory->is_walking = true;
		return EXT_OK;
	case INLINE_END:
		break;
	}
	directory->part = INLINE_END;
	return EXT_END;
}

enum ext_status ext_directory_next(struct ext_directory *directory, struct ext_dirent *entry,
				   struct ext_sink *sink, struct ext_error *error)
{
	struct ext_error fault;
	enum ext_status status;

	(void)error;
	for (;;) {
		while (directory->is_walking) {
			status = ext_dirent_next(&directory->cursor, entry, &fault);
			if (status == EXT_OK && entry->inode != 0)
				return EXT_OK;
			if (status == EXT_CORRUPT)
				report_fault(directory, sink, &fault);
			if (status == EXT_END)
				directory->is_walking = false;
		}
		if (directory->raw) {
			status = next_part(directory, entry);
			if (status != EXT_OK || !directory->is_walking)
				return status;
		} else {
			status = next_block(directory, sink);
			if (status != EXT_OK)
				return status;
			directory->is_walking = true;
		}
	}
}
