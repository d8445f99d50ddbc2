/* SPDX-License-Identifier: MIT */
/* Features without a superblock, each told by what it leaves behind. */
#include "config.h"

#include <string.h>

#include "bytes/checked.h"
#include "structure/group.h"
#include "walk/rebuild_steps.h"

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
	block = rebuild_first_block(r, raw);
	if (!is_inside(r, block) || !read_block(r, block) || memcmp(r->block, magic, 4) != 0)
		return false;
	memcpy(uuid, r->block + 0x30, 16);
	return true;
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

void rebuild_find_features(struct rebuild *r, struct ext_raw_superblock *raw,
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
	    locations_at(r, 0).block_bitmap >= behind_table &&
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
	    is_inside(r, rebuild_first_block(r, inode)) &&
	    read_block(r, rebuild_first_block(r, inode)) &&
	    u32(r->block, r->block_size - 8) == UINT32_C(0x0b10ca04)) {
		compat |= EXT_COMPAT_ORPHAN_FILE;
		put(&raw->s_orphan_file_inum, 12);
	}
	find_copies_feature(r, &compat, &incompat, &ro_compat, raw);
	put(&raw->s_feature_compat, compat);
	put(&raw->s_feature_incompat, incompat);
	put(&raw->s_feature_ro_compat, ro_compat);
}
