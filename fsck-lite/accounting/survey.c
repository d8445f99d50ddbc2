/* SPDX-License-Identifier: MIT */
/* The survey as a whole: its passes one after another, and the sums at the end. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/scan.h"

static enum ext_status prepare(struct survey *survey, struct ext_error *error)
{
	const struct ext_superblock *sb = survey->superblock;
	const uint64_t clusters = (sb->block_count + sb->cluster_blocks - 1) >> sb->cluster_log2;

	survey->group_directories = calloc(sb->group_count, sizeof *survey->group_directories);
	survey->group_fixed = calloc(sb->group_count, sizeof *survey->group_fixed);
	survey->group_unread = calloc(sb->group_count, sizeof *survey->group_unread);
	if (!survey->group_directories || !survey->group_fixed || !survey->group_unread ||
	    !inode_states_init(&survey->inodes, sb) || !block_set_init(&survey->owned, clusters) ||
	    !block_set_init(&survey->shared, clusters) ||
	    !block_set_init(&survey->xattr_blocks, clusters))
		return ext_no_memory(error);
	return EXT_OK;
}

static void report_root(struct survey *survey, enum ext_problem problem, uint64_t found)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = EXT_INO_ROOT},
		.found = found};

	ext_report(survey->options.sink, &finding);
}

/* A root that is none: said once, and in the plainest words. */
static void judge_root(struct survey *survey)
{
	const uint8_t state = inode_states_get(&survey->inodes, EXT_INO_ROOT);
	const struct directory *root = survey_directory(survey, EXT_INO_ROOT);
	struct ext_inode inode = {0};

	survey->root_is_directory = root != NULL;
	survey->root_readable = root && (root->has_dot || root->dotdot || root->entries > 0);
	if (root && !survey->root_readable)
		report_root(survey,
			    root->has_first || root->is_unread ? EXT_ROOT_UNREADABLE
							       : EXT_ROOT_EMPTY,
			    0);
	/* Linux takes an inode without links for deleted, and the root with it. */
	if (root && root->is_unlinked)
		report_root(survey, EXT_ROOT_MISSING, 0);
	/* A table that is nowhere has no root in it; one that cannot be read may have. */
	if (root || ext_inode_read(survey->filesystem, EXT_INO_ROOT, &inode, NULL, NULL) == EXT_IO)
		return;
	if (inode.type != EXT_TYPE_DIRECTORY)
		report_root(survey, EXT_ROOT_NOT_DIRECTORY, inode.mode);
	if ((state & STATE_USED) == 0 || inode.links == 0 || inode.type != EXT_TYPE_DIRECTORY)
		report_root(survey, EXT_ROOT_MISSING, inode.mode);
}

static void count_reached(struct survey *survey)
{
	uint64_t counts[256];

	inode_states_count(&survey->inodes, counts);
	for (unsigned state = 0; state < 256; state++) {
		if (!(state & STATE_USED))
			continue;
		if (state & STATE_REACHED) {
			survey->reached_inodes += counts[state];
			if ((state & STATE_TYPE) == EXT_TYPE_DIRECTORY)
				survey->reached_directories += counts[state];
		} else if (state & STATE_ORPHAN) {
			survey->orphan_inodes += counts[state];
		} else if (survey_is_lost((uint8_t)state)) {
			survey->lost_inodes += counts[state];
		}
	}
}

static void report_superblock_count(struct survey *survey, enum ext_problem problem,
				    const char *field, uint64_t found, uint64_t in_bitmaps,
				    uint64_t really)
{
	const uint64_t low = found != really ? really : in_bitmaps;
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_SUPERBLOCK, .field = field},
		.found = found,
		.low = low,
		.high = low,
		.asked = scan_asked(found, in_bitmaps, really)};

	if (found != low)
		ext_report(survey->options.sink, &finding);
}

