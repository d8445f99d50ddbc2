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
#include "walk/journal.h"

enum { CHECKSUM_IS_CRC32 = 1, CHECKSUM_SIZE = 4 };

struct ext_journal_history {
	const struct ext_journal *journal; /* borrowed */
	struct ext_journal_transaction *transactions;
	uint32_t transaction_count, transaction_capacity;
	struct logged_list versions;
	struct logged_list revokes;
};

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

/* The worst of all that was seen counts. */
static void note_checksum(struct ext_journal_transaction *transaction,
			  enum ext_checksum_state state)
{
	if (state > transaction->checksum)
		transaction->checksum = state;
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
	note_checksum(&look->history->transactions[look->current], state);
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
	note_checksum(&look->history->transactions[look->current], state);
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
	note_checksum(transaction, commit.checksum);
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

/* Order and renumbering. */

struct order {
	struct ext_journal_transaction transaction;
	int32_t age; /* sequence, as seen from the log's end */
	uint32_t old_index;
};

static int compare_order(const void *a, const void *b)
{
	const struct order *left = a, *right = b;

	if (left->age != right->age)
		return left->age < right->age ? -1 : 1;
	return (left->old_index > right->old_index) - (left->old_index < right->old_index);
}

/* One transaction that wraps around the end of the log was met in two pieces. */
static bool is_rest_of(const struct ext_journal_transaction *piece,
		       const struct ext_journal_transaction *other)
{
	return piece->sequence == other->sequence && piece->committed != other->committed;
}

static void merge(struct ext_journal_transaction *into, const struct ext_journal_transaction *piece)
{
	if (piece->committed)
		into->time = piece->time;
	/* It begins in the piece that has no commit block yet. */
	else
		into->log_block = piece->log_block;
	into->committed = true;
	into->blocks += piece->blocks;
	into->revokes += piece->revokes;
	into->descriptor_blocks += piece->descriptor_blocks;
	into->revoke_blocks += piece->revoke_blocks;
	into->bad_blocks += piece->bad_blocks;
	note_checksum(into, piece->checksum);
}

static bool is_live(const struct ext_journal *journal, uint32_t sequence)
{
	const struct ext_journal_summary *summary = &journal->summary;

	return summary->state == EXT_JOURNAL_DIRTY &&
	       sequence - summary->first_sequence < summary->transactions;
}

/* Sorts the transactions from the oldest to the newest and gives the versions their new numbers. */
static enum ext_status put_in_order(struct ext_journal_history *history, struct ext_error *error)
{
	const struct ext_journal *journal = history->journal;
	const uint32_t count = history->transaction_count;
	struct order *order;
	uint32_t *new_index;
	uint32_t kept = 0;

	if (count == 0)
		return EXT_OK;
	order = calloc(count, sizeof *order);
	new_index = calloc(count, sizeof *new_index);
	if (!order || !new_index) {
		free(order);
		free(new_index);
		return ext_no_memory(error);
	}
	for (uint32_t i = 0; i < count; i++) {
		order[i].transaction = history->transactions[i];
		order[i].age = (int32_t)(history->transactions[i].sequence -
					 journal->summary.end_sequence);
		order[i].old_index = i;
	}
	qsort(order, count, sizeof *order, compare_order);
	for (uint32_t i = 0; i < count; i++) {
		if (kept > 0 &&
		    is_rest_of(&order[i].transaction, &history->transactions[kept - 1])) {
			merge(&history->transactions[kept - 1], &order[i].transaction);
		} else {
			history->transactions[kept] = order[i].transaction;
			history->transactions[kept].live =
				is_live(journal, order[i].transaction.sequence);
			kept++;
		}
		new_index[order[i].old_index] = kept - 1;
	}
	history->transaction_count = kept;
	for (uint32_t i = 0; i < history->versions.count; i++)
		history->versions.blocks[i].transaction =
			new_index[history->versions.blocks[i].transaction];
	for (uint32_t i = 0; i < history->revokes.count; i++)
		history->revokes.blocks[i].transaction =
			new_index[history->revokes.blocks[i].transaction];
	free(order);
	free(new_index);
	return EXT_OK;
}

static int compare_versions(const void *a, const void *b)
{
	const struct logged_block *left = a, *right = b;
	const ext_block left_block = logged_block_number(left);
	const ext_block right_block = logged_block_number(right);

	if (left_block != right_block)
		return left_block < right_block ? -1 : 1;
	if (left->transaction != right->transaction)
		return left->transaction < right->transaction ? -1 : 1;
	return (left->log > right->log) - (left->log < right->log);
}

static int compare_revokes(const void *a, const void *b)
{
	const struct logged_block *left = a, *right = b;

	if (left->transaction != right->transaction)
		return left->transaction < right->transaction ? -1 : 1;
	return compare_versions(a, b);
}

static enum ext_status mark_revoked(struct ext_journal_history *history, struct ext_error *error)
{
	struct revoke_table table = {0};
	enum ext_status status = EXT_OK;

