/* SPDX-License-Identifier: MIT */
/*
 * The pass over directory blocks, in disk order, many in one read. Each used entry counts one link
 * of its inode; an entry that names a directory is an edge of the tree. Threads take slices of the
 * list; their edges are put together and sorted, so that the result does not depend on who was
 * first.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/xattr.h>

#include "accounting/grow.h"
#include "accounting/scan.h"
#include "accounting/threads.h"

enum {
	READ_SIZE = 256 * 1024,
	GAP = 64 * 1024, /* bytes not wanted that are read over rather than skipped */
	SLICE = 64,	 /* runs that a thread takes at a time, at most */
	SLICES = 16,	 /* that each thread should find, so that all end together */
	ENTRIES_MOST = 65000,
};

/* `child` is a directory, named by an entry in directory `parent`. */
struct edge {
	ext_ino child, parent;
};

struct directory_worker {
	struct survey *survey;
	const struct directory_visitor *visitor; /* NULL: the main pass */
	struct ext_sink *sink;
	struct edge *edges;
	size_t edge_count, edge_size;
	uint8_t *buffer;
	uint64_t start, filled; /* blocks in the buffer */
	struct ext_inode
		inode; /* of the directory at work, as far as readers of its blocks need it */
	bool failed;
};

struct directory_pass {
	struct survey *survey;
	_Atomic uint64_t next;
	struct directory_worker *workers;
	unsigned threads;
};

