/* SPDX-License-Identifier: MIT */
/*
 * `show journal`: its state and geometry, every transaction that it still holds with the blocks in
 * it, what the checksums say, and where a replay ends and why. `show journal N`: one block of the
 * log.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/block_names.h"
#include "complain.h"
#include "exit.h"
#include "reports/show.h"
#include "reports/text.h"
#include "target.h"

enum { PATH_SIZE = 4200 };

static const char *state_name(const struct ext_journal_summary *summary)
{
	switch (summary->state) {
	case EXT_JOURNAL_NONE:
		return "none";
	case EXT_JOURNAL_CLEAN:
		return "clean";
	case EXT_JOURNAL_DIRTY:
		return "dirty";
	case EXT_JOURNAL_DAMAGED:
		return "damaged";
	}
	return "";
}

static const char *home_name(const struct ext_journal_summary *summary)
{
	switch (summary->home) {
	case EXT_JOURNAL_HOME_NONE:
		return "nowhere";
	case EXT_JOURNAL_HOME_INODE:
		return "journal inode";
	case EXT_JOURNAL_HOME_BACKUP:
		return "copy of the journal inode in the superblock";
	case EXT_JOURNAL_HOME_EXTERNAL:
		return "external";
	}
	return "";
}

static const char *slug_of(enum ext_problem problem)
{
	return ext_problem_text(problem)->slug;
}

static void show_geometry(struct show *show, const struct ext_journal *journal)
{
	const struct ext_journal_superblock *sb = ext_journal_get_superblock(journal);
	char uuid[40];

	if (!sb)
		return;
	show_u64(show, "version", sb->version);
	show_u64(show, "block_size", sb->block_size);
	show_u64(show, "blocks", sb->length);
	show_range(show, "log", sb->first, sb->end - sb->first);
	if (sb->fast_commit_blocks > 1)
		show_range(show, "fast_commit_area", (uint64_t)sb->end + 1,
			   sb->fast_commit_blocks - 1);
	show_flags(show, "compat", "journal_compat", sb->compat);
	show_flags(show, "incompat", "journal_incompat", sb->incompat);
	show_u64(show, "checksum_version", sb->checksum_version);
	show_u64(show, "sequence", sb->sequence);
	show_u64(show, "start", sb->start);
	if (sb->head != 0 && sb->start == 0)
		show_u64(show, "head", sb->head);
	/* What follows no log block tells. */
	if (ext_journal_summary(journal)->rebuilt)
		return;
	show_u64(show, "errno", sb->error_number);
	for (unsigned i = 0, at = 0; i < sizeof sb->uuid; i++)
		at += (unsigned)snprintf(uuid + at, sizeof uuid - at, "%02x%s", sb->uuid[i],
					 i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
	show_text(show, "uuid", uuid);
	show_checksum(show, sb->checksum, sb->checksum_stored, sb->checksum_computed, 8);
}

static void show_summary(struct show *show, const struct ext_journal *journal)
{
	const struct ext_journal_summary *summary = ext_journal_summary(journal);

	show_text(show, "state", state_name(summary));
	if (summary->damage != EXT_NO_PROBLEM)
		show_text(show, "damage", slug_of(summary->damage));
	if (summary->rebuilt)
		show_text(show, "superblock", "gathered from the log");
	if (summary->state == EXT_JOURNAL_NONE)
		return;
	show_text(show, "where", home_name(summary));
	if (summary->inode != 0)
		show_u64(show, "inode", summary->inode);
	show_geometry(show, journal);
	if (summary->discarded)
		show_text(show, "trouble",
			  "the superblock does not ask for recovery, so that "
			  "Linux throws the log away");
	if (!summary->scanned || summary->state != EXT_JOURNAL_DIRTY)
		return;
	show_u64(show, "transactions_to_replay", summary->transactions);
	show_u64(show, "blocks_to_replay", summary->blocks);
	show_u64(show, "revokes", summary->revokes);
	if (summary->bad_blocks > 0)
		show_u64(show, "bad_blocks", summary->bad_blocks);
	if (summary->fast_commits > 0) {
		show_u64(show, "fast_commits", summary->fast_commits);
		show_u64(show, "fast_commit_records", summary->fast_commit_records);
	}
	show_u64(show, "replay_ends_at", summary->end_block);
	show_text(show, "replay_ends_because",
		  summary->stop == EXT_NO_PROBLEM ? "the log ends there" : slug_of(summary->stop));
	if (summary->fast_commit_stop != EXT_NO_PROBLEM)
		show_text(show, "fast_commits_end_because", slug_of(summary->fast_commit_stop));
}

