/* SPDX-License-Identifier: MIT */
/*
 * Everything that the log area still holds, transactions included that were written to their places
 * long ago: asked by transaction, by block and by revoke.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "journal/history.h"

enum ext_status ext_journal_history_open(struct ext_journal *journal,
					 struct ext_journal_history **history,
					 struct ext_error *error)
{
	struct ext_journal_history *new = calloc(1, sizeof *new);
	enum ext_status status;

	if (!new)
		return ext_no_memory(error);
	new->journal = journal;
	status = ext_journal_scan(journal, error);
	if (status == EXT_OK && journal->has_superblock)
		status = history_gather(journal, new, error);
	if (status == EXT_OK && journal->has_superblock)
		status = history_order(new, error);
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
