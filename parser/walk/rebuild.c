/* SPDX-License-Identifier: MIT */
/*
 * Geometry without a superblock. A descriptor table names bitmaps and inode tables; the root inode
 * must be the second of the first table and its directory must name itself, which settles block
 * size, descriptor size and inode size at once. Bitmaps are padded with ones behind their last bit,
 * which gives the size of a group. What remains are features, each told by what it leaves behind.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/inode.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "layout/layout.h"
#include "structure/group.h"
#include "walk/checksum_seed.h"
#include "walk/rebuild.h"

enum {
	GROUPS_MAX = 1 << 22,
	INODE_SIZES_MAX = 1024,
	GROUP_BLOCKS_MOST = 65528,
	DEFAULT_FIRST_INODE = 11,
	LOST_FOUND = 11,
};

struct rebuild {
	struct ext_source *source;
	uint64_t size; /* bytes */
	uint32_t block_size, descriptor_size, inode_size;
	uint64_t table_offset; /* bytes; of the descriptor table */
	uint64_t blocks;       /* of the image */
	uint8_t *table;	       /* raw descriptors */
	uint32_t group_count, table_room;
	uint32_t inodes_per_group, clusters_per_group, cluster_blocks;
	uint64_t block_count;
	uint32_t first_data_block;
	uint8_t *block; /* one block */
	uint8_t root[INODE_SIZES_MAX];
	bool has_filetype, has_meta_groups;
};

static uint32_t u32(const uint8_t *bytes, size_t at)
{
	return (uint32_t)bytes[at] | (uint32_t)bytes[at + 1] << 8 | (uint32_t)bytes[at + 2] << 16 |
	       (uint32_t)bytes[at + 3] << 24;
}

static uint16_t u16(const uint8_t *bytes, size_t at)
{
	return (uint16_t)(bytes[at] | bytes[at + 1] << 8);
}

struct locations {
	uint64_t block_bitmap, inode_bitmap, inode_table;
};

static struct locations locations_at(const struct rebuild *r, uint32_t group)
{
	const uint8_t *raw = r->table + (size_t)group * r->descriptor_size;
	struct locations where = {u32(raw, 0), u32(raw, 4), u32(raw, 8)};

	if (r->descriptor_size >= 64) {
		where.block_bitmap |= (uint64_t)u32(raw, 0x20) << 32;
		where.inode_bitmap |= (uint64_t)u32(raw, 0x24) << 32;
		where.inode_table |= (uint64_t)u32(raw, 0x28) << 32;
	}
	return where;
}

static bool is_inside(const struct rebuild *r, uint64_t block)
{
	return block > r->first_data_block && block < r->blocks;
}

static bool can_be_descriptor(const struct rebuild *r, uint32_t group)
{
	const struct locations where = locations_at(r, group);

	return is_inside(r, where.block_bitmap) && is_inside(r, where.inode_bitmap) &&
	       is_inside(r, where.inode_table) && where.block_bitmap != where.inode_bitmap &&
	       where.block_bitmap != where.inode_table && where.inode_bitmap != where.inode_table;
}

static bool read_block(const struct rebuild *r, uint64_t block)
{
	return ext_source_read(r->source, block * r->block_size, r->block, r->block_size, NULL) ==
	       EXT_OK;
}

/* The first data block of a directory inode, whichever way it is mapped. 0: none in sight. */
static uint64_t first_block_of(const struct rebuild *r, const uint8_t *raw)
{
	const uint32_t flags = u32(raw, 0x20);
	const uint8_t *node = raw + 0x28;

	if (!(flags & EXT_INODE_EXTENTS))
		return u32(node, 0);
	for (unsigned depth = 0; depth < 6; depth++) {
		if (u16(node, 0) != 0xf30a || u16(node, 2) == 0)
			return 0;
		if (u16(node, 6) == 0)
			return u32(node, 12 + 8) | (uint64_t)u16(node, 12 + 6) << 32;
		if (!is_inside(r, u32(node, 12 + 4)) || !read_block(r, u32(node, 12 + 4)))
			return 0;
		node = r->block;
	}
	return 0;
}

