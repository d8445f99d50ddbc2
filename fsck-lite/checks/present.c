/* SPDX-License-Identifier: MIT */
/*
 * Files that an image was cut through. Invariant: every block that a file was written to is in the
 * image. How much of the filesystem is missing, and what no file owns, the survey tells.
 */
#include "config.h"

#include "checks/checks.h"

static void report_missing(const struct ext_inode *inode, const struct ext_run *run,
			   uint64_t present, struct ext_sink *sink)
{
	struct ext_finding finding = {.problem = EXT_FILE_BEYOND_END};

	finding.found =
		run->physical < present ? run->length - (present - run->physical) : run->length;
	finding.place = (struct ext_place){
		.structure = run->kind == EXT_RUN_TREE ? EXT_AT_BLOCK_MAP : EXT_AT_FILE_DATA,
		.has = EXT_HAS_INODE | EXT_HAS_LOGICAL | EXT_HAS_BLOCK,
		.inode = inode->number,
		.logical = run->logical + (run->length - (uint32_t)finding.found),
		.block = run->physical + run->length - finding.found};
	ext_report(sink, &finding);
}

void check_run_present(const struct survey *survey, const struct ext_inode *inode,
		       const struct ext_run *run, struct ext_sink *sink)
{
	const uint64_t present = ext_filesystem_blocks_present(survey->filesystem);

	/* A pointer out of the filesystem is another fault, and unwritten blocks read as zeros. */
	if (present >= survey->superblock->block_count || run->is_doubtful ||
	    run->kind == EXT_RUN_UNWRITTEN || run->physical >= survey->superblock->block_count ||
	    run->length <= present - (run->physical < present ? run->physical : present))
		return;
	report_missing(inode, run, present, sink);
}
