/* SPDX-License-Identifier: MIT */
/*
 * One inode of the tables: is it in use, and what follows for the survey. Its state is noted, its
 * blocks are claimed, a directory is put on the list with the runs of its blocks.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/orphan.h>
#include <ext/xattr.h>

#include "accounting/grow.h"
#include "accounting/inode_worker.h"

enum { PIECE = 64 };

static bool note_directory(struct inode_worker *worker, const struct ext_inode *inode,
			   const struct inode_facts *facts)
{
	const struct ext_superblock *sb = worker->survey->superblock;
	const uint64_t blocks = (inode->size + sb->block_size - 1) >> sb->block_size_log2;
	struct directory *directory;

	if (!GROW(worker->directories, worker->directory_count, worker->directory_size))
		return false;
	directory = &worker->directories[worker->directory_count++];
	*directory =
		(struct directory){.ino = inode->number,
				   .flags = inode->flags,
				   .is_unlinked = inode->links == 0,
				   .is_unread = facts->is_unread,
				   .blocks = blocks < UINT32_MAX ? (uint32_t)blocks : UINT32_MAX};
	directory->seed =
		sb->has_metadata_csum ? ext_inode_seed(sb, inode->number, inode->generation) : 0;
	worker->survey->group_directories[(inode->number - 1) / sb->inodes_per_group]++;
	if ((inode->flags & EXT_INODE_INLINE_DATA) == 0)
		return true;
	if (!GROW(worker->inline_directories, worker->inline_count, worker->inline_size))
		return false;
	worker->inline_directories[worker->inline_count++] = inode->number;
	return true;
}

static bool note_directory_run(struct inode_worker *worker, ext_ino ino, const struct ext_run *run)
{
	/* In pieces, so that several threads can share a large directory. */
	for (uint32_t done = 0, length; done < run->length; done += length) {
		length = run->length - done < PIECE ? run->length - done : PIECE;
		if (!GROW(worker->runs, worker->run_count, worker->run_size))
			return false;
		worker->runs[worker->run_count++] = (struct directory_run){
			run->physical + done, ino, run->logical + done, length, 0};
	}
	return true;
}

/* The runs of a directory's blocks; its mapping has been walked for its claims already, but a
 * directory has few extents, and reading them again costs less than keeping them all. */
static bool note_directory_runs(struct inode_worker *worker, const struct ext_inode *inode)
{
	struct ext_run run, runs[EXT_SMALL_MAP];
	unsigned count;
	bool fits = true;

	if (ext_mapping_small(worker->survey->superblock, inode, runs, &count)) {
		for (unsigned i = 0; fits && i < count; i++)
			fits = note_directory_run(worker, inode->number, &runs[i]);
		return fits;
	}
	ext_mapping_start(worker->mapping, inode, 0, NULL);
	/* Linux reads the blocks of a directory even where they count as unwritten. What is
	 * doubtful is left out: no two blocks lie at one place, where the first to be read would
	 * count. */
	while (fits && ext_mapping_next(worker->mapping, &run) == EXT_OK)
		fits = run.kind == EXT_RUN_TREE || run.is_doubtful ||
		       note_directory_run(worker, inode->number, &run);
	return fits;
}

/* Inodes that hold values of this inode's attributes need no name of their own. */
static bool note_ea_inodes(struct inode_worker *worker, const struct ext_inode *inode,
			   const uint8_t *raw)
{
	const struct ext_superblock *sb = worker->survey->superblock;
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;
	uint8_t *block = NULL;
	bool fits = true;

	for (unsigned home = 0; home < 2 && fits; home++) {
		enum ext_status status;

		if (home == 0) {
			status = ext_xattr_inode_begin(sb, (struct ext_span){raw, sb->inode_size},
						       &cursor, NULL);
		} else {
			if (inode->xattr_block == 0 || !(block = malloc(sb->block_size)))
				break;
			status = ext_filesystem_read_blocks(worker->survey->filesystem,
							    inode->xattr_block, 1, block, NULL);
			if (status == EXT_OK)
				status = ext_xattr_block_begin(
					sb, (struct ext_span){block, sb->block_size}, &cursor,
					NULL);
		}
		while (fits && status == EXT_OK &&
		       ext_xattr_next(&cursor, &xattr, NULL) == EXT_OK) {
			if (xattr.value_inode == 0)
				continue;
			fits = GROW(worker->ea_inodes, worker->ea_count, worker->ea_size);
			if (fits)
				worker->ea_inodes[worker->ea_count++] = xattr.value_inode;
		}
	}
	free(block);
	return fits;
}

