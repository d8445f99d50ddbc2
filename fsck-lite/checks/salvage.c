/* SPDX-License-Identifier: MIT */
/*
 * What a repair keeps of a block of entries that Linux reads no further: an inode that an entry
 * behind the broken one names is lost as long as nobody repairs, but nobody asks about it.
 */
#include "config.h"

#include <stdlib.h>

#include "accounting/grow.h"
#include "accounting/order.h"
#include "accounting/salvage.h"
#include "checks/directories.h"

void salvage_keep(const struct directory_view *view, ext_ino ino)
{
	struct directory_checks *checks = view->checks;

	lock_take(&checks->lock);
	if (GROW(checks->kept, checks->kept_count, checks->kept_size))
		checks->kept[checks->kept_count++] = ino;
	else
		checks->checks->out_of_memory = true;
	lock_give(&checks->lock);
}

bool salvage_shortens_at(const struct directory_view *view, uint64_t at)
{
	const uint64_t tail = view->has_tail ? SALVAGE_LEAST : 0;

	return !view->is_inline &&
	       salvage_shortens(view->superblock, view->block, at, view->block.size - tail);
}

bool salvage_finds_dotdot(const struct directory_view *view)
{
	const struct ext_span block = view->block;
	uint32_t length;

	if (view->is_inline || block.size < 3 * SALVAGE_LEAST ||
	    salvage_length(block, 0) == SALVAGE_HEADER)
		return false;
	length = salvage_length(block, SALVAGE_LEAST);
	return length >= SALVAGE_LEAST && length % 4 == 0 && length <= block.size - SALVAGE_LEAST &&
	       block.data[SALVAGE_LEAST + 6] == 2 && block.data[SALVAGE_LEAST + 8] == '.' &&
	       block.data[SALVAGE_LEAST + 9] == '.';
}

void salvage_keep_from(const struct directory_view *view, uint32_t from)
{
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	ext_dirent_cursor_init(&cursor, view->superblock, view->block, from, view->has_tail);
	while (ext_dirent_step(&cursor, &entry, NULL) == EXT_OK)
		if (entry.inode != 0 && !entry_is_dotdot(&entry))
			salvage_keep(view, entry.inode);
}

void salvage_sort(struct directory_checks *checks)
{
	if (checks->kept_count > 1)
		qsort(checks->kept, checks->kept_count, sizeof *checks->kept, compare_inos);
}

uint64_t salvage_count(const struct directory_checks *checks, ext_ino ino)
{
	const ext_ino *found, *end;
	uint64_t count = 0;

	if (checks->kept_count == 0)
		return 0;
	end = checks->kept + checks->kept_count;
	found = bsearch(&ino, checks->kept, checks->kept_count, sizeof *checks->kept, compare_inos);
	if (!found)
		return 0;
	while (found > checks->kept && found[-1] == ino)
		found--;
	for (; found < end && *found == ino; found++)
		count++;
	return count;
}
