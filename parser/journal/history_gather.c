/* SPDX-License-Identifier: MIT */
/*
 * Everything that the log area still holds, transactions included that were written to their places
 * long ago. The log is written from its start to its end over and over, so what lies ahead of its
 * head is the past, whole but for the transaction that the head has reached. A block that begins
 * with the journal's magic number is never a logged copy (those are escaped), which shows where one
 * transaction was overwritten by another even without checksums.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/crc32_be.h"
#include "journal/history.h"

enum { CHECKSUM_IS_CRC32 = 1, CHECKSUM_SIZE = 4 };

/* Tags whose copies have not been met yet. */
struct claims {
	struct ext_journal_tag *tags;
	uint32_t count, next;
	uint32_t transaction;
};

struct look {
	struct ext_journal *journal;
	struct ext_journal_history *history;
	struct log_reader reader;
	uint8_t *block; /* a copy of the descriptor at hand */
	struct claims claims;
	uint32_t current; /* transaction in progress */
	bool has_current;
	uint32_t checksum;	/* version 1: of that transaction, from its first block on */
	uint32_t first_version; /* of that transaction */
};

static enum ext_status new_transaction(struct look *look, uint32_t sequence, uint32_t log,
				       struct ext_error *error)
{
	struct ext_journal_history *history = look->history;

	if (look->has_current && history->transactions[look->current].sequence == sequence)
		return EXT_OK;
	if (history->transaction_count == history->transaction_capacity) {
		const uint32_t capacity =
			history->transaction_capacity ? history->transaction_capacity * 2 : 64;
		struct ext_journal_transaction *transactions =
			realloc(history->transactions, (size_t)capacity * sizeof *transactions);

		if (!transactions)
			return ext_no_memory(error);
		history->transactions = transactions;
		history->transaction_capacity = capacity;
	}
	look->current = history->transaction_count++;
	look->has_current = true;
	look->checksum = UINT32_MAX;
	look->first_version = history->versions.count;
	history->transactions[look->current] =
		(struct ext_journal_transaction){.sequence = sequence, .log_block = log};
	return EXT_OK;
}

/* The copy that belongs to the next claim. `bytes` is NULL when it could not be read. */
static enum ext_status meet_claim(struct look *look, uint32_t log, const uint8_t *bytes,
				  struct ext_error *error)
{
	const struct ext_journal *journal = look->journal;
	const struct ext_journal_superblock *sb = &journal->superblock;
	const struct ext_journal_tag *tag = &look->claims.tags[look->claims.next++];
	struct ext_journal_transaction *transaction =
		&look->history->transactions[look->claims.transaction];
	enum ext_checksum_state state = EXT_CHECKSUM_BAD;
	uint16_t flags = tag->flags & EXT_JOURNAL_TAG_ESCAPED ? LOGGED_ESCAPED : 0;

	if (bytes)
		state = ext_journal_tag_checksum(sb, tag, transaction->sequence,
						 (struct ext_span){bytes, sb->block_size});
	if (bytes && sb->checksum_version == 1)
		look->checksum = crc32_be(look->checksum, bytes, sb->block_size);
	if (state == EXT_CHECKSUM_OK) {
		flags |= LOGGED_PROVEN;
	} else if (state == EXT_CHECKSUM_BAD) {
		flags |= LOGGED_BAD;
		transaction->bad_blocks++;
	}
	transaction->blocks++;
	if (!journal_block_may_be_logged(journal, tag->block))
		return EXT_OK;
	return logged_list_add(&look->history->versions, tag->block, flags, log,
			       look->claims.transaction)
		       ? EXT_OK
		       : ext_no_memory(error);
}

static enum ext_status meet_descriptor(struct look *look, uint32_t log, uint32_t sequence,
				       struct ext_error *error)
{
	const struct ext_journal_superblock *sb = &look->journal->superblock;
	const struct ext_span block = {look->block, sb->block_size};
	const enum ext_checksum_state state = ext_journal_tail_checksum(sb, block);
	struct ext_journal_tag_cursor cursor;
	enum ext_status status;

	/* With a wrong checksum this may be of another journal, laid out otherwise. */
	if (state == EXT_CHECKSUM_BAD)
		return EXT_OK;
	status = new_transaction(look, sequence, log, error);
	if (status != EXT_OK)
		return status;
	history_note_checksum(&look->history->transactions[look->current], state);
	look->history->transactions[look->current].descriptor_blocks++;
	if (sb->checksum_version == 1)
		look->checksum = crc32_be(look->checksum, block.data, block.size);
	look->claims.count = look->claims.next = 0;
	look->claims.transaction = look->current;
	ext_journal_tag_cursor_init(&cursor, sb, block);
	while (ext_journal_tag_next(&cursor, &look->claims.tags[look->claims.count]) == EXT_OK)
		look->claims.count++;
	return EXT_OK;
}

