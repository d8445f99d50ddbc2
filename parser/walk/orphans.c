/* SPDX-License-Identifier: MIT */
/*
 * The orphan chain and the orphan file as one list. On the chain, i_dtime is the number of the next
 * inode. Doc: ext4/orphan.rst; the chain: ext4/super.rst, s_last_orphan.
 */
#include "config.h"

#include <stdlib.h>

#include <ext/orphan.h>

#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "structure/filesystem.h"

enum { ORPHAN_MAGIC = 0x0b10ca04 };

struct ext_orphans {
	const struct ext_filesystem *filesystem;
	struct ext_sink *sink;
	/* The chain: Brent's way of seeing that it comes back. */
	ext_ino next, mark;
	uint64_t steps, lap;
	/* The orphan file. */
	struct ext_inode inode;
	struct ext_mapping *mapping; /* NULL: no file */
	struct ext_run run;
	uint32_t run_index; /* block of the run that is in `block` */
	uint64_t logical_expected;
	uint32_t at, end; /* bytes in `block` */
	uint32_t seed;
	uint8_t *block;
};

static void report(const struct ext_orphans *orphans, enum ext_problem problem, uint64_t block,
		   uint64_t found, uint64_t low, uint64_t high)
{
	struct ext_finding finding = {.problem = problem, .found = found, .low = low, .high = high};

	finding.place.structure = EXT_AT_ORPHAN;
	if (block != 0) {
		finding.place.has = EXT_HAS_BLOCK;
		finding.place.block = block;
	}
	ext_report(orphans->sink, &finding);
}

/* Opens the orphan file, if there is one that can be read as such. */
static enum ext_status open_file(struct ext_orphans *orphans, struct ext_error *error)
{
	const struct ext_superblock *sb = &orphans->filesystem->superblock;
	enum ext_status status;

	if (sb->orphan_file_inode == 0)
		return EXT_OK;
	status = ext_inode_read(orphans->filesystem, sb->orphan_file_inode, &orphans->inode, NULL,
				NULL);
	if (status == EXT_IO) {
		report(orphans, EXT_UNREADABLE, 0, sb->orphan_file_inode, 0, 0);
		return EXT_OK;
	}
	if (status != EXT_OK || orphans->inode.type != EXT_TYPE_REGULAR) {
		report(orphans, EXT_ORPHAN_FILE_INODE, 0, sb->orphan_file_inode, 0, 0);
		return EXT_OK;
	}
	if (orphans->inode.size % sb->block_size != 0)
		report(orphans, EXT_ORPHAN_FILE_SIZE, 0, orphans->inode.size, sb->block_size,
		       sb->block_size);
	orphans->seed = ext_inode_seed(sb, sb->orphan_file_inode, orphans->inode.generation);
	orphans->block = malloc(sb->block_size);
	if (!orphans->block)
		return ext_no_memory(error);
	status = ext_mapping_new(orphans->filesystem, &orphans->mapping, error);
	if (status == EXT_OK)
		ext_mapping_start(orphans->mapping, &orphans->inode, 0, orphans->sink);
	return status;
}

enum ext_status ext_orphans_open(const struct ext_filesystem *filesystem, struct ext_sink *sink,
				 struct ext_orphans **orphans, struct ext_error *error)
{
	struct ext_orphans *new = calloc(1, sizeof *new);
	enum ext_status status;

	if (!new)
		return ext_no_memory(error);
	new->filesystem = filesystem;
	new->sink = sink;
	new->next = filesystem->superblock.orphan_head;
	new->lap = 1;
	status = open_file(new, error);
	if (status != EXT_OK) {
		ext_orphans_close(new);
		return status;
	}
	*orphans = new;
	return EXT_OK;
}

void ext_orphans_close(struct ext_orphans *orphans)
{
	if (!orphans)
		return;
	ext_mapping_free(orphans->mapping);
	free(orphans->block);
	free(orphans);
}

