/* SPDX-License-Identifier: MIT */
/*
 * Where mke2fs puts bitmaps and inode tables unless disks or options say otherwise: behind the
 * superblock and descriptors of their group, or, with flex_bg, those of all groups of a flex group
 * packed behind those of its first. Computed, and believed only where the image agrees.
 */
#include "config.h"

#include <stdlib.h>

#include "bytes/checked.h"
#include "bytes/endian.h"
#include "layout/layout.h"
#include "walk/default_table.h"
#include "walk/evidence.h"

/* First block at or behind `block` from which `length` blocks lie in no group's fixed beginning. */
static ext_block place(const struct ext_superblock *sb, ext_block block, uint32_t length)
{
	for (unsigned moved = 0; moved < 64; moved++) {
		const uint64_t first =
			block < sb->first_data_block
				? 0
				: (block - sb->first_data_block) / sb->blocks_per_group;
		const uint64_t last =
			(block + length - 1 - sb->first_data_block) / sb->blocks_per_group;
		bool is_free = true;

		for (uint64_t group = first; group <= last && group < sb->group_count; group++) {
			struct ext_group_layout layout;
			ext_block start, end;

			ext_group_layout(sb, (ext_group)group, &layout);
			start = ext_group_first_block(sb, (ext_group)group);
			end = layout.descriptors_start + layout.descriptor_blocks +
			      layout.reserved_blocks;
			if (block < end && start < block + length) {
				block = end;
				is_free = false;
				break;
			}
		}
		if (is_free)
			break;
	}
	return block;
}

/*
 * The places of `count` groups from `first` on, packed at the beginning of the first, with room for
 * `room` bitmaps of each kind: a lone group has room for a whole flex group.
 */
static void place_together(const struct ext_superblock *sb, ext_group first, ext_group count,
			   ext_group room, struct ext_group_locations *where)
{
	ext_block next = place(sb, ext_group_first_block(sb, first), 1);
	const ext_block start = next;

	for (ext_group i = 0; i < count; i++) {
		where[i] = (struct ext_group_locations){.readable = true};
		where[i].block_bitmap = next = place(sb, next, 1);
		next++;
	}
	next = next < start + room ? start + room : next;
	for (ext_group i = 0; i < count; i++) {
		where[i].inode_bitmap = next = place(sb, next, 1);
		next++;
	}
	next = next < start + 2 * (ext_block)room ? start + 2 * (ext_block)room : next;
	for (ext_group i = 0; i < count; i++) {
		where[i].inode_table = next = place(sb, next, sb->inode_table_blocks);
		next += sb->inode_table_blocks;
	}
}

/* Groups that were never used say nothing; those that were must all agree. */
static struct evidence weigh_places(struct ext_source *source, const struct ext_superblock *sb,
				    ext_group first, ext_group count,
				    const struct ext_group_locations *where, uint8_t *buffer)
{
	struct evidence evidence = {0, 0};

	for (ext_group i = 0; i < count; i++)
		evidence_of_group(source, sb, first + i, &where[i], buffer, &evidence);
	return evidence;
}

/* Packed tightly, or with room for a whole flex group, whichever the image is more for. */
static bool find_places(struct ext_source *source, const struct ext_superblock *sb, ext_group first,
			ext_group count, ext_group together, struct ext_group_locations *where,
			uint8_t *buffer)
{
	struct evidence tight, roomy;

	place_together(sb, first, count, count, where);
	tight = weigh_places(source, sb, first, count, where, buffer);
	if (count < together && tight.bad > 0) {
		place_together(sb, first, count, together, where);
		roomy = weigh_places(source, sb, first, count, where, buffer);
		if (evidence_quality(&roomy) > evidence_quality(&tight))
			return (uint64_t)roomy.bad * 4 <= roomy.good;
		place_together(sb, first, count, count, where);
	}
	return (uint64_t)tight.bad * 4 <= tight.good;
}

/* mke2fs writes the block bitmap of the last group at once. */
static bool may_lack_block_bitmap(const struct ext_superblock *sb, ext_group group)
{
	return sb->has_group_csum && group + 1 != sb->group_count;
}