struct directory *survey_directory(const struct survey *survey, ext_ino ino)
{
	size_t low = 0, high = survey->directory_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (survey->directories[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	return low < survey->directory_count && survey->directories[low].ino == ino
		       ? &survey->directories[low]
		       : NULL;
}

static bool is_dot(const struct ext_dirent *entry)
{
	return entry->name_length == 1 && entry->name[0] == '.';
}

static bool is_dotdot(const struct ext_dirent *entry)
{
	return entry->name_length == 2 && entry->name[0] == '.' && entry->name[1] == '.';
}

/* Counts one entry: a link of its inode, and an edge if it names a directory. */
static void take_entry(struct directory_worker *worker, struct directory *directory,
		       ext_logical logical, ext_block physical, const struct ext_dirent *entry)
{
	struct survey *survey = worker->survey;
	struct survey_observer *observer = survey->options.observer;
	const uint8_t state = inode_states_count_link(&survey->inodes, entry->inode);

	if (observer && observer->entry)
		observer->entry(observer, survey, directory, logical, physical, entry, state,
				worker->sink);
	if (is_dot(entry) || is_dotdot(entry)) {
		/* Those of the first block count; other blocks may be other threads' work. */
		if (logical == 0 && is_dot(entry))
			directory->has_dot = 1;
		else if (logical == 0 && directory->dotdot == 0)
			directory->dotdot = entry->inode;
		return;
	}
	if (atomic_load_explicit(&directory->entries, memory_order_relaxed) < ENTRIES_MOST)
		atomic_fetch_add_explicit(&directory->entries, 1, memory_order_relaxed);
	if ((state & STATE_USED) == 0)
		return;
	/* A directory that only it itself names is named by nobody; the root needs no name. */
	if (entry->inode == directory->ino || entry->inode == EXT_INO_ROOT)
		return;
	inode_states_mark(&survey->inodes, entry->inode, STATE_NAMED);
	if ((state & STATE_TYPE) != EXT_TYPE_DIRECTORY)
		return;
	if (!GROW(worker->edges, worker->edge_count, worker->edge_size)) {
		worker->failed = true;
		return;
	}
	worker->edges[worker->edge_count++] = (struct edge){entry->inode, directory->ino};
}

static void report_entry_fault(struct directory_worker *worker, const struct directory *directory,
			       ext_logical logical, ext_block physical,
			       const struct ext_error *error)
{
	struct ext_finding finding = ext_finding_of_error(error);

	finding.place.structure = EXT_AT_DIRECTORY_BLOCK;
	finding.place.has |= EXT_HAS_INODE | EXT_HAS_BLOCK | EXT_HAS_LOGICAL | EXT_HAS_OFFSET;
	finding.place.inode = directory->ino;
	finding.place.block = physical;
	finding.place.logical = logical;
	ext_report(worker->sink, &finding);
}

static void report_checksum(struct directory_worker *worker, const struct directory *directory,
			    ext_logical logical, ext_block physical,
			    enum ext_directory_block_kind kind, uint32_t stored, uint32_t computed)
{
	const struct ext_finding finding = {
		.problem = kind == EXT_DIRECTORY_LEAF	      ? EXT_DIRECTORY_CHECKSUM
			   : kind == EXT_DIRECTORY_HTREE_ROOT ? EXT_HTREE_ROOT_CHECKSUM
							      : EXT_HTREE_NODE_CHECKSUM,
		.place = {.structure = EXT_AT_DIRECTORY_BLOCK,
			  .has = EXT_HAS_INODE | EXT_HAS_BLOCK | EXT_HAS_LOGICAL,
			  .inode = directory->ino,
			  .block = physical,
			  .logical = logical},
		.found = stored,
		.low = computed,
		.high = computed};

	ext_report(worker->sink, &finding);
}

static void read_entries(struct directory_worker *worker, struct directory *directory,
			 struct ext_dirent_cursor *cursor, ext_logical logical, ext_block physical)
{
	struct ext_dirent entry;
	struct ext_error error;
	enum ext_status status;

	while ((status = ext_dirent_next(cursor, &entry, &error)) == EXT_OK) {
		if (entry.inode == 0)
			continue;
		if (worker->visitor)
			worker->visitor->entry(worker->visitor->context, directory, &entry);
		else
			take_entry(worker, directory, logical, physical, &entry);
	}
	if (status == EXT_CORRUPT && !worker->visitor)
		report_entry_fault(worker, directory, logical, physical, &error);
}

static void read_block(struct directory_worker *worker, struct directory *directory,
		       ext_logical logical, ext_block physical, struct ext_span block)
{
	struct survey *survey = worker->survey;
	const struct ext_superblock *sb = survey->superblock;
	struct survey_observer *observer = survey->options.observer;
	struct ext_dirent_cursor cursor;
	enum ext_directory_block_kind kind;
	bool has_tail;

	if (logical == 0)
		directory->has_first = 1;
	worker->inode.number = directory->ino;
	worker->inode.flags = directory->flags;
	worker->inode.type = EXT_TYPE_DIRECTORY;
	kind = ext_directory_block_kind(sb, &worker->inode, logical, block);
	/* An htree root ends in a tail of its own, behind the reach of "..". */
	has_tail = kind == EXT_DIRECTORY_LEAF && sb->has_metadata_csum &&
		   ext_directory_block_has_tail(sb, block);
	if (!worker->visitor) {
		uint32_t stored = 0, computed = 0;

		if (sb->has_metadata_csum &&
		    ext_directory_block_checksum(sb, directory->seed, kind, block, &stored,
						 &computed) == EXT_CHECKSUM_BAD)
			report_checksum(worker, directory, logical, physical, kind, stored,
					computed);
		if (observer && observer->directory_block)
			observer->directory_block(observer, survey, directory, logical, physical,
						  block, kind, worker->sink);
	}
	if (kind == EXT_DIRECTORY_HTREE_NODE)
		return;
	ext_dirent_cursor_init(&cursor, sb, block, 0, has_tail);
	read_entries(worker, directory, &cursor, logical, physical);
}

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
			read_block(worker, directory, logical, run->physical + i,
				   (struct ext_span){bytes, sb->block_size});
	}
}

/* What of inline data did not fit i_block; empty when it cannot be had. */
static struct ext_span inline_rest(const struct ext_superblock *sb, const uint8_t *raw)
{
	struct ext_xattr_cursor xattrs;
	struct ext_xattr xattr;

	if (ext_xattr_inode_begin(sb, (struct ext_span){raw, sb->inode_size}, &xattrs, NULL) ==
	    EXT_OK)
		while (ext_xattr_next(&xattrs, &xattr, NULL) == EXT_OK)
			if (ext_xattr_is_inline_data(&xattr) && xattr.value.data)
				return xattr.value;
	return (struct ext_span){NULL, 0};
}

