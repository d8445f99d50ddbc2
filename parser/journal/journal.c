/* SPDX-License-Identifier: MIT */
/*
 * An open journal: found by journal_find.c, judged here. What stands in the log is read by
 * journal_scan.c.  Doc: ext4/journal.rst.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "layout/layout.h"
#include "journal/journal.h"

struct ext_place journal_place(const struct ext_journal *journal, uint32_t log)
{
	struct ext_place place = {
		.structure = log == 0 ? EXT_AT_JOURNAL_SUPERBLOCK : EXT_AT_JOURNAL,
		.has = EXT_HAS_LOGICAL,
		.logical = log,
	};

	if (!journal->is_external && journal->summary.inode != 0) {
		place.has |= EXT_HAS_INODE;
		place.inode = journal->summary.inode;
	}
	return place;
}

void journal_report(const struct ext_journal *journal, enum ext_problem problem, uint32_t log,
		    uint64_t found, uint64_t low, uint64_t high)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = journal_place(journal, log),
		.found = found,
		.low = low,
		.high = high,
	};

	ext_report(journal->sink, &finding);
}

uint32_t journal_advance(const struct ext_journal *journal, uint32_t log, uint64_t count)
{
	const struct ext_journal_superblock *sb = &journal->superblock;
	const uint64_t size = sb->end - sb->first;
	const uint64_t at = (uint64_t)(log - sb->first) + count;

	/* A division is not for nothing, and hardly ever needed. */
	return (uint32_t)(sb->first + (at < size ? at : at % size));
}

static int compare_offsets(const void *a, const void *b)
{
	const struct log_run *left = a, *right = b;

	return (left->offset > right->offset) - (left->offset < right->offset);
}

static enum ext_status sort_places(struct ext_journal *journal, struct ext_error *error)
{
	const size_t size = (size_t)journal->run_count * sizeof *journal->places;

	if (journal->is_external || size == 0)
		return EXT_OK;
	journal->places = malloc(size);
	if (!journal->places)
		return ext_no_memory(error);
	memcpy(journal->places, journal->runs, size);
	qsort(journal->places, journal->run_count, sizeof *journal->places, compare_offsets);
	return EXT_OK;
}

