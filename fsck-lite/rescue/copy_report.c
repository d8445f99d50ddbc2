/* SPDX-License-Identifier: MIT */
/* What came back and what did not. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "rescue/copy_out.h"

enum { FAILURES_MOST = 10000 };

void copy_report_fail(struct copy_report *report, const char *path, ext_ino ino, const char *reason)
{
	struct copy_failure *failure;

	report->failure_total++;
	if (report->failure_count >= FAILURES_MOST ||
	    !GROW(report->failures, report->failure_count, report->failure_size))
		return;
	failure = &report->failures[report->failure_count++];
	failure->path = strdup(path);
	failure->reason = strdup(reason);
	failure->ino = ino;
}

void copy_report_count(struct copy_report *report, const struct copy_item *item)
{
	switch (item->inode->type) {
	case EXT_TYPE_REGULAR:
		report->files++;
		report->bytes += item->inode->size;
		break;
	case EXT_TYPE_DIRECTORY:
		report->directories++;
		break;
	case EXT_TYPE_SYMLINK:
		report->symlinks++;
		break;
	case EXT_TYPE_CHARACTER:
	case EXT_TYPE_BLOCK:
	case EXT_TYPE_FIFO:
	case EXT_TYPE_SOCKET:
	case EXT_TYPE_UNKNOWN:
		report->other++;
		break;
	}
	report->lost_restored += item->node->origin == RESCUE_LOST && item->node->ino != 0;
	report->deleted_restored += item->node->origin == RESCUE_DELETED;
}

void copy_report_clear(struct copy_report *report)
{
	for (size_t i = 0; i < report->failure_count; i++) {
		free(report->failures[i].path);
		free(report->failures[i].reason);
	}
	free(report->failures);
	memset(report, 0, sizeof *report);
}

void copy_report_gaps(struct copy_report *report, struct copy_item *item)
{
	const struct gaps *gaps = item->gaps;

	if (gaps->bytes > 0)
		snprintf(item->reason, sizeof item->reason,
			 "%" PRIu64 " of %" PRIu64 " bytes could not be read; they are a hole%s",
			 gaps->bytes, item->inode->size,
			 gaps->is_map_damaged ? ", and the map of its blocks is damaged"
			 : gaps->is_map_short ? ", and more blocks are missing in its map"
					      : "");
	else if (gaps->is_map_short)
		snprintf(item->reason, sizeof item->reason,
			 "its map reaches fewer blocks than its inode counts; up to %" PRIu64
			 " of %" PRIu64 " bytes are missing and a hole",
			 gaps->unmapped_bytes, item->inode->size);
	else
		snprintf(item->reason, sizeof item->reason,
			 "the map of its blocks is damaged; up to %" PRIu64 " of %" PRIu64
			 " bytes are missing and a hole",
			 gaps->unmapped_bytes, item->inode->size);
	report->damaged_files++;
	report->unread_bytes += gaps->bytes + gaps->unmapped_bytes;
	copy_report_fail(report, item->path, item->node->ino, item->reason);
}
