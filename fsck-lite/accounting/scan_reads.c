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

/* The middle of what the first group from `group` on, before `last`, has to read; 0: nothing. */
static uint64_t middle_of_table(const struct survey *survey, ext_group group, ext_group last)
{
	const struct ext_superblock *sb = survey->superblock;
	struct ext_group_descriptor descriptor;

	for (; group < last; group++) {
		uint32_t inodes = sb->inodes_per_group;

		ext_group_locations(survey->filesystem, group, &descriptor);
		if (descriptor.itable_unused <= inodes)
			inodes -= descriptor.itable_unused;
		if (descriptor.readable && inodes > 0 && descriptor.inode_table < sb->block_count &&
		    (descriptor.flags & EXT_GROUP_INODE_UNINIT) == 0)
			return (descriptor.inode_table << sb->block_size_log2) +
			       (uint64_t)inodes / 2 * sb->inode_size;
	}
	return 0;
}

/*
 * Must a device be waited for? Bytes in the middle of several tables tell: ends may have been
 * looked at for other reasons, and a place may have been read along with another. What is partly
 * in memory is read as if nothing were.
 */
static bool is_cold(const struct survey *survey)
{
	enum { PLACES = 7, FEW = 4 };
	const uint64_t groups = survey->superblock->group_count;
	struct ext_source *const source = ext_filesystem_source(survey->filesystem);
	unsigned asked = 0, cold = 0;

	for (unsigned i = 0; i < PLACES; i++) {
		const uint64_t middle = middle_of_table(survey, (ext_group)(groups * i / PLACES),
							(ext_group)(groups * (i + 1) / PLACES));

		asked += middle != 0;
		cold += middle != 0 && !ext_source_in_memory(source, middle);
	}
	return cold * FEW > asked;
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