static void report_checksum(const struct inode_worker *worker, const struct ext_inode *inode,
			    const struct inode_facts *facts)
{
	const bool has_extents = (inode->flags & EXT_INODE_EXTENTS) != 0 && facts->tree_blocks > 0;
	const bool is_inline =
		inode->type == EXT_TYPE_DIRECTORY && (inode->flags & EXT_INODE_INLINE_DATA) != 0;
	const struct ext_superblock *sb = worker->survey->superblock;
	const bool has_blocks =
		inode->type == EXT_TYPE_DIRECTORY && (inode->flags & EXT_INODE_INLINE_DATA) == 0;
	const bool has_index = has_blocks && (inode->flags & EXT_INODE_INDEX) != 0;
	struct ext_finding finding = {.problem = EXT_INODE_CHECKSUM,
				      .place = {.structure = EXT_AT_INODE,
						.has = EXT_HAS_INODE,
						.inode = inode->number,
						.field = "i_checksum"},
				      .found = inode->checksum_stored,
				      .low = inode->checksum_computed,
				      .high = inode->checksum_computed};

	/* Checksums of blocks of extents and of directories begin with the inode, which e2fsck then
	 * cannot read; nor what an inline directory says. */
	if (!has_extents)
		ext_finding_unasked(&finding, 0x01006a);
	if (!has_extents || !has_index)
		ext_finding_unasked(&finding, 0x010049);
	/* One block of an index has room for 8 bytes for each other block. */
	if (!has_index || facts->data_blocks * 8 < sb->block_size)
		ext_finding_unasked(&finding, 0x02004a);
	/* Nor can it read of the policy that it has. */
	if ((inode->flags & EXT_INODE_ENCRYPT) == 0)
		ext_finding_unasked(&finding, 0x01008a);
	if ((inode->flags & EXT_INODE_ENCRYPT) == 0 || inode->type == EXT_TYPE_DIRECTORY ||
	    !ext_has_incompat(sb, EXT_INCOMPAT_ENCRYPT))
		ext_finding_unasked(&finding, 0x020051);
	if (!is_inline) {
		ext_finding_unasked(&finding, 0x030005);
		ext_finding_unasked(&finding, 0x040003);
	}
	if (!has_blocks)
		ext_finding_unasked(&finding, 0x02004d);
	if (!has_index)
		ext_finding_unasked(&finding, 0x020049);
	ext_report(worker->sink, &finding);
}

/* A table block most of whose inodes have wrong checksums was overwritten as a whole. */
static void note_garbage(struct inode_worker *worker, const struct ext_inode *inode)
{
	const struct ext_superblock *sb = worker->survey->superblock;
	const uint32_t per_block = sb->block_size / sb->inode_size;
	const uint64_t block = (inode->number - 1) / per_block;

	if (block != worker->garbage_block || worker->garbage == 0) {
		worker->garbage_block = block;
		worker->garbage = 0;
	}
	if (++worker->garbage == per_block / 2 + 1 && per_block > 2) {
		const struct ext_finding finding = {
			.problem = EXT_INODE_TABLE_GARBAGE,
			.place = {.structure = EXT_AT_INODE_TABLE,
				  .has = EXT_HAS_INODE,
				  .inode = (ext_ino)(block * per_block + 1)},
			.found = worker->garbage,
			.low = per_block};

		ext_report(worker->sink, &finding);
	}
}

static bool is_system(const struct survey *survey, ext_ino ino, enum owner owner)
{
	return ino != EXT_INO_ROOT &&
	       (ino < survey->superblock->first_inode || owner == OWNER_JOURNAL ||
		owner == OWNER_QUOTA || owner == OWNER_OTHER_RESERVED);
}

/* Inodes opened by number, for AFS: a feature of long ago. */
static bool is_imagic(const struct ext_superblock *sb, const struct ext_inode *inode)
{
	enum { FLAG_IMAGIC = 0x2000, COMPAT_IMAGIC = 0x2 };

	return (inode->flags & FLAG_IMAGIC) != 0 && ext_has_compat(sb, COMPAT_IMAGIC);
}

