/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps are padded with ones behind their last bit, which gives the size of a group; what the
 * groups come to is held against the size of the image.
 */
#include "config.h"

#include <string.h>

#include "bytes/checked.h"
#include "walk/rebuild_steps.h"

/*
 * Bits up to the padding of ones at the end of a bitmap; 0 when it says nothing. More than `most`
 * there cannot be: whatever is zero behind them has been damaged.
 */
static uint32_t bits_before_padding(const struct rebuild *r, uint64_t most)
{
	uint32_t end = (uint32_t)min_u64((uint64_t)8 * r->block_size, most);

	if (r->block[0] == 0 && memcmp(r->block, r->block + 1, r->block_size - 1) == 0)
		return 0;
	while (end > 0 && ext_bit_is_set(r->block, end - 1))
		end--;
	return end;
}

/* The same for all groups but the last `left_out`: the largest, since the last bits may be in use.
 */
static uint32_t largest_group(const struct rebuild *r, bool inodes, uint32_t left_out,
			      uint64_t most)
{
	const uint32_t looked_at = 4096;
	uint32_t largest = 0;

	for (uint32_t group = 0; group + left_out < r->group_count && group < looked_at; group++) {
		const struct locations where = locations_at(r, group);
		uint32_t bits;

		if (!read_block(r, inodes ? where.inode_bitmap : where.block_bitmap))
			continue;
		bits = bits_before_padding(r, most);
		if (bits > largest)
			largest = bits;
	}
	return largest;
}

/* Inode tables that are packed lie one behind another: their distance is their size. */
static uint32_t packed_table_inodes(const struct rebuild *r)
{
	const uint32_t per_block = r->block_size / r->inode_size;
	uint64_t first, second, inodes;

	if (r->group_count < 2)
		return 0;
	first = locations_at(r, 0).inode_table;
	second = locations_at(r, 1).inode_table;
	if (second <= first)
		return 0;
	inodes = (second - first) * per_block;
	return inodes <= 8 * r->block_size ? (uint32_t)inodes : 0;
}

/* As many inodes as lie between the first table and the end of the image. */
static uint64_t most_inodes(const struct rebuild *r)
{
	const uint64_t first = locations_at(r, 0).inode_table;

	return first < r->blocks ? (r->blocks - first) * (r->block_size / r->inode_size) : 0;
}

static uint64_t groups_of(const struct rebuild *r, uint64_t group_blocks)
{
	return divide_up(r->blocks - r->first_data_block, group_blocks);
}

/*
 * The last group's padding ends the filesystem, unless its last blocks are in use. mke2fs fills the
 * device, but for what is left over of a page of 4 KiB, and of a last group that is too small.
 */
static bool find_block_count(struct rebuild *r)
{
	const uint64_t group_blocks = (uint64_t)r->clusters_per_group * r->cluster_blocks;
	const uint64_t last = r->first_data_block + (r->group_count - 1) * group_blocks;
	const uint32_t page = r->cluster_blocks > 1  ? r->cluster_blocks
			      : r->block_size < 4096 ? 4096 / r->block_size
						     : 1;
	uint64_t in_bitmap = 0;

	if (read_block(r, locations_at(r, r->group_count - 1).block_bitmap))
		in_bitmap = last + (uint64_t)bits_before_padding(r, UINT32_MAX) * r->cluster_blocks;
	r->block_count = min_u64(r->blocks / page * page, last + group_blocks);
	if (in_bitmap > r->block_count)
		r->block_count = min_u64(r->blocks, last + group_blocks);
	if (groups_of(r, group_blocks) != r->group_count && in_bitmap > last)
		r->block_count = in_bitmap;
	return r->block_count > last;
}

/*
 * Do as many groups as there are descriptors cover the image? mke2fs leaves out a last group that
 * would be too small for its own metadata.
 */
static bool covers_image(const struct rebuild *r)
{
	const uint64_t group_blocks = (uint64_t)r->clusters_per_group * r->cluster_blocks;
	const uint64_t table =
		divide_up((uint64_t)r->inodes_per_group * r->inode_size, r->block_size);
	const uint64_t groups = groups_of(r, group_blocks);
	const uint64_t rest = (r->blocks - r->first_data_block) % group_blocks;

	return groups == r->group_count ||
	       (groups == (uint64_t)r->group_count + 1 && rest < table + r->block_size / 4 + 64);
}

