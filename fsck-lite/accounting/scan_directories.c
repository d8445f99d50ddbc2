/* SPDX-License-Identifier: MIT */
/*
 * The pass over directory blocks, in disk order, many in one read, and over targets of symlinks,
 * which lie among them. Threads take slices of the list; what one block says is for
 * scan_directory.c.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/pages.h>

#include "accounting/directory_worker.h"
#include "accounting/threads.h"

enum {
	READ_SIZE = 256 * 1024,
	GAP = 64 * 1024, /* bytes not wanted that are read over rather than skipped */
	SLICE = 256,	 /* runs that a thread takes at a time, at most */
	SLICES = 16,	 /* that each thread should find, so that all end together */
};

struct directory_pass {
	struct survey *survey;
	_Atomic uint64_t next;
	struct directory_worker *workers;
	unsigned threads;
};

static uint32_t length_of(const struct directory_run *run)
{
	return run->length > 0 ? run->length : 1;
}

/*
 * Blocks worth reading in one go from run `index` on: it, and those before run `last` that follow
 * closely on disk, but no more than fit. `next` receives the first run that does not begin there.
 */
static uint64_t stretch(const struct directory_worker *worker, size_t index, ext_block from,
			size_t last, size_t *next)
{
	const struct survey *survey = worker->survey;
	const uint64_t most = worker->room;
	const unsigned shift = survey->superblock->block_size_log2;
	uint64_t end =
		survey->directory_runs[index].physical + length_of(&survey->directory_runs[index]);
	size_t i = index + 1;

	for (; i < last; i++) {
		const struct directory_run *run = &survey->directory_runs[i];

		if (run->physical > end + (GAP >> shift) || run->physical >= from + most)
			break;
		if (run->physical + length_of(run) > end)
			end = run->physical + length_of(run);
	}
	*next = i;
	return end - from < most ? end - from : most;
}

/* The bytes of `block` of run `index`, read with what follows it; NULL when it cannot be read. */
static const uint8_t *load(struct directory_worker *worker, size_t index, ext_block block)
{
	struct survey *survey = worker->survey;
	const unsigned shift = survey->superblock->block_size_log2;
	size_t next;

	if (block >= worker->start && block < worker->start + worker->filled)
		return worker->buffer + ((block - worker->start) << shift);
	worker->start = block;
	worker->filled = stretch(worker, index, block, worker->last, &next);
	if (worker->filled == 0)
		worker->filled = 1;
	if (ext_filesystem_read_blocks(survey->filesystem, block, (uint32_t)worker->filled,
				       worker->buffer, NULL) == EXT_OK)
		return worker->buffer;
	worker->filled = 1;
	if (ext_filesystem_read_blocks(survey->filesystem, block, 1, worker->buffer, NULL) ==
	    EXT_OK)
		return worker->buffer;
	worker->filled = 0;
	return NULL;
}

static void report_unreadable(struct directory_worker *worker, ext_ino ino, ext_block block,
			      ext_logical logical)
{
	struct survey *survey = worker->survey;
	const struct ext_finding finding = {
		.problem = EXT_DIRECTORY_UNREADABLE,
		.place = {.structure = EXT_AT_DIRECTORY_BLOCK,
			  .has = EXT_HAS_INODE | EXT_HAS_BLOCK | EXT_HAS_LOGICAL,
			  .inode = ino,
			  .block = block,
			  .logical = logical}};

	lock_take(&survey->lock);
	survey->directory_blocks_unreadable++;
	lock_give(&survey->lock);
	ext_report(worker->sink, &finding);
}

static void read_run(struct directory_worker *worker, size_t index)
{
	struct survey *survey = worker->survey;
	const struct ext_superblock *sb = survey->superblock;
	const struct directory_run *run = &survey->directory_runs[index];
	struct survey_observer *observer = survey->options.observer;
	struct directory *directory;

	if (run->length == 0) {
		observer->target(observer, survey, run, load(worker, index, run->physical),
				 worker->sink);
		return;
	}
	directory = survey_directory(survey, run->ino);
	if (!directory || (worker->visitor && !worker->visitor->wanted(directory)))
		return;
	/* Blocks beyond i_size too: in a damaged inode the size is often what is wrong. */
	for (uint32_t i = 0; i < run->length && !survey->stopped; i++) {
		const ext_block block = run->physical + i;
		const ext_logical logical = run->logical + i;
		const uint8_t *const bytes = load(worker, index, block);

		if (bytes) {
			scan_directory_block(worker, directory, logical, block,
					     (struct ext_span){bytes, sb->block_size});
			continue;
		}
		directory->is_unread = 1;
		if (!worker->visitor)
			report_unreadable(worker, run->ino, block, logical);
	}
}

