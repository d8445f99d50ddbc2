/* SPDX-License-Identifier: MIT */
/*
 * How the survey reads: whether what it wants is in memory, and so how many threads read, into
 * what, and whether past the system's page cache.
 */
#include "config.h"

#include <stdlib.h>

#include <ext/pages.h>

#include "accounting/scan.h"
#include "accounting/threads.h"

/* The middle of what the table of a group has to read; 0: nothing. */
static uint64_t middle_of_table(const struct ext_superblock *sb,
				const struct ext_group_descriptor *descriptor)
{
	uint32_t inodes = sb->inodes_per_group;

	if (descriptor->itable_unused <= inodes)
		inodes -= descriptor->itable_unused;
	if (inodes == 0 || descriptor->inode_table >= sb->block_count ||
	    (descriptor->flags & EXT_GROUP_INODE_UNINIT) != 0)
		return 0;
	return (descriptor->inode_table << sb->block_size_log2) +
	       (uint64_t)inodes / 2 * sb->inode_size;
}

static uint64_t start_of_bitmap(const struct ext_superblock *sb,
				const struct ext_group_descriptor *descriptor)
{
	if (descriptor->block_bitmap >= sb->block_count ||
	    (descriptor->flags & EXT_GROUP_BLOCK_UNINIT) != 0)
		return 0;
	return descriptor->block_bitmap << sb->block_size_log2;
}

/* Of what places were asked about, how many must be waited for. */
struct waits {
	unsigned asked, cold;
};

/* Asks about the first of the groups from `group` on, before `last`, that has something to read. */
static void ask(const struct survey *survey, ext_group group, ext_group last,
		uint64_t (*place)(const struct ext_superblock *sb,
				  const struct ext_group_descriptor *descriptor),
		struct waits *waits)
{
	struct ext_source *const source = ext_filesystem_source(survey->filesystem);
	struct ext_group_descriptor descriptor;
	uint64_t offset = 0;

	for (; offset == 0 && group < last; group++) {
		ext_group_locations(survey->filesystem, group, &descriptor);
		if (descriptor.readable)
			offset = place(survey->superblock, &descriptor);
	}
	if (offset == 0)
		return;
	waits->asked++;
	waits->cold += !ext_source_in_memory(source, offset);
}

/*
 * Must a device be waited for? Bytes in the middle of several tables tell: ends may have been
 * looked at for other reasons, and a place may have been read along with another. Where few inodes
 * are in use, there may be one such table; so bitmaps are asked about too. What is partly in memory
 * is read as if nothing were.
 */
static bool is_cold(const struct survey *survey)
{
	enum { PLACES = 7, FEW = 4 };
	const uint64_t groups = survey->superblock->group_count;
	struct waits waits = {0};

	for (unsigned i = 0; i < PLACES; i++) {
		const ext_group first = (ext_group)(groups * i / PLACES);
		const ext_group last = (ext_group)(groups * (i + 1) / PLACES);

		ask(survey, first, last, middle_of_table, &waits);
		ask(survey, first, last, start_of_bitmap, &waits);
	}
	return waits.cold * FEW > waits.asked;
}

/*
 * Threads and buffers. Several that read much at a time keep a device busy, into one large page
 * that they share.
 */
void scan_reads_begin(struct survey *survey)
{
	const struct survey_options *options = &survey->options;
	enum ext_reads reads = EXT_READS_HINTED;

	survey->threads = options->threads ? options->threads : 1;
	survey->is_cold = is_cold(survey);
	if (survey->is_cold && options->may_add_threads)
		survey->threads = threads_that_wait(survey->threads);
	survey->lent_size = EXT_LARGE_PAGE / survey->threads / EXT_LONG_READ * EXT_LONG_READ;
	if (survey->is_cold && options->reads_once && survey->threads > 1 && survey->lent_size > 0)
		survey->lent = ext_pages_large();
	if (survey->lent)
		reads = EXT_READS_LONG;
	ext_source_expect_reads(ext_filesystem_source(survey->filesystem), reads);
}

void scan_reads_end(struct survey *survey)
{
	ext_source_expect_reads(ext_filesystem_source(survey->filesystem), EXT_READS_GUESSED);
	free(survey->lent);
	survey->lent = NULL;
}

void *scan_lent(const struct survey *survey, unsigned index)
{
	return survey->lent && index < survey->threads ? survey->lent + index * survey->lent_size
						       : NULL;
}
