/* SPDX-License-Identifier: MIT */
/*
 * From the 1024 bytes of a superblock copy to numbers that can be used: joins split fields, fills
 * in revision 0, and refuses only what would leave nothing to address. Where the copies lie is
 * placement.c; what their differences mean is left to the checks.
 */
#include "config.h"

#include <string.h>

#include <ext/field.h>
#include <ext/superblock.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "bytes/uuid.h"
#include "layout/layout.h"
#include "structure/checksum.h"

enum {
	LOG_BLOCK_SIZE_MAX = 6,
	LOG_CLUSTER_SIZE_MAX = 20, /* 1 GiB: the kernel's limit */
	REVISION_0_INODE_SIZE = 128,
	REVISION_0_FIRST_INODE = 11,
	DESCRIPTOR_SIZE_SMALL = 32,
	DESCRIPTOR_SIZE_MAX = 1024,
	BLOCKS_PER_GROUP_MIN = 8,
	CHECKSUM_CRC32C = 1,
};

/* What a message needs: where the copy lies, and who wants to hear of it. */
struct reader {
	const struct ext_raw_superblock *raw;
	struct ext_place place;
	struct ext_sink *sink;
	struct ext_error *error;
};

static struct ext_place at_field(const struct reader *reader, const char *field)
{
	struct ext_place place = reader->place;

	place.field = field;
	return place;
}

static enum ext_status refuse(const struct reader *reader, enum ext_problem problem,
			      const char *field, uint64_t found, uint64_t low, uint64_t high)
{
	return ext_corrupt(reader->error, problem, at_field(reader, field), found, low, high);
}

static void note(const struct reader *reader, enum ext_problem problem, const char *field,
		 uint64_t found, uint64_t low, uint64_t high)
{
	const struct ext_finding finding = {.problem = problem,
					    .place = at_field(reader, field),
					    .found = found,
					    .low = low,
					    .high = high};

	ext_report(reader->sink, &finding);
}

/* Times have 40 bits: a byte with bits 32 to 39 far behind. */
static int64_t wide_time(uint32_t low, uint8_t high)
{
	return (int64_t)((uint64_t)high << 32 | low);
}

static void copy_text(char *text, size_t size, const uint8_t *raw)
{
	memcpy(text, raw, size);
	text[size] = '\0';
}

static void read_identity(const struct reader *reader, struct ext_superblock *sb)
{
	const struct ext_raw_superblock *raw = reader->raw;

	sb->revision = get(raw->s_rev_level);
	sb->minor_revision = get(raw->s_minor_rev_level);
	/* Revision 0 has no such words, but the kernel and e2fsprogs heed them all the same. */
	sb->compat = get(raw->s_feature_compat);
	sb->incompat = get(raw->s_feature_incompat);
	sb->ro_compat = get(raw->s_feature_ro_compat);
	sb->has_early_features =
		sb->revision == 0 && (sb->compat | sb->incompat | sb->ro_compat) != 0;
	if (sb->revision > 0)
		sb->copy_group = get(raw->s_block_group_nr);
	sb->state = get(raw->s_state);
	sb->errors_behaviour = get(raw->s_errors);
	sb->creator_os = get(raw->s_creator_os);
	memcpy(sb->uuid, raw->s_uuid, sizeof sb->uuid);
	memcpy(sb->journal_uuid, raw->s_journal_uuid, sizeof sb->journal_uuid);
	copy_text(sb->volume_name, 16, raw->s_volume_name);
	copy_text(sb->last_mounted, 64, raw->s_last_mounted);
	sb->mount_time = wide_time(get(raw->s_mtime), get(raw->s_mtime_hi));
	sb->write_time = wide_time(get(raw->s_wtime), get(raw->s_wtime_hi));
	sb->check_time = wide_time(get(raw->s_lastcheck), get(raw->s_lastcheck_hi));
	sb->mkfs_time = wide_time(get(raw->s_mkfs_time), get(raw->s_mkfs_time_hi));
	sb->mount_count = get(raw->s_mnt_count);
	sb->max_mount_count = get(raw->s_max_mnt_count);
	sb->check_interval = get(raw->s_checkinterval);
	sb->kbytes_written = get(raw->s_kbytes_written);
	sb->error_count = get(raw->s_error_count);
	sb->default_uid = get(raw->s_def_resuid);
	sb->default_gid = get(raw->s_def_resgid);
	sb->flags = get(raw->s_flags);
	sb->encoding = get(raw->s_encoding);
	sb->encoding_flags = get(raw->s_encoding_flags);
}