/* Both parts of an inline directory: in i_block behind the parent's number, and in system.data. */
static void read_inline(struct directory_worker *worker, ext_ino ino, uint8_t *raw)
{
	struct survey *survey = worker->survey;
	const struct ext_superblock *sb = survey->superblock;
	struct directory *directory = survey_directory(survey, ino);
	struct survey_observer *observer = survey->options.observer;
	struct ext_span second = {NULL, 0};
	struct ext_dirent_cursor cursor;
	struct ext_inode inode;
	const uint32_t in_i_block = sizeof inode.i_block;

	if (!directory || (worker->visitor && !worker->visitor->wanted(directory)) ||
	    ext_inode_read(survey->filesystem, ino, &inode, raw, NULL) != EXT_OK)
		return;
	if (!worker->visitor) {
		/* "." and ".." are not stored, but count. */
		const ext_ino parent = (ext_ino)inode.i_block[0] | (ext_ino)inode.i_block[1] << 8 |
				       (ext_ino)inode.i_block[2] << 16 |
				       (ext_ino)inode.i_block[3] << 24;
		const struct ext_dirent dot = {.inode = ino,
					       .name = ".",
					       .name_length = 1,
					       .file_type = EXT_TYPE_DIRECTORY};
		const struct ext_dirent dotdot = {.inode = parent,
						  .name = "..",
						  .name_length = 2,
						  .file_type = EXT_TYPE_DIRECTORY};

		take_entry(worker, directory, 0, 0, &dot);
		take_entry(worker, directory, 0, 0, &dotdot);
	}
	second = inline_rest(sb, raw);
	if (!worker->visitor && observer && observer->inline_directory)
		observer->inline_directory(observer, survey, directory,
					   (struct ext_span){inode.i_block, in_i_block}, second,
					   worker->sink);
	ext_dirent_cursor_init(&cursor, sb, (struct ext_span){inode.i_block, in_i_block}, 4, false);
	read_entries(worker, directory, &cursor, 0, 0);
	if (second.size == 0)
		return;
	ext_dirent_cursor_init(&cursor, sb, second, 0, false);
	read_entries(worker, directory, &cursor, 0, 0);
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
		for (uint64_t i = first; i < last; i++)
			read_run(worker, (size_t)i);
	}
}

static int compare_edges(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	if (a->child != b->child)
		return a->child < b->child ? -1 : 1;
	return a->parent < b->parent ? -1 : a->parent > b->parent;
}

static void report_two_parents(const struct survey *survey, const struct directory *directory,
			       ext_ino parent)
{
	const struct ext_finding finding = {
		.problem = EXT_DIRENT_SECOND_PARENT,
		.place = {.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = parent},
		.found = directory->ino,
		.low = directory->parent};

	ext_report(survey->options.sink, &finding);
}

/* The parent among the `count` directories that name `directory`: the one that its ".." says. */
static ext_ino choose_parent(const struct directory *directory, const struct edge *edges,
			     size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (edges[i].parent == directory->dotdot)
			return edges[i].parent;
	return edges[0].parent;
}

/* Gives every directory its parent. */
static void set_parents(struct survey *survey, struct edge *edges, size_t count)
{
	if (count > 1)
		qsort(edges, count, sizeof *edges, compare_edges);
	for (size_t first = 0, last; first < count; first = last) {
		struct directory *directory = survey_directory(survey, edges[first].child);
		bool taken = false;

		for (last = first; last < count && edges[last].child == edges[first].child;)
			last++;
		if (!directory)
			continue;
		directory->parent = choose_parent(directory, edges + first, last - first);
		for (size_t i = first; i < last; i++) {
			if (!taken && edges[i].parent == directory->parent)
				taken = true;
			else
				report_two_parents(survey, directory, edges[i].parent);
		}
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
		pass.workers[i].sink = survey->options.sink;
		pass.workers[i].buffer = malloc(buffer_size);
		if (!pass.workers[i].buffer)
			status = ext_no_memory(error);
	}
	if (status == EXT_OK) {
		threads_run(threads, work, &pass);
		for (size_t i = 0; i < survey->inline_directory_count; i++)
			read_inline(&pass.workers[0], survey->inline_directories[i], raw);
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
			set_parents(survey, edges, count);
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
	return run_pass(survey, NULL, survey->options.threads ? survey->options.threads : 1, error);
}

enum ext_status scan_entries(struct survey *survey, const struct directory_visitor *visitor,
			     struct ext_error *error)
{
	return run_pass(survey, visitor, 1, error);
}
