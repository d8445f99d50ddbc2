/* SPDX-License-Identifier: MIT */
/*
 * The pass over the inode tables: each inode in use is noted, its blocks are claimed, directories
 * are put on a list with the runs of their blocks. Groups are handed out in batches to threads.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/orphan.h>
#include <ext/xattr.h>

#include "accounting/grow.h"
#include "accounting/scan.h"
#include "accounting/threads.h"

enum { BATCH_INODES = 65536, BUFFER_DEFAULT = 512 * 1024, PIECE = 64 };

struct inode_worker {
	struct survey *survey;
	const struct block_set *orphans;
	struct ext_sink *sink;
	struct ext_mapping *mapping;
	struct directory *directories;
	size_t directory_count, directory_size;
	struct directory_run *runs;
	size_t run_count, run_size;
	ext_ino *inline_directories;
	size_t inline_count, inline_size;
	ext_ino *ea_inodes; /* inodes that hold values of attributes */
	size_t ea_count, ea_size;
	uint64_t unreadable;
	uint64_t inodes_unread, maps_unread;
	uint64_t garbage_block; /* the table block that `garbage` is counted in */
	uint32_t garbage;	/* inodes with a wrong checksum there */
	enum ext_status status;
	struct claims claims;
};

struct inode_pass {
	struct survey *survey;
	_Atomic uint32_t next_group;
	uint32_t batch; /* groups */
	struct inode_worker *workers;
};

enum owner scan_owner(const struct survey *survey, const struct ext_inode *inode)
{
	const struct ext_superblock *sb = survey->superblock;
	const ext_ino ino = inode->number;

	if (ino == EXT_INO_ROOT)
		return OWNER_DIRECTORIES;
	if (sb->journal_inode != 0 && ino == sb->journal_inode)
		return OWNER_JOURNAL;
	if (ino != 0 && (ino == sb->user_quota_inode || ino == sb->group_quota_inode ||
			 ino == sb->project_quota_inode))
		return OWNER_QUOTA;
	if (ino < sb->first_inode || (ino != 0 && ino == sb->orphan_file_inode))
		return OWNER_OTHER_RESERVED;
	return inode->type == EXT_TYPE_DIRECTORY ? OWNER_DIRECTORIES : OWNER_FILES;
}

/* The resize inode lists the reserved descriptor blocks, which the layout owns; its own is the
 * double indirect block alone. */
static bool is_listed_reserve(const struct survey *survey, const struct ext_inode *inode,
			      const struct ext_run *run)
{
	(void)survey;
	return inode->number == EXT_INO_RESIZE && !(run->kind == EXT_RUN_TREE && run->depth == 1);
}

/* How full the nodes of each level are. */
static void note_tree_block(struct inode_facts *facts, const struct ext_run *run,
			    struct ext_span block)
{
	struct tree_level *level = &facts->tree[run->depth];
	uint32_t entries, max;

	if (block.size < 8 || block.data[0] != 0x0a || block.data[1] != 0xf3)
		return;
	entries = (uint32_t)block.data[2] | (uint32_t)block.data[3] << 8;
	max = (uint32_t)block.data[4] | (uint32_t)block.data[5] << 8;
	level->entries += entries;
	level->room += entries < max ? max - 1 : max;
}

/* Clusters of a run: one that begins where the last one ended shares its cluster. */
static uint64_t note_clusters(const struct ext_superblock *sb, const struct ext_run *run,
			      uint64_t *last_cluster)
{
	uint64_t first = run->physical >> sb->cluster_log2;
	const uint64_t last = (run->physical + run->length - 1) >> sb->cluster_log2;

	if (first == *last_cluster)
		first++;
	*last_cluster = last;
	return last + 1 - first;
}

/* False: the run lies beyond what a map of this type can have, and counts for nothing. */
static bool note_run(struct inode_facts *facts, const struct ext_superblock *sb,
		     struct ext_run *run, uint64_t *last_cluster)
{
	uint64_t end;

	if (run->kind == EXT_RUN_TREE) {
		facts->runs++;
		facts->tree_blocks++;
		facts->clusters++;
		return true;
	}
	end = (uint64_t)run->logical + run->length;
	if (facts->reach != 0 && end > facts->reach) {
		if (!facts->is_beyond)
			facts->first_beyond =
				run->logical < facts->reach ? facts->reach : run->logical;
		facts->is_beyond = true;
		if (run->logical >= facts->reach)
			return false;
		end = facts->reach;
		run->length = (uint32_t)(end - run->logical);
	}
	if (facts->data_blocks == 0) {
		facts->first_physical = run->physical;
		facts->first_logical = run->logical;
	}
	facts->runs++;
	facts->clusters +=
		sb->cluster_log2 == 0 ? run->length : note_clusters(sb, run, last_cluster);
	facts->data_blocks += run->length;
	if (run->logical > facts->mapped_end) {
		if (facts->hole_blocks == 0)
			facts->first_hole = facts->mapped_end;
		facts->hole_blocks += run->logical - facts->mapped_end;
	}
	if (end > facts->mapped_end)
		facts->mapped_end = end;
	if (run->kind == EXT_RUN_UNWRITTEN) {
		facts->has_unwritten = true;
		facts->unwritten_blocks += run->length;
	} else if (end > facts->written_end) {
		facts->written_end = end;
	}
	return true;
}