/* Hints at a slice of the list that will be taken later. */
static void hint_at(struct directory_worker *worker, uint64_t first, uint64_t count)
{
	const struct survey *survey = worker->survey;
	const unsigned shift = survey->superblock->block_size_log2;
	const uint64_t last = first + count < survey->directory_run_count
				      ? first + count
				      : survey->directory_run_count;

	/* One of them tells whether they are in memory already. */
	if (first >= last ||
	    ext_source_in_memory(worker->ahead.source,
				 survey->directory_runs[first + (last - first) / 2].physical
					 << shift))
		return;
	for (size_t i = (size_t)first, next; i < last; i = next) {
		const ext_block from = survey->directory_runs[i].physical;

		ahead_add(&worker->ahead, from << shift,
			  stretch(worker, i, from, (size_t)last, &next) << shift);
	}
	ahead_tell(&worker->ahead);
}

static void work(void *context, unsigned index)
{
	struct directory_pass *pass = context;
	struct survey *survey = pass->survey;
	struct directory_worker *worker = &pass->workers[index];
	const size_t count = survey->directory_run_count;
	const size_t slice = count / (pass->threads * SLICES) + 1 < SLICE
				     ? count / (pass->threads * SLICES) + 1
				     : SLICE;

	while (!survey->stopped && !worker->failed) {
		const uint64_t first = atomic_fetch_add(&pass->next, slice);
		const uint64_t last = first + slice < count ? first + slice : count;

		if (first >= count)
			break;
		if (survey->options.stop && survey->options.stop())
			survey->stopped = true;
		if (survey->options.progress)
			survey->options.progress(survey->options.progress_context, 2, first, count);
		if (first == 0)
			hint_at(worker, 0, pass->threads * slice);
		hint_at(worker, first + pass->threads * slice, slice);
		worker->last = (size_t)last;
		for (uint64_t i = first; i < last; i++)
			read_run(worker, (size_t)i);
	}
}

static bool find_buffer(struct directory_worker *worker, unsigned index)
{
	const struct survey *survey = worker->survey;
	const uint32_t block_size = survey->superblock->block_size;
	size_t size = survey->lent_size;

	worker->buffer = scan_lent(survey, index);
	if (!worker->buffer || size < block_size) {
		size = READ_SIZE > block_size ? READ_SIZE : block_size;
		worker->buffer = worker->owned = malloc(size);
		ext_pages_expect(worker->buffer, size);
	}
	worker->room = size / block_size;
	return worker->buffer != NULL;
}

static enum ext_status run_pass(struct survey *survey, const struct directory_visitor *visitor,
				unsigned threads, struct ext_error *error)
{
	const struct ext_superblock *sb = survey->superblock;
	struct directory_pass pass = {.survey = survey, .threads = threads};
	uint8_t *raw = malloc(sb->inode_size);
	enum ext_status status = EXT_OK;

	pass.workers = calloc(threads, sizeof *pass.workers);
	if (!pass.workers || !raw)
		status = ext_no_memory(error);
	for (unsigned i = 0; i < threads && status == EXT_OK; i++) {
		pass.workers[i].survey = survey;
		pass.workers[i].visitor = visitor;
		ahead_init(&pass.workers[i].ahead, ext_filesystem_source(survey->filesystem));
		pass.workers[i].sink = survey->options.sink;
		if (!find_buffer(&pass.workers[i], i))
			status = ext_no_memory(error);
	}
	if (status == EXT_OK) {
		threads_run(threads, work, &pass);
		for (size_t i = 0; i < survey->inline_directory_count; i++)
			scan_inline_directory(&pass.workers[0], survey->inline_directories[i], raw);
	}
	for (unsigned i = 0; pass.workers && i < threads; i++) {
		struct directory_worker *worker = &pass.workers[i];

		if (worker->failed)
			status = ext_no_memory(error);
		free(worker->owned);
	}
	if (status == EXT_OK && !visitor) {
		struct edge *edges = NULL;
		size_t count = 0;

		for (unsigned i = 0; i < threads; i++)
			count += pass.workers[i].edge_count;
		edges = malloc((count + 1) * sizeof *edges);
		count = 0;
		for (unsigned i = 0; edges && i < threads; i++) {
			const size_t part = pass.workers[i].edge_count;

			if (part > 0)
				memcpy(edges + count, pass.workers[i].edges, part * sizeof *edges);
			count += part;
		}
		if (edges)
			scan_parents(survey, edges, count);
		else
			status = ext_no_memory(error);
		free(edges);
	}
	for (unsigned i = 0; pass.workers && i < threads; i++)
		free(pass.workers[i].edges);
	free(pass.workers);
	free(raw);
	return status;
}

/* What was listed to be read along with directories need not be read again. */
static void drop_targets(struct survey *survey)
{
	size_t kept = 0;

	for (size_t i = 0; i < survey->directory_run_count; i++)
		if (survey->directory_runs[i].length > 0)
			survey->directory_runs[kept++] = survey->directory_runs[i];
	survey->directory_run_count = kept;
}

enum ext_status scan_directories(struct survey *survey, struct ext_error *error)
{
	const enum ext_status status = run_pass(survey, NULL, survey->threads, error);

	drop_targets(survey);
	return status;
}

enum ext_status scan_entries(struct survey *survey, const struct directory_visitor *visitor,
			     struct ext_error *error)
{
	return run_pass(survey, visitor, 1, error);
}
