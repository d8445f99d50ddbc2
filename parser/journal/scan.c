/* SPDX-License-Identifier: MIT */
/*
 * One pass over the log from its tail: which transactions are complete, what they hold, where and
 * why the log ends. The kernel makes three passes; here the revoke records and the places of the
 * logged copies are kept from the first one, so that no block is read twice. Doc: ext4/journal.rst;
 * the judgement of bad checksums follows the kernel's recovery.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/crc32_be.h"
#include "journal/journal.h"

enum { CHECKSUM_IS_CRC32 = 1, CHECKSUM_SIZE = 4 };

struct scan {
	struct ext_journal *journal;
	struct log_reader reader;
	uint8_t *descriptor;	   /* a copy: the reader's buffer moves on */
	uint32_t next;		   /* log block to read */
	uint32_t sequence;	   /* transaction expected */
	uint64_t consumed;	   /* blocks since the tail */
	uint64_t last_commit_time; /* nanoseconds */
	uint32_t checksum;	   /* version 1: of the transaction so far, but for what waits */
	const uint8_t *waiting;	   /* blocks in the reader's buffer, taken together */
	size_t waiting_size;
	bool suspicious; /* a checksum was wrong: the next commit decides what that means */
	uint32_t suspicious_block;

	/* What the transaction in progress has added. */
	uint64_t blocks, bad_blocks, revokes;
	struct revoke_table pending;
};

/* Moves on; false when the whole log was gone through. */
static bool step(struct scan *scan, uint64_t count)
{
	const struct ext_journal_superblock *sb = &scan->journal->superblock;

	scan->next = journal_advance(scan->journal, scan->next, count);
	scan->consumed += count;
	return scan->consumed < (uint64_t)sb->end - sb->first;
}

/* Version 1: nothing waits any more. */
static void sum_waiting(struct scan *scan)
{
	if (scan->waiting_size > 0)
		scan->checksum = crc32_be(scan->checksum, scan->waiting, scan->waiting_size);
	scan->waiting_size = 0;
}

/* Version 1 sums all blocks as one message: those that lie one behind another at one stroke. */
static void sum_block(struct scan *scan, const uint8_t *bytes)
{
	if (scan->waiting_size == 0 || scan->waiting + scan->waiting_size != bytes) {
		sum_waiting(scan);
		scan->waiting = bytes;
	}
	scan->waiting_size += scan->journal->superblock.block_size;
}

/* The log block that comes next. What waits is summed before the buffer is filled anew. */
static const uint8_t *read_next(struct scan *scan)
{
	if (!log_reader_holds(&scan->reader, scan->next))
		sum_waiting(scan);
	return log_reader_block(&scan->reader, scan->next);
}

/* One logged copy: verified if it can be, and noted. */
static enum ext_status take_block(struct scan *scan, const struct ext_journal_tag *tag,
				  struct ext_error *error)
{
	struct ext_journal *journal = scan->journal;
	const struct ext_journal_superblock *sb = &journal->superblock;
	uint16_t flags = tag->flags & EXT_JOURNAL_TAG_ESCAPED ? LOGGED_ESCAPED : 0;

	if (sb->checksum_version != 0) {
		const uint8_t *bytes = read_next(scan);

		if (!bytes) {
			journal_report(journal, EXT_JOURNAL_UNREADABLE, scan->next, scan->next, 0,
				       0);
			flags |= LOGGED_BAD;
		} else if (sb->checksum_version == 1) {
			sum_block(scan, bytes);
		} else if (ext_journal_tag_checksum(sb, tag, scan->sequence,
						    (struct ext_span){bytes, sb->block_size}) ==
			   EXT_CHECKSUM_BAD) {
			flags |= LOGGED_BAD;
		}
	}
	scan->blocks++;
	if (flags & LOGGED_BAD)
		scan->bad_blocks++;
	if (!journal_block_may_be_logged(journal, tag->block)) {
		journal_report(journal, EXT_JOURNAL_TAG_BLOCK, scan->next, tag->block, scan->next,
			       journal->filesystem->superblock.block_count - 1);
		return EXT_OK;
	}
	if (!logged_list_extend(&journal->logged, tag->block, flags, scan->next,
				scan->sequence - sb->sequence))
		return ext_no_memory(error);
	return EXT_OK;
}

static enum ext_status take_descriptor(struct scan *scan, bool *more, struct ext_error *error)
{
	const struct ext_journal_superblock *sb = &scan->journal->superblock;
	const struct ext_span block = {scan->descriptor, sb->block_size};
	struct ext_journal_tag_cursor cursor;
	struct ext_journal_tag tag;

