/* SPDX-License-Identifier: MIT */
/*
 * Directories as the survey passes by. Invariants of their inodes: flags only where they belong, no
 * holes, no unwritten blocks, at least one block. Invariants of a block: a tail where checksums
 * are, index blocks only under an index. The entries are checked in entries.c, the index in
 * htree.c; here is what both are called from.
 */
#include "config.h"

#include <stdlib.h>

#include "accounting/grow.h"
#include "checks/directories.h"
#include "checks/symlink_targets.h"

struct directory_checks *directory_checks_new(struct checks *checks)
{
	struct directory_checks *directories = calloc(1, sizeof *directories);

	if (!directories)
		return NULL;
	directories->checks = checks;
	lock_init(&directories->lock);
	return directories;
}

void directory_checks_free(struct directory_checks *checks)
{
	if (!checks)
		return;
	policies_clear(&checks->policies);
	free(checks->blocks);
	free(checks->entries);
	free(checks->bad_inodes);
	free(checks->bad_symlinks);
	free(checks->suspects);
	free(checks->kept);
	lock_clear(&checks->lock);
	free(checks);
}

static void report_on(struct ext_sink *sink, enum ext_problem problem,
		      const struct ext_place *place, uint64_t found, uint64_t low)
{
	const struct ext_finding finding = {
		.problem = problem, .place = *place, .found = found, .low = low, .high = low};

	ext_report(sink, &finding);
}

/* Several threads add to a list while the survey runs. */
static void add_ino(struct checks *checks, ext_ino **inos, size_t *count, size_t *size, ext_ino ino)
{
	struct directory_checks *directories = checks->directories;

	lock_take(&directories->lock);
	if (GROW(*inos, *count, *size))
		(*inos)[(*count)++] = ino;
	else
		checks->out_of_memory = true;
	lock_give(&directories->lock);
}

void check_directory_bad_inode(struct checks *checks, ext_ino ino)
{
	struct directory_checks *to = checks->directories;

	add_ino(checks, &to->bad_inodes, &to->bad_inode_count, &to->bad_inode_size, ino);
}

void check_directory_bad_symlink(struct checks *checks, ext_ino ino)
{
	struct directory_checks *to = checks->directories;

	add_ino(checks, &to->bad_symlinks, &to->bad_symlink_count, &to->bad_symlink_size, ino);
}

/* e2fsck looks into the file for an index all the same. */
static void report_index_of_file(struct checks *checks, const struct survey *survey,
				 const struct ext_inode *inode, const struct inode_facts *facts,
				 const struct ext_place *place, struct ext_sink *sink)
{
	const struct ext_superblock *sb = survey->superblock;
	struct ext_finding finding = {.problem = EXT_HTREE_NOT_DIRECTORY, .place = *place};
	uint8_t *bytes = checks_memory(checks, sb->block_size);

	finding.found = inode->flags;
	if (bytes && facts->data_blocks > 0 && facts->first_logical == 0 &&
	    ext_filesystem_read_blocks(survey->filesystem, facts->first_physical, 1, bytes, NULL) ==
		    EXT_OK) {
		htree_root_codes(sb, (struct ext_span){bytes, sb->block_size}, 0, &finding);
	} else {
		ext_finding_unasked(&finding, 0x01004a);
		ext_finding_unasked(&finding, 0x01004b);
		ext_finding_unasked(&finding, 0x01004c);
	}
	free(bytes);
	ext_report(sink, &finding);
}

/* Flags that only directories may have, and only with their feature. */
static void check_flags(struct checks *checks, const struct survey *survey,
			const struct ext_inode *inode, const struct inode_facts *facts,
			struct ext_sink *sink)
{
	const struct ext_superblock *sb = survey->superblock;
	const struct ext_place place = {.structure = EXT_AT_INODE,
					.has = EXT_HAS_INODE,
					.inode = inode->number,
					.field = "i_flags"};
	const bool is_directory = inode->type == EXT_TYPE_DIRECTORY;

	/* The list of bad blocks is nobody's file. */
	if ((inode->flags & EXT_INODE_INDEX) && inode->number != EXT_INO_BAD_BLOCKS) {
		if (!is_directory)
			report_index_of_file(checks, survey, inode, facts, &place, sink);
		else if (!ext_has_compat(sb, EXT_COMPAT_DIR_INDEX))
			report_on(sink, EXT_HTREE_WITHOUT_FEATURE, &place, inode->flags, 0);
		if (is_directory && !facts->is_unread &&
		    (facts->data_blocks == 0 || facts->first_logical != 0))
			report_on(sink, EXT_HTREE_ROOT_MISSING, &place, inode->flags, 0);
	}
	if (inode->flags & EXT_INODE_CASEFOLD) {
		if (!is_directory)
			report_on(sink, EXT_CASEFOLD_NOT_DIRECTORY, &place, inode->flags, 0);
		if (!ext_has_incompat(sb, EXT_INCOMPAT_CASEFOLD))
			report_on(sink, EXT_CASEFOLD_WITHOUT_FEATURE, &place, inode->flags, 0);
	}
}

/* What the map of a directory says. What lies behind i_size is a matter of the size. */
static void check_map(const struct ext_inode *inode, const struct inode_facts *facts,
		      struct ext_sink *sink)
{
	struct ext_place place = {
		.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = inode->number};
	const bool has_extents = (inode->flags & EXT_INODE_EXTENTS) != 0;