/* Is this the root inode: a directory whose first block names inode 2 twice? */
static bool is_root(struct rebuild *r, const uint8_t *raw)
{
	uint64_t block;

	if ((raw[1] & 0xf0) != 0x40 || u16(raw, 0x1a) < 2)
		return false;
	if (u32(raw, 0x20) & EXT_INODE_INLINE_DATA)
		return u32(raw, 0x28) == EXT_INO_ROOT;
	block = first_block_of(r, raw);
	if (!is_inside(r, block) || !read_block(r, block))
		return false;
	r->has_filetype = r->block[7] == EXT_TYPE_DIRECTORY;
	return u32(r->block, 0) == EXT_INO_ROOT && u16(r->block, 4) == 12 && r->block[6] == 1 &&
	       r->block[8] == '.' && u32(r->block, 12) == EXT_INO_ROOT && r->block[18] == 2 &&
	       r->block[20] == '.' && r->block[21] == '.';
}

/* The inode size at which the second inode of the first table is the root. */
static bool find_root(struct rebuild *r)
{
	const uint64_t start = locations_at(r, 0).inode_table * r->block_size;
	static const uint32_t sizes[] = {256, 128, 512, 1024};

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (sizes[i] > r->block_size ||
		    ext_source_read(r->source, start + sizes[i], r->root, sizes[i], NULL) != EXT_OK)
			continue;
		r->inode_size = sizes[i];
		if (is_root(r, r->root))
			return true;
	}
	return false;
}

/* Reads the table as far as it looks like one. False when its first entry does not. */
static bool read_table(struct rebuild *r)
{
	const uint64_t most = min_u64(GROUPS_MAX, r->blocks / 8 + 1);
	const uint64_t left = r->size - r->table_offset;
	const uint64_t size = min_u64(most * r->descriptor_size, left);

	r->table_room = (uint32_t)(size / r->descriptor_size);
	/* One block first: nearly all places are none. */
	if (r->table_room == 0)
		return false;
	free(r->table);
	r->table = malloc((size_t)r->table_room * r->descriptor_size);
	if (!r->table ||
	    ext_source_read(r->source, r->table_offset, r->table,
			    (size_t)r->table_room * r->descriptor_size, NULL) != EXT_OK)
		return false;
	r->group_count = 0;
	while (r->group_count < r->table_room && can_be_descriptor(r, r->group_count))
		r->group_count++;
	return r->group_count > 0;
}

/* Tries one place as a table, in both sizes of descriptors. */
static bool try_table(struct rebuild *r, uint64_t offset)
{
	/* A descriptor of 32 bytes and nothing behind it looks like one of 64, but not the reverse.
	 */
	static const uint32_t sizes[] = {64, 32};
	uint8_t first[12];

	if (offset >= r->size ||
	    ext_source_read(r->source, offset, first, sizeof first, NULL) != EXT_OK ||
	    !is_inside(r, u32(first, 0)) || !is_inside(r, u32(first, 4)) ||
	    !is_inside(r, u32(first, 8)))
		return false;
	r->table_offset = offset;
	for (unsigned i = 0; i < 2; i++) {
		r->descriptor_size = sizes[i];
		if (!read_table(r) || !find_root(r))
			continue;
		/* What has no extents has no 64bit either, unless somebody asked for it. */
		if (r->group_count > 1 || r->descriptor_size == 32 ||
		    u32(r->root, 0x20) & EXT_INODE_EXTENTS)
			return true;
	}
	return false;
}

