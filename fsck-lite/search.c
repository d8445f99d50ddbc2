/* SPDX-License-Identifier: MIT */
/* Drives the library's scan: progress, cancelling, the list of finds. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cancel.h"
#include "complain.h"
#include "exit.h"
#include "progress.h"
#include "search.h"

int search_superblocks(const struct options *options, struct ext_source *source, uint64_t start,
		       uint64_t end, struct ext_found_list *found)
{
	const char *const name = ext_source_name(source);
	struct ext_superblock superblock;
	struct progress progress;
	struct ext_error error;
	struct ext_scan *scan;
	const uint8_t *raw;
	uint64_t offset;
	int status = EXIT_CLEAN;

	ext_found_init(found);
	if (ext_scan_open(source, start, end, &scan, &error) != EXT_OK) {
		complain_error(name, &error);
		return EXIT_CANNOT_RUN;
	}
	progress_begin(&progress, options, "searching for superblocks");
	while (status == EXIT_CLEAN && ext_scan_next(scan, &offset, &raw, &superblock) == EXT_OK) {
		if (cancelled())
			status = EXIT_CANCELLED;
		else if (raw && ext_found_add(found, offset, raw, &superblock, &error) != EXT_OK)
			status = EXIT_CANNOT_RUN;
		progress_show(&progress, ext_scan_position(scan), ext_source_size(source));
	}
	progress_end(&progress);
	if (status == EXIT_CANNOT_RUN)
		complain_error(name, &error);
	if (ext_scan_unreadable(scan) > 0)
		complain("%s: %" PRIu64 " bytes could not be read and were not searched", name,
			 ext_scan_unreadable(scan));
	ext_scan_close(scan);
	ext_found_finish(found);
	return status;
}

uint64_t *search_offsets(const struct ext_found_list *found, size_t *count)
{
	size_t all = 0, at = 0;
	uint64_t *offsets;

	*count = 0;
	for (size_t i = 0; i < found->count; i++)
		all += found->filesystems[i].count;
	if (all == 0 || !(offsets = malloc(all * sizeof *offsets)))
		return NULL;
	for (size_t i = 0; i < found->count; i++)
		for (size_t j = 0; j < found->filesystems[i].count; j++)
			offsets[at++] = found->filesystems[i].finds[j].offset;
	*count = all;
	return offsets;
}
