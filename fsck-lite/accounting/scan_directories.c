/* SPDX-License-Identifier: MIT */
/*
 * The pass over directory blocks, in disk order, many in one read. Threads take slices of the list;
 * what one block says is for scan_directory.c.
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
	SLICE = 64,	 /* runs that a thread takes at a time, at most */
	SLICES = 16,	 /* that each thread should find, so that all end together */
};

struct directory_pass {
	struct survey *survey;
	_Atomic uint64_t next;
	struct directory_worker *workers;
	unsigned threads;
};

/* Blocks worth reading in one go from run `index` on: it, and those that follow closely on disk. */
static uint64_t stretch(const struct survey *survey, size_t index, ext_block from)
{
	const unsigned shift = survey->superblock->block_size_log2;
	const uint64_t most = READ_SIZE >> shift;
	uint64_t end =
		survey->directory_runs[index].physical + survey->directory_runs[index].length;

	for (size_t i = index + 1; i < survey->directory_run_count && end - from < most; i++) {
		const struct directory_run *run = &survey->directory_runs[i];

		if (run->physical > end + (GAP >> shift))
			break;
		if (run->physical + run->length > end)
			end = run->physical + run->length;
	}
	return end - from < most ? end - from : most;
}

/* The bytes of `block`, read with what follows it; NULL (reported) when it cannot be read. */
static const uint8_t *load(struct directory_worker *worker, size_t index, ext_block block,
			   struct directory *directory, ext_logical logical)
{
	struct survey *survey = worker->survey;
	const unsigned shift = survey->superblock->block_size_log2;

	if (block >= worker->start && block < worker->start + worker->filled)
		return worker->buffer + ((block - worker->start) << shift);
	worker->start = block;
	worker->filled = stretch(survey, index, block);
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
	directory->is_unread = 1;
	if (!worker->visitor) {
		lock_take(&survey->lock);
		survey->directory_blocks_unreadable++;
		lock_give(&survey->lock);
		const struct ext_finding finding = {
			.problem = EXT_DIRECTORY_UNREADABLE,
			.place = {.structure = EXT_AT_DIRECTORY_BLOCK,
				  .has = EXT_HAS_INODE | EXT_HAS_BLOCK | EXT_HAS_LOGICAL,
				  .inode = directory->ino,
				  .block = block,
				  .logical = logical}};

		ext_report(worker->sink, &finding);
	}
	return NULL;
}

static void read_run(struct directory_worker *worker, size_t index)
{
	struct survey *survey = worker->survey;
	const struct ext_superblock *sb = survey->superblock;
	const struct directory_run *run = &survey->directory_runs[index];
	struct directory *directory = survey_directory(survey, run->ino);

	if (!directory || (worker->visitor && !worker->visitor->wanted(directory)))
		return;
	/* Blocks beyond i_size too: in a damaged inode the size is often what is wrong. */
	for (uint32_t i = 0; i < run->length && !survey->stopped; i++) {
		const ext_logical logical = run->logical + i;
		const uint8_t *bytes;

		bytes = load(worker, index, run->physical + i, directory, logical);
		if (bytes)
			scan_directory_block(worker, directory, logical, run->physical + i,
					     (struct ext_span){bytes, sb->block_size});
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
	for (uint64_t i = first; i < last; i++) {
		const struct directory_run *run = &survey->directory_runs[i];

		ahead_add(&worker->ahead, run->physical << shift, (uint64_t)run->length << shift);
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
		for (uint64_t i = first; i < last; i++)
			read_run(worker, (size_t)i);
	}
}

static enum ext_status run_pass(struct survey *survey, const struct directory_visitor *visitor,
				unsigned threads, struct ext_error *error)
{
	const struct ext_superblock *sb = survey->superblock;
	struct directory_pass pass = {.survey = survey, .threads = threads};
	const size_t buffer_size = READ_SIZE > sb->block_size ? READ_SIZE : sb->block_size;
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
		pass.workers[i].buffer = malloc(buffer_size);
		if (!pass.workers[i].buffer)
			status = ext_no_memory(error);
		ext_pages_expect(pass.workers[i].buffer, buffer_size);
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
		free(worker->buffer);
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

enum ext_status scan_directories(struct survey *survey, struct ext_error *error)
{
	return run_pass(survey, NULL, survey->threads, error);
}

enum ext_status scan_entries(struct survey *survey, const struct directory_visitor *visitor,
			     struct ext_error *error)
{
	return run_pass(survey, visitor, 1, error);
}