/* With this block size: the primary table, then where default copies lie. */
static bool try_block_size(struct rebuild *r, uint32_t block_size)
{
	static const uint32_t groups[] = {1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343, 625, 729};
	const uint64_t per_group = min_u64((uint64_t)8 * block_size, GROUP_BLOCKS_MOST);

	r->block_size = block_size;
	r->blocks = r->size / block_size;
	r->first_data_block = block_size == 1024;
	free(r->block);
	r->block = malloc(block_size);
	if (!r->block)
		return false;
	/* Behind the superblock: block 1, or 2 where block 0 is kept for booting. */
	if (try_table(r, (uint64_t)block_size * (block_size == 1024 ? 2 : 1)))
		return true;
	for (unsigned i = 0; i < sizeof groups / sizeof *groups; i++)
		if (try_table(r, (r->first_data_block + groups[i] * per_group + 1) * block_size))
			return true;
	return false;
}

/* Bits up to the padding of ones at the end of a bitmap; 0 when it says nothing. */
static uint32_t bits_before_padding(const struct rebuild *r)
{
	uint32_t end = 8 * r->block_size;

	if (r->block[0] == 0 && memcmp(r->block, r->block + 1, r->block_size - 1) == 0)
		return 0;
	while (end > 0 && ext_bit_is_set(r->block, end - 1))
		end--;
	return end;
}

/* The same for all groups but the last `left_out`: the largest, since the last bits may be in use.
 */
static uint32_t largest_group(const struct rebuild *r, bool inodes, uint32_t left_out)
{
	const uint32_t looked_at = 4096;
	uint32_t largest = 0;

	for (uint32_t group = 0; group + left_out < r->group_count && group < looked_at; group++) {
		const struct locations where = locations_at(r, group);
		uint32_t bits;

		if (!read_block(r, inodes ? where.inode_bitmap : where.block_bitmap))
			continue;
		bits = bits_before_padding(r);
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
		in_bitmap = last + (uint64_t)bits_before_padding(r) * r->cluster_blocks;
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
	const uint32_t from_bitmaps = (largest_group(r, true, 0) + 7) / 8 * 8;
	const uint32_t from_tables = packed_table_inodes(r);

	r->inodes_per_group = from_bitmaps;
	if (from_tables >= from_bitmaps && from_tables > 0 &&
	    (from_tables - from_bitmaps) * r->inode_size < r->block_size)
		r->inodes_per_group = from_bitmaps ? from_bitmaps : from_tables;
	r->clusters_per_group = largest_group(r, false, r->group_count > 1);
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
static bool find_sizes(struct rebuild *r)
{
	const uint32_t per_block = r->block_size / r->descriptor_size;

	if (find_group_sizes(r))
		return true;
	if (r->group_count <= per_block)
		return false;
	r->group_count = (r->group_count - 1) / per_block * per_block;
	return find_group_sizes(r);
}

/* A raw inode of group 0. */
static bool read_inode(const struct rebuild *r, ext_ino ino, uint8_t *raw)
{
	const uint64_t start = locations_at(r, 0).inode_table * r->block_size;

	return ext_source_read(r->source, start + (uint64_t)(ino - 1) * r->inode_size, raw,
			       r->inode_size, NULL) == EXT_OK;
}

static bool has_blocks(const uint8_t *raw)
{
	return (raw[1] & 0xf0) == 0x80 && u32(raw, 0x1c) != 0;
}

/* Journal: inode 8 leads to a block with the journal's magic, which keeps the UUID, too. */
static bool find_journal(const struct rebuild *r, uint8_t uuid[16])
{
	static const uint8_t magic[4] = {0xc0, 0x3b, 0x39, 0x98};
	uint8_t raw[INODE_SIZES_MAX];
	uint64_t block;

	if (!read_inode(r, EXT_INO_JOURNAL, raw) || !has_blocks(raw))
		return false;
	block = first_block_of(r, raw);
	if (!is_inside(r, block) || !read_block(r, block) || memcmp(r->block, magic, 4) != 0)
		return false;
	memcpy(uuid, r->block + 0x30, 16);
	return true;
}

/* Do the checksums of other inodes hold under this seed? */
static bool seed_holds(const struct rebuild *r, const struct ext_raw_superblock *raw)
{
	static const ext_ino others[] = {LOST_FOUND, EXT_INO_JOURNAL, EXT_INO_RESIZE, 12, 13};
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	uint8_t inode[INODE_SIZES_MAX];
	struct ext_superblock sb;
	unsigned held = 0, failed = 0;

	if (ext_superblock_decode((const uint8_t *)raw, place, &sb, NULL, NULL) != EXT_OK)
		return false;
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
		if (!read_inode(r, others[i], inode) ||
		    (u16(inode, 0) == 0 && u16(inode, 0x1a) == 0))
			continue;
		if (ext_inode_checksum(&sb, others[i], inode, NULL, NULL) == EXT_CHECKSUM_OK)
			held++;
		else
			failed++;
	}
	return held > failed;
}

/* Do the CRC-16 checksums of the first descriptors hold under the UUID in `raw`? */
static bool descriptors_hold(const struct rebuild *r, const struct ext_raw_superblock *raw)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	struct ext_superblock sb;

	if (ext_superblock_decode((const uint8_t *)raw, place, &sb, NULL, NULL) != EXT_OK)
		return false;
	for (uint32_t group = 0; group < r->group_count && group < 4; group++) {
		const uint8_t *const bytes = r->table + (size_t)group * r->descriptor_size;

		if (u16(bytes, 0x1e) !=
		    group_descriptor_checksum(&sb, group,
					      (struct ext_span){bytes, r->descriptor_size}))
			return false;
	}
	return true;
}