	if (ext_journal_tail_checksum(sb, block) == EXT_CHECKSUM_BAD && !scan->suspicious) {
		scan->suspicious = true;
		scan->suspicious_block = scan->next;
	}
	if (sb->checksum_version == 1) {
		sum_waiting(scan);
		scan->checksum = crc32_be(scan->checksum, block.data, block.size);
	}
	*more = step(scan, 1);
	ext_journal_tag_cursor_init(&cursor, sb, block);
	while (*more && ext_journal_tag_next(&cursor, &tag) == EXT_OK) {
		/* With a wrong checksum the tags prove nothing; they only tell how far to go. */
		const enum ext_status status = take_block(scan, &tag, error);

		if (status != EXT_OK)
			return status;
		*more = step(scan, 1);
	}
	return EXT_OK;
}

static enum ext_status take_revokes(struct scan *scan, struct ext_error *error)
{
	struct ext_journal *journal = scan->journal;
	const struct ext_journal_superblock *sb = &journal->superblock;
	const struct ext_span block = {scan->descriptor, sb->block_size};
	struct ext_journal_revoke_cursor cursor;
	struct ext_error fault;
	ext_block revoked;

	if (ext_journal_tail_checksum(sb, block) == EXT_CHECKSUM_BAD && !scan->suspicious) {
		scan->suspicious = true;
		scan->suspicious_block = scan->next;
	}
	if (ext_journal_revoke_cursor_init(&cursor, sb, block, journal_place(journal, scan->next),
					   &fault) != EXT_OK) {
		/* Linux gives up later, in its second pass; what the log says from here on is void.
		 */
		if (!scan->suspicious) {
			const struct ext_finding finding = ext_finding_of_error(&fault);

			ext_report(journal->sink, &finding);
			journal->summary.stop = EXT_JOURNAL_REVOKE_COUNT;
		}
		scan->suspicious = true;
		scan->suspicious_block = scan->next;
		return EXT_OK;
	}
	while (ext_journal_revoke_next(&cursor, &revoked) == EXT_OK) {
		scan->revokes++;
		if (revoked >= journal->filesystem->superblock.block_count)
			continue;
		if (!revoke_table_add(&scan->pending, revoked, scan->sequence - sb->sequence))
			return ext_no_memory(error);
	}
	return EXT_OK;
}

/* The transaction is complete: what it holds counts. */
static enum ext_status complete(struct scan *scan, uint64_t commit_time, struct ext_error *error)
{
	struct ext_journal *journal = scan->journal;
	struct ext_journal_summary *summary = &journal->summary;

	for (size_t i = 0; i < scan->pending.count; i++)
		if (!revoke_table_add(&journal->revokes, scan->pending.records[i].block,
				      scan->pending.records[i].transaction))
			return ext_no_memory(error);
	for (uint32_t i = journal->logged.count; scan->bad_blocks > 0 && i > 0; i--) {
		const struct logged_block *logged = &journal->logged.blocks[i - 1];

		if (logged->transaction != scan->sequence - journal->superblock.sequence)
			break;
		for (uint32_t j = logged->more + 1u; logged->flags & LOGGED_BAD && j > 0; j--)
			journal_report(journal, EXT_JOURNAL_BLOCK_CHECKSUM, logged->log + j - 1,
				       logged->log + j - 1, 0, 0);
	}
	summary->transactions++;
	summary->blocks += scan->blocks;
	summary->bad_blocks += scan->bad_blocks;
	summary->revokes += scan->revokes;
	scan->blocks = scan->bad_blocks = scan->revokes = 0;
	scan->pending.count = 0;
	scan->last_commit_time = commit_time;
	scan->sequence++;
	scan->checksum = UINT32_MAX;
	summary->end_sequence = scan->sequence;
	return EXT_OK;
}

/* Version 1: all three as they must be, or all three zero for "not checksummed". */
static bool version_1_holds(const struct scan *scan, const struct ext_journal_commit *commit)
{
	if (commit->checksum_type == 0 && commit->checksum_size == 0 &&
	    commit->checksum_stored == 0)
		return true;
	return commit->checksum_type == CHECKSUM_IS_CRC32 &&
	       commit->checksum_size == CHECKSUM_SIZE && commit->checksum_stored == scan->checksum;
}

