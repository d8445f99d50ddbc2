/* SPDX-License-Identifier: MIT */
/*
 * A journal whose superblock is lost: what that would have said follows from the log, but for one
 * thing, the tail. Everything since the last mount may be replayed whatever the tail was: a block
 * gets its newest version in the end, and what was freed was revoked. What lies before that mount
 * was in its place when it began, and may be older than what the filesystem has now. So a replay
 * begins with the first transaction since the mount, or with the oldest that is whole where the log
 * has gone round; and where it cannot be shown that none is missing between, there is no replay,
 * and the log is left to those who look back.
 */
#include "config.h"

#include <stdlib.h>

#include "journal/log_survey.h"

struct chain {
	const struct ext_journal *journal;
	const struct log_survey *survey;
	const struct log_header **commits; /* sound ones, by sequence */
	uint32_t count;
	int64_t mount_time;
};

static bool is_since_mount(const struct chain *chain, const struct log_header *commit)
{
	return commit->time >= chain->mount_time;
}

/* By sequence, which may wrap, as seen from any one of them; the younger of two behind. */
static int compare_commits(const void *a, const void *b)
{
	const struct log_header *left = *(const struct log_header *const *)a;
	const struct log_header *right = *(const struct log_header *const *)b;
	const int32_t apart = (int32_t)(left->sequence - right->sequence);

	if (apart != 0)
		return apart < 0 ? -1 : 1;
	return (left->time > right->time) - (left->time < right->time);
}

static enum ext_status collect_commits(struct chain *chain, struct ext_error *error)
{
	const struct log_survey *survey = chain->survey;

	chain->commits = calloc((size_t)survey->count + 1, sizeof *chain->commits);
	if (!chain->commits)
		return ext_no_memory(error);
	for (uint32_t i = 0; i < survey->count; i++)
		if (survey->headers[i].type == EXT_JOURNAL_COMMIT && survey->headers[i].sound)
			chain->commits[chain->count++] = &survey->headers[i];
	if (chain->count > 1)
		qsort(chain->commits, chain->count, sizeof *chain->commits, compare_commits);
	return EXT_OK;
}

/* Where the transaction of a commit begins: behind the commit before it, or with the log. */
static bool find_start(const struct chain *chain, uint32_t index, uint32_t *start)
{
	const struct ext_journal *journal = chain->journal;
	const uint32_t sequence = chain->commits[index]->sequence;
	const struct log_header *header;

	if (index > 0 && chain->commits[index - 1]->sequence == sequence - 1) {
		*start = journal_advance(journal, chain->commits[index - 1]->log, 1);
		header = log_survey_at(chain->survey, *start);
		if (header && header->sequence == sequence)
			return true;
	}
	*start = journal->superblock.first;
	header = log_survey_at(chain->survey, *start);
	return header && header->sequence == sequence;
}

/*
 * Where the log has gone round, the head stands in the remains of one transaction: between the
 * newest commit and the chain lie only those, and what was being written. Whatever else is there
 * says that a transaction of the chain was destroyed.
 */
static bool nothing_between(const struct chain *chain, uint32_t newest, uint32_t sequence,
			    uint32_t start)
{
	const struct ext_journal *journal = chain->journal;
	uint32_t log = journal_advance(journal, chain->commits[newest]->log, 1);

	for (; log != start; log = journal_advance(journal, log, 1)) {
		const struct log_header *header = log_survey_at(chain->survey, log);

		if (header && header->sequence != chain->commits[newest]->sequence + 1 &&
		    header->sequence != sequence - 1)
			return false;
	}
	return true;
}