static void write_descriptor(const struct ext_superblock *sb, ext_group group,
			     const struct ext_group_locations *where, uint8_t *bytes)
{
	struct ext_raw_group_descriptor *raw = (struct ext_raw_group_descriptor *)(void *)bytes;
	struct ext_raw_group_descriptor_high *high = NULL;
	const uint32_t clusters =
		(uint32_t)divide_up(ext_group_block_count(sb, group), sb->cluster_blocks);

	for (uint32_t i = 0; i < sb->descriptor_size; i++)
		bytes[i] = 0;
	if (sb->descriptor_size >= sizeof *raw + sizeof *high)
		high = (struct ext_raw_group_descriptor_high *)(void *)(bytes + sizeof *raw);
	put(&raw->bg_block_bitmap_lo, (uint32_t)where->block_bitmap);
	put(&raw->bg_inode_bitmap_lo, (uint32_t)where->inode_bitmap);
	put(&raw->bg_inode_table_lo, (uint32_t)where->inode_table);
	put(&raw->bg_free_blocks_count_lo, (uint16_t)clusters);
	put(&raw->bg_free_inodes_count_lo, (uint16_t)sb->inodes_per_group);
	if (high) {
		put(&high->bg_block_bitmap_hi, (uint32_t)(where->block_bitmap >> 32));
		put(&high->bg_inode_bitmap_hi, (uint32_t)(where->inode_bitmap >> 32));
		put(&high->bg_inode_table_hi, (uint32_t)(where->inode_table >> 32));
		put(&high->bg_free_blocks_count_hi, (uint16_t)(clusters >> 16));
		put(&high->bg_free_inodes_count_hi, (uint16_t)(sb->inodes_per_group >> 16));
	}
	if (!sb->has_group_csum)
		return;
	put(&raw->bg_flags,
	    (uint16_t)(EXT_GROUP_INODE_UNINIT | EXT_GROUP_INODE_ZEROED |
		       (may_lack_block_bitmap(sb, group) ? EXT_GROUP_BLOCK_UNINIT : 0)));
	put(&raw->bg_itable_unused_lo, (uint16_t)sb->inodes_per_group);
	if (high)
		put(&high->bg_itable_unused_hi, (uint16_t)(sb->inodes_per_group >> 16));
}

static struct ext_group_locations stored_locations(const struct ext_superblock *sb,
						   const uint8_t *bytes)
{
	const struct ext_raw_group_descriptor *raw =
		(const struct ext_raw_group_descriptor *)(const void *)bytes;
	struct ext_group_locations where = {.block_bitmap = get(raw->bg_block_bitmap_lo),
					    .inode_bitmap = get(raw->bg_inode_bitmap_lo),
					    .inode_table = get(raw->bg_inode_table_lo),
					    .readable = true};

	if (sb->descriptor_size >= 64) {
		const struct ext_raw_group_descriptor_high *high =
			(const struct ext_raw_group_descriptor_high *)(const void *)(bytes +
										     sizeof *raw);

		where.block_bitmap |= (uint64_t)get(high->bg_block_bitmap_hi) << 32;
		where.inode_bitmap |= (uint64_t)get(high->bg_inode_bitmap_hi) << 32;
		where.inode_table |= (uint64_t)get(high->bg_inode_table_hi) << 32;
	}
	return where;
}

/* Is what the damaged descriptor still says as good as the default place? */
static bool stored_is_as_good(struct ext_source *source, const struct ext_superblock *sb,
			      ext_group group, const uint8_t *bytes,
			      const struct ext_group_locations *where, uint8_t *buffer)
{
	const struct ext_group_locations stored = stored_locations(sb, bytes);
	struct evidence of_stored = {0, 0}, of_default = {0, 0};

	if (!locations_in_range(sb, &stored))
		return false;
	evidence_of_group(source, sb, group, &stored, buffer, &of_stored);
	evidence_of_group(source, sb, group, where, buffer, &of_default);
	return !evidence_is_better(&of_default, &of_stored);
}

/*
 * One bad pointer does not make the others bad: each that the damaged descriptor has elsewhere is
 * tried in place of the default, and kept where the image is more for it. True when the outcome
 * holds by itself.
 */
static bool keep_what_is_better(struct ext_source *source, const struct ext_superblock *sb,
				ext_group group, const uint8_t *bytes,
				struct ext_group_locations *where, uint8_t *buffer)
{
	const struct ext_group_locations stored = stored_locations(sb, bytes);
	struct evidence best = {0, 0};
	bool is_moved = false;

