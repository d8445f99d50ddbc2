/* SPDX-License-Identifier: MIT */
/*
 * A journal's history in the making: gathered in the order of the log, then put in the order of
 * time.
 */
#ifndef JOURNAL_HISTORY_H
#define JOURNAL_HISTORY_H

#include "journal/journal.h"

struct ext_journal_history {
	const struct ext_journal *journal; /* borrowed */
	struct ext_journal_transaction *transactions;
	uint32_t transaction_count, transaction_capacity;
	struct logged_list versions;
	struct logged_list revokes;
};

/* The worst of all that was seen counts. */
static inline void history_note_checksum(struct ext_journal_transaction *transaction,
					 enum ext_checksum_state state)
{
	if (state > transaction->checksum)
		transaction->checksum = state;
}

/* Goes through the whole log area: transactions, copies and revokes as they lie. */
enum ext_status history_gather(struct ext_journal *journal, struct ext_journal_history *history,
			       struct ext_error *error);

/* Joins pieces of one transaction, sorts by time and block, and marks what was revoked later. */
enum ext_status history_order(struct ext_journal_history *history, struct ext_error *error);

#endif