/* From which transaction on a replay is right; false: from none. */
static bool find_tail(const struct chain *chain, uint32_t *sequence, uint32_t *start)
{
	const uint32_t newest = chain->count - 1;
	uint32_t oldest = chain->count, at, begin = 0;

	if (!is_since_mount(chain, chain->commits[newest]))
		return false;
	for (uint32_t i = newest;; i--) {
		if (!is_since_mount(chain, chain->commits[i]) || !find_start(chain, i, &at))
			break;
		oldest = i;
		begin = at;
		if (i == 0 || chain->commits[i - 1]->sequence != chain->commits[i]->sequence - 1)
			break;
	}
	if (oldest == chain->count)
		return false;
	*sequence = chain->commits[oldest]->sequence;
	*start = begin;
	/* Nothing older since the mount: the chain begins where the mount began. */
	if (oldest == 0 || !is_since_mount(chain, chain->commits[oldest - 1]))
		return true;
	return nothing_between(chain, newest, *sequence, *start);
}

/* Is the log whole from there to its newest commit? */
static enum ext_status prove(struct ext_journal *journal, uint32_t newest, bool *proven,
			     struct ext_error *error)
{
	struct ext_sink *const sink = journal->sink;
	enum ext_status status;

	/* What is wrong on the way is said when it is known that the log will be replayed. */
	journal->sink = NULL;
	status = ext_journal_scan(journal, error);
	journal->sink = sink;
	*proven = status == EXT_OK && journal->summary.transactions > 0 &&
		  journal->summary.end_sequence == newest + 1;
	return status;
}

static void forget_scan(struct ext_journal *journal)
{
	struct ext_journal_summary *summary = &journal->summary;

	logged_list_clear(&journal->logged);
	revoke_table_clear(&journal->revokes);
	*summary = (struct ext_journal_summary){
		.state = summary->state,
		.home = summary->home,
		.inode = summary->inode,
		.present_blocks = summary->present_blocks,
		.recover_flag = summary->recover_flag,
		.damage = summary->damage,
		.rebuilt = summary->rebuilt,
		.end_sequence = journal->superblock.sequence,
	};
}

/* Decides about a replay, and says what was decided. */
static enum ext_status decide(struct ext_journal *journal, struct chain *chain, bool may_replay,
			      struct ext_error *error)
{
	struct ext_journal_superblock *sb = &journal->superblock;
	const struct log_header *newest = chain->commits[chain->count - 1];
	const struct log_header *oldest = chain->commits[0];
	bool proven = false;
	enum ext_status status = EXT_OK;

	if (may_replay && find_tail(chain, &sb->sequence, &sb->start)) {
		status = prove(journal, newest->sequence, &proven, error);
		forget_scan(journal);
	}
	if (status != EXT_OK)
		return status;
	if (proven) {
		journal->summary.state = EXT_JOURNAL_DIRTY;
		journal_report(journal, EXT_JOURNAL_REBUILT, 0, sb->sequence, sb->sequence,
			       newest->sequence);
		return EXT_OK;
	}
	sb->start = 0;
	sb->sequence = newest->sequence + 1;
	journal->summary.end_sequence = sb->sequence;
	journal_report(journal, EXT_JOURNAL_UNPROVEN, 0, oldest->sequence, oldest->sequence,
		       newest->sequence);
	return EXT_OK;
}

enum ext_status journal_rebuild(struct ext_journal *journal, bool may_replay,
				struct ext_error *error)
{
	const struct ext_journal_superblock before = journal->superblock;
	struct chain chain = {
		.journal = journal,
		.mount_time = journal->filesystem->superblock.mount_time,
	};
	struct log_survey survey;
	enum ext_status status;

	chain.survey = &survey;
	status = log_survey_take(&survey, journal, journal->first_log_block, error);
	if (status == EXT_OK)
		status = collect_commits(&chain, error);
	if (status == EXT_OK && chain.count == 0)
		status = EXT_END;
	if (status == EXT_OK) {
		journal->has_superblock = true;
		journal->summary.rebuilt = true;
		journal->summary.present_blocks = journal_blocks_present(journal);
		status = decide(journal, &chain, may_replay, error);
	} else if (status == EXT_END) {
		/* Not a log: what was known before is all there is. */
		journal->superblock = before;
		status = EXT_OK;
	}
	free(chain.commits);
	log_survey_clear(&survey);
	return status;
}
