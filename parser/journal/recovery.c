/* SPDX-License-Identifier: MIT */
/*
 * The whole recovery in its order: journal, fast commits, orphans; with the overlay that it needs,
 * and only when there is something to do.
 */
#include "config.h"

#include <stdlib.h>

#include "structure/filesystem.h"

#include <ext/orphan.h>
#include <ext/recovery.h>

struct ext_recovery {
	struct ext_filesystem *filesystem; /* as it lies in the image */
	struct ext_journal *journal;
	struct ext_source *overlay;
	struct ext_journal_result journal_result;
	struct ext_orphan_result orphan_result;
};

static bool has_orphans(const struct ext_filesystem *fs)
{
	struct ext_orphans *orphans;
	struct ext_orphan orphan;
	bool found;

	if (fs->superblock.orphan_head == 0 && fs->superblock.orphan_file_inode == 0)
		return false;
	if (ext_orphans_open(fs, NULL, &orphans, NULL) != EXT_OK)
		return false;
	found = ext_orphans_next(orphans, &orphan) == EXT_OK;
	ext_orphans_close(orphans);
	return found;
}

static enum ext_status open_overlay(struct ext_recovery *recovery, struct ext_error *error)
{
	if (recovery->overlay)
		return EXT_OK;
	return ext_source_open_overlay(recovery->filesystem->source,
				       recovery->filesystem->superblock.block_size,
				       &recovery->overlay, error);
}

static void report_replay(const struct ext_recovery *recovery, struct ext_sink *sink)
{
	const struct ext_journal_summary *summary = ext_journal_summary(recovery->journal);
	const struct ext_finding finding = {
		.problem = EXT_JOURNAL_PENDING,
		.place = {.structure = EXT_AT_JOURNAL},
		.found = summary->transactions,
		.low = summary->fast_commits,
	};

	ext_report(sink, &finding);
}

static enum ext_status recover(struct ext_recovery *recovery,
			       const struct ext_recovery_options *options, struct ext_error *error)
{
	const bool is_dirty = ext_journal_summary(recovery->journal)->state == EXT_JOURNAL_DIRTY;
	struct ext_open_options open =
		options->open ? *options->open : (struct ext_open_options){0};
	enum ext_status status = EXT_OK;

	if (is_dirty) {
		status = open_overlay(recovery, error);
		if (status == EXT_OK)
			status = ext_journal_replay(recovery->journal, recovery->overlay,
						    &recovery->journal_result, error);
		if (status == EXT_OK)
			report_replay(recovery, options->sink);
	}
	if (status != EXT_OK)
		return status;
	if (!is_dirty && options->orphans != EXT_ORPHANS_ALWAYS)
		return ext_orphans_report(recovery->filesystem, options->sink, error);
	if (options->orphans == EXT_ORPHANS_LEAVE ||
	    (!is_dirty && !has_orphans(recovery->filesystem)))
		return EXT_OK;
	open.sink = options->sink;
	status = open_overlay(recovery, error);
	if (status != EXT_OK)
		return status;
	status = ext_orphans_finish(recovery->overlay, &open, &recovery->orphan_result, error);
	/* After a replay from a damaged log the superblock may be no good; its reader will say so.
	 */
	return status == EXT_MEMORY ? status : EXT_OK;
}

enum ext_status ext_recovery_open(struct ext_source *source,
				  const struct ext_recovery_options *options,
				  struct ext_recovery **recovery, struct ext_error *error)
{
	static const struct ext_recovery_options defaults;
	struct ext_journal_options journal_options = {0};
	struct ext_open_options open = {0};
	struct ext_recovery *new = calloc(1, sizeof *new);
	enum ext_status status;

	if (!new)
		return ext_no_memory(error);
	if (!options)
		options = &defaults;
	if (options->open)
		open = *options->open;
	open.sink = NULL;
	journal_options.external = options->external;
	journal_options.ignore_recover_flag = options->ignore_recover_flag;
	journal_options.trust_damaged = options->trust_damaged;
	journal_options.sink = options->sink;
	status = ext_filesystem_open(source, &open, &new->filesystem, error);
	if (status == EXT_OK)
		status = ext_journal_open(new->filesystem, &journal_options, &new->journal, error);
	if (status == EXT_OK)
		status = options->look_only
				 ? ext_orphans_report(new->filesystem, options->sink, error)
				 : recover(new, options, error);
	if (status != EXT_OK) {
		ext_recovery_close(new);
		return status;
	}
	*recovery = new;
	return EXT_OK;
}

void ext_recovery_close(struct ext_recovery *recovery)
{
	if (!recovery)
		return;
	ext_source_close(recovery->overlay);
	ext_journal_close(recovery->journal);
	ext_filesystem_close(recovery->filesystem);
	free(recovery);
}

struct ext_source *ext_recovery_view(const struct ext_recovery *recovery)
{
	return recovery->overlay;
}

struct ext_journal *ext_recovery_journal(const struct ext_recovery *recovery)
{
	return recovery->journal;
}

const struct ext_journal_result *ext_recovery_journal_result(const struct ext_recovery *recovery)
{
	return &recovery->journal_result;
}

const struct ext_orphan_result *ext_recovery_orphan_result(const struct ext_recovery *recovery)
{
	return &recovery->orphan_result;
}
