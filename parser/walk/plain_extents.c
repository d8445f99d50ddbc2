/* SPDX-License-Identifier: MIT */
/* Doc: ext4/ifork.rst, "Extent Tree". */
#include "config.h"

#include "bytes/endian.h"
#include "layout/layout.h"
#include "walk/plain_extents.h"

unsigned plain_extents(const struct ext_superblock *sb, const uint8_t *entries, unsigned count,
		       struct plain_extents *state, struct ext_run *runs, unsigned room)
{
	const struct ext_raw_extent *raw = (const struct ext_raw_extent *)(const void *)entries;
	const uint64_t least = sb->first_data_block > 0 ? sb->first_data_block : 1;
	const uint64_t blocks = sb->block_count;
	const uint32_t inside = sb->cluster_blocks - 1;
	struct plain_extents at = *state;
	unsigned i;

	if (count > room)
		count = room;
	for (i = 0; i < count; i++) {
		const uint64_t logical = get(raw[i].ee_block);
		const ext_block start = get(raw[i].ee_start_lo) | (uint64_t)get(raw[i].ee_start_hi)
									  << 32;
		const uint32_t stored = get(raw[i].ee_len);
		const bool unwritten = stored > LENGTH_WRITTEN_MAX;
		const uint32_t length = unwritten ? stored - LENGTH_WRITTEN_MAX : stored;

		if (length == 0 || length > at.budget || logical < at.next ||
		    logical + length > at.limit || start < least || start >= blocks ||
		    length > blocks - start || ((logical ^ start) & inside) != 0)
			break;
		at.budget -= length;
		at.next = logical + length;
		runs[i] = (struct ext_run){unwritten ? EXT_RUN_UNWRITTEN : EXT_RUN_DATA,
					   (ext_logical)logical,
					   length,
					   start,
					   0,
					   false};
	}
	*state = at;
	return i;
}