static void read_pointers(const struct reader *reader, struct ext_superblock *sb)
{
	const struct ext_raw_superblock *raw = reader->raw;

	sb->orphan_head = get(raw->s_last_orphan);
	sb->lost_found_inode = get(raw->s_lpf_ino);
	if (ext_has_compat(sb, EXT_COMPAT_HAS_JOURNAL)) {
		sb->journal_inode = get(raw->s_journal_inum);
		sb->journal_device = get(raw->s_journal_dev);
	} else {
		sb->forgotten_journal_inode = get(raw->s_journal_inum);
	}
	sb->journal_backup_type = get(raw->s_jnl_backup_type);
	for (unsigned i = 0; i < 17; i++)
		sb->journal_backup[i] = get(raw->s_jnl_blocks[i]);
	if (ext_has_ro_compat(sb, EXT_RO_QUOTA)) {
		sb->user_quota_inode = get(raw->s_usr_quota_inum);
		sb->group_quota_inode = get(raw->s_grp_quota_inum);
		/* The field is honest only beside the feature: old tools left bytes there. */
		if (ext_has_ro_compat(sb, EXT_RO_PROJECT))
			sb->project_quota_inode = get(raw->s_prj_quota_inum);
	}
	if (ext_has_compat(sb, EXT_COMPAT_ORPHAN_FILE))
		sb->orphan_file_inode = get(raw->s_orphan_file_inum);
	else
		sb->forgotten_orphan_file = get(raw->s_orphan_file_inum);
	if (ext_has_incompat(sb, EXT_INCOMPAT_MMP)) {
		sb->mmp_block = get(raw->s_mmp_block);
		sb->mmp_interval = get(raw->s_mmp_update_interval);
	}
	for (unsigned i = 0; i < 2; i++)
		sb->backup_groups[i] = get(raw->s_backup_bgs[i]);
	sb->overhead_clusters = get(raw->s_overhead_clusters);
	sb->min_extra_isize = get(raw->s_min_extra_isize);
	sb->want_extra_isize = get(raw->s_want_extra_isize);
	for (unsigned i = 0; i < 4; i++)
		sb->hash_seed[i] = get(raw->s_hash_seed[i]);
	sb->default_hash_version = get(raw->s_def_hash_version);
	sb->log_groups_per_flex =
		ext_has_incompat(sb, EXT_INCOMPAT_FLEX_BG) ? get(raw->s_log_groups_per_flex) : 0;
	sb->first_meta_bg =
		ext_has_incompat(sb, EXT_INCOMPAT_META_BG) ? get(raw->s_first_meta_bg) : 0;
	sb->reserved_gdt_blocks = get(raw->s_reserved_gdt_blocks);
}

static enum ext_status read_block_size(const struct reader *reader, struct ext_superblock *sb)
{
	const uint32_t log_block = get(reader->raw->s_log_block_size);
	const uint32_t log_cluster = get(reader->raw->s_log_cluster_size);

	if (log_block > LOG_BLOCK_SIZE_MAX)
		return refuse(reader, EXT_SUPERBLOCK_BLOCK_SIZE, "s_log_block_size", log_block, 0,
			      LOG_BLOCK_SIZE_MAX);
	sb->block_size_log2 = 10 + log_block;
	sb->block_size = (uint32_t)1 << sb->block_size_log2;
	sb->cluster_blocks = 1;
	if (ext_has_ro_compat(sb, EXT_RO_BIGALLOC)) {
		if (log_cluster < log_block || log_cluster > LOG_CLUSTER_SIZE_MAX)
			return refuse(reader, EXT_SUPERBLOCK_CLUSTER_SIZE, "s_log_cluster_size",
				      log_cluster, log_block, LOG_CLUSTER_SIZE_MAX);
		sb->cluster_log2 = log_cluster - log_block;
		sb->cluster_blocks = (uint32_t)1 << sb->cluster_log2;
	} else if (log_cluster != log_block && log_cluster != 0) {
		/* Revision 0 kept a fragment size here, which no kernel ever used. */
		note(reader, EXT_SUPERBLOCK_CLUSTER_SIZE, "s_log_cluster_size", log_cluster,
		     log_block, log_block);
	}
	sb->cluster_size = sb->block_size << sb->cluster_log2;
	return EXT_OK;
}