	for (uint32_t i = 0; i < history->revokes.count && status == EXT_OK; i++)
		if (!revoke_table_add(&table, logged_block_number(&history->revokes.blocks[i]),
				      history->revokes.blocks[i].transaction))
			status = ext_no_memory(error);
	revoke_table_sort(&table);
	for (uint32_t i = 0; i < history->versions.count && status == EXT_OK; i++) {
		struct logged_block *version = &history->versions.blocks[i];

		if (revoke_table_covers(&table, logged_block_number(version), version->transaction))
			version->flags |= LOGGED_REVOKED;
	}
	revoke_table_clear(&table);
	return status;
}

static enum ext_status look_back(struct look *look, struct ext_error *error)
{
	struct ext_journal_history *history = look->history;
	const struct ext_journal_superblock *sb = &look->journal->superblock;
	enum ext_status status = log_reader_init(&look->reader, look->journal, true, error);

	if (status != EXT_OK)
		return status;
	look->block = malloc(sb->block_size);
	look->claims.tags = calloc(sb->block_size / sb->tag_size + 1, sizeof *look->claims.tags);
	status =
		look->block && look->claims.tags ? look_through(look, error) : ext_no_memory(error);
	if (status == EXT_OK)
		status = put_in_order(history, error);
	if (status != EXT_OK)
		return status;
	if (history->versions.count > 0)
		qsort(history->versions.blocks, history->versions.count,
		      sizeof *history->versions.blocks, compare_versions);
	if (history->revokes.count > 0)
		qsort(history->revokes.blocks, history->revokes.count,
		      sizeof *history->revokes.blocks, compare_revokes);
	return mark_revoked(history, error);
}

enum ext_status ext_journal_history_open(struct ext_journal *journal,
					 struct ext_journal_history **history,
					 struct ext_error *error)
{
	struct ext_journal_history *new = calloc(1, sizeof *new);
	struct look look = {.journal = journal, .history = new};
	enum ext_status status;

	if (!new)
		return ext_no_memory(error);
	new->journal = journal;
	status = ext_journal_scan(journal, error);
	if (status == EXT_OK && journal->has_superblock) {
		status = look_back(&look, error);
		log_reader_clear(&look.reader);
		free(look.block);
		free(look.claims.tags);
	}
	if (status != EXT_OK) {
		ext_journal_history_close(new);
		return status;
	}
	*history = new;
	return EXT_OK;
}

void ext_journal_history_close(struct ext_journal_history *history)
{
	if (!history)
		return;
	free(history->transactions);
	logged_list_clear(&history->versions);
	logged_list_clear(&history->revokes);
	free(history);
}

uint32_t ext_journal_history_transactions(const struct ext_journal_history *history)
{
	return history->transaction_count;
}

void ext_journal_history_transaction(const struct ext_journal_history *history, uint32_t index,
				     struct ext_journal_transaction *transaction)
{
	*transaction = history->transactions[index];
}

uint32_t ext_journal_history_versions(const struct ext_journal_history *history)
{
	return history->versions.count;
}

void ext_journal_history_version(const struct ext_journal_history *history, uint32_t index,
				 struct ext_journal_version *version)
{
	const struct logged_block *logged = &history->versions.blocks[index];
	const struct ext_journal_transaction *transaction =
		&history->transactions[logged->transaction];

	*version = (struct ext_journal_version){
		.block = logged_block_number(logged),
		.log_block = logged->log,
		.transaction = logged->transaction,
		.escaped = (logged->flags & LOGGED_ESCAPED) != 0,
		.live = transaction->live && !(logged->flags & LOGGED_BAD),
		.revoked = (logged->flags & LOGGED_REVOKED) != 0,
		.confidence = EXT_CONFIDENCE_LIKELY,
	};
	if (logged->flags & LOGGED_BAD || !transaction->committed)
		version->confidence = EXT_CONFIDENCE_DOUBTFUL;
	else if (logged->flags & LOGGED_PROVEN)
		version->confidence = EXT_CONFIDENCE_PROVEN;
}

void ext_journal_history_find(const struct ext_journal_history *history, ext_block block,
			      uint32_t *first, uint32_t *count)
{
	const struct logged_list *list = &history->versions;
	uint32_t low = 0, high = list->count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (logged_block_number(&list->blocks[middle]) < block)
			low = middle + 1;
		else
			high = middle;
	}
	*first = low;
	while (low < list->count && logged_block_number(&list->blocks[low]) == block)
		low++;
	*count = low - *first;
}

uint32_t ext_journal_history_revokes(const struct ext_journal_history *history)
{
	return history->revokes.count;
}

void ext_journal_history_revoke(const struct ext_journal_history *history, uint32_t index,
				struct ext_journal_revoke *revoke)
{
	const struct logged_block *logged = &history->revokes.blocks[index];

	*revoke = (struct ext_journal_revoke){
		.block = logged_block_number(logged),
		.log_block = logged->log,
		.transaction = logged->transaction,
	};
}

enum ext_status ext_journal_history_read(const struct ext_journal_history *history, uint32_t index,
					 uint8_t *buffer, struct ext_error *error)
{
	static const uint8_t magic[4] = {0xc0, 0x3b, 0x39, 0x98};
	const struct logged_block *logged = &history->versions.blocks[index];
	const enum ext_status status =
		ext_journal_block_read(history->journal, logged->log, buffer, error);

	if (status == EXT_OK && logged->flags & LOGGED_ESCAPED)
		memcpy(buffer, magic, sizeof magic);
	return status;
}
