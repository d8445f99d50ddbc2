/* SPDX-License-Identifier: MIT */
/*
 * What superblocks found in an image mean together. Each says by its group and geometry where its
 * filesystem begins; true copies agree about that. A copy in a journal names a beginning where
 * there is none, inside its own filesystem; an image in a file begins inside another filesystem.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/copies.h>
#include <ext/scan.h>

#include "bytes/checked.h"

enum { FILESYSTEMS_MAX = 65536, GROW = 16 };

void ext_found_init(struct ext_found_list *list)
{
	*list = (struct ext_found_list){0};
}

void ext_found_clear(struct ext_found_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->filesystems[i].finds);
	free(list->filesystems);
	*list = (struct ext_found_list){0};
}

/* Can a copy at `offset` belong to a filesystem that begins at `start`? */
static bool belongs(const struct ext_superblock *sb, uint64_t offset, uint64_t start,
		    ext_group *group)
{
	const uint64_t within = offset - start;

	if (offset < start || !ext_superblock_is_placed(sb, within))
		return false;
	*group = within == EXT_SUPERBLOCK_OFFSET
			 ? 0
			 : (ext_group)(((within >> sb->block_size_log2) - sb->first_data_block) /
				       sb->blocks_per_group);
	return true;
}

/*
 * Where the filesystem of a superblock at `offset` begins, by its own numbers. Revision 0 does not
 * say which copy this is: the start of the source is taken if that fits, else it is a primary.
 */
static bool start_of(const struct ext_superblock *sb, uint64_t offset, uint64_t *start,
		     ext_group *group)
{
	uint64_t within = EXT_SUPERBLOCK_OFFSET;

	*start = 0;
	if (belongs(sb, offset, 0, group))
		return true;
	*group = sb->revision == 0 ? 0 : sb->copy_group;
	if (*group != 0) {
		if (*group >= sb->group_count || !ext_group_has_superblock(sb, *group))
			return false;
		within = ext_superblock_copy_offset(sb, *group);
	}
	if (within > offset)
		return false;
	*start = offset - within;
	return true;
}

static struct ext_found_filesystem *filesystem_of(struct ext_found_list *list, uint64_t offset,
						  const struct ext_superblock *sb, ext_group *group)
{
	for (size_t i = 0; i < list->count; i++) {
		struct ext_found_filesystem *one = &list->filesystems[i];

		if (ext_superblock_same_filesystem(&one->superblock, sb) &&
		    ext_superblock_same_geometry(&one->superblock, sb) &&
		    belongs(sb, offset, one->start, group))
			return one;
	}
	return NULL;
}

static struct ext_found_filesystem *new_filesystem(struct ext_found_list *list, uint64_t start,
						   const struct ext_superblock *sb)
{
	struct ext_found_filesystem *one;

	if (list->count == FILESYSTEMS_MAX)
		return NULL;
	if (list->count % GROW == 0) {
		void *const grown = realloc(list->filesystems,
					    (list->count + GROW) * sizeof *list->filesystems);

		if (!grown)
			return NULL;
		list->filesystems = grown;
	}
	one = &list->filesystems[list->count++];
	*one = (struct ext_found_filesystem){.start = start, .superblock = *sb};
	if (!add_fits(start, sb->block_count << sb->block_size_log2, &one->end))
		one->end = UINT64_MAX;
	return one;
}

enum ext_status ext_found_add(struct ext_found_list *list, uint64_t offset, const uint8_t raw[1024],
			      const struct ext_superblock *sb, struct ext_error *error)
{
	struct ext_found_filesystem *one;
	ext_group group;
	uint64_t start;

	one = filesystem_of(list, offset, sb, &group);
	if (!one) {
		/* Numbers that fit nowhere are not a superblock. */
		if (!start_of(sb, offset, &start, &group))
			return EXT_OK;
		one = new_filesystem(list, start, sb);
		if (!one)
			return ext_no_memory(error);
		memcpy(one->raw, raw, sizeof one->raw);
	}
	if (one->count % GROW == 0) {
		void *const grown = realloc(one->finds, (one->count + GROW) * sizeof *one->finds);

		if (!grown)
			return ext_no_memory(error);
		one->finds = grown;
	}
	one->finds[one->count++] = (struct ext_find){offset, group, sb->checksum};
	if (one->superblock.checksum == EXT_CHECKSUM_BAD && sb->checksum == EXT_CHECKSUM_OK) {
		one->superblock = *sb;
		memcpy(one->raw, raw, sizeof one->raw);
	}
	return EXT_OK;
}

static int by_start(const void *left, const void *right)
{
	const struct ext_found_filesystem *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->superblock.mkfs_time != b->superblock.mkfs_time)
		return a->superblock.mkfs_time > b->superblock.mkfs_time ? -1 : 1;
	/* Made in the same second: the one that has the primary was made later. */
	if ((a->finds[0].group == 0) != (b->finds[0].group == 0))
		return a->finds[0].group == 0 ? -1 : 1;
	return a->count > b->count ? -1 : a->count < b->count;
}

static void find_kind(const struct ext_found_list *list, size_t which)
{
	struct ext_found_filesystem *one = &list->filesystems[which];

	if (ext_has_incompat(&one->superblock, EXT_INCOMPAT_JOURNAL_DEV)) {
		one->kind = EXT_FIND_EXTERNAL_JOURNAL;
		return;
	}
	for (size_t i = 0; i < which; i++) {
		const struct ext_found_filesystem *other = &list->filesystems[i];
		const bool same =
			ext_superblock_same_filesystem(&other->superblock, &one->superblock);

		if (other->kind == EXT_FIND_JOURNAL || other->kind == EXT_FIND_EXTERNAL_JOURNAL)
			continue;
		if (other->start == one->start && !same) {
			one->kind = EXT_FIND_OLDER;
			return;
		}
		if (one->start >= other->end ||
		    (other->start == one->start && other->count <= one->count))
			continue;
		/*
		 * The journal holds copies of block 0, and a copy that a resize left behind names
		 * another size; both name the filesystem that they lie in.
		 */
		one->kind = same ? EXT_FIND_JOURNAL : EXT_FIND_NESTED;
		one->inside = i;
		if (same)
			return;
	}
}

void ext_found_finish(struct ext_found_list *list)
{
	if (list->count > 1)
		qsort(list->filesystems, list->count, sizeof *list->filesystems, by_start);
	for (size_t i = 0; i < list->count; i++)
		find_kind(list, i);
}