static enum ext_status read_sizes(const struct reader *reader, struct ext_superblock *sb)
{
	const struct ext_raw_superblock *raw = reader->raw;

	sb->inode_size = REVISION_0_INODE_SIZE;
	sb->first_inode = REVISION_0_FIRST_INODE;
	if (sb->revision > 0) {
		sb->inode_size = get(raw->s_inode_size);
		sb->first_inode = get(raw->s_first_ino);
	}
	if (!is_power_of_two(sb->inode_size) || sb->inode_size < REVISION_0_INODE_SIZE ||
	    sb->inode_size > sb->block_size)
		return refuse(reader, EXT_SUPERBLOCK_INODE_SIZE, "s_inode_size", sb->inode_size,
			      REVISION_0_INODE_SIZE, sb->block_size);

	/* Without 64bit the field counts for nothing: garbage there is ignored by the kernel too.
	 */
	sb->descriptor_size = DESCRIPTOR_SIZE_SMALL;
	if (ext_has_incompat(sb, EXT_INCOMPAT_64BIT)) {
		sb->descriptor_size = get(raw->s_desc_size);
		if (!is_power_of_two(sb->descriptor_size) || sb->descriptor_size < 64 ||
		    sb->descriptor_size > DESCRIPTOR_SIZE_MAX)
			return refuse(reader, EXT_SUPERBLOCK_DESCRIPTOR_SIZE, "s_desc_size",
				      sb->descriptor_size, 64, DESCRIPTOR_SIZE_MAX);
	}
	return EXT_OK;
}

static enum ext_status read_group_sizes(const struct reader *reader, struct ext_superblock *sb)
{
	const struct ext_raw_superblock *raw = reader->raw;
	const uint32_t bitmap_bits = 8 * sb->block_size;
	const uint64_t most_blocks = (uint64_t)bitmap_bits << sb->cluster_log2;
	const uint32_t inodes_per_block = sb->block_size / sb->inode_size;

	sb->blocks_per_group = get(raw->s_blocks_per_group);
	if (sb->blocks_per_group < BLOCKS_PER_GROUP_MIN || sb->blocks_per_group > most_blocks ||
	    sb->blocks_per_group % sb->cluster_blocks != 0)
		return refuse(reader, EXT_SUPERBLOCK_BLOCKS_PER_GROUP, "s_blocks_per_group",
			      sb->blocks_per_group, BLOCKS_PER_GROUP_MIN, most_blocks);
	sb->clusters_per_group = sb->blocks_per_group >> sb->cluster_log2;
	if (get(raw->s_clusters_per_group) != sb->clusters_per_group &&
	    (ext_has_ro_compat(sb, EXT_RO_BIGALLOC) || get(raw->s_clusters_per_group) != 0))
		note(reader, EXT_SUPERBLOCK_CLUSTERS_PER_GROUP, "s_clusters_per_group",
		     get(raw->s_clusters_per_group), sb->clusters_per_group,
		     sb->clusters_per_group);

	sb->inodes_per_group = get(raw->s_inodes_per_group);
	if (sb->inodes_per_group == 0 || sb->inodes_per_group > bitmap_bits)
		return refuse(reader, EXT_SUPERBLOCK_INODES_PER_GROUP, "s_inodes_per_group",
			      sb->inodes_per_group, inodes_per_block, bitmap_bits);
	sb->inode_table_blocks = (uint32_t)divide_up(sb->inodes_per_group, inodes_per_block);
	return EXT_OK;
}

static enum ext_status read_counts(const struct reader *reader, struct ext_superblock *sb)
{
	const struct ext_raw_superblock *raw = reader->raw;
	const bool wide = ext_has_incompat(sb, EXT_INCOMPAT_64BIT);
	const uint32_t first_expected = sb->block_size == 1024 && sb->cluster_blocks == 1;
	uint64_t groups, inodes;

