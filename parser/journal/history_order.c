/* SPDX-License-Identifier: MIT */
/*
 * A history in the order of time: the log's own order begins anywhere in it, and cuts the
 * transaction in two that crosses its end.
 */
#include "config.h"

#include <stdlib.h>

#include "journal/history.h"

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
	history_note_checksum(into, piece->checksum);
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

enum ext_status history_order(struct ext_journal_history *history, struct ext_error *error)
{
	const enum ext_status status = put_in_order(history, error);

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
