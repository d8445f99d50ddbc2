/* SPDX-License-Identifier: MIT */
/*
 * A whole image of any bytes, as `df` goes through it: the journal replayed on an overlay, then the
 * survey. What every block's owners add up to must hold whatever the image says.
 */
#include "config.h"

#include "fuzz.h"

#include <ext/journal.h>

#include "accounting/survey.h"

/* The journal's replay, so that the survey sees what `df` sees; NULL when there is nothing to do.
 */
static struct ext_source *replay(struct ext_source *source, const struct ext_filesystem *filesystem,
				 struct ext_sink *sink, struct ext_journal **journal)
{
	const size_t unit = ext_filesystem_superblock(filesystem)->block_size;
	const struct ext_journal_options options = {.sink = sink};
	struct ext_source *overlay = NULL;

	if (ext_journal_open(filesystem, &options, journal, NULL) != EXT_OK)
		return NULL;
	ext_journal_scan(*journal, NULL);
	if (ext_source_open_overlay(source, unit, &overlay, NULL) != EXT_OK)
		return NULL;
	ext_journal_replay(*journal, overlay, NULL, NULL);
	return overlay;
}

static void account(const struct ext_filesystem *filesystem, struct ext_sink *sink)
{
	const struct survey_options options = {
		.sink = sink, .threads = 1, .buffer_size = 16384, .heed_bad_blocks = true};
	struct survey survey;
	uint64_t sum = 0;

	if (survey_run(filesystem, &options, &survey, NULL) == EXT_OK) {
		for (unsigned i = 0; i < OWNER_COUNT; i++)
			sum += survey.owners[i];
		FUZZ_ASSERT(sum == ext_filesystem_superblock(filesystem)->block_count);
	}
	survey_clear(&survey);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ext_sink sink = {fuzz_report};
	const struct ext_open_options options = {.sink = &sink};
	struct ext_filesystem *below = NULL, *filesystem = NULL;
	struct ext_source *source = NULL, *overlay = NULL;
	struct ext_journal *journal = NULL;

	if (ext_source_open_memory(data, size, &source, NULL) != EXT_OK)
		return 0;
	if (ext_filesystem_open(source, &options, &below, NULL) == EXT_OK) {
		overlay = replay(source, below, &sink, &journal);
		if (overlay && ext_filesystem_open(overlay, &options, &filesystem, NULL) == EXT_OK)
			account(filesystem, &sink);
		else
			account(below, &sink);
	}
	ext_filesystem_close(filesystem);
	ext_source_close(overlay);
	ext_journal_close(journal);
	ext_filesystem_close(below);
	ext_source_close(source);
	return 0;
}
