/* SPDX-License-Identifier: MIT */
/*
 * Owners once more, where it matters: the inode pass could not know yet what is lost. Blocks of
 * lost and orphaned inodes change their class. Where blocks have several owners, all of them are
 * read again in a fixed order, so that each block is counted for the one who has most right to it:
 * the layout, then what is reached, then orphans, then what is lost.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/xattr.h>

#include "accounting/scan.h"

struct recount {
	struct survey *survey;
	struct ext_mapping *mapping;
	struct claims *claims;
	struct block_set layout; /* only when blocks are shared */
};

static bool is_moved(uint8_t state)
{
	return survey_is_lost(state) || (state & STATE_ORPHAN) != 0;
}

static enum owner class_of(const struct survey *survey, const struct ext_inode *inode,
			   uint8_t state)
{
	if (state & STATE_ORPHAN)
		return OWNER_ORPHANS;
	return survey_is_lost(state) ? OWNER_LOST : scan_owner(survey, inode);
}

/* Blocks that one inode owns alone move from the class of its type to `to`. */
static void move_inode(struct recount *recount, const struct ext_inode *inode, enum owner to)
{
	struct survey *survey = recount->survey;
	const struct ext_superblock *sb = survey->superblock;
	const enum owner from = scan_owner(survey, inode);
	struct last_cluster last_cluster = no_cluster;
	uint64_t blocks = 0;
	struct ext_run run;

	ext_mapping_start(recount->mapping, inode, 0, NULL);
	while (ext_mapping_next(recount->mapping, &run) == EXT_OK) {
		uint64_t first, last;

		if (!run.is_doubtful && claims_clusters(sb, &run, &last_cluster, &first, &last))
			blocks += claims_blocks(survey, first, last - first + 1);
	}
	/* An attribute block with more references stays with whoever else has it. */
	if (inode->xattr_block > sb->first_data_block && inode->xattr_block < sb->block_count) {
		struct ext_xattr_header header;
		uint8_t *block = malloc(sb->block_size);

		if (block &&
		    ext_filesystem_read_blocks(survey->filesystem, inode->xattr_block, 1, block,
					       NULL) == EXT_OK &&
		    ext_xattr_header(sb, inode->xattr_block,
				     (struct ext_span){block, sb->block_size}, &header,
				     NULL) == EXT_OK &&
		    header.reference_count <= 1)
			blocks += claims_blocks(survey, inode->xattr_block >> sb->cluster_log2, 1);
		free(block);
	}
	if (blocks > survey->owners[from])
		blocks = survey->owners[from];
	survey->owners[from] -= blocks;
	survey->owners[to] += blocks;
}

static void move_all(struct recount *recount)
{
	struct survey *survey = recount->survey;
	struct ext_inode inode;

	for (ext_ino ino = 0;
	     (ino = inode_states_next(&survey->inodes, ino + 1, STATE_USED, STATE_REACHED)) != 0;) {
		const uint8_t state = inode_states_get(&survey->inodes, ino);

		if (is_moved(state) &&
		    ext_inode_read(survey->filesystem, ino, &inode, NULL, NULL) == EXT_OK)
			move_inode(recount, &inode, class_of(survey, &inode, state));
	}
}

static void report_shared(struct survey *survey, enum ext_problem problem, ext_ino ino,
			  uint64_t count, uint64_t first)
{
	struct ext_finding finding = {.problem = problem,
				      .place = {.structure = EXT_AT_INODE,
						.has = EXT_HAS_INODE | EXT_HAS_BLOCK,
						.inode = ino,
						.block = first},
				      .found = count};

	if (count > 0)
		ext_report(survey->options.sink, &finding);
}

/* How much of an inode is shared, and with the layout: one finding for each inode. */
static void report_inode(struct recount *recount, const struct ext_inode *inode)
{
	struct survey *survey = recount->survey;
	const struct ext_superblock *sb = survey->superblock;
	uint64_t shared = 0, in_layout = 0, first_shared = 0, first_layout = 0;
	struct last_cluster last_cluster = no_cluster;
	struct ext_run run;

	ext_mapping_start(recount->mapping, inode, 0, NULL);
	while (ext_mapping_next(recount->mapping, &run) == EXT_OK) {
		uint64_t first, last, found;

		if (run.is_doubtful || !claims_clusters(sb, &run, &last_cluster, &first, &last))
			continue;
		if (shared == 0 && block_set_next(&survey->shared, first, &found) && found <= last)
			first_shared = found << sb->cluster_log2;
		if (in_layout == 0 && block_set_next(&recount->layout, first, &found) &&
		    found <= last)
			first_layout = found << sb->cluster_log2;
		shared += block_set_count(&survey->shared, first, last - first + 1);
		in_layout += block_set_count(&recount->layout, first, last - first + 1);
	}
	if (inode->xattr_block > sb->first_data_block && inode->xattr_block < sb->block_count) {
		const uint64_t cluster = inode->xattr_block >> sb->cluster_log2;

		if (shared == 0)
			first_shared = inode->xattr_block;
		if (in_layout == 0)
			first_layout = inode->xattr_block;
		shared += block_set_has(&survey->shared, cluster);
		in_layout += block_set_has(&recount->layout, cluster);
	}
	survey->copied_blocks += shared << sb->cluster_log2;
	report_shared(survey, EXT_BLOCK_SHARED, inode->number, shared << sb->cluster_log2,
		      first_shared);
	report_shared(survey, EXT_BLOCK_IN_METADATA, inode->number, in_layout << sb->cluster_log2,
		      first_layout);
}