/* How many file blocks a map of this type can have; 0: as many as it can name. */
static uint64_t reach_of(const struct ext_superblock *sb, const struct ext_inode *inode)
{
	const bool has_extents = (inode->flags & EXT_INODE_EXTENTS) != 0;

	if (inode->type == EXT_TYPE_SYMLINK && !has_extents)
		return 1;
	if (inode->type == EXT_TYPE_DIRECTORY && !ext_has_incompat(sb, EXT_INCOMPAT_LARGEDIR))
		return ((uint64_t)1 << (31 - sb->block_size_log2)) + !has_extents;
	return 0;
}

void scan_claim_inode(struct claims *claims, struct ext_mapping *mapping,
		      const struct ext_inode *inode, enum owner owner, struct inode_facts *facts,
		      struct survey_observer *observer, struct ext_sink *sink)
{
	const struct survey *survey = claims->survey;
	const struct ext_superblock *sb = survey->superblock;
	uint64_t last_cluster = UINT64_MAX;
	struct ext_run run;

	claims_begin(claims);
	facts->reach = reach_of(sb, inode);
	ext_mapping_start(mapping, inode, 0, sink);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		if (run.is_doubtful || !note_run(facts, sb, &run, &last_cluster))
			continue;
		if (run.kind == EXT_RUN_TREE && !ext_mapping_tree_block(mapping).data)
			facts->is_unread = true;
		if (run.kind == EXT_RUN_TREE && (inode->flags & EXT_INODE_EXTENTS) &&
		    run.depth < TREE_LEVELS)
			note_tree_block(facts, &run, ext_mapping_tree_block(mapping));
		if (observer && observer->run)
			observer->run(observer, survey, inode, &run, sink);
		if (is_listed_reserve(survey, inode, &run))
			continue;
		/* A bad block may well lie in metadata. */
		claims_add(claims, &run, owner, inode->number == EXT_INO_BAD_BLOCKS);
	}
	facts->damaged = ext_mapping_damaged(mapping);
	if (inode->xattr_block > sb->first_data_block && inode->xattr_block < sb->block_count &&
	    inode->number != EXT_INO_BAD_BLOCKS && ext_has_compat(sb, EXT_COMPAT_EXT_ATTR))
		claims_add_xattr(claims, inode->xattr_block, owner);
}

static bool note_directory(struct inode_worker *worker, const struct ext_inode *inode)
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

/* The runs of a directory's blocks; its mapping has been walked for its claims already, but a
 * directory has few extents, and reading them again costs less than keeping them all. */
