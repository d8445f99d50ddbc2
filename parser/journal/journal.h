/* SPDX-License-Identifier: MIT */
/*
 * What is inside an open journal, for the files that scan, replay and look back: where the log's
 * blocks lie, what was found in them, and a reader that takes them in large pieces.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <ext/journal.h>

#include "structure/filesystem.h"
#include "journal/revoke_table.h"

/* Consecutive log blocks that lie one behind another. */
struct log_run {
	uint32_t log, length;
	uint64_t offset; /* bytes, in the journal's source */
};

/*
 * Logged copies, as small as they can be: a full journal has a quarter of a million. Copies that
 * follow each other both here and in the log can be one entry.
 */
struct logged_block {
	uint32_t block_low;
	uint16_t block_high;
	uint16_t flags : 4; /* LOGGED_ bits */
	uint16_t more : 12; /* copies that follow */
	uint32_t log;
	uint32_t transaction; /* sequence, less that of the first; in a history, an index */
};

enum {
	LOGGED_ESCAPED = 1,
	LOGGED_BAD = 2,	    /* its checksum is wrong */
	LOGGED_REVOKED = 4, /* only in a history */
	LOGGED_PROVEN = 8,  /* its checksum holds */
	LOGGED_ALL = 15,
};
enum { LOGGED_MORE_MOST = 4095 };

struct logged_list {
	struct logged_block *blocks;
	uint32_t count, capacity;
};

struct ext_journal {
	const struct ext_filesystem *filesystem; /* borrowed */
	struct ext_source *source;		 /* borrowed */
	struct ext_sink *sink;			 /* borrowed; may be NULL */
	bool is_external;
	struct log_run *runs; /* by log block */
	uint32_t run_count, run_capacity;
	struct log_run *places;	  /* the same by offset; for journal_block_may_be_logged */
	uint32_t first_log_block; /* behind the superblock: 1, or more on a device */
	bool has_hole;	 /* internal: the map in use has fewer blocks than its inode's size asks for
			  */
	bool is_unread;	 /* internal: a part of that map could not be read */
	bool is_refused; /* internal: Linux would not follow that map */
	bool has_superblock;
	struct ext_journal_superblock superblock;
	struct ext_journal_summary summary;
	struct logged_list logged; /* of complete transactions, in log order */
	struct revoke_table revokes;
};

static inline ext_block logged_block_number(const struct logged_block *logged)
{
	return (uint64_t)logged->block_high << 32 | logged->block_low;
}

/* Appends an entry; false without memory. Block numbers have 48 bits at most. */
bool logged_list_add(struct logged_list *list, ext_block block, uint16_t flags, uint32_t log,
		     uint32_t transaction);

/* Appends to the last entry if that is all the same and goes on here, else an entry. */
static inline bool logged_list_extend(struct logged_list *list, ext_block block, uint16_t flags,
				      uint32_t log, uint32_t transaction)
{
	if (list->count > 0) {
		struct logged_block *last = &list->blocks[list->count - 1];
		const uint32_t length = last->more + 1u;

		if (length <= LOGGED_MORE_MOST && last->flags == flags &&
		    last->transaction == transaction && last->log + length == log &&
		    logged_block_number(last) + length == block) {
			last->more = length & LOGGED_MORE_MOST;
			return true;
		}
	}
	return logged_list_add(list, block, flags, log, transaction);
}

void logged_list_clear(struct logged_list *list);

/* The place of a log block, for findings. */
struct ext_place journal_place(const struct ext_journal *journal, uint32_t log);
void journal_report(const struct ext_journal *journal, enum ext_problem problem, uint32_t log,
		    uint64_t found, uint64_t low, uint64_t high);

/* May a logged copy belong to this block: one of the filesystem, and not of the journal itself? */
bool journal_block_may_be_logged(const struct ext_journal *journal, ext_block block);

/* The log block `count` blocks behind `log`, around the end. */
uint32_t journal_advance(const struct ext_journal *journal, uint32_t log, uint64_t count);

/*
 * Where the log lies and what its superblock says (journal/journal_find.c). What is wrong goes to
 * the sink and into the summary; fail with MEMORY only.
 */
enum ext_status journal_find_internal(struct ext_journal *journal, struct ext_error *error);
enum ext_status journal_find_external(struct ext_journal *journal, struct ext_error *error);

/* The run that holds a log block, or NULL (journal/reader.c). */
const struct log_run *journal_find_run(const struct ext_journal *journal, uint32_t log);

/* How many log blocks are there without a gap. */
uint32_t journal_blocks_present(const struct ext_journal *journal);

/*
 * For a journal whose superblock is of no use: gathers what it said from the log, and decides
 * whether that can be replayed (journal/journal_rebuild.c). Leaves the journal as it is when there
 * is no log. Fails with MEMORY.
 */
enum ext_status journal_rebuild(struct ext_journal *journal, bool may_replay,
				struct ext_error *error);

/* Reads log blocks in large pieces (journal/journal_reader.c). */
struct log_reader {
	const struct ext_journal *journal;
	uint8_t *buffer;
	uint32_t capacity; /* blocks */
	uint32_t first, count;
};

/*
 * `ahead` says that all blocks will be asked for one after another; else few are read at a time.
 * Fails with MEMORY.
 */
enum ext_status log_reader_init(struct log_reader *reader, const struct ext_journal *journal,
				bool ahead, struct ext_error *error);
void log_reader_clear(struct log_reader *reader);

/* Is this block in the buffer? Reading it leaves the others there where they are. */
bool log_reader_holds(const struct log_reader *reader, uint32_t log);

/* The bytes of a log block until the next call that reads; NULL when it cannot be read. */
const uint8_t *log_reader_block(struct log_reader *reader, uint32_t log);

/* Replays the fast commits onto the overlay (journal/fast_commit_replay.c). */
enum ext_status journal_replay_fast_commits(struct ext_journal *journal, struct ext_source *overlay,
					    struct ext_journal_result *result,
					    struct ext_error *error);

/* Notes in the superblock on the overlay that the filesystem has an error (journal_replay.c). */
enum ext_status journal_note_error(struct ext_source *overlay, struct ext_error *error);

/* Counts the fast commits that are complete (journal/fast_commit_scan.c). */
enum ext_status journal_scan_fast_commits(struct ext_journal *journal, struct ext_error *error);

/* First block of the fast-commit area, and one past its last; equal without one. */
void journal_fast_commit_area(const struct ext_journal *journal, uint32_t *first, uint32_t *end);

#endif
