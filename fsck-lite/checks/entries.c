/* SPDX-License-Identifier: MIT */
/*
 * The entries of one directory block. Invariants: "." and ".." first, once, naming what they
 * should; every other entry names an inode that exists, is in use, may be named and has the type
 * that the entry says; every name can be typed, and is encrypted where it should be. Lengths are
 * the parser's matter. Leaves the names of a block against each other to leaf_names.c, parents to
 * connectivity.c.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "checks/leaf_names.h"

enum {
	DOT_RECORD = 12,
	ENCRYPTED_LEAST = 16, /* one block of the cipher */
	STRICT_ENCODING = 1,  /* s_encoding_flags */
	HASHED_BY_DEFAULT = 1,
};

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

static bool is_dot(const struct ext_dirent *entry)
{
	return entry->name_length == 1 && entry->name[0] == '.';
}

static bool is_dotdot(const struct ext_dirent *entry)
{
	return entry->name_length == 2 && entry->name[0] == '.' && entry->name[1] == '.';
}

static void check_dot(const struct directory_view *view, const struct ext_dirent *entry)
{
	const ext_ino ino = view->directory->ino;

	if (entry->inode == 0)
		report_in_directory(view, EXT_DOT_MISSING, entry, "inode", 0, ino, ino);
	else if (!is_dot(entry) && entry->inode == ino)
		report_but(view, EXT_DOT_NOT_FIRST, 0x020001, entry, "name", ino, ino, ino);
	else if (!is_dot(entry))
		report_in_directory(view, EXT_DOT_NOT_FIRST, entry, "name", entry->inode, ino, ino);
	else if (entry->name[1] != 0)
		report_in_directory(view, EXT_DOT_NOT_TERMINATED, entry, "name", 0, 0, 0);
	if (is_dot(entry) && entry->inode != 0 && entry->inode != ino)
		report_in_directory(view, EXT_DOT_INODE, entry, "inode", entry->inode, ino, ino);
	if (entry->record_length > 2 * DOT_RECORD)
		report_in_directory(view, EXT_DOT_LENGTH, entry, "rec_len", entry->record_length,
				    DOT_RECORD, DOT_RECORD);
}

static void check_dotdot(const struct directory_view *view, const struct ext_dirent *entry)
{
	if (entry->inode == 0)
		report_in_directory(view, EXT_DOTDOT_MISSING, entry, "inode", 0, 0, 0);
	else if (!is_dotdot(entry))
		report_in_directory(view, EXT_DOTDOT_NOT_SECOND, entry, "name", entry->inode, 0, 0);
	else if (entry->name[2] != 0)
		report_in_directory(view, EXT_DOTDOT_NOT_TERMINATED, entry, "name", 0, 0, 0);
}

