/* SPDX-License-Identifier: MIT */
/*
 * The entries of one directory block. Invariants: "." and ".." first, once, naming what they
 * should. Lengths are the parser's matter. Leaves other entries to entry_target.c and entry_name.c,
 * the names of a block against each other to leaf_names.c, parents to connectivity.c.
 */
#include "config.h"

#include <string.h>

#include "accounting/salvage.h"
#include "checks/leaf_names.h"

enum { DOT_RECORD = 12 };

/* A finding of whose row e2fsck does not ask `unasked`; 0: it asks all. */
static void report_but(const struct directory_view *view, enum ext_problem problem,
		       uint32_t unasked, const struct ext_dirent *entry, const char *field,
		       uint64_t found, uint64_t low, uint64_t high)
{
	struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = entry ? EXT_AT_DIRENT : EXT_AT_DIRECTORY_BLOCK,
			  .has = EXT_HAS_INODE,
			  .inode = view->directory->ino,
			  .field = field},
		.found = found,
		.low = low,
		.high = high};

	if (!view->is_inline) {
		finding.place.has |= EXT_HAS_BLOCK | EXT_HAS_LOGICAL;
		finding.place.block = view->physical;
		finding.place.logical = view->logical;
	}
	if (entry && !view->is_inline) {
		finding.place.has |= EXT_HAS_OFFSET;
		finding.place.offset = entry->at;
	}
	if (entry && entry->name_length > 0) {
		finding.name_length = entry->name_length;
		memcpy(finding.name, entry->name, entry->name_length);
	}
	if (unasked != 0)
		ext_finding_unasked(&finding, unasked);
	ext_report(view->sink, &finding);
}

void report_in_directory(const struct directory_view *view, enum ext_problem problem,
			 const struct ext_dirent *entry, const char *field, uint64_t found,
			 uint64_t low, uint64_t high)
{
	report_but(view, problem, 0, entry, field, found, low, high);
}

static void check_dot(const struct directory_view *view, const struct ext_dirent *entry)
{
	const ext_ino ino = view->directory->ino;

	if (entry->inode == 0)
		report_in_directory(view, EXT_DOT_MISSING, entry, "inode", 0, ino, ino);
	else if (!entry_is_dot(entry) && entry->inode == ino)
		report_but(view, EXT_DOT_NOT_FIRST, 0x020001, entry, "name", ino, ino, ino);
	else if (!entry_is_dot(entry))
		report_in_directory(view, EXT_DOT_NOT_FIRST, entry, "name", entry->inode, ino, ino);
	else if (entry->name[1] != 0)
		report_in_directory(view, EXT_DOT_NOT_TERMINATED, entry, "name", 0, 0, 0);
	if (entry_is_dot(entry) && entry->inode != 0 && entry->inode != ino)
		report_in_directory(view, EXT_DOT_INODE, entry, "inode", entry->inode, ino, ino);
	if (entry->record_length > 2 * DOT_RECORD)
		report_in_directory(view, EXT_DOT_LENGTH, entry, "rec_len", entry->record_length,
				    DOT_RECORD, DOT_RECORD);
}

static void check_dotdot(const struct directory_view *view, const struct ext_dirent *entry)
{
	if (entry->inode == 0)
		report_in_directory(view, EXT_DOTDOT_MISSING, entry, "inode", 0, 0, 0);
	else if (!entry_is_dotdot(entry))
		report_in_directory(view, EXT_DOTDOT_NOT_SECOND, entry, "name", entry->inode, 0, 0);
	else if (entry->name[2] != 0)
		report_in_directory(view, EXT_DOTDOT_NOT_TERMINATED, entry, "name", 0, 0, 0);
}

/* What later families want to know of an entry. */
static void note_special(const struct directory_view *view, const struct ext_dirent *entry)
{
	static const char lost_found[] = "lost+found";

	if (view->directory->ino == EXT_INO_ROOT && entry->name_length == sizeof lost_found - 1 &&
	    memcmp(entry->name, lost_found, sizeof lost_found - 1) == 0)
		atomic_store(&view->checks->lost_found, entry->inode);
}

/* Bytes of an entry behind its name, or of a deleted one, that are not zero. */
static uint64_t count_leftovers(const struct directory_view *view, const struct ext_dirent *entry)
{
	uint32_t at = entry->inode == 0 ? 0 : entry->name_length;
	uint64_t count = 0;

	/* Behind "..", the root of an index keeps the index. */
	if (view->kind == EXT_DIRECTORY_HTREE_ROOT && entry_is_dotdot(entry))
		return 0;
	if (view->is_encrypted && view->is_casefolded && entry->inode != 0)
		at = (at + 3) / 4 * 4 + 8;
	for (; at < entry->record_length - 8; at++)
		count += entry->name[at] != 0;
	return count;
}