	sb->block_count = get(raw->s_blocks_count_lo);
	sb->reserved_block_count = get(raw->s_r_blocks_count_lo);
	sb->free_block_count = get(raw->s_free_blocks_count_lo);
	if (wide) {
		sb->block_count |= (uint64_t)get(raw->s_blocks_count_hi) << 32;
		sb->reserved_block_count |= (uint64_t)get(raw->s_r_blocks_count_hi) << 32;
		sb->free_block_count |= (uint64_t)get(raw->s_free_blocks_count_hi) << 32;
	}
	sb->free_inode_count = get(raw->s_free_inodes_count);
	sb->first_data_block = get(raw->s_first_data_block);
	if (sb->first_data_block != first_expected) {
		if (sb->first_data_block > 1)
			return refuse(reader, EXT_SUPERBLOCK_FIRST_DATA_BLOCK, "s_first_data_block",
				      sb->first_data_block, first_expected, first_expected);
		note(reader, EXT_SUPERBLOCK_FIRST_DATA_BLOCK, "s_first_data_block",
		     sb->first_data_block, first_expected, first_expected);
	}
	/* Inode numbers have 32 bits, so groups have at most as many; blocks have 48 bits. */
	if (sb->block_count <= sb->first_data_block || sb->block_count >> 48 != 0)
		return refuse(reader, EXT_SUPERBLOCK_BLOCK_COUNT, "s_blocks_count", sb->block_count,
			      (uint64_t)sb->first_data_block + 1, ((uint64_t)1 << 48) - 1);
	groups = divide_up(sb->block_count - sb->first_data_block, sb->blocks_per_group);
	if (groups > UINT32_MAX || groups * sb->inodes_per_group > UINT32_MAX)
		return refuse(reader, EXT_SUPERBLOCK_BLOCK_COUNT, "s_blocks_count", sb->block_count,
			      (uint64_t)sb->first_data_block + 1,
			      (uint64_t)UINT32_MAX / sb->inodes_per_group * sb->blocks_per_group);
	sb->group_count = (ext_group)groups;
	inodes = groups * sb->inodes_per_group;
	sb->inode_count = get(raw->s_inodes_count);
	if (sb->inode_count != inodes) {
		note(reader, EXT_SUPERBLOCK_INODE_COUNT, "s_inodes_count", sb->inode_count, inodes,
		     inodes);
		sb->inode_count = (uint32_t)inodes;
	}
	sb->descriptors_per_block = sb->block_size / sb->descriptor_size;
	sb->descriptor_blocks = (uint32_t)divide_up(groups, sb->descriptors_per_block);
	return EXT_OK;
}

/* What is wrong but leaves everything addressable. */
/* Bits without a name: from a newer kernel, or a damaged field. Nothing is refused for them. */
static void note_unknown_features(const struct reader *reader, const char *table, const char *field,
				  uint32_t bits)
{
	const struct ext_flag_name *flag = ext_flags_by_name(table);

	for (; flag && flag->name; flag++)
		bits &= ~(uint32_t)flag->value;
	if (bits)
		note(reader, EXT_FEATURE_UNKNOWN, field, bits, 0, 0);
}

static void note_doubts(const struct reader *reader, struct ext_superblock *sb)
{
	const uint32_t reserved_most = sb->block_size / 4;

	note_unknown_features(reader, "compat", "s_feature_compat", sb->compat);
	note_unknown_features(reader, "incompat", "s_feature_incompat", sb->incompat);
	note_unknown_features(reader, "ro_compat", "s_feature_ro_compat", sb->ro_compat);
	if (sb->revision > 1)
		note(reader, EXT_SUPERBLOCK_REVISION, "s_rev_level", sb->revision, 0, 1);
	if (sb->first_inode < REVISION_0_FIRST_INODE || sb->first_inode > sb->inode_count) {
		note(reader, EXT_SUPERBLOCK_FIRST_INODE, "s_first_ino", sb->first_inode,
		     REVISION_0_FIRST_INODE, sb->inode_count);
		sb->first_inode = REVISION_0_FIRST_INODE;
	}
	if (sb->reserved_block_count > sb->block_count / 2)
		note(reader, EXT_SUPERBLOCK_RESERVED_BLOCKS, "s_r_blocks_count",
		     sb->reserved_block_count, 0, sb->block_count / 2);
	if (sb->reserved_gdt_blocks > reserved_most) {
		note(reader, EXT_SUPERBLOCK_RESERVED_GDT, "s_reserved_gdt_blocks",
		     sb->reserved_gdt_blocks, 0, reserved_most);
		sb->reserved_gdt_blocks = 0;
	}
	if (sb->first_meta_bg > sb->descriptor_blocks) {
		note(reader, EXT_FEATURE_FIRST_META_BG, "s_first_meta_bg", sb->first_meta_bg, 0,
		     sb->descriptor_blocks);
		/* So many blocks were set aside in front of each group, though fewer are needed. */
		if (sb->first_meta_bg >= sb->blocks_per_group)
			sb->first_meta_bg = sb->descriptor_blocks;
	}
}

