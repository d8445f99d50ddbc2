/* SPDX-License-Identifier: MIT */
/*
 * Replaying onto an overlay: every logged copy of a complete transaction is shown in the place of
 * its block, unless it was revoked; then the fast commits; then both superblocks say that the
 * recovery is done. Blocks are not copied: the overlay reads them from the log.  Doc:
 * ext4/journal.rst.
 */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "journal/journal.h"

#include <ext/edit.h>

enum {
	ERROR_FIELDS_AT = 0x194, /* s_error_count ... s_mount_opts in the superblock */
	ERROR_FIELDS_END = 0x200,
};

/*
 * Shows logged copies in the place of their blocks, unless something speaks against it: those of
 * `logged` from number `index` on that have the same fate. How many they are goes to `done`.
 */
static enum ext_status replay_run(struct ext_journal *journal, struct ext_source *overlay,
				  const struct logged_block *logged, uint32_t index, uint64_t *done,
				  struct ext_journal_result *result, struct ext_error *error)
{
	static const uint8_t magic[4] = {0xc0, 0x3b, 0x39, 0x98};
	const unsigned log2 = journal->filesystem->superblock.block_size_log2;
	const uint64_t place_count = ext_source_size(overlay) >> log2;
	const ext_block block = logged_block_number(logged) + index;
	const uint32_t log = logged->log + index;
	const struct log_run *run;
	enum ext_status status;
	uint64_t count;

	count = revoke_table_free_run(&journal->revokes, block, logged->more + 1u - index);
	*done = count == 0 ? 1 : count;
	if (count == 0 && revoke_table_covers(&journal->revokes, block, logged->transaction)) {
		result->revoked++;
		return EXT_OK;
	}
	if (logged->flags & LOGGED_BAD) {
		result->bad += *done;
		return EXT_OK;
	}
	run = journal_find_run(journal, log);
	/* An image that was cut has no place for it. */
	if (block >= place_count || !run) {
		*done = 1;
		result->out_of_range++;
		return EXT_OK;
	}
	*done = min_u64(*done, min_u64(place_count - block, run->length - (log - run->log)));
	status = ext_overlay_redirect(overlay, block << log2, *done, journal->source,
				      run->offset + (uint64_t)(log - run->log) *
							    journal->superblock.block_size,
				      logged->flags & LOGGED_ESCAPED ? magic : NULL, error);
	if (status == EXT_OK)
		result->written += *done;
	return status;
}

static enum ext_status replay_blocks(struct ext_journal *journal, struct ext_source *overlay,
				     struct ext_journal_result *result, struct ext_error *error)
{
	enum ext_status status = EXT_OK;

	for (uint32_t i = 0; i < journal->logged.count; i++) {
		const struct logged_block *logged = &journal->logged.blocks[i];
		uint64_t done;

		for (uint32_t j = 0; j <= logged->more; j += (uint32_t)done) {
			status = replay_run(journal, overlay, logged, j, &done, result, error);
			if (status != EXT_OK)
				return status;
		}
	}
	return status;
}

static void put_checksum(struct ext_raw_superblock *raw, const uint8_t *bytes)
{
	if (get(raw->s_feature_ro_compat) & EXT_RO_METADATA_CSUM)
		put(&raw->s_checksum,
		    crc32c(UINT32_MAX, bytes, offsetof(struct ext_raw_superblock, s_checksum)));
}

/*
 * What Linux writes into the superblock when recovery is done. It keeps the record of errors that
 * the superblock had before, because the logged copy may be older.
 */