bool journal_block_may_be_logged(const struct ext_journal *journal, ext_block block)
{
	const struct ext_superblock *sb = &journal->filesystem->superblock;
	const uint64_t offset = block << sb->block_size_log2;
	uint32_t low = 0, high = journal->run_count;

	if (block >= sb->block_count)
		return false;
	if (!journal->places)
		return true;
	/* A log of indirect blocks has a run for every few hundred blocks. */
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (journal->places[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 || (offset - journal->places[low - 1].offset) >> sb->block_size_log2 >=
				   journal->places[low - 1].length;
}

uint32_t journal_blocks_present(const struct ext_journal *journal)
{
	uint32_t present = 0;

	for (uint32_t i = 0; i < journal->run_count && journal->runs[i].log == present; i++)
		present += journal->runs[i].length;
	return present;
}

static void judge(struct ext_journal *journal, bool ignore_recover_flag, bool trust_damaged)
{
	struct ext_journal_summary *summary = &journal->summary;
	const struct ext_journal_superblock *jsb = &journal->superblock;

	summary->recover_flag =
		ext_has_incompat(&journal->filesystem->superblock, EXT_INCOMPAT_RECOVER);
	if (!journal->has_superblock) {
		/* A journal that nobody needs does no harm by being away. */
		summary->state = summary->damage == EXT_JOURNAL_EXTERNAL_MISSING &&
						 !summary->recover_flag && !ignore_recover_flag
					 ? EXT_JOURNAL_CLEAN
					 : EXT_JOURNAL_DAMAGED;
		if (journal->is_external)
			journal_report(journal, summary->damage, 0, 0, 0, 0);
		return;
	}
	/* Nothing in it can be trusted then, least of all where the log begins. Linux refuses. */
	if (journal->superblock.checksum == EXT_CHECKSUM_BAD && !trust_damaged) {
		summary->state = EXT_JOURNAL_DAMAGED;
		summary->damage = EXT_JOURNAL_SUPERBLOCK_CHECKSUM;
	}
	if (!journal->is_external && jsb->user_count > 1)
		journal_report(journal, EXT_JOURNAL_USERS, 0, jsb->user_count, 0, 1);
	summary->present_blocks = journal_blocks_present(journal);
	/* A map with a hole has been named by whoever found it. */
	if (summary->present_blocks < jsb->length && !journal->has_hole)
		journal_report(journal, EXT_JOURNAL_LENGTH, 0, jsb->length, 0,
			       summary->present_blocks);
	summary->end_sequence = jsb->sequence;
	if (summary->state == EXT_JOURNAL_DAMAGED)
		return;
	summary->state = EXT_JOURNAL_CLEAN;
	if (jsb->start == 0)
		return;
	if (summary->recover_flag || ignore_recover_flag) {
		summary->state = EXT_JOURNAL_DIRTY;
		return;
	}
	summary->discarded = true;
	journal_report(journal, EXT_JOURNAL_RECOVER_CLEAR, 0, jsb->start, 0, 0);
}

/*
 * Where the log lies is known, and its format is not one that nobody knows. A superblock that only
 * fails its checksum can still be looked back through, and is not replayed: e2fsck does the same.
 */
static bool log_may_tell(const struct ext_journal *journal)
{
	return !journal->has_superblock && journal->run_count > 0 && journal->runs[0].log == 0 &&
	       journal->summary.damage != EXT_JOURNAL_FEATURES;
}

/* Without the feature the decoded superblock leaves the field out. */
static void report_unannounced(const struct ext_journal *journal)
{
	uint8_t bytes[EXT_SUPERBLOCK_SIZE];
	const struct ext_raw_superblock *raw =
		(const struct ext_raw_superblock *)(const void *)bytes;

	if (ext_source_read(journal->filesystem->source, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes,
			    NULL) == EXT_OK &&
	    get(raw->s_magic) == EXT_MAGIC && get(raw->s_rev_level) > 0 &&
	    get(raw->s_journal_inum) != 0)
		journal_report(journal, EXT_JOURNAL_HAS_JOURNAL, 0, get(raw->s_journal_inum), 0, 0);
}

enum ext_status ext_journal_open(const struct ext_filesystem *filesystem,
				 const struct ext_journal_options *options,
				 struct ext_journal **journal, struct ext_error *error)
{
	static const struct ext_journal_options defaults;
	const struct ext_superblock *sb = &filesystem->superblock;
	struct ext_journal *new = calloc(1, sizeof *new);
	enum ext_status status = EXT_OK;

	if (!new)
		return ext_no_memory(error);
	if (!options)
		options = &defaults;
	new->filesystem = filesystem;
	new->sink = options->sink;
	if (!ext_has_compat(sb, EXT_COMPAT_HAS_JOURNAL)) {
		new->summary.recover_flag = ext_has_incompat(sb, EXT_INCOMPAT_RECOVER);
		if (new->summary.recover_flag)
			journal_report(new, EXT_JOURNAL_RECOVER_SET, 0, 0, 0, 0);
		report_unannounced(new);
		*journal = new;
		return EXT_OK;
	}
	if (sb->journal_inode != 0) {
		status = journal_find_internal(new, error);
	} else {
		new->source = options->external;
		status = journal_find_external(new, error);
	}
	if (status == EXT_OK)
		status = sort_places(new, error);
	if (status != EXT_OK) {
		ext_journal_close(new);
		return status;
	}
	judge(new, options->ignore_recover_flag, options->trust_damaged);
	if (log_may_tell(new)) {
		/* The time of the last mount is no other superblock's than the primary's. */
		status = journal_rebuild(
			new, new->summary.recover_flag && !options->ignore_recover_flag, error);
		if (status != EXT_OK) {
			ext_journal_close(new);
			return status;
		}
	}
	*journal = new;
	return EXT_OK;
}

void ext_journal_close(struct ext_journal *journal)
{
	if (!journal)
		return;
	free(journal->runs);
	free(journal->places);
	logged_list_clear(&journal->logged);
	revoke_table_clear(&journal->revokes);
	free(journal);
}

const struct ext_journal_summary *ext_journal_summary(const struct ext_journal *journal)
{
	return &journal->summary;
}

const struct ext_journal_superblock *ext_journal_get_superblock(const struct ext_journal *journal)
{
	return journal->has_superblock ? &journal->superblock : NULL;
}

struct ext_source *ext_journal_source(const struct ext_journal *journal)
{
	return journal->source;
}
