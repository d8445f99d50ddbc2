/* SPDX-License-Identifier: MIT */
/*
 * The pass over the inode tables. Groups are handed out in batches to threads, inodes several at a
 * time to scan_inode.c; those with deep maps come last, one by one. What the threads gathered is
 * put together and sorted at the end.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/orphan.h>

#include "accounting/inode_worker.h"
#include "accounting/order.h"
#include "accounting/threads.h"

/* Few enough that all threads end together. `make check-threads` makes them fewer. */
#ifndef BATCH_INODES
#define BATCH_INODES 16384
#endif

/* Inodes with deep maps, of which a few in one batch would keep one thread at work alone. */
enum { DEEP_MOST = 256, DEEP_INODE_SIZE = 1024 };

struct deep_inodes {
	struct lock lock;
	unsigned count;
	_Atomic unsigned next;
	ext_ino inos[DEEP_MOST];
	struct ext_inode_checksum checksums[DEEP_MOST];
	uint8_t *raws; /* of inode_size bytes each; NULL: none are put off */
};

struct inode_pass {
	struct survey *survey;
	_Atomic uint32_t next_group;
	uint32_t batch; /* groups */
	unsigned threads;
	struct inode_worker *workers;
	struct deep_inodes deep;
};

static void report_unreadable(struct inode_worker *worker, const struct ext_inode_run *run)
{
	struct ext_finding finding = ext_finding_of_error(&run->error);

	worker->unreadable += run->count;
	/* A descriptor that points nowhere has been reported with the layout. */
	if (run->error.status == EXT_CORRUPT)
		return;
	worker->inodes_unread += run->count;
	/* A run lies in one group, and a group is one thread's. */
	worker->survey->group_unread[run->group] += run->count;
	finding.problem = EXT_INODES_UNREADABLE;
	finding.found = run->count;
	ext_report(worker->sink, &finding);
}

/* Puts an inode off. False: it is nothing special, or there is no more room. Those with a wrong
 * checksum are counted block by block, and come in their turn. */
static bool put_off(struct inode_worker *worker, ext_ino ino, const uint8_t *raw,
		    const struct ext_inode_checksum *checksum)
{
	struct deep_inodes *const deep = worker->deep;
	const uint32_t inode_size = worker->survey->superblock->inode_size;
	bool fits;

	if (!deep->raws || checksum->state == EXT_CHECKSUM_BAD || !ext_inode_map_is_deep(raw))
		return false;
	lock_take(&deep->lock);
	fits = deep->count < DEEP_MOST;
	if (fits) {
		memcpy(deep->raws + (size_t)deep->count * inode_size, raw, inode_size);
		deep->inos[deep->count] = ino;
		deep->checksums[deep->count++] = *checksum;
	}
	lock_give(&deep->lock);
	return fits;
}

static bool scan_several(struct inode_worker *worker, const ext_ino *inos,
			 const uint8_t *const *raws, unsigned count)
{
	struct ext_inode_checksum checksums[EXT_INODES_AT_ONCE];

	ext_inode_checksums(worker->survey->superblock, inos, raws, count, checksums);
	for (unsigned i = 0; i < count; i++)
		if (!put_off(worker, inos[i], raws[i], &checksums[i]) &&
		    !scan_inode(worker, inos[i], raws[i], &checksums[i]))
			return false;
	return true;
}

static bool scan_run(struct inode_worker *worker, const struct ext_inode_run *run)
{
	struct survey *survey = worker->survey;
	const struct ext_superblock *sb = survey->superblock;
	const uint8_t *raws[EXT_INODES_AT_ONCE];
	ext_ino inos[EXT_INODES_AT_ONCE];
	unsigned count = 0;

	if (!run->raw) {
		report_unreadable(worker, run);
		return true;
	}
	for (uint32_t i = 0; i < run->count; i++) {
		const uint8_t *raw = run->raw + (size_t)i * sb->inode_size;
		const ext_ino ino = run->first + i;

		if (survey->bad_blocks.is_heeded &&
		    bad_blocks_hold_inode(&survey->bad_blocks, survey->filesystem, ino)) {
			/* Whatever it holds: nobody may use it, and nothing need name it. */
			if (!inode_states_use(&survey->inodes, ino, STATE_SYSTEM, 0))
				return false;
			continue;
		}
		if (ext_inode_is_unused(raw) && ino >= sb->first_inode &&
		    !inode_worker_is_orphan(worker, ino))
			continue;
		inos[count] = ino;
		raws[count++] = raw;
		if (count == EXT_INODES_AT_ONCE) {
			if (!scan_several(worker, inos, raws, count))
				return false;
			count = 0;
		}
	}
	return scan_several(worker, inos, raws, count);
}