static int compare_blocks(const void *left, const void *right)
{
	const ext_block *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static int compare_inodes(const void *left, const void *right)
{
	const ext_ino *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Lists that the pass over the inodes filled; sorted when they are first asked. */
static void sort_lists(struct directory_checks *checks)
{
	if (atomic_load_explicit(&checks->bad_inodes_sorted, memory_order_acquire))
		return;
	lock_take(&checks->lock);
	if (!atomic_load_explicit(&checks->bad_inodes_sorted, memory_order_relaxed)) {
		if (checks->bad_inode_count > 1)
			qsort(checks->bad_inodes, checks->bad_inode_count,
			      sizeof *checks->bad_inodes, compare_inodes);
		if (checks->bad_block_count > 1)
			qsort(checks->bad_blocks, checks->bad_block_count,
			      sizeof *checks->bad_blocks, compare_blocks);
		atomic_store_explicit(&checks->bad_inodes_sorted, true, memory_order_release);
	}
	lock_give(&checks->lock);
}

static bool is_bad_inode(struct directory_checks *checks, ext_ino ino)
{
	if (checks->bad_inode_count == 0)
		return false;
	sort_lists(checks);
	return bsearch(&ino, checks->bad_inodes, checks->bad_inode_count,
		       sizeof *checks->bad_inodes, compare_inodes) != NULL;
}

static bool lies_on_bad_block(const struct directory_view *view, ext_ino ino)
{
	struct directory_checks *checks = view->checks;
	uint64_t offset;
	ext_block block;

	if (checks->bad_block_count == 0 ||
	    ext_inode_offset(view->survey->filesystem, ino, &offset, NULL) != EXT_OK)
		return false;
	sort_lists(checks);
	block = offset >> view->superblock->block_size_log2;
	return bsearch(&block, checks->bad_blocks, checks->bad_block_count,
		       sizeof *checks->bad_blocks, compare_blocks) != NULL;
}

/* Beyond what the descriptor calls used, where the survey does not look. */
static enum ext_problem unread_part(const struct directory_view *view, ext_ino ino)
{
	const uint32_t per_group = view->superblock->inodes_per_group;
	struct ext_group_descriptor group;

	ext_group_locations(view->survey->filesystem, (ino - 1) / per_group, &group);
	if (group.flags & EXT_GROUP_INODE_UNINIT)
		return EXT_DIRENT_TO_UNINIT_GROUP;
	if ((ino - 1) % per_group >=
	    per_group - (group.itable_unused <= per_group ? group.itable_unused : per_group))
		return EXT_DIRENT_TO_UNUSED_AREA;
	return EXT_NO_PROBLEM;
}

/* An entry for an inode that the survey did not see in use. */
static void report_unused(const struct directory_view *view, const struct ext_dirent *entry)
{
	const enum ext_problem unread = unread_part(view, entry->inode);
	enum ext_problem problem = EXT_DIRENT_TO_UNUSED_INODE;
	struct ext_inode inode;
	const enum ext_status status =
		ext_inode_read(view->survey->filesystem, entry->inode, &inode, NULL, NULL);

	/* What cannot be read is not called wrong. */
	if (status == EXT_IO)
		return;
	if (unread != EXT_NO_PROBLEM)
		report_in_directory(view, unread, entry, "inode", entry->inode, 0, 0);
	if (status == EXT_OK && inode.mode == 0 && inode.links == 0) {
		if (entry->type_stored != 0 &&
		    ext_has_incompat(view->superblock, EXT_INCOMPAT_FILETYPE))
			problem = EXT_DIRENT_TO_BLANK_INODE;
	} else if (unread != EXT_NO_PROBLEM) {
		return;
	}
	report_in_directory(view, problem, entry, "inode", entry->inode, 0, 0);
}

/* Deleted, and only waiting for the end of it: no name leads there. */
static bool is_deleted_orphan(const struct directory_view *view, ext_ino ino, uint8_t state)
{
	struct ext_inode inode;

	return (state & STATE_ORPHAN) &&
	       ext_inode_read(view->survey->filesystem, ino, &inode, NULL, NULL) == EXT_OK &&
	       inode.links == 0;
}

static void check_type(const struct directory_view *view, const struct ext_dirent *entry,
		       uint8_t state)
{
	const uint8_t type = state & STATE_TYPE;

	if (!ext_has_incompat(view->superblock, EXT_INCOMPAT_FILETYPE)) {
		if (entry->type_stored != 0)
			report_in_directory(view, EXT_DIRENT_TYPE_WITHOUT_FEATURE, entry,
					    "file_type", entry->type_stored, 0, 0);
		return;
	}
	if (entry->file_type != 0 && is_bad_inode(view->checks, entry->inode))
		report_in_directory(view, EXT_DIRENT_TO_BAD_INODE, entry, "file_type",
				    entry->file_type, entry->inode, entry->inode);
	else if (entry->file_type == type)
		return;
	else if (entry->file_type == 0)
		report_in_directory(view, EXT_DIRENT_TYPE_MISSING, entry, "file_type", 0, type,
				    type);
	else
		report_in_directory(view, EXT_DIRENT_TYPE, entry, "file_type", entry->file_type,
				    type, type);
}

/* Does the inode hold the value of an attribute? Other inodes without a name have low numbers. */
static bool is_value(const struct directory_view *view, ext_ino ino, uint8_t state)
{
	const struct ext_superblock *sb = view->superblock;

	return (state & STATE_SYSTEM) && ext_has_incompat(sb, EXT_INCOMPAT_EA_INODE) &&
	       ino >= sb->first_inode && ino != sb->journal_inode && ino != sb->user_quota_inode &&
	       ino != sb->group_quota_inode && ino != sb->project_quota_inode &&
	       ino != sb->orphan_file_inode;
}

/* Is any byte of these eight zero? What is above the lowest such byte is not to be trusted. */
static uint64_t zero_bytes(uint64_t word)
{
	return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

/* Does the name have a '/' or a zero? Most names are too short for two calls to be worth it. */
static bool has_forbidden_byte(const char *name, size_t length)
{
	size_t at = 0;

	for (uint64_t word; length - at >= sizeof word; at += sizeof word) {
		memcpy(&word, name + at, sizeof word);
		if ((zero_bytes(word) | zero_bytes(word ^ '/' * 0x0101010101010101u)) != 0)
			return true;
	}
	for (; at < length; at++)
		if (name[at] == 0 || name[at] == '/')
			return true;
	return false;
}

static void check_name(const struct directory_view *view, const struct ext_dirent *entry)
{
	const struct ext_superblock *sb = view->superblock;

	if (view->is_encrypted) {
		if (entry->name_length < ENCRYPTED_LEAST)
			report_in_directory(view, EXT_ENCRYPTED_NAME, entry, "name_len",
					    entry->inode, entry->name_length, entry->name_length);
		return;
	}
	if (has_forbidden_byte(entry->name, entry->name_length))
		report_in_directory(view, EXT_DIRENT_NAME_INVALID, entry, "name", entry->inode, 0,
				    0);
	if (view->is_casefolded && (sb->encoding_flags & STRICT_ENCODING) &&
	    !ext_name_is_utf8(entry->name, entry->name_length))
		report_in_directory(view, EXT_CASEFOLD_NAME, entry, "name", entry->inode, 0, 0);
}

static void check_policy(const struct directory_view *view, const struct ext_dirent *entry,
			 uint8_t state)
{
	uint32_t policy;

	if (!view->is_encrypted || view->policy == POLICY_UNKNOWN)
		return;
	policy = policy_of(&view->checks->policies, entry->inode);
	if (policy == view->policy)
		return;
	if (policy != POLICY_NONE) {
		report_in_directory(view, EXT_ENCRYPTED_POLICY, entry, NULL, entry->inode, 0, 0);
		return;
	}
	/* Devices, fifos and sockets have nothing that could be encrypted. */
	if ((state & STATE_TYPE) == EXT_TYPE_REGULAR ||
	    (state & STATE_TYPE) == EXT_TYPE_DIRECTORY || (state & STATE_TYPE) == EXT_TYPE_SYMLINK)
		report_in_directory(view, EXT_ENCRYPTED_DIRECTORY_PLAIN_FILE, entry, NULL,
				    entry->inode, 0, 0);
}

/* A root without links is deleted, whatever it still holds. */
static bool is_deleted_root(const struct directory_view *view, ext_ino ino)
{
	const struct directory *root;
	struct ext_inode inode;

	if (ino != EXT_INO_ROOT)
		return false;
	root = survey_directory(view->survey, ino);
	return (!root || root->is_unlinked) &&
	       ext_inode_read(view->survey->filesystem, ino, &inode, NULL, NULL) == EXT_OK &&
	       inode.links == 0;
}

/* An entry in use. `position` is 1 and 2 for "." and "..". */
static void check_used(const struct directory_view *view, const struct ext_dirent *entry,
		       unsigned position)
{
	const struct ext_superblock *sb = view->superblock;
	const ext_ino ino = entry->inode;
	uint8_t state;

	if (ino > sb->inode_count || (ino < sb->first_inode && ino != EXT_INO_ROOT)) {
		report_in_directory(view, EXT_DIRENT_INODE_RANGE, entry, "inode", ino,
				    sb->first_inode, sb->inode_count);
		return;
	}
	if (view->checks->bad_block_count > 0 && lies_on_bad_block(view, ino))
		report_in_directory(view, EXT_DIRENT_TO_BAD_BLOCKS, entry, "inode", ino, 0, 0);
	if (position > 2) {
		if (is_dot(entry))
			report_in_directory(view, EXT_DOT_DUPLICATE, entry, "name", ino, 0, 0);
		else if (is_dotdot(entry))
			report_in_directory(view, EXT_DOTDOT_DUPLICATE, entry, "name", ino, 0, 0);
		else if (ino == EXT_INO_ROOT)
			report_in_directory(view, EXT_DIRENT_TO_ROOT, entry, "inode", ino, 0, 0);
		else if (entry->name_length == 0)
			report_in_directory(view, EXT_DIRENT_NAME_EMPTY, entry, "name_len", ino, 0,
					    0);
	}
	state = inode_states_get(&view->survey->inodes, ino);
	if (!(state & STATE_USED) || is_deleted_orphan(view, ino, state) ||
	    is_deleted_root(view, ino)) {
		report_unused(view, entry);
	} else {
		check_type(view, entry, state);
		if (is_value(view, ino, state))
			report_in_directory(view, EXT_DIRENT_TO_EA_INODE, entry, "inode", ino, 0,
					    0);
	}
	if (!is_dot(entry) && !is_dotdot(entry) && (position > 2 || !view->is_encrypted))
		check_name(view, entry);
	if (position > 2 && !is_dot(entry) && !is_dotdot(entry)) {
		if (state & STATE_USED)
			check_policy(view, entry, state);
	}
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
	if (view->kind == EXT_DIRECTORY_HTREE_ROOT && is_dotdot(entry))
		return 0;
	if (view->is_encrypted && view->is_casefolded && entry->inode != 0)
		at = (at + 3) / 4 * 4 + 8;
	for (; at < entry->record_length - 8; at++)
		count += entry->name[at] != 0;
	return count;
}

/*
 * Does e2fsck keep this entry, which passes the end of the block or runs into its tail? It cuts
 * those whose names fit.
 */
static bool is_kept_by_salvage(const struct directory_view *view, uint64_t at)
{
	const struct ext_superblock *sb = view->superblock;
	const uint8_t *bytes = view->block.data + at;
	uint64_t length, inode;

	if (at + DOT_RECORD > view->block.size)
		return false;
	inode = (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 |
		(uint64_t)bytes[3] << 24;
	length = (uint64_t)bytes[4] | (uint64_t)bytes[5] << 8;
	return at + length + DOT_RECORD > view->block.size && inode != 0 &&
	       inode <= sb->inode_count && bytes[6] > 0 && bytes[6] <= 2 && bytes[8] == '.' &&
	       (bytes[6] == 1 || bytes[9] == '.');
}

/* The first two entries, where nothing stands that could be read as one. */
static void report_missing(const struct directory_view *view, unsigned position, bool is_kept)
{
	const struct ext_place place = {.structure = EXT_AT_DIRECTORY_BLOCK,
					.has = EXT_HAS_INODE,
					.inode = view->directory->ino};
	struct ext_finding finding = {.place = place};

	if (!view->is_inline) {
		finding.place.has |= EXT_HAS_BLOCK | EXT_HAS_LOGICAL;
		finding.place.block = view->physical;
		finding.place.logical = view->logical;
	}
	if (position < 1) {
		finding.problem = EXT_DOT_MISSING;
		ext_finding_unasked(&finding, 0x020001);
		if (is_kept)
			ext_finding_unasked(&finding, 0x020009);
		ext_report(view->sink, &finding);
	}
	if (position < 2) {
		finding.problem = EXT_DOTDOT_MISSING;
		finding.unasked = 0;
		if (is_kept) {
			ext_finding_unasked(&finding, 0x02000a);
			ext_finding_unasked(&finding, 0x030005);
		}
		ext_report(view->sink, &finding);
	}
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

	leaf_names_begin(&names, view,
			 !is_first && !view->is_inline &&
				 (view->directory->flags & EXT_INODE_INDEX));
	ext_dirent_cursor_init(&cursor, sb, view->block, from, view->has_tail);
	for (;;) {
		status = ext_dirent_step(&cursor, &entry, &error);
		/* The survey reports what is wrong with lengths. */
		if (status == EXT_CORRUPT && error.problem == EXT_DIRENT_NAME_LENGTH)
			continue;
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
		else if (entry.inode == view->directory->ino && !is_dot(&entry))
			report_in_directory(view, EXT_DIRENT_TO_SELF, &entry, "inode", entry.inode,
					    0, 0);
		if (entry.inode == 0)
			continue;
		check_used(view, &entry, position);
		note_special(view, &entry);
		if (position > 2)
			leaf_names_add(&names, &entry);
	}
	if (leftovers > 0)
		report_in_directory(view, EXT_PUBLISHED_NAMES, NULL, NULL, leftovers, 0, 0);
	if (position < 2)
		report_missing(view, position,
			       status == EXT_CORRUPT &&
				       is_kept_by_salvage(view, error.place.offset));
	leaf_names_end(&names);
}