/*
 * The UUID enters these checksums as a CRC of 16 bits: one of 65536 values of two bytes stands for
 * it as well as the true one, and the descriptors tell which.
 */
static bool find_stand_in_uuid(const struct rebuild *r, struct ext_raw_superblock *raw)
{
	const uint16_t stored = u16(r->table, 0x1e);
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	const struct ext_span bytes = {r->table, r->descriptor_size};
	struct ext_superblock sb;

	if (ext_superblock_decode((const uint8_t *)raw, place, &sb, NULL, NULL) != EXT_OK)
		return false;
	for (uint32_t i = 0; i <= UINT16_MAX; i++) {
		sb.uuid[14] = (uint8_t)i;
		sb.uuid[15] = (uint8_t)(i >> 8);
		if (group_descriptor_checksum(&sb, 0, bytes) != stored)
			continue;
		memcpy(raw->s_uuid, sb.uuid, sizeof raw->s_uuid);
		return descriptors_hold(r, raw);
	}
	return false;
}

/* A single descriptor does not show its size; its checksum does. */
static void settle_descriptor_size(struct rebuild *r, struct ext_raw_superblock *raw)
{
	const uint32_t incompat = get(raw->s_feature_incompat);

	if (r->group_count > 1 || descriptors_hold(r, raw))
		return;
	r->descriptor_size = r->descriptor_size == 64 ? 32 : 64;
	put(&raw->s_desc_size, (uint16_t)(r->descriptor_size > 32 ? r->descriptor_size : 0));
	put(&raw->s_feature_incompat, incompat ^ EXT_INCOMPAT_64BIT);
	if (descriptors_hold(r, raw))
		return;
	r->descriptor_size = r->descriptor_size == 64 ? 32 : 64;
	put(&raw->s_desc_size, (uint16_t)(r->descriptor_size > 32 ? r->descriptor_size : 0));
	put(&raw->s_feature_incompat, incompat);
}

/* Which checksums there are: proved by those that hold, never assumed. */
static void find_checksums(struct rebuild *r, struct ext_raw_superblock *raw,
			   struct ext_rebuilt *facts)
{
	const uint32_t ro_compat = get(raw->s_feature_ro_compat);
	const uint32_t incompat = get(raw->s_feature_incompat);
	uint32_t seed;

