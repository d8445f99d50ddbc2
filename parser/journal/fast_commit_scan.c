/* SPDX-License-Identifier: MIT */
/*
 * Which fast commits are complete: the area is read from its first block on until a record, a
 * checksum or a transaction number is wrong, and all up to the last good tail counts.
 * Doc: ext4/journal.rst, "Fast commits".
 */
#include "config.h"

#include <stdlib.h>

#include "journal/journal.h"

void journal_fast_commit_area(const struct ext_journal *journal, uint32_t *first, uint32_t *end)
{
	const struct ext_journal_superblock *sb = &journal->superblock;

	*first = *end = sb->length;
	/* The block right behind the log proper stays unused: a miscount that became the format. */
	if (sb->fast_commit_blocks > 1)
		*first = sb->end + 1;
}

struct area {
	struct ext_journal *journal;
	struct log_reader reader;
	uint32_t log;
	uint32_t checksum;
	uint32_t records; /* since the area's start, incomplete fast commits included */
	bool ended;
};

static void stop(struct area *area, enum ext_problem problem, uint64_t found, uint64_t low)
{
	area->ended = true;
	if (problem == EXT_NO_PROBLEM)
		return;
	area->journal->summary.fast_commit_stop = problem;
	journal_report(area->journal, problem, area->log, found, low, low);
}

static void take_tail(struct area *area, const struct ext_fast_commit_record *record)
{
	struct ext_journal_summary *summary = &area->journal->summary;

	if (record->sequence != summary->end_sequence) {
		/* What an earlier round has left behind the last fast commit: the end, and normal.
		 */
		stop(area, EXT_NO_PROBLEM, 0, 0);
	} else if (record->checksum != area->checksum) {
		stop(area, EXT_FAST_COMMIT_CHECKSUM, record->checksum, area->checksum);
	} else {
		summary->fast_commits++;
		summary->fast_commit_records = area->records;
		area->checksum = 0;
	}
}

static void take_record(struct area *area, struct ext_span block,
			const struct ext_fast_commit_record *record)
{
	const struct ext_journal_summary *summary = &area->journal->summary;

	area->records++;
	area->checksum = ext_fast_commit_checksum(area->checksum, block, record);
	if (record->tag == EXT_FAST_COMMIT_TAIL) {
		take_tail(area, record);
	} else if (record->tag == EXT_FAST_COMMIT_HEAD) {
		if (record->features != 0)
			stop(area, EXT_FAST_COMMIT_FEATURES, record->features, 0);
		else if (record->sequence != summary->end_sequence)
			stop(area, EXT_NO_PROBLEM, 0, 0);
	}
}

static void scan_block(struct area *area, struct ext_span block, bool is_first)
{
	struct ext_fast_commit_cursor cursor;
	struct ext_fast_commit_record record;
	struct ext_error error;
	enum ext_status status = EXT_OK;
	bool first = is_first;

	ext_fast_commit_cursor_init(&cursor, &area->journal->filesystem->superblock, block);
	while (!area->ended &&
	       (status = ext_fast_commit_next(&cursor, &record, &error)) == EXT_OK) {
		if (first && record.tag != EXT_FAST_COMMIT_HEAD) {
			area->ended = true;
			return;
		}
		first = false;
		take_record(area, block, &record);
	}
	if (status != EXT_CORRUPT || area->ended)
		return;
	/*
	 * An area never used holds anything. Behind good fast commits, too, a wrong record is but
	 * the end; only within one that has begun is it damage.
	 */
	if (first || area->records == area->journal->summary.fast_commit_records)
		stop(area, EXT_NO_PROBLEM, 0, 0);
	else
		stop(area, error.problem, error.found, error.low);
}

enum ext_status journal_scan_fast_commits(struct ext_journal *journal, struct ext_error *error)
{
	struct area area = {.journal = journal};
	const uint32_t size = journal->superblock.block_size;
	uint32_t first, end;
	enum ext_status status;

	journal_fast_commit_area(journal, &first, &end);
	if (first == end)
		return EXT_OK;
	status = log_reader_init(&area.reader, journal, true, error);
	if (status != EXT_OK)
		return status;
	for (area.log = first; area.log < end && !area.ended; area.log++) {
		const uint8_t *bytes = log_reader_block(&area.reader, area.log);

		if (bytes)
			scan_block(&area, (struct ext_span){bytes, size}, area.log == first);
		else
			stop(&area, EXT_JOURNAL_UNREADABLE, area.log, 0);
	}
	log_reader_clear(&area.reader);
	return EXT_OK;
}