/* False: the log ends here, and summary.stop says why if there is a reason. */
static bool take_commit(struct scan *scan, enum ext_status *status, struct ext_error *error)
{
	struct ext_journal *journal = scan->journal;
	const struct ext_journal_superblock *sb = &journal->superblock;
	const struct ext_span block = {scan->descriptor, sb->block_size};
	struct ext_journal_commit commit;

	ext_journal_commit_decode(sb, block, &commit);
	sum_waiting(scan);
	/*
	 * Blocks of an older log can stand where the new one ends, with sequence numbers that fit.
	 * The commit time tells: going back in time, this is the past and the log has ended.
	 */
	const bool is_past = commit.nanoseconds < scan->last_commit_time;

	if (scan->suspicious) {
		if (is_past) {
			journal->summary.stop = EXT_NO_PROBLEM;
			return false;
		}
		if (journal->summary.stop == EXT_NO_PROBLEM) {
			journal->summary.stop = EXT_JOURNAL_TRANSACTION_CHECKSUM;
			journal_report(journal, EXT_JOURNAL_TRANSACTION_CHECKSUM,
				       scan->suspicious_block, scan->sequence, 0, 0);
		}
		return false;
	}

	const bool holds = sb->checksum_version == 1 ? version_1_holds(scan, &commit)
						     : commit.checksum != EXT_CHECKSUM_BAD;

	if (!holds) {
		if (!is_past) {
			journal->summary.stop = EXT_JOURNAL_COMMIT_CHECKSUM;
			journal_report(journal, EXT_JOURNAL_COMMIT_CHECKSUM, scan->next,
				       scan->sequence, 0, 0);
		}
		return false;
	}
	*status = complete(scan, commit.nanoseconds, error);
	return *status == EXT_OK;
}

static enum ext_status scan_log(struct scan *scan, struct ext_error *error)
{
	struct ext_journal *journal = scan->journal;
	const uint32_t size = journal->superblock.block_size;
	bool more = true;

	while (more) {
		const uint8_t *bytes = read_next(scan);
		struct ext_journal_header header;
		enum ext_status status = EXT_OK;

		journal->summary.end_block = scan->next;
		if (!bytes) {
			journal->summary.stop = EXT_JOURNAL_UNREADABLE;
			journal_report(journal, EXT_JOURNAL_UNREADABLE, scan->next, scan->next, 0,
				       0);
			return EXT_OK;
		}
		if (!ext_journal_header_decode((struct ext_span){bytes, size}, &header) ||
		    header.sequence != scan->sequence)
			return EXT_OK;
		memcpy(scan->descriptor, bytes, size);
		switch (header.type) {
		case EXT_JOURNAL_DESCRIPTOR:
			status = take_descriptor(scan, &more, error);
			break;
		case EXT_JOURNAL_REVOKE:
			status = take_revokes(scan, error);
			more = step(scan, 1);
			break;
		case EXT_JOURNAL_COMMIT:
			if (!take_commit(scan, &status, error))
				return status;
			more = step(scan, 1);
			break;
		default:
			return EXT_OK;
		}
		if (status != EXT_OK)
			return status;
	}
	return EXT_OK;
}

enum ext_status ext_journal_scan(struct ext_journal *journal, struct ext_error *error)
{
	struct ext_journal_summary *summary = &journal->summary;
	const struct ext_journal_superblock *sb = &journal->superblock;
	struct scan scan = {
		.journal = journal,
		.next = sb->start,
		.sequence = sb->sequence,
		.checksum = UINT32_MAX,
	};
	enum ext_status status;

	if (summary->scanned || !journal->has_superblock)
		return EXT_OK;
	summary->scanned = true;
	summary->first_sequence = summary->end_sequence = sb->sequence;
	if (sb->start == 0)
		return EXT_OK;
	status = log_reader_init(&scan.reader, journal, sb->checksum_version != 0, error);
	if (status != EXT_OK)
		return status;
	scan.descriptor = malloc(sb->block_size);
	status = scan.descriptor ? scan_log(&scan, error) : ext_no_memory(error);
	/* What a transaction without a commit has logged does not count. */
	while (journal->logged.count > 0 &&
	       journal->logged.blocks[journal->logged.count - 1].transaction >=
		       summary->end_sequence - sb->sequence)
		journal->logged.count--;
	revoke_table_sort(&journal->revokes);
	revoke_table_clear(&scan.pending);
	log_reader_clear(&scan.reader);
	free(scan.descriptor);
	if (status == EXT_OK)
		status = journal_scan_fast_commits(journal, error);
	return status;
}