/* Transactions with their blocks in the order of the log. */
struct listing {
	struct ext_journal_history *history;
	struct block_names *names;
	ext_block *blocks; /* all different ones, sorted */
	uint32_t *order;   /* versions by transaction and log block */
	uint32_t *first;   /* of each transaction in `order`, and one past the last */
	uint32_t transactions, versions;
	uint32_t next_revoke;
};

static void listing_clear_all(struct listing *listing)
{
	block_names_free(listing->names);
	ext_journal_history_close(listing->history);
	free(listing->blocks);
	free(listing->order);
	free(listing->first);
}

static size_t different_blocks(struct listing *listing)
{
	size_t count = 0;

	for (uint32_t i = 0; i < listing->versions; i++) {
		struct ext_journal_version version;

		ext_journal_history_version(listing->history, i, &version);
		if (count == 0 || listing->blocks[count - 1] != version.block)
			listing->blocks[count++] = version.block;
	}
	return count;
}

/* Counting sort by transaction; within one, the versions are by block. */
static void order_by_transaction(struct listing *listing)
{
	struct ext_journal_version version;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < listing->versions; i++) {
		ext_journal_history_version(listing->history, i, &version);
		listing->first[version.transaction]++;
	}
	for (uint32_t i = 0; i <= listing->transactions; i++) {
		const uint32_t count = listing->first[i];

		listing->first[i] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < listing->versions; i++) {
		ext_journal_history_version(listing->history, i, &version);
		listing->order[listing->first[version.transaction]++] = i;
	}
	for (uint32_t i = listing->transactions; i > 0; i--)
		listing->first[i] = listing->first[i - 1];
	listing->first[0] = 0;
}

static enum ext_status listing_fill(struct show *show, struct ext_journal *journal,
				    struct listing *listing, struct ext_error *error)
{
	enum ext_status status = ext_journal_history_open(journal, &listing->history, error);

	if (status != EXT_OK)
		return status;
	listing->transactions = ext_journal_history_transactions(listing->history);
	listing->versions = ext_journal_history_versions(listing->history);
	listing->blocks = calloc((size_t)listing->versions + 1, sizeof *listing->blocks);
	listing->order = calloc((size_t)listing->versions + 1, sizeof *listing->order);
	listing->first = calloc((size_t)listing->transactions + 2, sizeof *listing->first);
	if (!listing->blocks || !listing->order || !listing->first)
		return ext_no_memory(error);
	order_by_transaction(listing);
	return block_names_new(show->filesystem, listing->blocks, different_blocks(listing),
			       &listing->names, error);
}

static const char *fate_of(const struct show *show,
			   const struct ext_journal_transaction *transaction)
{
	const struct ext_journal_summary *summary =
		ext_journal_summary(ext_recovery_journal(show->image->recovery));

	if (transaction->live)
		return "to be replayed";
	if (!transaction->committed)
		return "incomplete";
	return summary->state == EXT_JOURNAL_DAMAGED ? "not replayed" : "written before";
}

static void show_version_json(struct show *show, const struct ext_journal_version *version,
			      const struct block_name *name, const char *path)
{
	json_object(show->json, NULL);
	json_u64(show->json, "block", version->block);
	json_u64(show->json, "log_block", version->log_block);
	json_text(show->json, "is", name->is);
	if (name->has_group)
		json_u64(show->json, "group", name->group);
	if (name->first_inode != 0) {
		json_u64(show->json, "first_inode", name->first_inode);
		json_u64(show->json, "inodes", name->inodes);
	}
	if (name->inode != 0)
		json_u64(show->json, "inode", name->inode);
	if (name->has_logical)
		json_u64(show->json, "logical", name->logical);
	if (path)
		json_name(show->json, "path", path, strlen(path));
	json_text(show->json, "confidence", show_confidence(version->confidence));
	if (version->escaped)
		json_bool(show->json, "escaped", true);
	if (version->revoked)
		json_bool(show->json, "revoked", true);
	json_end_object(show->json);
}

static void show_version(struct show *show, const struct listing *listing, uint32_t index)
{
	struct ext_journal_version version;
	struct block_name name;
	char text[200], *path = NULL;

	ext_journal_history_version(listing->history, index, &version);
	block_names_get(listing->names, version.block, &name);
	if (name.inode != 0 && name.is_directory) {
		path = malloc(PATH_SIZE);
		if (path && !directory_path(show->filesystem, name.inode, path, PATH_SIZE)) {
			free(path);
			path = NULL;
		}
	}
	if (show->json) {
		show_version_json(show, &version, &name, path);
	} else {
		block_name_text(&name, text, sizeof text);
		printf("    block %-12" PRIu64 "log %-8" PRIu32 "%s", version.block,
		       version.log_block, text);
		if (path) {
			fputs(", ", stdout);
			text_name(stdout, path, strlen(path));
		}
		if (version.revoked)
			fputs(" (revoked)", stdout);
		if (version.confidence == EXT_CONFIDENCE_DOUBTFUL)
			fputs(" (doubtful)", stdout);
		putchar('\n');
	}
	free(path);
}