static void verify_checksum(const struct reader *reader, struct ext_superblock *sb)
{
	const struct ext_raw_superblock *raw = reader->raw;

	sb->has_metadata_csum = ext_has_ro_compat(sb, EXT_RO_METADATA_CSUM);
	sb->has_group_csum = sb->has_metadata_csum || ext_has_ro_compat(sb, EXT_RO_GDT_CSUM);
	sb->checksum_type = get(raw->s_checksum_type);
	sb->checksum_seed = ext_has_incompat(sb, EXT_INCOMPAT_CSUM_SEED)
				    ? get(raw->s_checksum_seed)
				    : crc32c(UINT32_MAX, sb->uuid, sizeof sb->uuid);
	if (!sb->has_metadata_csum)
		return;
	if (sb->checksum_type != CHECKSUM_CRC32C)
		note(reader, EXT_SUPERBLOCK_CHECKSUM_TYPE, "s_checksum_type", sb->checksum_type,
		     CHECKSUM_CRC32C, CHECKSUM_CRC32C);
	sb->checksum_stored = get(raw->s_checksum);
	sb->checksum_computed =
		crc32c(UINT32_MAX, raw, offsetof(struct ext_raw_superblock, s_checksum));
	sb->checksum = checksum_state(sb->checksum_stored == sb->checksum_computed);
	if (sb->checksum == EXT_CHECKSUM_BAD)
		note(reader, EXT_SUPERBLOCK_CHECKSUM, "s_checksum", sb->checksum_stored,
		     sb->checksum_computed, sb->checksum_computed);
}

enum ext_status ext_superblock_decode(const uint8_t raw[1024], struct ext_place place,
				      struct ext_superblock *superblock, struct ext_sink *sink,
				      struct ext_error *error)
{
	const struct ext_raw_superblock *typed =
		(const struct ext_raw_superblock *)(const void *)raw;
	const struct reader reader = {typed, place, sink, error};
	struct ext_superblock sb = {0};
	enum ext_status status;

	_Static_assert(sizeof *typed == EXT_SUPERBLOCK_SIZE, "the superblock has 1024 bytes");
	if (get(typed->s_magic) != EXT_MAGIC)
		return refuse(&reader, EXT_SUPERBLOCK_MAGIC, "s_magic", get(typed->s_magic),
			      EXT_MAGIC, EXT_MAGIC);
	read_identity(&reader, &sb);
	if ((status = read_block_size(&reader, &sb)) != EXT_OK ||
	    (status = read_sizes(&reader, &sb)) != EXT_OK ||
	    (status = read_group_sizes(&reader, &sb)) != EXT_OK ||
	    (status = read_counts(&reader, &sb)) != EXT_OK)
		return status;
	read_pointers(&reader, &sb);
	verify_checksum(&reader, &sb);
	note_doubts(&reader, &sb);
	*superblock = sb;
	return EXT_OK;
}

const char *ext_superblock_type(const struct ext_superblock *superblock)
{
	const uint32_t ext3_incompat = EXT_INCOMPAT_FILETYPE | EXT_INCOMPAT_RECOVER |
				       EXT_INCOMPAT_META_BG | EXT_INCOMPAT_COMPRESSION;
	const uint32_t ext3_ro_compat = EXT_RO_SPARSE_SUPER | EXT_RO_LARGE_FILE | 0x4;

	if ((superblock->incompat & ~ext3_incompat) != 0 ||
	    (superblock->ro_compat & ~ext3_ro_compat) != 0)
		return "ext4";
	return ext_has_compat(superblock, EXT_COMPAT_HAS_JOURNAL) ? "ext3" : "ext2";
}

void ext_uuid_show(const uint8_t uuid[16], char text[37])
{
	uuid_format(uuid, text);
}