	put(&raw->s_feature_ro_compat, ro_compat | EXT_RO_METADATA_CSUM);
	raw->s_checksum_type = 1;
	if (facts->has_uuid && seed_holds(r, raw)) {
		facts->has_checksums = true;
		settle_descriptor_size(r, raw);
		return;
	}
	if (checksum_seed_of_inode(r->inode_size, EXT_INO_ROOT, r->root, &seed)) {
		put(&raw->s_feature_incompat, incompat | EXT_INCOMPAT_CSUM_SEED);
		put(&raw->s_checksum_seed, seed);
		if (seed_holds(r, raw)) {
			facts->has_checksums = true;
			settle_descriptor_size(r, raw);
			return;
		}
	}
	put(&raw->s_feature_incompat, incompat);
	put(&raw->s_checksum_seed, 0);
	raw->s_checksum_type = 0;
	put(&raw->s_feature_ro_compat, ro_compat | EXT_RO_GDT_CSUM);
	if (u16(r->table, 0x1e) != 0 &&
	    (descriptors_hold(r, raw) || (!facts->has_uuid && find_stand_in_uuid(r, raw))))
		return;
	put(&raw->s_feature_ro_compat, ro_compat);
}

/* Does group `group` begin with a copy of the table, behind a block for the superblock? */
static bool has_table_copy(const struct rebuild *r, uint32_t group)
{
	const uint64_t first =
		r->first_data_block + (uint64_t)group * r->clusters_per_group * r->cluster_blocks;

	return group < r->group_count && is_inside(r, first + 1) && read_block(r, first + 1) &&
	       memcmp(r->block, r->table, 12) == 0;
}

static bool is_flexible(const struct rebuild *r)
{
	const uint64_t group_blocks = (uint64_t)r->clusters_per_group * r->cluster_blocks;

	for (uint32_t group = 1; group < r->group_count; group++) {
		const uint64_t first = r->first_data_block + group * group_blocks;
		const struct locations where = locations_at(r, group);

		if (where.block_bitmap < first || where.inode_table < first)
			return true;
	}
	/* One group says nothing; what mke2fs makes today with extents is. */
	return r->group_count == 1 && (u32(r->root, 0x20) & EXT_INODE_EXTENTS) != 0;
}

/* Is the first block of a group in use, and by none of its own bitmaps and tables? */
static bool has_lone_superblock(const struct rebuild *r, uint32_t group)
{
	const uint64_t first =
		r->first_data_block + (uint64_t)group * r->clusters_per_group * r->cluster_blocks;
	const struct locations where = locations_at(r, group);
	const uint8_t *const raw = r->table + (size_t)group * r->descriptor_size;

	if (where.block_bitmap == first || where.inode_bitmap == first ||
	    where.inode_table == first)
		return false;
	/* Never initialised: the free count tells of the one block that is taken. */
	if (u16(raw, 0x12) & EXT_GROUP_BLOCK_UNINIT)
		return u16(raw, 0x0c) == (uint16_t)(r->clusters_per_group - 1);
	return read_block(r, where.block_bitmap) && ext_bit_is_set(r->block, 0);
}

static void find_copies_feature(const struct rebuild *r, uint32_t *compat, uint32_t *incompat,
				uint32_t *ro_compat, struct ext_raw_superblock *raw)
{
	const uint32_t last = r->group_count - 1;

	*ro_compat |= EXT_RO_SPARSE_SUPER;
	if (r->group_count > 4 ? has_table_copy(r, 2) && has_table_copy(r, 3)
			       : r->group_count == 4 && has_table_copy(r, 2)) {
		*ro_compat &= ~(uint32_t)EXT_RO_SPARSE_SUPER;
	} else if (r->group_count > 3 && !has_table_copy(r, 3) && has_lone_superblock(r, 3)) {
		*incompat |= EXT_INCOMPAT_META_BG;
	} else if ((r->group_count == 3 && has_table_copy(r, 2)) ||
		   (r->group_count > 3 && !has_table_copy(r, 3)) ||
		   (r->group_count > 1 && !has_table_copy(r, 1))) {
		*compat |= EXT_COMPAT_SPARSE_SUPER2;
		put(&raw->s_backup_bgs[0], has_table_copy(r, 1) ? 1 : 0);
		put(&raw->s_backup_bgs[1], last > 1 && has_table_copy(r, last) ? last : 0);
	}
}