/* Transactions and revoke records come in the same order, so that one place in the list will do. */
static void show_revokes(struct show *show, struct listing *listing, uint32_t transaction)
{
	const uint32_t count = ext_journal_history_revokes(listing->history);

	if (show->json)
		json_array(show->json, "revoked");
	for (; listing->next_revoke < count; listing->next_revoke++) {
		struct ext_journal_revoke revoke;

		ext_journal_history_revoke(listing->history, listing->next_revoke, &revoke);
		if (revoke.transaction > transaction)
			break;
		if (revoke.transaction < transaction)
			continue;
		if (show->json)
			json_u64(show->json, NULL, revoke.block);
		else
			printf("    revokes block %" PRIu64 "\n", revoke.block);
	}
	if (show->json)
		json_end_array(show->json);
}

static void show_transaction(struct show *show, struct listing *listing, uint32_t index)
{
	struct ext_journal_transaction transaction;
	char time[TEXT_SHORT];

	ext_journal_history_transaction(listing->history, index, &transaction);
	if (show->json) {
		json_object(show->json, NULL);
		json_u64(show->json, "sequence", transaction.sequence);
		json_u64(show->json, "log_block", transaction.log_block);
		json_bool(show->json, "committed", transaction.committed);
		json_bool(show->json, "live", transaction.live);
		if (transaction.committed)
			show_time(show, "time", &transaction.time);
		json_u64(show->json, "descriptor_blocks", transaction.descriptor_blocks);
		json_u64(show->json, "revoke_blocks", transaction.revoke_blocks);
		json_text(show->json, "checksum", show_checksum_name(transaction.checksum));
		json_u64(show->json, "bad_blocks", transaction.bad_blocks);
		json_array(show->json, "blocks");
	} else {
		printf("\n  transaction %" PRIu32 "  %s  log block %" PRIu32 ", %" PRIu32
		       " block%s, checksum %s, %s\n",
		       transaction.sequence,
		       transaction.committed ? text_time(time, transaction.time.seconds)
					     : "no commit",
		       transaction.log_block, transaction.blocks, text_plural(transaction.blocks),
		       show_checksum_name(transaction.checksum), fate_of(show, &transaction));
		/* What is past is told in short, unless -v asks for it. */
		if (!transaction.live && show->options->verbose == 0)
			return;
	}
	for (uint32_t i = listing->first[index]; i < listing->first[index + 1]; i++)
		show_version(show, listing, listing->order[i]);
	if (show->json)
		json_end_array(show->json);
	if (transaction.revokes > 0 || show->json)
		show_revokes(show, listing, index);
	if (show->json)
		json_end_object(show->json);
}

static int show_transactions(struct show *show, struct ext_journal *journal)
{
	struct listing listing = {0};
	struct ext_error error;
	const enum ext_status status = listing_fill(show, journal, &listing, &error);

	if (status != EXT_OK) {
		if (status != EXT_LIMIT)
			complain_error(show->image->path, &error);
		listing_clear_all(&listing);
		return status == EXT_LIMIT ? EXIT_CANCELLED : EXIT_CANNOT_RUN;
	}
	if (show->json)
		json_array(show->json, "transactions");
	else if (listing.transactions > 0)
		printf("\nTransactions that the log holds, oldest first%s\n",
		       show->options->verbose == 0 ? " (-v: blocks of past ones, too)" : "");
	for (uint32_t i = 0; i < listing.transactions; i++)
		show_transaction(show, &listing, i);
	if (show->json)
		json_end_array(show->json);
	listing_clear_all(&listing);
	return EXIT_CLEAN;
}

int show_journal(struct show *show, const char *operand)
{
	struct ext_journal *journal = ext_recovery_journal(show->image->recovery);
	uint64_t number = 0;
	int status = EXIT_CLEAN;

	if (operand && (!target_number(operand, &number) || number > UINT32_MAX)) {
		complain("show journal: `%s' is no block of the journal", operand);
		return EXIT_WRONG_USAGE;
	}
	if (operand || show->hex)
		return show_log_block(show, journal, (uint32_t)number);
	ext_journal_scan(journal, NULL);
	show_heading(show, "Journal");
	show_begin(show, "log");
	show_summary(show, journal);
	if (ext_journal_get_superblock(journal))
		status = show_transactions(show, journal);
	if (status == EXIT_CLEAN && ext_journal_summary(journal)->fast_commit_records > 0)
		show_fast_commits(show, journal);
	show_end(show);
	return status;
}