	/* That it has nothing at all is inode_space.c's matter. */
	if (facts->data_blocks == 0) {
		if (!has_extents && inode->size > 0 && !facts->is_unread)
			report_on(sink, EXT_DIRECTORY_HOLE, &place, 1, 0);
		return;
	}
	if (facts->has_unwritten)
		report_on(sink, EXT_DIRECTORY_UNWRITTEN, &place, facts->unwritten_blocks, 0);
	/* What was not read is no hole. */
	if (facts->hole_blocks == 0 || facts->is_unread)
		return;
	place.has |= EXT_HAS_LOGICAL;
	place.logical = facts->first_hole;
	report_on(sink, has_extents ? EXT_DIRECTORY_EXTENT_HOLE : EXT_DIRECTORY_HOLE, &place,
		  facts->hole_blocks, 0);
}

void check_directory_inode(struct checks *checks, const struct survey *survey,
			   const struct ext_inode *inode, const uint8_t *raw,
			   const struct inode_facts *facts, struct ext_sink *sink)
{
	const struct ext_superblock *sb = checks->superblock;

	/* Garbage with a link count is not used, but was an inode to somebody. */
	if (!facts->is_used && inode->links == 0 && inode->number != EXT_INO_BAD_BLOCKS)
		return;
	if (inode->flags & (EXT_INODE_INDEX | EXT_INODE_CASEFOLD))
		check_flags(checks, survey, inode, facts, sink);
	if (inode->number < sb->first_inode && inode->number != EXT_INO_ROOT)
		return;
	if (inode->flags & EXT_INODE_ENCRYPT)
		note_policy(checks->directories, survey, inode, raw, sink);
	if (inode->type == EXT_TYPE_DIRECTORY && !(inode->flags & EXT_INODE_INLINE_DATA) &&
	    inode->links > 0)
		check_map(inode, facts, sink);
}

static struct directory_view view_of(struct checks *checks, const struct survey *survey,
				     const struct directory *directory, struct ext_sink *sink)
{
	const struct ext_superblock *sb = checks->superblock;
	struct directory_view view = {.checks = checks->directories,
				      .survey = survey,
				      .superblock = sb,
				      .directory = directory,
				      .sink = sink};

	view.is_encrypted = (directory->flags & EXT_INODE_ENCRYPT) != 0;
	view.is_casefolded = (directory->flags & EXT_INODE_CASEFOLD) != 0 &&
			     ext_has_incompat(sb, EXT_INCOMPAT_CASEFOLD);
	view.policy =
		view.is_encrypted ? policy_of(&checks->directories->policies, directory->ino) : 0;
	return view;
}

/* Where not even the first entry can be, the missing tail is the least of it. */
static bool begins_with_entry(const struct ext_superblock *sb, struct ext_span block)
{
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	ext_dirent_cursor_init(&cursor, sb, block, 0, false);
	return ext_dirent_next(&cursor, &entry, NULL) == EXT_OK;
}

void check_directory_block(struct checks *checks, const struct survey *survey,
			   const struct directory *directory, ext_logical logical,
			   ext_block physical, struct ext_span block,
			   enum ext_directory_block_kind kind, struct ext_sink *sink)
{
	const struct ext_superblock *sb = checks->superblock;
	struct directory_view view = view_of(checks, survey, directory, sink);
	const bool is_indexed = (directory->flags & EXT_INODE_INDEX) != 0;

	view.logical = logical;
	view.physical = physical;
	view.block = block;
	view.kind = kind;
	if (is_indexed && (kind != EXT_DIRECTORY_LEAF || logical == 0))
		check_index_block(&view);
	if (kind == EXT_DIRECTORY_HTREE_NODE)
		return;
	if (sb->has_metadata_csum && kind == EXT_DIRECTORY_LEAF) {
		view.has_tail = ext_directory_block_has_tail(sb, block);
		if (!view.has_tail && !is_indexed && logical > 0 &&
		    ext_directory_block_kind(sb, NULL, logical, block) ==
			    EXT_DIRECTORY_HTREE_NODE) {
			report_in_directory(&view, EXT_HTREE_UNEXPECTED_NODE, NULL, NULL, 0, 0, 0);
			return;
		}
		if (!view.has_tail && begins_with_entry(sb, block) &&
		    !(is_indexed && (logical == 0 || is_node_with_bad_count(&view))))
			report_in_directory(&view, EXT_DIRECTORY_NO_TAIL, NULL, NULL, 0, 0, 0);
	}
	check_entries(&view, 0);
}

void check_inline_directory(struct checks *checks, const struct survey *survey,
			    const struct directory *directory, struct ext_span first,
			    struct ext_span second, struct ext_sink *sink)
{
	struct directory_view view = view_of(checks, survey, directory, sink);

	view.is_inline = true;
	view.block = first;
	/* The parent's number stands before the entries. */
	check_entries(&view, 4);
	if (second.size % 4 != 0)
		report_in_directory(&view, EXT_INLINE_DIRECTORY_SIZE, NULL, NULL, second.size, 0,
				    second.size / 4 * 4);
	view.block = second;
	if (second.size > 0)
		check_entries(&view, 0);
}

void check_directories_after(struct checks *checks, struct survey *survey)
{
	check_symlink_names(checks->directories, survey);
	salvage_sort(checks->directories);
	check_indexes(checks->directories, survey);
	check_duplicates(checks->directories, survey);
	check_connectivity(checks->directories, survey);
}