/*
 * A table that ends with its first block, while the image goes on: meta block groups, each with the
 * descriptors of its own at its beginning, behind a superblock if there is one.
 */
static void find_meta_groups(struct rebuild *r)
{
	const uint32_t per_block = r->block_size / r->descriptor_size;
	uint32_t before = 0;

	if (r->group_count != per_block || groups_of(r, r->clusters_per_group) <= per_block)
		return;
	while (r->group_count > before && r->group_count % per_block == 0 &&
	       r->table_room >= r->group_count + per_block) {
		const uint64_t first =
			r->first_data_block + (uint64_t)r->group_count * r->clusters_per_group;
		uint8_t *const room = r->table + (size_t)r->group_count * r->descriptor_size;

		before = r->group_count;
		for (uint64_t block = first; r->group_count == before && block <= first + 1;
		     block++)
			if (is_inside(r, block) && read_block(r, block)) {
				memcpy(room, r->block, r->block_size);
				while (r->group_count < before + per_block &&
				       can_be_descriptor(r, r->group_count))
					r->group_count++;
			}
	}
	r->has_meta_groups = r->group_count > per_block;
}

/*
 * One group alone: the padding of its bitmap ends the filesystem and not the group, whose size then
 * does not matter. Bits that are too few for the image by a power of two are clusters.
 */
static bool find_single_group(struct rebuild *r)
{
	const uint64_t bits = r->clusters_per_group;

	r->clusters_per_group = (uint32_t)min_u64(
		(uint64_t)8 * r->block_size, r->block_size > 4096 ? GROUP_BLOCKS_MOST : UINT32_MAX);
	r->cluster_blocks = 1;
	for (uint32_t ratio = 2; ratio < 65536; ratio *= 2)
		if (bits * ratio <= r->blocks && r->blocks - bits * ratio < ratio)
			r->cluster_blocks = ratio;
	if (r->cluster_blocks > 1)
		r->first_data_block = 0;
	return find_block_count(r);
}

/*
 * Group sizes. With bigalloc a bitmap covers clusters, and as many groups as the table has
 * descriptors must cover the image: the cluster size is the power of two at which they do.
 */
static bool find_group_sizes(struct rebuild *r)
{
	const uint32_t from_tables = packed_table_inodes(r);
	const uint64_t most = from_tables > 0 ? from_tables : most_inodes(r);
	const uint32_t from_bitmaps = (largest_group(r, true, 0, most) + 7) / 8 * 8;

	r->inodes_per_group = from_bitmaps;
	if (from_tables >= from_bitmaps && from_tables > 0 &&
	    (from_tables - from_bitmaps) * r->inode_size < r->block_size)
		r->inodes_per_group = from_bitmaps ? from_bitmaps : from_tables;
	r->clusters_per_group = largest_group(r, false, r->group_count > 1, UINT32_MAX);
	if (r->inodes_per_group == 0 || r->clusters_per_group < 8)
		return false;
	r->cluster_blocks = 1;
	find_meta_groups(r);
	/* The last blocks of every group that was looked at may be in use; counts are mostly whole
	 * bytes. */
	if (r->clusters_per_group % 8 != 0 && !covers_image(r)) {
		const uint32_t exact = r->clusters_per_group;

		r->cluster_blocks = 1;
		r->clusters_per_group = (exact + 7) / 8 * 8;
		if (!covers_image(r))
			r->clusters_per_group = exact;
	}
	if (r->group_count == 1)
		return find_single_group(r);
	for (r->cluster_blocks = 1; r->cluster_blocks < 65536; r->cluster_blocks *= 2)
		if (covers_image(r))
			break;
	/* No cluster size fits: the image is larger than the filesystem. */
	if (r->cluster_blocks == 65536)
		r->cluster_blocks = 1;
	if (r->cluster_blocks > 1)
		r->first_data_block = 0;
	return find_block_count(r);
}

/*
 * A table that ends with a block is followed by reserved descriptor blocks, and the block numbers
 * in these look like one more descriptor: if the sizes come to nothing, it ends there.
 */
bool rebuild_find_sizes(struct rebuild *r)
{
	const uint32_t per_block = r->block_size / r->descriptor_size;

	if (find_group_sizes(r))
		return true;
	if (r->group_count <= per_block)
		return false;
	r->group_count = (r->group_count - 1) / per_block * per_block;
	return find_group_sizes(r);
}