/* Claims every inode of the wanted class again, in the order of the tables. */
static enum ext_status claim_again(struct recount *recount, bool moved, struct ext_error *error)
{
	struct survey *survey = recount->survey;
	const bool may_share = ext_has_ro_compat(survey->superblock, EXT_RO_SHARED_BLOCKS);
	struct ext_inode inode;

	(void)error;
	for (ext_ino ino = 0;
	     (ino = inode_states_next(&survey->inodes, ino + 1, STATE_USED, 0)) != 0;) {
		const uint8_t state = inode_states_get(&survey->inodes, ino);
		struct inode_facts facts = {0};

		if (is_moved(state) != moved ||
		    ext_inode_read(survey->filesystem, ino, &inode, NULL, NULL) != EXT_OK)
			continue;
		if (survey->options.stop && survey->options.stop()) {
			survey->stopped = true;
			break;
		}
		scan_claim_inode(recount->claims, recount->mapping, &inode,
				 class_of(survey, &inode, state), &facts, NULL, NULL);
		if (!may_share && ino != EXT_INO_BAD_BLOCKS &&
		    !(ino == EXT_INO_RESIZE &&
		      ext_has_compat(survey->superblock, EXT_COMPAT_RESIZE_INODE)))
			report_inode(recount, &inode);
	}
	claims_flush(recount->claims);
	return EXT_OK;
}

/* One of several owners keeps the block itself, unless the layout is among them. */
static void keep_one(const struct recount *recount)
{
	struct survey *survey = recount->survey;
	uint64_t kept = 0;

	for (uint64_t at = 0; block_set_next(&survey->shared, at, &at); at++)
		kept += !block_set_has(&recount->layout, at);
	kept <<= survey->superblock->cluster_log2;
	survey->copied_blocks -= kept < survey->copied_blocks ? kept : survey->copied_blocks;
}

/* All owners from the start, in the order of their right. */
static enum ext_status count_again(struct recount *recount, struct ext_error *error)
{
	struct survey *survey = recount->survey;
	const uint64_t clusters = survey->owned.bits;
	struct block_set shared = survey->shared;

	block_set_clear(&survey->owned);
	block_set_clear(&survey->xattr_blocks);
	survey->shared = (struct block_set){0};
	if (!block_set_init(&survey->owned, clusters) ||
	    !block_set_init(&survey->xattr_blocks, clusters) ||
	    !block_set_init(&survey->shared, clusters) ||
	    !block_set_init(&recount->layout, clusters)) {
		block_set_clear(&shared);
		return ext_no_memory(error);
	}
	memset(survey->owners, 0, sizeof survey->owners);
	memset(survey->group_fixed, 0,
	       survey->superblock->group_count * sizeof *survey->group_fixed);
	claims_of_layout(survey, NULL);
	for (uint64_t at = 0; block_set_next(&survey->owned, at, &at); at++)
		block_set_add(&recount->layout, at, 1, NULL);
	block_set_clear(&survey->shared);
	survey->shared = shared;
	claim_again(recount, false, error);
	claim_again(recount, true, error);
	keep_one(recount);
	return EXT_OK;
}

enum ext_status scan_recount(struct survey *survey, struct ext_error *error)
{
	struct recount recount = {.survey = survey};
	uint64_t first;
	enum ext_status status;

	recount.claims = calloc(1, sizeof *recount.claims);
	if (!recount.claims)
		return ext_no_memory(error);
	recount.claims->survey = survey;
	status = ext_mapping_new(survey->filesystem, &recount.mapping, error);
	if (status == EXT_OK) {
		if (block_set_next(&survey->shared, 0, &first))
			status = count_again(&recount, error);
		else
			move_all(&recount);
	}
	if (status == EXT_OK && ext_mapping_out_of_memory(recount.mapping))
		status = ext_no_memory(error);
	block_set_clear(&recount.layout);
	ext_mapping_free(recount.mapping);
	free(recount.claims);
	return status;
}