static bool note_directory_runs(struct inode_worker *worker, const struct ext_inode *inode)
{
	struct ext_run run;

	ext_mapping_start(worker->mapping, inode, 0, NULL);
	while (ext_mapping_next(worker->mapping, &run) == EXT_OK) {
		/* Linux reads the blocks of a directory even where they count as unwritten. */
		if (run.kind == EXT_RUN_TREE)
			continue;
		/* In pieces, so that several threads can share a large directory. */
		for (uint32_t done = 0, length; done < run.length; done += length) {
			length = run.length - done < PIECE ? run.length - done : PIECE;
			if (!GROW(worker->runs, worker->run_count, worker->run_size))
				return false;
			worker->runs[worker->run_count++] = (struct directory_run){
				run.physical + done, inode->number, run.logical + done, length};
		}
	}
	return true;
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

static void report_checksum(const struct inode_worker *worker, const struct ext_inode *inode)
{
	const struct ext_finding finding = {.problem = EXT_INODE_CHECKSUM,
					    .place = {.structure = EXT_AT_INODE,
						      .has = EXT_HAS_INODE,
						      .inode = inode->number,
						      .field = "i_checksum"},
					    .found = inode->checksum_stored,
					    .low = inode->checksum_computed,
					    .high = inode->checksum_computed};

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
	return note_directory(worker, inode) && note_directory_runs(worker, inode);
}

static bool scan_inode(struct inode_worker *worker, ext_ino ino, const uint8_t *raw)
{
	struct survey *survey = worker->survey;
	const struct ext_superblock *sb = survey->superblock;
	struct survey_observer *observer = survey->options.observer;
	struct inode_facts facts = {0};
	struct ext_inode inode;
	const bool is_orphan = worker->orphans->pages && block_set_has(worker->orphans, ino);

	if (ext_inode_is_unused(raw) && !is_orphan && ino >= sb->first_inode)
		return true;
	facts.is_orphan = is_orphan;
	ext_inode_decode(sb, ino, raw, &inode);
	inode.checksum =
		ext_inode_checksum(sb, ino, raw, &inode.checksum_stored, &inode.checksum_computed);
	facts.is_used = inode.links > 0 || is_orphan || (ino < sb->first_inode && !inode.all_zero);
	if (facts.is_used && inode.checksum != EXT_CHECKSUM_OK && inode.mode != 0 &&
	    survey->options.accept &&
	    !survey->options.accept(survey->options.accept_context, &inode, raw))
		return true;
	if (inode.checksum == EXT_CHECKSUM_BAD) {
		report_checksum(worker, &inode);
		note_garbage(worker, &inode);
		/* With a mode that cannot be, these bytes are no inode at all. */
		if (facts.is_used && inode.type == EXT_TYPE_UNKNOWN && ino >= sb->first_inode)
			facts.is_used = false;
	}
	if (facts.is_used && !note_inode(worker, &inode, raw, is_orphan, &facts))
		return false;
	worker->maps_unread += facts.is_unread;
	if (observer && observer->inode)
		observer->inode(observer, survey, &inode, raw, &facts, worker->sink);
	return true;
}

static void report_unreadable(struct inode_worker *worker, const struct ext_inode_run *run)
{
	struct ext_finding finding = ext_finding_of_error(&run->error);

	worker->unreadable += run->count;
	/* A descriptor that points nowhere has been reported with the layout. */
	if (run->error.status == EXT_CORRUPT)
		return;
	worker->inodes_unread += run->count;
	finding.problem = EXT_INODES_UNREADABLE;
	finding.found = run->count;
	ext_report(worker->sink, &finding);
}

static bool scan_run(struct inode_worker *worker, const struct ext_inode_run *run)
{
	const uint32_t inode_size = worker->survey->superblock->inode_size;

	if (!run->raw) {
		report_unreadable(worker, run);
		return true;
	}
	for (uint32_t i = 0; i < run->count; i++)
		if (!scan_inode(worker, run->first + i, run->raw + (size_t)i * inode_size))
			return false;
	return true;
}

static enum ext_status scan_batch(struct inode_worker *worker, ext_group first, ext_group last)
{
	struct survey *survey = worker->survey;
	const size_t buffer_size =
		survey->options.buffer_size ? survey->options.buffer_size : BUFFER_DEFAULT;
	struct ext_inode_table *table = NULL;
	struct ext_inode_run run;
	enum ext_status status = ext_inode_table_open(survey->filesystem, first, last, false,
						      buffer_size, &table, NULL);

	while (status == EXT_OK && (status = ext_inode_table_next(table, &run)) == EXT_OK)
		if (!scan_run(worker, &run))
			status = EXT_MEMORY;
	ext_inode_table_close(table);
	return status == EXT_END ? EXT_OK : status;
}

static void work(void *context, unsigned index)
{
	struct inode_pass *pass = context;
	struct survey *survey = pass->survey;
	struct inode_worker *worker = &pass->workers[index];

	while (worker->status == EXT_OK && !survey->stopped) {
		const uint32_t first = atomic_fetch_add(&pass->next_group, pass->batch);
		const uint32_t count = survey->superblock->group_count;

		if (first >= count)
			break;
		if (survey->options.stop && survey->options.stop())
			survey->stopped = true;
		if (survey->options.progress)
			survey->options.progress(survey->options.progress_context, 1, first, count);
		worker->status = scan_batch(
			worker, first, count - first < pass->batch ? count : first + pass->batch);
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
	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

static int compare_inos(const void *left, const void *right)
{
	const ext_ino *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
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
	const unsigned threads = survey->options.threads ? survey->options.threads : 1;
	struct inode_pass pass = {.survey = survey};
	enum ext_status status = EXT_OK;

	pass.batch = BATCH_INODES / survey->superblock->inodes_per_group + 1;
	pass.workers = calloc(threads, sizeof *pass.workers);
	if (!pass.workers)
		return ext_no_memory(error);
	for (unsigned i = 0; i < threads; i++) {
		pass.workers[i].survey = pass.workers[i].claims.survey = survey;
		pass.workers[i].orphans = orphans;
		pass.workers[i].sink = survey->options.sink;
		pass.workers[i].status =
			ext_mapping_new(survey->filesystem, &pass.workers[i].mapping, NULL);
	}
	threads_run(threads, work, &pass);
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