static void sum_up(struct survey *survey)
{
	const struct ext_superblock *sb = survey->superblock;
	uint64_t owned = 0, shared_clusters;

	for (unsigned i = 0; i < OWNER_FREE; i++)
		owned += survey->owners[i];
	survey->owners[OWNER_FREE] = owned < sb->block_count ? sb->block_count - owned : 0;
	survey->reached_blocks = survey->owners[OWNER_DIRECTORIES] + survey->owners[OWNER_FILES];
	survey->lost_blocks = survey->owners[OWNER_LOST];
	shared_clusters = block_set_count(&survey->shared, 0, survey->shared.bits);
	survey->shared_blocks = shared_clusters << sb->cluster_log2;
	if (ext_filesystem_blocks_present(survey->filesystem) < sb->block_count) {
		const uint64_t present = ext_filesystem_blocks_present(survey->filesystem);
		const struct ext_finding finding = {.problem = EXT_BLOCKS_BEYOND_END,
						    .place = {.structure = EXT_AT_IMAGE},
						    .found = sb->block_count - present,
						    .high = present};

		ext_report(survey->options.sink, &finding);
	}
	if ((ext_filesystem_is_stale(survey->filesystem) && !survey->options.judge_stale_counts) ||
	    survey->is_free_unknown)
		return;
	report_superblock_count(survey, EXT_SUPERBLOCK_FREE_BLOCKS, "s_free_blocks_count",
				sb->free_block_count, survey->bitmaps_free_blocks,
				survey->really_free_blocks);
	report_superblock_count(survey, EXT_SUPERBLOCK_FREE_INODES, "s_free_inodes_count",
				sb->free_inode_count, survey->bitmaps_free_inodes,
				survey->really_free_inodes);
}

/* What needs a second look: something lost or orphaned, or blocks with several owners. */
static bool needs_recount(const struct survey *survey)
{
	uint64_t first;

	return survey->lost_inodes > 0 || survey->orphan_inodes > 0 ||
	       block_set_next(&survey->shared, 0, &first);
}

static enum ext_status run_passes(struct survey *survey, struct ext_error *error)
{
	struct block_set orphans = {0};
	enum ext_status status = prepare(survey, error);

	if (status == EXT_OK) {
		claims_of_layout(survey, survey->options.sink);
		if (survey->options.heed_bad_blocks)
			status = bad_blocks_read(survey->filesystem, &survey->bad_blocks, error);
	}
	if (status == EXT_OK) {
		status = scan_orphans(survey, &orphans, error);
	}
	if (status == EXT_OK)
		status = scan_inodes(survey, &orphans, error);
	block_set_clear(&orphans);
	if (status == EXT_OK) {
		scan_bitmaps_ahead(survey);
		status = scan_directories(survey, error);
	}
	if (status == EXT_OK && !survey->stopped)
		status = scan_reach(survey, error);
	if (status != EXT_OK || survey->stopped)
		return status;
	judge_root(survey);
	count_reached(survey);
	if (needs_recount(survey))
		status = scan_recount(survey, error);
	if (status == EXT_OK && !survey->stopped)
		status = scan_bitmaps(survey, error);
	if (status == EXT_OK && !survey->stopped)
		sum_up(survey);
	return status;
}

enum ext_status survey_run(const struct ext_filesystem *filesystem,
			   const struct survey_options *options, struct survey *survey,
			   struct ext_error *error)
{
	enum ext_status status;

	memset(survey, 0, sizeof *survey);
	survey->filesystem = filesystem;
	survey->superblock = ext_filesystem_superblock(filesystem);
	survey->options = *options;
	lock_init(&survey->lock);
	scan_reads_begin(survey);
	status = run_passes(survey, error);
	scan_reads_end(survey);
	if (status == EXT_OK && (survey->owned.out_of_memory || survey->shared.out_of_memory))
		status = ext_no_memory(error);
	if (status != EXT_OK)
		survey_clear(survey);
	return status;
}

void survey_clear(struct survey *survey)
{
	block_set_clear(&survey->owned);
	block_set_clear(&survey->shared);
	block_set_clear(&survey->xattr_blocks);
	inode_states_clear(&survey->inodes);
	bad_blocks_clear(&survey->bad_blocks);
	free(survey->directories);
	free(survey->directory_runs);
	free(survey->inline_directories);
	free(survey->group_directories);
	free(survey->group_fixed);
	free(survey->group_unread);
	lock_clear(&survey->lock);
	memset(survey, 0, sizeof *survey);
}