/* Hints at what stands between these inodes and their data: each would be waited for in turn. */
static void hint_at_inner_blocks(struct inode_worker *worker, const struct ext_inode_run *run)
{
	const struct ext_superblock *sb = worker->survey->superblock;
	ext_block blocks[EXT_INNER_BLOCKS];

	for (uint32_t i = 0; i < run->count; i++) {
		const uint8_t *raw = run->raw + (size_t)i * sb->inode_size;
		const unsigned count =
			ext_inode_is_unused(raw) ? 0 : ext_inode_inner_blocks(sb, raw, blocks);

		for (unsigned j = 0; j < count; j++)
			if (blocks[j] < sb->block_count)
				ahead_add(&worker->ahead, blocks[j] << sb->block_size_log2,
					  sb->block_size);
	}
	ahead_tell(&worker->ahead);
}

static enum ext_status scan_batch(struct inode_worker *worker, struct ext_inode_table *table,
				  ext_group first, ext_group last)
{
	struct ext_inode_run run;
	enum ext_status status;

	ext_inode_table_restart(table, first, last);
	while ((status = ext_inode_table_next(table, &run)) == EXT_OK) {
		if (worker->survey->is_cold && run.raw)
			hint_at_inner_blocks(worker, &run);
		if (!scan_run(worker, &run))
			return EXT_MEMORY;
	}
	return status == EXT_END ? EXT_OK : status;
}

/* Batches in hand or hinted at are twice as many as threads; this is for who begins with `first`.
 */
static void hint_ahead(const struct inode_pass *pass, const struct ext_inode_table *table,
		       ext_group first)
{
	const ext_group groups = pass->survey->superblock->group_count;
	const uint64_t ahead = first + (uint64_t)pass->threads * pass->batch;

	if (first == 0)
		ext_inode_table_hint(table, 0, (ext_group)(ahead < groups ? ahead : groups));
	if (ahead < groups)
		ext_inode_table_hint(table, (ext_group)ahead, (ext_group)ahead + pass->batch);
}

static void work(void *context, unsigned index)
{
	struct inode_pass *pass = context;
	struct survey *survey = pass->survey;
	struct inode_worker *worker = &pass->workers[index];
	const size_t buffer_size =
		survey->options.buffer_size ? survey->options.buffer_size : SURVEY_BUFFER;
	struct ext_inode_table *table = NULL;

	if (worker->status == EXT_OK)
		worker->status = ext_inode_table_open(survey->filesystem, 0, 0, false, buffer_size,
						      &table, NULL);
	if (worker->status == EXT_OK)
		ext_inode_table_lend(table, scan_lent(survey, index), survey->lent_size);
	while (worker->status == EXT_OK && !survey->stopped) {
		const uint32_t first = atomic_fetch_add(&pass->next_group, pass->batch);
		const uint32_t count = survey->superblock->group_count;

		if (first >= count)
			break;
		if (survey->options.stop && survey->options.stop())
			survey->stopped = true;
		if (survey->options.progress)
			survey->options.progress(survey->options.progress_context, 1, first, count);
		if (survey->is_cold)
			hint_ahead(pass, table, first);
		worker->status =
			scan_batch(worker, table, first,
				   count - first < pass->batch ? count : first + pass->batch);
	}
	ext_inode_table_close(table);
	claims_flush(&worker->claims);
}

/* Takes in what was put off, inode by inode. */
static void work_deep(void *context, unsigned index)
{
	struct inode_pass *pass = context;
	struct survey *survey = pass->survey;
	struct inode_worker *worker = &pass->workers[index];
	struct deep_inodes *const deep = &pass->deep;

	/* The tables are done with it. */
	if (worker->status == EXT_OK)
		ext_mapping_lend(worker->mapping, scan_lent(survey, index), survey->lent_size);
	while (worker->status == EXT_OK && !survey->stopped) {
		const unsigned i = atomic_fetch_add(&deep->next, 1);

		if (i >= deep->count)
			break;
		if (survey->options.stop && survey->options.stop())
			survey->stopped = true;
		else if (!scan_inode(worker, deep->inos[i],
				     deep->raws + (size_t)i * survey->superblock->inode_size,
				     &deep->checksums[i]))
			worker->status = EXT_MEMORY;
	}
	claims_flush(&worker->claims);
}