static void find_features(struct rebuild *r, struct ext_raw_superblock *raw,
			  struct ext_rebuilt *facts)
{
	const bool has_extents = (u32(r->root, 0x20) & EXT_INODE_EXTENTS) != 0;
	uint32_t compat = EXT_COMPAT_EXT_ATTR | EXT_COMPAT_DIR_INDEX, incompat = 0;
	uint32_t ro_compat = EXT_RO_LARGE_FILE;
	uint8_t inode[INODE_SIZES_MAX];
	const uint64_t table_end =
		divide_up((uint64_t)r->group_count * r->descriptor_size, r->block_size);
	const uint64_t behind_table = 1 + r->first_data_block + table_end;

	if (r->has_filetype)
		incompat |= EXT_INCOMPAT_FILETYPE;
	if (r->descriptor_size > 32)
		incompat |= EXT_INCOMPAT_64BIT;
	if (r->has_meta_groups)
		incompat |= EXT_INCOMPAT_META_BG;
	if (r->cluster_blocks > 1)
		ro_compat |= EXT_RO_BIGALLOC;
	if (u32(r->root, 0x20) & EXT_INODE_INLINE_DATA)
		incompat |= EXT_INCOMPAT_INLINE_DATA;
	if (has_extents) {
		incompat |= EXT_INCOMPAT_EXTENTS;
		ro_compat |= EXT_RO_HUGE_FILE | EXT_RO_DIR_NLINK;
		if (r->inode_size > 128)
			ro_compat |= EXT_RO_EXTRA_ISIZE;
	}
	if (is_flexible(r)) {
		incompat |= EXT_INCOMPAT_FLEX_BG;
		raw->s_log_groups_per_flex = 4;
	}
	if (find_journal(r, raw->s_uuid)) {
		compat |= EXT_COMPAT_HAS_JOURNAL;
		put(&raw->s_journal_inum, EXT_INO_JOURNAL);
		facts->has_journal = true;
		facts->has_uuid = memcmp(raw->s_uuid, raw->s_journal_uuid, 16) != 0;
	}
	if (read_inode(r, EXT_INO_RESIZE, inode) && u32(inode, 0x28 + 52) != 0 &&
	    locations_at(r, 0).block_bitmap > behind_table &&
	    locations_at(r, 0).block_bitmap - behind_table <= r->block_size / 4) {
		compat |= EXT_COMPAT_RESIZE_INODE;
		put(&raw->s_reserved_gdt_blocks,
		    (uint16_t)(locations_at(r, 0).block_bitmap - behind_table));
	}
	if (read_inode(r, EXT_INO_USER_QUOTA, inode) && has_blocks(inode)) {
		ro_compat |= EXT_RO_QUOTA;
		put(&raw->s_usr_quota_inum, EXT_INO_USER_QUOTA);
		if (read_inode(r, EXT_INO_GROUP_QUOTA, inode) && has_blocks(inode))
			put(&raw->s_grp_quota_inum, EXT_INO_GROUP_QUOTA);
	}
	/* The orphan file is the first ordinary inode behind lost+found, and no directory names it.
	 */
	if (read_inode(r, 12, inode) && has_blocks(inode) &&
	    is_inside(r, first_block_of(r, inode)) && read_block(r, first_block_of(r, inode)) &&
	    u32(r->block, r->block_size - 8) == UINT32_C(0x0b10ca04)) {
		compat |= EXT_COMPAT_ORPHAN_FILE;
		put(&raw->s_orphan_file_inum, 12);
	}
	find_copies_feature(r, &compat, &incompat, &ro_compat, raw);
	put(&raw->s_feature_compat, compat);
	put(&raw->s_feature_incompat, incompat);
	put(&raw->s_feature_ro_compat, ro_compat);
}

static uint32_t log2_of(uint64_t value)
{
	uint32_t log = 0;

	while (value >> (log + 1) != 0)
		log++;
	return log;
}