/* The next inode of the chain; 0 at its end. */
static ext_ino next_of_chain(struct ext_orphans *orphans)
{
	const struct ext_superblock *sb = &orphans->filesystem->superblock;
	const ext_ino ino = orphans->next;
	struct ext_inode inode;

	if (ino == 0)
		return 0;
	orphans->next = 0;
	if (ino < sb->first_inode || ino > sb->inode_count) {
		report(orphans, EXT_ORPHAN_LIST_INODE, 0, ino, sb->first_inode, sb->inode_count);
		return 0;
	}
	if (ino == orphans->mark) {
		report(orphans, EXT_ORPHAN_LIST_LOOP, 0, ino, 0, 0);
		return 0;
	}
	if (++orphans->steps == orphans->lap) {
		orphans->mark = ino;
		orphans->lap *= 2;
		orphans->steps = 0;
	}
	if (ext_inode_read(orphans->filesystem, ino, &inode, NULL, NULL) == EXT_OK)
		orphans->next = inode.dtime;
	return ino;
}

/* Checks the block that was read: magic and checksum at its end. */
static void open_block(struct ext_orphans *orphans, ext_block block)
{
	const struct ext_superblock *sb = &orphans->filesystem->superblock;
	const struct ext_raw_orphan_tail *tail;
	struct le64 number;
	uint32_t computed;

	orphans->at = 0;
	orphans->end = sb->block_size - (uint32_t)sizeof *tail;
	tail = (const struct ext_raw_orphan_tail *)(const void *)(orphans->block + orphans->end);
	if (get(tail->ob_magic) != ORPHAN_MAGIC) {
		report(orphans, EXT_ORPHAN_FILE_MAGIC, block, get(tail->ob_magic), ORPHAN_MAGIC,
		       ORPHAN_MAGIC);
		orphans->end = 0;
		return;
	}
	if (!sb->has_metadata_csum)
		return;
	put(&number, block);
	computed = crc32c(orphans->seed, &number, sizeof number);
	computed = crc32c(computed, orphans->block, orphans->end);
	if (computed != get(tail->ob_checksum))
		report(orphans, EXT_ORPHAN_FILE_CHECKSUM, block, get(tail->ob_checksum), computed,
		       computed);
}

/* Reads the next block of the file. False at its end. */
static bool next_block(struct ext_orphans *orphans)
{
	const struct ext_superblock *sb = &orphans->filesystem->superblock;
	ext_block block;

	if (++orphans->run_index >= orphans->run.length) {
		do {
			if (ext_mapping_next(orphans->mapping, &orphans->run) != EXT_OK) {
				if (orphans->logical_expected < orphans->inode.size >>
				    sb->block_size_log2)
					report(orphans, EXT_ORPHAN_FILE_HOLE, 0,
					       orphans->logical_expected, 0, 0);
				return false;
			}
		} while (orphans->run.kind == EXT_RUN_TREE);
		orphans->run_index = 0;
		if (orphans->run.logical != orphans->logical_expected)
			report(orphans, EXT_ORPHAN_FILE_HOLE, 0, orphans->logical_expected, 0, 0);
		orphans->logical_expected = (uint64_t)orphans->run.logical + orphans->run.length;
	}
	block = orphans->run.physical + orphans->run_index;
	orphans->at = orphans->end = 0;
	if (ext_filesystem_read_blocks(orphans->filesystem, block, 1, orphans->block, NULL) ==
	    EXT_OK)
		open_block(orphans, block);
	else
		report(orphans, EXT_UNREADABLE, block, 0, 0, 0);
	return true;
}

enum ext_status ext_orphans_next(struct ext_orphans *orphans, struct ext_orphan *orphan)
{
	const struct ext_superblock *sb = &orphans->filesystem->superblock;
	const ext_ino ino = next_of_chain(orphans);

	if (ino != 0) {
		*orphan = (struct ext_orphan){.inode = ino};
		return EXT_OK;
	}
	while (orphans->mapping) {
		for (; orphans->at + 4 <= orphans->end; orphans->at += 4) {
			const struct le32 *slot =
				(const struct le32 *)(const void *)(orphans->block + orphans->at);
			const ext_ino found = get(*slot);

			if (found == 0)
				continue;
			*orphan = (struct ext_orphan){.inode = found,
						      .from_file = true,
						      .block = orphans->run.physical +
							       orphans->run_index,
						      .at = orphans->at};
			orphans->at += 4;
			if (found >= sb->first_inode && found <= sb->inode_count)
				return EXT_OK;
			report(orphans, EXT_ORPHAN_LIST_INODE, orphan->block, found,
			       sb->first_inode, sb->inode_count);
			orphans->at -= 4;
		}
		if (!next_block(orphans))
			break;
	}
	return EXT_END;
}