static bool note_inode(struct inode_worker *worker, const struct ext_inode *inode,
		       const uint8_t *raw, bool is_orphan, struct inode_facts *facts)
{
	struct survey *survey = worker->survey;
	const struct ext_superblock *sb = survey->superblock;
	const enum owner owner = scan_owner(survey, inode);
	uint8_t state = (uint8_t)inode->type;

	if (is_system(survey, inode->number, owner) || is_imagic(sb, inode))
		state |= STATE_SYSTEM;
	if (is_orphan)
		state |= STATE_ORPHAN;
	if (!inode_states_use(&survey->inodes, inode->number, state, inode->links))
		return false;
	scan_claim_inode(&worker->claims, worker->mapping, inode, owner, facts,
			 survey->options.observer, worker->sink);
	if (ext_has_incompat(sb, EXT_INCOMPAT_EA_INODE) && !note_ea_inodes(worker, inode, raw))
		return false;
	if (inode->type != EXT_TYPE_DIRECTORY || (state & STATE_SYSTEM))
		return true;
	if (is_orphan && inode->links == 0) {
		/* An rmdir'd directory: counted in its group until the kernel lets go of it. */
		survey->group_directories[(inode->number - 1) / sb->inodes_per_group]++;
		return true;
	}
	return note_directory(worker, inode, facts) && note_directory_runs(worker, inode);
}

/* Notes a target that the observer asks for, or shows it at once. */
static bool note_target(struct inode_worker *worker, const struct ext_inode *inode,
			const struct inode_facts *facts)
{
	struct survey *survey = worker->survey;
	struct survey_observer *observer = survey->options.observer;
	const size_t most = survey->options.most_targets;
	const struct directory_run run = {
		.physical = facts->first_physical,
		.ino = inode->number,
		.logical = inode->size < UINT32_MAX ? (uint32_t)inode->size : UINT32_MAX,
		.flags = inode->flags};
	uint8_t *block;

	if (most == 0 || worker->target_count < most) {
		if (!GROW(worker->runs, worker->run_count, worker->run_size))
			return false;
		worker->runs[worker->run_count++] = run;
		worker->target_count++;
		return true;
	}
	block = malloc(survey->superblock->block_size);
	if (!block)
		return false;
	observer->target(observer, survey, &run,
			 ext_filesystem_read_blocks(survey->filesystem, run.physical, 1, block,
						    NULL) == EXT_OK
				 ? block
				 : NULL,
			 worker->sink);
	free(block);
	return true;
}

bool scan_inode(struct inode_worker *worker, ext_ino ino, const uint8_t *raw,
		const struct ext_inode_checksum *checksum)
{
	struct survey *survey = worker->survey;
	const struct ext_superblock *sb = survey->superblock;
	struct survey_observer *observer = survey->options.observer;
	struct inode_facts facts = {0};
	struct ext_inode inode;
	const bool is_orphan = inode_worker_is_orphan(worker, ino);

	facts.is_orphan = is_orphan;
	ext_inode_decode(sb, ino, raw, &inode);
	inode.checksum = checksum->state;
	inode.checksum_stored = checksum->stored;
	inode.checksum_computed = checksum->computed;
	facts.is_used = inode.links > 0 || is_orphan || (ino < sb->first_inode && !inode.all_zero);
	if (facts.is_used && inode.checksum != EXT_CHECKSUM_OK && inode.mode != 0 &&
	    survey->options.accept &&
	    !survey->options.accept(survey->options.accept_context, &inode, raw))
		return true;
	if (inode.checksum == EXT_CHECKSUM_BAD) {
		note_garbage(worker, &inode);
		/* With a mode that cannot be, these bytes are no inode at all. */
		if (facts.is_used && inode.type == EXT_TYPE_UNKNOWN && ino >= sb->first_inode)
			facts.is_used = false;
	}
	if (facts.is_used && (!note_inode(worker, &inode, raw, is_orphan, &facts) ||
			      ext_mapping_out_of_memory(worker->mapping)))
		return false;
	if (inode.checksum == EXT_CHECKSUM_BAD)
		report_checksum(worker, &inode, &facts);
	worker->maps_unread += facts.is_unread;
	worker->directory_maps_unread += facts.is_unread && inode.type == EXT_TYPE_DIRECTORY;
	if (observer && observer->inode &&
	    observer->inode(observer, survey, &inode, raw, &facts, worker->sink))
		return note_target(worker, &inode, &facts);
	return true;
}