static void write_superblock(struct rebuild *r, struct ext_raw_superblock *raw,
			     struct ext_rebuilt *facts)
{
	const uint32_t made = r->inode_size > 128 ? u32(r->root, 0x90) : u32(r->root, 0x0c);
	const uint32_t log_block = log2_of(r->block_size) - 10;
	/* What mke2fs reserves for root by default: 5 %, scaled down when it leaves out a group. */
	const uint64_t given = r->blocks - r->block_count < 8 ? r->block_count : r->blocks;
	const uint64_t reserved =
		given / 20 < r->block_count
			? (uint64_t)((double)(given / 20) * (double)r->block_count / (double)given)
			: 0;

	memset(raw, 0, sizeof *raw);
	put(&raw->s_magic, EXT_MAGIC);
	put(&raw->s_inodes_count, r->group_count * r->inodes_per_group);
	put(&raw->s_blocks_count_lo, (uint32_t)r->block_count);
	put(&raw->s_blocks_count_hi, (uint32_t)(r->block_count >> 32));
	put(&raw->s_r_blocks_count_lo, (uint32_t)reserved);
	put(&raw->s_r_blocks_count_hi, (uint32_t)(reserved >> 32));
	put(&raw->s_first_data_block, r->first_data_block);
	put(&raw->s_log_block_size, log_block);
	put(&raw->s_log_cluster_size, log_block + log2_of(r->cluster_blocks));
	put(&raw->s_blocks_per_group, r->clusters_per_group * r->cluster_blocks);
	put(&raw->s_clusters_per_group, r->clusters_per_group);
	put(&raw->s_inodes_per_group, r->inodes_per_group);
	put(&raw->s_max_mnt_count, UINT16_MAX);
	put(&raw->s_state, EXT_STATE_CLEAN);
	put(&raw->s_errors, 1);
	put(&raw->s_rev_level, 1);
	put(&raw->s_first_ino, DEFAULT_FIRST_INODE);
	put(&raw->s_inode_size, (uint16_t)r->inode_size);
	put(&raw->s_desc_size, (uint16_t)(r->descriptor_size > 32 ? r->descriptor_size : 0));
	put(&raw->s_mkfs_time, made);
	put(&raw->s_lastcheck, made);
	put(&raw->s_wtime, u32(r->root, 0x0c));
	raw->s_def_hash_version = 1;
	put(&raw->s_flags, 1);
	if (r->inode_size > 128) {
		put(&raw->s_min_extra_isize, 32);
		put(&raw->s_want_extra_isize, 32);
	}
	find_features(r, raw, facts);
	find_checksums(r, raw, facts);
	if (facts->has_checksums)
		put(&raw->s_checksum,
		    crc32c(UINT32_MAX, raw, offsetof(struct ext_raw_superblock, s_checksum)));
}

enum ext_status superblock_rebuild(struct ext_source *source, uint8_t superblock[1024],
				   struct ext_rebuilt *facts, struct ext_error *error)
{
	static const uint32_t sizes[] = {4096, 1024, 2048, 8192, 16384, 32768, 65536};
	struct rebuild r = {.source = source, .size = ext_source_size(source)};
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)superblock;
	enum ext_status status = ext_corrupt(error, EXT_SUPERBLOCK_MAGIC,
					     (struct ext_place){.structure = EXT_AT_SUPERBLOCK,
								.has = EXT_HAS_OFFSET,
								.offset = EXT_SUPERBLOCK_OFFSET,
								.field = "s_magic"},
					     0, EXT_MAGIC, EXT_MAGIC);

	*facts = (struct ext_rebuilt){0};
	for (unsigned i = 0; status != EXT_OK && i < sizeof sizes / sizeof *sizes; i++) {
		if (!try_block_size(&r, sizes[i]) || !find_sizes(&r))
			continue;
		write_superblock(&r, raw, facts);
		facts->table_offset = r.table_offset;
		facts->group_count = r.group_count;
		status = EXT_OK;
	}
	free(r.table);
	free(r.block);
	return status;
}