static enum ext_status meet_revokes(struct look *look, uint32_t log, uint32_t sequence,
				    struct ext_error *error)
{
	const struct ext_journal_superblock *sb = &look->journal->superblock;
	const struct ext_span block = {look->block, sb->block_size};
	const enum ext_checksum_state state = ext_journal_tail_checksum(sb, block);
	struct ext_journal_revoke_cursor cursor;
	ext_block revoked;
	enum ext_status status;

	if (state == EXT_CHECKSUM_BAD ||
	    ext_journal_revoke_cursor_init(&cursor, sb, block, journal_place(look->journal, log),
					   NULL) != EXT_OK)
		return EXT_OK;
	status = new_transaction(look, sequence, log, error);
	if (status != EXT_OK)
		return status;
	history_note_checksum(&look->history->transactions[look->current], state);
	look->history->transactions[look->current].revoke_blocks++;
	while (ext_journal_revoke_next(&cursor, &revoked) == EXT_OK) {
		if (revoked >= look->journal->filesystem->superblock.block_count)
			continue;
		look->history->transactions[look->current].revokes++;
		if (!logged_list_add(&look->history->revokes, revoked, 0, log, look->current))
			return ext_no_memory(error);
	}
	return EXT_OK;
}

static enum ext_status meet_commit(struct look *look, uint32_t log, uint32_t sequence,
				   struct ext_error *error)
{
	const struct ext_journal_superblock *sb = &look->journal->superblock;
	const struct ext_span block = {look->block, sb->block_size};
	struct ext_journal_commit commit;
	struct ext_journal_transaction *transaction;
	enum ext_status status;

	ext_journal_commit_decode(sb, block, &commit);
	if (commit.checksum == EXT_CHECKSUM_BAD)
		return EXT_OK;
	status = new_transaction(look, sequence, log, error);
	if (status != EXT_OK)
		return status;
	transaction = &look->history->transactions[look->current];
	history_note_checksum(transaction, commit.checksum);
	transaction->committed = true;
	transaction->time = commit.time;
	/* Version 1 proves a transaction as a whole, when it was met from its beginning. */
	if (sb->checksum_version == 1 && commit.checksum_type == CHECKSUM_IS_CRC32 &&
	    commit.checksum_size == CHECKSUM_SIZE && commit.checksum_stored == look->checksum) {
		transaction->checksum = EXT_CHECKSUM_OK;
		for (uint32_t i = look->first_version; i < look->history->versions.count; i++)
			look->history->versions.blocks[i].flags |= LOGGED_PROVEN;
	}
	look->has_current = false;
	return EXT_OK;
}

static enum ext_status meet_header(struct look *look, uint32_t log,
				   const struct ext_journal_header *header, struct ext_error *error)
{
	switch (header->type) {
	case EXT_JOURNAL_DESCRIPTOR:
		return meet_descriptor(look, log, header->sequence, error);
	case EXT_JOURNAL_REVOKE:
		return meet_revokes(look, log, header->sequence, error);
	case EXT_JOURNAL_COMMIT:
		return meet_commit(look, log, header->sequence, error);
	}
	return EXT_OK;
}

/* The blocks of the log in the order in which they lie. */
static enum ext_status look_through(struct look *look, struct ext_error *error)
{
	const struct ext_journal_superblock *sb = &look->journal->superblock;
	enum ext_status status = EXT_OK;
	uint32_t log;

	for (log = sb->first; log < sb->end && status == EXT_OK; log++) {
		const uint8_t *bytes = log_reader_block(&look->reader, log);
		struct ext_journal_header header;
		const bool has_header =
			bytes && ext_journal_header_decode((struct ext_span){bytes, sb->block_size},
							   &header);

		if (has_header) {
			/* What was still claimed has been overwritten. */
			look->claims.next = look->claims.count;
			memcpy(look->block, bytes, sb->block_size);
			status = meet_header(look, log, &header, error);
		} else if (look->claims.next < look->claims.count) {
			status = meet_claim(look, log, bytes, error);
		}
	}
	/* The last descriptor's copies go on at the log's beginning. */
	for (log = sb->first;
	     status == EXT_OK && look->claims.next < look->claims.count && log < sb->end; log++) {
		const uint8_t *bytes = log_reader_block(&look->reader, log);
		struct ext_journal_header header;

		if (bytes &&
		    ext_journal_header_decode((struct ext_span){bytes, sb->block_size}, &header))
			break;
		status = meet_claim(look, log, bytes, error);
	}
	return status;
}

enum ext_status history_gather(struct ext_journal *journal, struct ext_journal_history *history,
			       struct ext_error *error)
{
	const struct ext_journal_superblock *sb = &journal->superblock;
	struct look look = {.journal = journal, .history = history};
	enum ext_status status = log_reader_init(&look.reader, journal, true, error);

	if (status != EXT_OK)
		return status;
	look.block = malloc(sb->block_size);
	look.claims.tags = calloc(sb->block_size / sb->tag_size + 1, sizeof *look.claims.tags);
	status = look.block && look.claims.tags ? look_through(&look, error) : ext_no_memory(error);
	log_reader_clear(&look.reader);
	free(look.block);
	free(look.claims.tags);
	return status;
}
