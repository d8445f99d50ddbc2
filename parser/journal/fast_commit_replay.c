/* SPDX-License-Identifier: MIT */
/*
 * Replaying fast commits: each record says what an inode, a range of blocks or a name is to be, in
 * the order of the log.
 */
#include "config.h"

#include <stdlib.h>

#include "bytes/checked.h"
#include "journal/fast_commit.h"

static enum ext_status replay_record(struct fast_commit *replay,
				     const struct ext_fast_commit_record *record,
				     struct ext_error *error)
{
	enum ext_status status = EXT_OK;

	switch (record->tag) {
	case EXT_FAST_COMMIT_CREAT:
	case EXT_FAST_COMMIT_LINK:
	case EXT_FAST_COMMIT_UNLINK:
		status = fast_commit_touch(replay, record->parent, error);
		if (status != EXT_OK)
			return status;
		if (record->tag == EXT_FAST_COMMIT_UNLINK)
			return fast_commit_unlink(replay, record, error);
		status = fast_commit_touch(replay, record->inode, error);
		return status == EXT_OK ? fast_commit_name(replay, record, error) : status;
	case EXT_FAST_COMMIT_ADD_RANGE:
	case EXT_FAST_COMMIT_DEL_RANGE:
		status = fast_commit_touch(replay, record->inode, error);
		return status == EXT_OK ? fast_commit_range(replay, record, error) : status;
	case EXT_FAST_COMMIT_INODE:
		status = fast_commit_touch(replay, record->inode, error);
		return status == EXT_OK ? fast_commit_inode(replay, record, error) : status;
	case EXT_FAST_COMMIT_PAD:
	case EXT_FAST_COMMIT_TAIL:
	case EXT_FAST_COMMIT_HEAD:
		break;
	}
	return EXT_OK;
}

/* Calls `take` for each record that counts, in order. */
static enum ext_status
for_each_record(struct fast_commit *replay,
		enum ext_status (*take)(struct fast_commit *replay,
					const struct ext_fast_commit_record *record,
					struct ext_error *error),
		struct ext_journal_result *result, struct ext_error *error)
{
	const struct ext_journal *journal = replay->journal;
	const uint32_t size = journal->superblock.block_size;
	struct log_reader reader;
	uint32_t first, end, left = journal->summary.fast_commit_records;
	enum ext_status status = log_reader_init(&reader, journal, true, error);

	if (status != EXT_OK)
		return status;
	journal_fast_commit_area(journal, &first, &end);
	for (uint32_t log = first; log < end && left > 0 && status == EXT_OK; log++) {
		const uint8_t *bytes = log_reader_block(&reader, log);
		struct ext_fast_commit_cursor cursor;
		struct ext_fast_commit_record record;

		if (!bytes)
			break;
		ext_fast_commit_cursor_init(&cursor, replay->superblock,
					    (struct ext_span){bytes, size});
		while (left > 0 && ext_fast_commit_next(&cursor, &record, NULL) == EXT_OK) {
			left--;
			status = take(replay, &record, error);
			if (status == EXT_MEMORY)
				break;
			if (result) {
				result->fast_commit_records++;
				if (status != EXT_OK) {
					result->fast_commit_failures++;
					journal_report(journal, EXT_FAST_COMMIT_RECORD, log,
						       result->fast_commit_records, 0, 0);
				}
			}
			status = EXT_OK;
		}
	}
	log_reader_clear(&reader);
	return status;
}

static enum ext_status reserve(struct fast_commit *replay,
			       const struct ext_fast_commit_record *record, struct ext_error *error)
{
	if (record->tag != EXT_FAST_COMMIT_ADD_RANGE ||
	    !range_inside(record->physical, record->range_length, replay->superblock->block_count))
		return EXT_OK;
	if (replay->reserved.count == replay->reserved_capacity) {
		const size_t capacity =
			replay->reserved_capacity ? replay->reserved_capacity * 2 : 64;
		struct reserved_range *ranges =
			realloc(replay->reserved.ranges, capacity * sizeof *ranges);

		if (!ranges)
			return ext_no_memory(error);
		replay->reserved.ranges = ranges;
		replay->reserved_capacity = capacity;
	}
	replay->reserved.ranges[replay->reserved.count++] =
		(struct reserved_range){.block = record->physical, .length = record->range_length};
	return EXT_OK;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct reserved_range *left = a, *right = b;

	return (left->block > right->block) - (left->block < right->block);
}

enum ext_status journal_replay_fast_commits(struct ext_journal *journal, struct ext_source *overlay,
					    struct ext_journal_result *result,
					    struct ext_error *error)
{
	struct fast_commit replay = {.journal = journal};
	enum ext_status status = ext_editor_open(overlay, NULL, &replay.editor, error);

	/* Without a superblock to go by, the replayed blocks are all there is. */
	if (status != EXT_OK)
		return status == EXT_MEMORY ? status : EXT_OK;
	replay.superblock = ext_filesystem_superblock(ext_editor_filesystem(replay.editor));
	replay.raw = malloc(replay.superblock->inode_size);
	status = replay.raw ? for_each_record(&replay, reserve, NULL, error) : ext_no_memory(error);
	if (replay.reserved.count > 0)
		qsort(replay.reserved.ranges, replay.reserved.count, sizeof *replay.reserved.ranges,
		      compare_ranges);
	if (status == EXT_OK)
		status = fast_commit_touch_orphans(&replay, error);
	if (status == EXT_OK)
		status = for_each_record(&replay, replay_record, result, error);
	if (status == EXT_OK)
		status = fast_commit_settle(&replay, error);
	if (status == EXT_OK)
		status = ext_editor_finish(replay.editor, error);
	ext_editor_close(replay.editor);
	if (status == EXT_OK && replay.has_upset_linux)
		status = journal_note_error(overlay, error);
	free(replay.reserved.ranges);
	free(replay.touched);
	free(replay.raw);
	return status;
}
