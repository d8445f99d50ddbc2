/* SPDX-License-Identifier: MIT */
/*
 * Targets of symlinks that are too long for the inode. Invariant: a target in a block of its own is
 * as long as i_size says. There are many, and each is short: the survey reads them where they lie,
 * among the blocks of directories.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/order.h"
#include "accounting/scan.h"
#include "checks/report.h"
#include "checks/symlink_targets.h"

bool symlink_target_fits(uint32_t flags, uint64_t expected, const uint8_t *bytes, size_t size)
{
	const uint8_t *end;

	if (flags & EXT_INODE_ENCRYPT)
		return expected <= size &&
		       expected == (uint64_t)((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8) + 2;
	end = memchr(bytes, 0, size);
	return end && (uint64_t)(end - bytes) == expected;
}

void check_symlink_target(struct checks *checks, const struct directory_run *symlink,
			  const uint8_t *block, struct ext_sink *sink)
{
	const size_t block_size = checks->superblock->block_size;
	const uint64_t size = symlink->logical;

	if (block && !symlink_target_fits(symlink->flags, size, block,
					  size < block_size ? (size_t)size + 1 : block_size)) {
		report_inode(sink, EXT_SYMLINK_INVALID, symlink->ino, NULL, size, 0, 0);
		check_directory_bad_symlink(checks, symlink->ino);
	} else if (symlink->flags & (EXT_INODE_IMMUTABLE | EXT_INODE_APPEND)) {
		report_inode(sink, EXT_SPECIAL_IMMUTABLE, symlink->ino, "i_flags", symlink->flags,
			     0, 0);
	}
}

struct symlink_names {
	struct directory_checks *checks;
	const struct survey *survey;
};

static bool any_directory(const struct directory *directory)
{
	(void)directory;
	return true;
}

/* An entry that calls a bad inode by another type has been reported for that. */
static void check_name(void *context, const struct entry_place *place,
		       const struct ext_dirent *entry)
{
	const struct symlink_names *const names = context;
	struct directory_checks *const checks = names->checks;
	const struct directory_view view = {.checks = checks,
					    .survey = names->survey,
					    .superblock = names->survey->superblock,
					    .directory = place->directory,
					    .logical = place->logical,
					    .physical = place->physical,
					    .is_inline = place->physical == 0,
					    .sink = checks->checks->sink};

	if (entry->file_type == EXT_TYPE_SYMLINK &&
	    bsearch(&entry->inode, checks->bad_symlinks, checks->bad_symlink_count,
		    sizeof *checks->bad_symlinks, compare_inos))
		report_in_directory(&view, EXT_DIRENT_TO_BAD_INODE, entry, "file_type",
				    entry->file_type, entry->inode, entry->inode);
}

void check_symlink_names(struct directory_checks *checks, struct survey *survey)
{
	struct symlink_names names = {checks, survey};
	const struct directory_visitor visitor = {any_directory, check_name, &names};

	if (checks->bad_symlink_count == 0 ||
	    !ext_has_incompat(survey->superblock, EXT_INCOMPAT_FILETYPE))
		return;
	qsort(checks->bad_symlinks, checks->bad_symlink_count, sizeof *checks->bad_symlinks,
	      compare_inos);
	if (scan_entries(survey, &visitor, NULL) != EXT_OK)
		checks->checks->out_of_memory = true;
}