static int compare_directories(const void *left, const void *right)
{
	const struct directory *a = left, *b = right;

	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

static int compare_runs(const void *left, const void *right)
{
	const struct directory_run *a = left, *b = right;

	if (a->physical != b->physical)
		return a->physical < b->physical ? -1 : 1;
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	return a->logical < b->logical ? -1 : a->logical > b->logical;
}

/* Moves what a worker found behind what the survey has. */
static bool join_list(void **all, size_t *count, void *part, size_t part_count, size_t size)
{
	char *joined;

	if (part_count == 0)
		return true;
	if (!*all) {
		*all = part;
		*count = part_count;
		return true;
	}
	joined = realloc(*all, (*count + part_count) * size);
	if (!joined)
		return false;
	memcpy(joined + *count * size, part, part_count * size);
	*all = joined;
	*count += part_count;
	return true;
}

static bool join(struct survey *survey, struct inode_worker *worker)
{
	void *directories = survey->directories, *runs = survey->directory_runs,
	     *inos = survey->inline_directories;
	const bool fits =
		join_list(&directories, &survey->directory_count, worker->directories,
			  worker->directory_count, sizeof *worker->directories) &&
		join_list(&runs, &survey->directory_run_count, worker->runs, worker->run_count,
			  sizeof *worker->runs) &&
		join_list(&inos, &survey->inline_directory_count, worker->inline_directories,
			  worker->inline_count, sizeof *worker->inline_directories);

	survey->directories = directories;
	survey->directory_runs = runs;
	survey->inline_directories = inos;
	survey->inodes_unreadable += worker->unreadable;
	survey->inodes_unread += worker->inodes_unread;
	survey->maps_unread += worker->maps_unread;
	survey->directory_maps_unread += worker->directory_maps_unread;
	if (worker->directories != survey->directories)
		free(worker->directories);
	if (worker->runs != survey->directory_runs)
		free(worker->runs);
	if (worker->inline_directories != survey->inline_directories)
		free(worker->inline_directories);
	return fits;
}

static void sort_lists(struct survey *survey)
{
	if (survey->directory_count > 1)
		qsort(survey->directories, survey->directory_count, sizeof *survey->directories,
		      compare_directories);
	if (survey->directory_run_count > 1)
		qsort(survey->directory_runs, survey->directory_run_count,
		      sizeof *survey->directory_runs, compare_runs);
	if (survey->inline_directory_count > 1)
		qsort(survey->inline_directories, survey->inline_directory_count,
		      sizeof *survey->inline_directories, compare_inos);
}

enum ext_status scan_orphans(struct survey *survey, struct block_set *orphans,
			     struct ext_error *error)
{
	struct ext_orphans *cursor;
	struct ext_orphan orphan;
	enum ext_status status;

	/* Linux keeps orphans in the journal's care; without one there are none, only leftovers. */
	if (!ext_has_compat(survey->superblock, EXT_COMPAT_HAS_JOURNAL))
		return EXT_OK;
	status = ext_orphans_open(survey->filesystem, survey->options.sink, &cursor, error);

	if (status != EXT_OK)
		return status;
	while (ext_orphans_next(cursor, &orphan) == EXT_OK) {
		if (!orphans->pages &&
		    !block_set_init(orphans, (uint64_t)survey->superblock->inode_count + 1)) {
			status = ext_no_memory(error);
			break;
		}
		block_set_add(orphans, orphan.inode, 1, NULL);
	}
	ext_orphans_close(cursor);
	return status;
}

enum ext_status scan_inodes(struct survey *survey, const struct block_set *orphans,
			    struct ext_error *error)
{
	const unsigned threads = survey->threads;
	struct inode_pass pass = {.survey = survey, .threads = threads};
	enum ext_status status = EXT_OK;

	pass.batch = BATCH_INODES / survey->superblock->inodes_per_group + 1;
	pass.workers = calloc(threads, sizeof *pass.workers);
	if (!pass.workers)
		return ext_no_memory(error);
	for (unsigned i = 0; i < threads; i++) {
		pass.workers[i].survey = pass.workers[i].claims.survey = survey;
		ahead_init(&pass.workers[i].ahead, ext_filesystem_source(survey->filesystem));
		pass.workers[i].orphans = orphans;
		pass.workers[i].deep = &pass.deep;
		pass.workers[i].sink = survey->options.sink;
		pass.workers[i].status =
			ext_mapping_new(survey->filesystem, &pass.workers[i].mapping, NULL);
	}
	if (threads > 1 && survey->superblock->inode_size <= DEEP_INODE_SIZE)
		pass.deep.raws = malloc((size_t)DEEP_MOST * survey->superblock->inode_size);
	lock_init(&pass.deep.lock);
	threads_run(threads, work, &pass);
	if (pass.deep.count > 0)
		threads_run(threads, work_deep, &pass);
	lock_clear(&pass.deep.lock);
	free(pass.deep.raws);
	for (unsigned i = 0; i < threads; i++) {
		struct inode_worker *worker = &pass.workers[i];

		for (size_t j = 0; j < worker->ea_count; j++)
			inode_states_mark(&survey->inodes, worker->ea_inodes[j], STATE_SYSTEM);
		if (worker->status != EXT_OK || !join(survey, worker))
			status = ext_no_memory(error);
		free(worker->ea_inodes);
		ext_mapping_free(worker->mapping);
	}
	free(pass.workers);
	sort_lists(survey);
	return status;
}