static enum ext_status finish_superblock(struct ext_journal *journal, struct ext_source *overlay,
					 struct ext_error *error)
{
	uint8_t before[EXT_SUPERBLOCK_SIZE], after[EXT_SUPERBLOCK_SIZE];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)after;

	if (ext_source_read(journal->filesystem->source, EXT_SUPERBLOCK_OFFSET, before,
			    sizeof before, NULL) != EXT_OK ||
	    ext_source_read(overlay, EXT_SUPERBLOCK_OFFSET, after, sizeof after, NULL) != EXT_OK ||
	    get(raw->s_magic) != EXT_MAGIC)
		return EXT_OK;
	if (get(((const struct ext_raw_superblock *)(const void *)before)->s_magic) == EXT_MAGIC)
		memcpy(after + ERROR_FIELDS_AT, before + ERROR_FIELDS_AT,
		       ERROR_FIELDS_END - ERROR_FIELDS_AT);
	put(&raw->s_feature_incompat,
	    get(raw->s_feature_incompat) & ~(uint32_t)EXT_INCOMPAT_RECOVER);
	if (journal->superblock.error_number != 0)
		put(&raw->s_state, (uint16_t)(get(raw->s_state) | EXT_STATE_ERRORS));
	put_checksum(raw, after);
	return ext_overlay_write(overlay, EXT_SUPERBLOCK_OFFSET, after, sizeof after, error);
}

enum ext_status journal_note_error(struct ext_source *overlay, struct ext_error *error)
{
	uint8_t bytes[EXT_SUPERBLOCK_SIZE];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)bytes;

	if (ext_source_read(overlay, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes, NULL) != EXT_OK ||
	    get(raw->s_magic) != EXT_MAGIC)
		return EXT_OK;
	put(&raw->s_state, (uint16_t)(get(raw->s_state) | EXT_STATE_ERRORS));
	put_checksum(raw, bytes);
	return ext_overlay_write(overlay, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes, error);
}

/*
 * The log is empty now. An external journal is not on the overlay and stays as it is, and so does a
 * superblock that could not be read.
 */
static enum ext_status finish_journal(struct ext_journal *journal, struct ext_source *overlay,
				      struct ext_error *error)
{
	uint8_t bytes[sizeof(struct ext_raw_journal_superblock)];
	struct ext_raw_journal_superblock *raw = (struct ext_raw_journal_superblock *)(void *)bytes;
	uint64_t offset;

	if (journal->is_external || journal->summary.rebuilt ||
	    ext_journal_block_offset(journal, 0, &offset, NULL) != EXT_OK ||
	    ext_source_read(overlay, offset, bytes, sizeof bytes, NULL) != EXT_OK)
		return EXT_OK;
	put(&raw->s_start, 0U);
	put(&raw->s_sequence, journal->summary.end_sequence + 1);
	put(&raw->s_errno, 0U);
	if (journal->superblock.checksum_version >= 2) {
		put(&raw->s_checksum, 0U);
		put(&raw->s_checksum, crc32c(UINT32_MAX, bytes, sizeof bytes));
	}
	return ext_overlay_write(overlay, offset, bytes, sizeof bytes, error);
}

/*
 * The superblock's counts are hints that Linux sets right at every mount; so it is done here. Where
 * there is no primary superblock to open, there is none to set right.
 */
static enum ext_status finish_counts(struct ext_source *overlay, struct ext_error *error)
{
	struct ext_editor *editor;
	enum ext_status status = ext_editor_open(overlay, NULL, &editor, error);

	if (status != EXT_OK)
		return status == EXT_MEMORY ? status : EXT_OK;
	status = ext_editor_finish(editor, error);
	ext_editor_close(editor);
	return status;
}

enum ext_status ext_journal_replay(struct ext_journal *journal, struct ext_source *overlay,
				   struct ext_journal_result *result, struct ext_error *error)
{
	struct ext_journal_result unused;
	enum ext_status status;

	if (!result)
		result = &unused;
	*result = (struct ext_journal_result){0};
	if (journal->summary.state != EXT_JOURNAL_DIRTY)
		return EXT_OK;
	status = ext_journal_scan(journal, error);
	if (status == EXT_OK)
		status = replay_blocks(journal, overlay, result, error);
	if (status == EXT_OK)
		status = finish_superblock(journal, overlay, error);
	if (status == EXT_OK)
		status = finish_journal(journal, overlay, error);
	if (status == EXT_OK && journal->summary.fast_commit_records > 0)
		status = journal_replay_fast_commits(journal, overlay, result, error);
	return status == EXT_OK ? finish_counts(overlay, error) : status;
}
