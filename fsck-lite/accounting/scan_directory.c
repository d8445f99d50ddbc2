/* SPDX-License-Identifier: MIT */
/*
 * One block of a directory, or both parts of an inline one. Each used entry counts one link of its
 * inode; an entry that names a directory is an edge of the tree.
 */
#include "config.h"

#include <ext/xattr.h>

#include "accounting/directory_worker.h"
#include "accounting/salvage.h"
#include "accounting/grow.h"

enum { ENTRIES_MOST = 65000 };

static bool is_dot(const struct ext_dirent *entry)
{
	return entry->name_length == 1 && entry->name[0] == '.';
}

static bool is_dotdot(const struct ext_dirent *entry)
{
	return entry->name_length == 2 && entry->name[0] == '.' && entry->name[1] == '.';
}

/* Counts one entry: a link of its inode, and an edge if it names a directory. `is_second`: it
 * stands where ".." should. */
static void take_entry(struct directory_worker *worker, struct directory *directory,
		       ext_logical logical, const struct ext_dirent *entry, bool is_second)
{
	struct survey *survey = worker->survey;
	const bool is_dots = is_dot(entry) || is_dotdot(entry);
	/* A directory that only it itself names is named by nobody; the root needs no name. */
	const bool names =
		!is_dots && entry->inode != directory->ino && entry->inode != EXT_INO_ROOT;
	const uint8_t state =
		inode_states_count_link(&survey->inodes, entry->inode, names ? STATE_NAMED : 0);

	if (is_dots) {
		/* Those of the first block count; other blocks may be other threads' work. */
		if (logical == 0 && is_dot(entry))
			directory->has_dot = 1;
		else if (logical == 0 && directory->dotdot == 0)
			directory->dotdot = entry->inode;
		return;
	}
	worker->entries++;
	if (!names || (state & (STATE_USED | STATE_TYPE)) != (STATE_USED | EXT_TYPE_DIRECTORY))
		return;
	if (!GROW(worker->edges, worker->edge_count, worker->edge_size)) {
		worker->failed = true;
		return;
	}
	worker->edges[worker->edge_count++] =
		(struct edge){entry->inode, directory->ino, is_second};
}

static void report_entry_fault(struct directory_worker *worker, const struct directory *directory,
			       const struct ext_dirent_cursor *cursor, ext_logical logical,
			       ext_block physical, const struct ext_error *error)
{
	const uint64_t at = error->place.offset;
	struct ext_finding finding = ext_finding_of_error(error);

	/* The entry before takes the tail in as well. */
	if (cursor->end == cursor->block.size || at == 0 ||
	    salvage_shortens(worker->survey->superblock, cursor->block, at, cursor->end))
		ext_finding_unasked(&finding, 0x02001d);

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
	struct ext_finding finding = {
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

	/* Where the root of an index should be, that is what e2fsck misses. */
	if (logical == 0 && (directory->flags & EXT_INODE_INDEX))
		ext_finding_unasked(&finding, 0x02004d);
	ext_report(worker->sink, &finding);
}

/* Once for a block: other threads may have blocks of the same directory. */
static void add_entries(struct directory *directory, unsigned count)
{
	uint16_t before = atomic_load_explicit(&directory->entries, memory_order_relaxed), after;

	do {
		after = count < (unsigned)ENTRIES_MOST - before ? (uint16_t)(before + count)
								: ENTRIES_MOST;
	} while (!atomic_compare_exchange_weak_explicit(
		&directory->entries, &before, after, memory_order_relaxed, memory_order_relaxed));
}

/* True when all of them could be read. */
static bool read_entries(struct directory_worker *worker, struct directory *directory,
			 struct ext_dirent_cursor *cursor, ext_logical logical, ext_block physical)
{
	const struct entry_place place = {directory, logical, physical};
	struct ext_dirent entry;
	struct ext_error error;
	enum ext_status status;
	unsigned position = logical == 0 && physical != 0 ? 0 : 2;

	worker->entries = 0;
	while ((status = ext_dirent_step(cursor, &entry, &error)) == EXT_OK) {
		position++;
		if (entry.inode == 0)
			continue;
		if (worker->visitor)
			worker->visitor->entry(worker->visitor->context, &place, &entry);
		else
			take_entry(worker, directory, logical, &entry, position == 2);
	}
	if (worker->entries > 0)
		add_entries(directory, worker->entries);
	if (status == EXT_CORRUPT && !worker->visitor)
		report_entry_fault(worker, directory, cursor, logical, physical, &error);
	return status == EXT_END;
}

/* The states that the entries of a block name, asked for all at once, before the first is needed.
 */
static void expect_states(const struct survey *survey, struct ext_span block)
{
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	ext_dirent_cursor_init(&cursor, survey->superblock, block, 0, false);
	while (ext_dirent_step(&cursor, &entry, NULL) == EXT_OK)
		inode_states_expect(&survey->inodes, entry.inode);
}

void scan_directory_block(struct directory_worker *worker, struct directory *directory,
			  ext_logical logical, ext_block physical, struct ext_span block)
{
	struct survey *survey = worker->survey;
	const struct ext_superblock *sb = survey->superblock;
	struct survey_observer *observer = survey->options.observer;
	struct ext_dirent_cursor cursor;
	enum ext_directory_block_kind kind;
	uint32_t stored = 0, computed = 0;
	bool has_tail, is_wrong = false;

	if (logical == 0)
		directory->has_first = 1;
	worker->inode.number = directory->ino;
	worker->inode.flags = directory->flags;
	worker->inode.type = EXT_TYPE_DIRECTORY;
	kind = ext_directory_block_kind(sb, &worker->inode, logical, block);
	expect_states(survey, block);
	/* An htree root ends in a tail of its own, behind the reach of "..". */
	has_tail = kind == EXT_DIRECTORY_LEAF && sb->has_metadata_csum &&
		   ext_directory_block_has_tail(sb, block);
	if (!worker->visitor) {
		is_wrong = sb->has_metadata_csum &&
			   ext_directory_block_checksum(sb, directory->seed, kind, block, &stored,
							&computed) == EXT_CHECKSUM_BAD;
		if (is_wrong && kind != EXT_DIRECTORY_LEAF)
			report_checksum(worker, directory, logical, physical, kind, stored,
					computed);
		if (observer && observer->directory_block)
			observer->directory_block(observer, survey, directory, logical, physical,
						  block, kind, worker->sink);
	}
	if (kind == EXT_DIRECTORY_HTREE_NODE)
		return;
	ext_dirent_cursor_init(&cursor, sb, block, 0, has_tail);
	/* Where entries are broken, a checksum that says so says nothing new. */
	if (read_entries(worker, directory, &cursor, logical, physical) && is_wrong &&
	    kind == EXT_DIRECTORY_LEAF)
		report_checksum(worker, directory, logical, physical, kind, stored, computed);
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
void scan_inline_directory(struct directory_worker *worker, ext_ino ino, uint8_t *raw)
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

		take_entry(worker, directory, 0, &dot, false);
		take_entry(worker, directory, 0, &dotdot, false);
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
