/* SPDX-License-Identifier: MIT */
/*
 * What the blocks of a log say about the journal that wrote them, when its superblock does not.
 */
#ifndef JOURNAL_LOG_SURVEY_H
#define JOURNAL_LOG_SURVEY_H

#include "journal/journal.h"

/* One block of the log that begins with the journal's magic number. */
struct log_header {
	uint32_t log;
	uint32_t sequence;
	uint8_t type; /* EXT_JOURNAL_DESCRIPTOR, _COMMIT or _REVOKE */
	bool sound;   /* its checksum holds, or it has none */
	int64_t time; /* of a commit, in seconds */
};

struct log_survey {
	struct log_header *headers; /* by log block */
	uint32_t count, capacity;
	uint32_t fast_commit_head; /* log block with the area's first record; 0: none seen */
};

/*
 * Reads the whole log once and fills in what journal->superblock lacks: features, the seed of the
 * checksums, sizes of tags and tails, where the log proper ends; s_sequence and s_start stay 0.
 * `first` is the first block behind the superblock. EXT_END when nothing there looks like a log.
 * Memory: 24 bytes for each descriptor, commit and revoke block. Fails with MEMORY.
 */
enum ext_status log_survey_take(struct log_survey *survey, struct ext_journal *journal,
				uint32_t first, struct ext_error *error);
void log_survey_clear(struct log_survey *survey);

/* The header at a log block, or NULL. */
const struct log_header *log_survey_at(const struct log_survey *survey, uint32_t log);

#endif