	evidence_of_group(source, sb, group, where, buffer, &best);
	for (unsigned i = 0; i < 3; i++) {
		struct ext_group_locations tried = *where;
		struct evidence evidence = {0, 0};

		if (i == 0)
			tried.inode_table = stored.inode_table;
		else if (i == 1)
			tried.block_bitmap = stored.block_bitmap;
		else
			tried.inode_bitmap = stored.inode_bitmap;
		if (locations_equal(&tried, where) || !locations_in_range(sb, &tried))
			continue;
		evidence_of_group(source, sb, group, &tried, buffer, &evidence);
		if (evidence_is_better(&evidence, &best)) {
			*where = tried;
			best = evidence;
			is_moved = true;
		}
	}
	return is_moved && (uint64_t)best.bad * 4 <= best.good;
}

/* Takes the blocks of all groups' metadata off the free counts of groups that were never used. */
static void count_metadata(const struct ext_superblock *sb, uint8_t *descriptors,
			   const uint8_t *filled)
{
	uint32_t *const taken = calloc(sb->group_count, sizeof *taken);

	if (!taken)
		return;
	for (ext_group group = 0; group < sb->group_count; group++) {
		const struct ext_group_locations where =
			stored_locations(sb, descriptors + (size_t)group * sb->descriptor_size);
		const ext_block bitmaps[] = {where.block_bitmap, where.inode_bitmap};

		if (!locations_in_range(sb, &where))
			continue;
		for (unsigned i = 0; i < 2; i++)
			taken[(bitmaps[i] - sb->first_data_block) / sb->blocks_per_group]++;
		for (uint32_t i = 0; i < sb->inode_table_blocks; i++)
			taken[(where.inode_table + i - sb->first_data_block) /
			      sb->blocks_per_group]++;
	}
	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_raw_group_descriptor *raw =
			(struct ext_raw_group_descriptor *)(void *)(descriptors +
								    (size_t)group *
									    sb->descriptor_size);
		struct ext_group_layout layout;
		uint32_t fixed;

		if (!ext_bit_is_set(filled, group) || taken[group] > sb->blocks_per_group)
			continue;
		ext_group_layout(sb, group, &layout);
		fixed = layout.has_superblock + layout.descriptor_blocks + layout.reserved_blocks;
		put(&raw->bg_free_blocks_count_lo,
		    (uint16_t)(divide_up(ext_group_block_count(sb, group), sb->cluster_blocks) -
			       divide_up(taken[group] + fixed, sb->cluster_blocks)));
	}
	free(taken);
}

ext_group default_table_fill(struct ext_source *source, const struct ext_superblock *sb,
			     uint8_t *descriptors, uint8_t *missing)
{
	const ext_group together =
		ext_has_incompat(sb, EXT_INCOMPAT_FLEX_BG) && sb->log_groups_per_flex < 16
			? (ext_group)1 << sb->log_groups_per_flex
			: 1;
	struct ext_group_locations *const where = malloc(together * sizeof *where);
	uint8_t *const buffer = malloc((size_t)sb->block_size * 2);
	uint8_t *const filled = calloc(1, sb->group_count / 8 + 1);
	const ext_group present = groups_in_image(source, sb);
	ext_group left = 0;

	for (ext_group group = present; group < sb->group_count; group++)
		left += ext_bit_is_set(missing, group);
	for (uint64_t first = 0; first < present; first += together) {
		const ext_group count = (ext_group)min_u64(together, sb->group_count - first);
		bool holds;

		if (!where || !buffer) {
			left = sb->group_count;
			break;
		}
		holds = find_places(source, sb, (ext_group)first, count, together, where, buffer);
		for (ext_group i = 0; i < count; i++) {
			const ext_group group = (ext_group)first + i;
			const uint8_t bit = (uint8_t)(1u << group % 8);

			if (!(missing[group / 8] & bit) ||
			    stored_is_as_good(source, sb, group,
					      descriptors + (size_t)group * sb->descriptor_size,
					      &where[i], buffer))
				continue;
			if (!keep_what_is_better(source, sb, group,
						 descriptors + (size_t)group * sb->descriptor_size,
						 &where[i], buffer) &&
			    !holds) {
				left++;
				continue;
			}
			write_descriptor(sb, group, &where[i],
					 descriptors + (size_t)group * sb->descriptor_size);
			missing[group / 8] &= (uint8_t)~bit;
			if (filled && may_lack_block_bitmap(sb, group))
				filled[group / 8] |= bit;
		}
	}
	if (filled)
		count_metadata(sb, descriptors, filled);
	free(filled);
	free(where);
	free(buffer);
	return left;
}