/* Is this the "." or the ".." that it should be, and kept for all that its record is too long? */
static bool is_kept_dot(const struct directory_view *view, uint64_t at)
{
	const uint8_t *bytes = view->block.data + at;

	return salvage_shortens_at(view, at) && salvage_inode(view->block, at) != 0 &&
	       bytes[6] > 0 && bytes[6] <= 2 && bytes[8] == '.' &&
	       (bytes[6] == 1 || bytes[9] == '.');
}

/* One of the first two entries, where nothing stands that could be read as it. */
static void report_missing(const struct directory_view *view, enum ext_problem problem,
			   const uint32_t *unasked, size_t count)
{
	const struct ext_place place = {.structure = EXT_AT_DIRECTORY_BLOCK,
					.has = EXT_HAS_INODE,
					.inode = view->directory->ino};
	struct ext_finding finding = {.problem = problem, .place = place};

	if (!view->is_inline) {
		finding.place.has |= EXT_HAS_BLOCK | EXT_HAS_LOGICAL;
		finding.place.block = view->physical;
		finding.place.logical = view->logical;
	}
	for (size_t i = 0; i < count; i++)
		ext_finding_unasked(&finding, unasked[i]);
	ext_report(view->sink, &finding);
}

/* The block ends in an entry that is none, or too early, before both dots were read. */
static void report_missing_dots(const struct directory_view *view, unsigned position,
				bool is_broken, uint64_t at)
{
	static const uint32_t dot[] = {0x020001, 0x020009}, dotdot[] = {0x02000a, 0x030005};
	const bool is_kept = is_broken && is_kept_dot(view, at);
	/* A "." that is too long is split, before what stands behind it. */
	const bool has_dotdot =
		is_broken && salvage_finds_dotdot(view) &&
		(position < 1 || salvage_length(view->block, 0) > 2 * SALVAGE_LEAST);

	if (position < 1)
		report_missing(view, EXT_DOT_MISSING, dot, is_kept ? 2 : 1);
	if (position < 1 && is_kept && has_dotdot)
		report_missing(view, EXT_DOT_LENGTH, NULL, 0);
	/* What goes into "." is not looked at as "..". */
	if (position < 2)
		report_missing(view, EXT_DOTDOT_MISSING, dotdot,
			       is_kept || has_dotdot	    ? 2
			       : is_broken && position == 1 ? 1
							    : 0);
	if (has_dotdot)
		salvage_keep_from(view, SALVAGE_LEAST);
}

void check_entries(const struct directory_view *view, uint32_t from)
{
	const struct ext_superblock *sb = view->superblock;
	const bool is_first = view->logical == 0 && !view->is_inline;
	unsigned position = is_first ? 0 : 2;
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	struct leaf_names names;
	struct ext_error error;
	enum ext_status status;
	uint64_t leftovers = 0;
	bool is_salvaged = false;

	leaf_names_begin(&names, view,
			 !is_first && !view->is_inline &&
				 (view->directory->flags & EXT_INODE_INDEX));
	ext_dirent_cursor_init(&cursor, sb, view->block, from, view->has_tail);
	for (;;) {
		status = ext_dirent_step(&cursor, &entry, &error);
		/* The survey reports what is wrong with lengths. */
		if (status == EXT_CORRUPT && error.problem == EXT_DIRENT_NAME_LENGTH) {
			static const uint32_t inode[] = {0x020001};

			/* A repair goes on behind it; a first one becomes the ".". */
			is_salvaged = true;
			if (is_first && error.place.offset == 0) {
				report_missing(view, EXT_DOT_MISSING, inode, 1);
				position = 1;
			}
			continue;
		}
		if (status != EXT_OK)
			break;
		if (position < UINT32_MAX)
			position++;
		if (view->checks->checks->is_published)
			leftovers += count_leftovers(view, &entry);
		if (position == 1)
			check_dot(view, &entry);
		else if (position == 2)
			check_dotdot(view, &entry);
		else if (entry.inode == view->directory->ino && !entry_is_dot(&entry))
			report_in_directory(view, EXT_DIRENT_TO_SELF, &entry, "inode", entry.inode,
					    0, 0);
		if (entry.inode == 0)
			continue;
		check_entry_target(view, &entry, position);
		if (is_salvaged && (position > 2 || entry_is_dotdot(&entry)))
			salvage_keep(view, entry.inode);
		note_special(view, &entry);
		if (position > 2)
			leaf_names_add(&names, &entry);
	}
	if (leftovers > 0)
		report_in_directory(view, EXT_PUBLISHED_NAMES, NULL, NULL, leftovers, 0, 0);
	if (position < 2)
		report_missing_dots(view, position, status == EXT_CORRUPT, error.place.offset);
	if (status == EXT_CORRUPT && position > 0 && salvage_shortens_at(view, error.place.offset))
		salvage_keep(view, salvage_inode(view->block, error.place.offset));
	leaf_names_end(&names);
}
