/* SPDX-License-Identifier: MIT */
/*
 * What two copies of a superblock may differ in. Backups are written rarely, so much of them is
 * older by design; the geometry, the identity and the features never are. The writers clear the
 * clean bit and needs_recovery in backups, and each copy names its own group.
 */
#include "config.h"

#include <string.h>

#include <ext/copies.h>

#include "bytes/crc32c.h"
#include "layout/layout.h"

/* Fields that the primary alone keeps up to date. */
static const char *const volatile_fields[] = {
	"s_r_blocks_count_lo",
	"s_free_blocks_count_lo",
	"s_free_inodes_count",
	"s_mtime",
	"s_wtime",
	"s_mnt_count",
	"s_max_mnt_count",
	"s_state",
	"s_errors",
	"s_lastcheck",
	"s_checkinterval",
	"s_block_group_nr",
	"s_volume_name",
	"s_last_mounted",
	"s_last_orphan",
	"s_jnl_backup_type",
	"s_jnl_blocks",
	"s_r_blocks_count_hi",
	"s_free_blocks_count_hi",
	"s_flags",
	"s_default_mount_opts",
	"s_mmp_update_interval",
	"s_kbytes_written",
	"s_error_count",
	"s_first_error_time",
	"s_first_error_ino",
	"s_first_error_block",
	"s_first_error_func",
	"s_first_error_line",
	"s_last_error_time",
	"s_last_error_ino",
	"s_last_error_line",
	"s_last_error_block",
	"s_last_error_func",
	"s_mount_opts",
	"s_overhead_clusters",
	"s_wtime_hi",
	"s_mtime_hi",
	"s_lastcheck_hi",
	"s_first_error_time_hi",
	"s_last_error_time_hi",
	"s_first_error_errcode",
	"s_last_error_errcode",
	"s_lpf_ino",
	"s_checksum",
};

/* Feature bits that the kernel sets or clears in the primary alone. */
static const struct {
	const char *field;
	uint32_t bits;
} volatile_bits[] = {
	{"s_feature_compat", EXT_COMPAT_EXT_ATTR}, /* set by the kernel with the first attribute */
	{"s_feature_incompat", EXT_INCOMPAT_RECOVER | EXT_INCOMPAT_EXTENTS},
	{"s_feature_ro_compat", EXT_RO_LARGE_FILE | EXT_RO_DIR_NLINK | EXT_RO_ORPHAN_PRESENT},
};

static bool is_expected(const struct ext_field *field, struct ext_span primary,
			struct ext_span copy)
{
	const uint64_t bits = ext_field_get(field, 0, primary) ^ ext_field_get(field, 0, copy);
	const struct ext_raw_superblock *raw =
		(const struct ext_raw_superblock *)(const void *)copy.data;

	/*
	 * Revision 0 ends before s_first_ino. The kernel makes the primary revision 1 with the
	 * first feature that it sets, and fills in what belongs to it, but leaves the copies alone.
	 */
	if (get(raw->s_rev_level) == 0 &&
	    (field->at >= offsetof(struct ext_raw_superblock, s_first_ino) ||
	     field->at == offsetof(struct ext_raw_superblock, s_rev_level)))
		return true;
	for (size_t i = 0; i < sizeof volatile_fields / sizeof *volatile_fields; i++)
		if (strcmp(volatile_fields[i], field->name) == 0)
			return true;
	for (size_t i = 0; i < sizeof volatile_bits / sizeof *volatile_bits; i++)
		if (strcmp(volatile_bits[i].field, field->name) == 0)
			return (bits & ~(uint64_t)volatile_bits[i].bits) == 0;
	return false;
}

/* Hints, defaults and what nobody reads: no reason to read through another copy. */
static const char *const idle_fields[] = {
	"s_minor_rev_level", "s_def_resuid",	      "s_def_resgid",  "s_algorithm_usage_bitmap",
	"s_prealloc_blocks", "s_prealloc_dir_blocks", "s_raid_stride", "s_raid_stripe_width",
	"s_reserved",	     "s_snapshot_inum",	      "s_snapshot_id", "s_snapshot_r_blocks_count",
	"s_snapshot_list",   "s_want_extra_isize",
};

bool ext_copy_field_is_idle(const struct ext_field *field)
{
	for (size_t i = 0; i < sizeof idle_fields / sizeof *idle_fields; i++)
		if (strcmp(idle_fields[i], field->name) == 0)
			return true;
	return false;
}

bool ext_copy_next_difference(const uint8_t primary[1024], const uint8_t copy[1024], size_t *cursor,
			      struct ext_copy_difference *difference)
{
	const struct ext_layout *layout = ext_layout_by_name("superblock");
	const struct ext_span ours = {primary, EXT_SUPERBLOCK_SIZE};
	const struct ext_span theirs = {copy, EXT_SUPERBLOCK_SIZE};

	for (size_t i = *cursor; i < layout->field_count; i++) {
		const struct ext_field *field = &layout->fields[i];
		const size_t size = ext_field_element_size(field);
		unsigned index = 0;

		if (memcmp(primary + field->at, copy + field->at, ext_field_size(field)) == 0)
			continue;
		while (field->type != EXT_FIELD_BYTES && index + 1u < field->count &&
		       memcmp(primary + field->at + index * size, copy + field->at + index * size,
			      size) == 0)
			index++;
		*cursor = i + 1;
		*difference = (struct ext_copy_difference){field, index,
							   is_expected(field, ours, theirs)};
		return true;
	}
	*cursor = layout->field_count;
	return false;
}

/* Fields that a tool writes in the primary alone when it adds a feature to a mounted filesystem. */
static const char *const added_fields[] = {
	"s_journal_uuid",	 "s_journal_inum",    "s_journal_dev",	    "s_usr_quota_inum",
	"s_grp_quota_inum",	 "s_prj_quota_inum",  "s_orphan_file_inum", "s_mmp_block",
	"s_log_groups_per_flex", "s_min_extra_isize", "s_want_extra_isize", "s_checksum_type",
	"s_checksum_seed",	 "s_encoding",	      "s_encoding_flags",   "s_minor_rev_level",
};

static bool only_adds(const struct ext_field *field, struct ext_span later, struct ext_span earlier)
{
	const uint64_t of_later = ext_field_get(field, 0, later);
	const uint64_t of_earlier = ext_field_get(field, 0, earlier);

	for (size_t i = 0; i < sizeof added_fields / sizeof *added_fields; i++)
		if (strcmp(added_fields[i], field->name) == 0)
			return true;
	if (strncmp(field->name, "s_feature_", 10) != 0)
		return false;
	for (unsigned bit = 0; bit < 32; bit++) {
		const uint64_t flag = (uint64_t)1 << bit;

		if ((of_later & flag) && !(of_earlier & flag) &&
		    !ext_flag_by_value(field->flags, flag))
			return false;
		if ((of_earlier & flag) && !(of_later & flag))
			return false;
	}
	return true;
}

bool ext_superblock_is_later(const uint8_t later[1024], const uint8_t earlier[1024])
{
	struct ext_copy_difference difference;
	size_t cursor = 0;

	while (ext_copy_next_difference(later, earlier, &cursor, &difference))
		if (!difference.expected &&
		    !only_adds(difference.field, (struct ext_span){later, EXT_SUPERBLOCK_SIZE},
			       (struct ext_span){earlier, EXT_SUPERBLOCK_SIZE}))
			return false;
	return true;
}

/*
 * UUID, time of mkfs and hash seed are made together and hardly ever changed. One of them may have
 * been hit; when two differ, mke2fs was run again. Fields that are unset in one say nothing.
 */
bool ext_superblock_same_filesystem(const struct ext_superblock *a, const struct ext_superblock *b)
{
	static const uint32_t no_seed[4];
	const bool same_uuid = memcmp(a->uuid, b->uuid, sizeof a->uuid) == 0;
	const bool checked = a->checksum == EXT_CHECKSUM_OK && b->checksum == EXT_CHECKSUM_OK;
	unsigned same = same_uuid, different = !same_uuid;

	if (a->mkfs_time != 0 && b->mkfs_time != 0) {
		same += a->mkfs_time == b->mkfs_time;
		different += a->mkfs_time != b->mkfs_time;
	}
	if (memcmp(a->hash_seed, no_seed, sizeof no_seed) != 0 &&
	    memcmp(b->hash_seed, no_seed, sizeof no_seed) != 0) {
		const bool same_seed = memcmp(a->hash_seed, b->hash_seed, sizeof a->hash_seed) == 0;

		same += same_seed;
		different += !same_seed;
	}
	/* Under a checksum no field was hit: a new UUID is a new filesystem. */
	return different < 2 && same > 0 && (same_uuid || !checked);
}

bool ext_superblock_same_geometry(const struct ext_superblock *a, const struct ext_superblock *b)
{
	const uint32_t placing = EXT_INCOMPAT_META_BG | EXT_INCOMPAT_64BIT | EXT_INCOMPAT_FLEX_BG;

	return a->block_size == b->block_size && a->cluster_size == b->cluster_size &&
	       a->block_count == b->block_count && a->inode_count == b->inode_count &&
	       a->first_data_block == b->first_data_block &&
	       a->blocks_per_group == b->blocks_per_group &&
	       a->inodes_per_group == b->inodes_per_group && a->inode_size == b->inode_size &&
	       a->descriptor_size == b->descriptor_size && a->first_meta_bg == b->first_meta_bg &&
	       a->has_metadata_csum == b->has_metadata_csum &&
	       a->has_group_csum == b->has_group_csum && a->checksum_seed == b->checksum_seed &&
	       (a->incompat & placing) == (b->incompat & placing) &&
	       ext_has_compat(a, EXT_COMPAT_SPARSE_SUPER2) ==
		       ext_has_compat(b, EXT_COMPAT_SPARSE_SUPER2) &&
	       ext_has_ro_compat(a, EXT_RO_SPARSE_SUPER) ==
		       ext_has_ro_compat(b, EXT_RO_SPARSE_SUPER) &&
	       memcmp(a->backup_groups, b->backup_groups, sizeof a->backup_groups) == 0;
}

bool ext_superblock_is_placed(const struct ext_superblock *sb, uint64_t offset)
{
	uint64_t block, group;

	if (offset == EXT_SUPERBLOCK_OFFSET)
		return sb->copy_group == 0;
	block = offset >> sb->block_size_log2;
	if (offset % sb->block_size != 0 || block < sb->first_data_block)
		return false;
	block -= sb->first_data_block;
	group = block / sb->blocks_per_group;
	if (block % sb->blocks_per_group != 0 || group == 0 || group >= sb->group_count ||
	    !ext_group_has_superblock(sb, (ext_group)group))
		return false;
	/* Revision 0 does not say to which group a copy belongs; the field has 16 bits. */
	return sb->revision == 0 || sb->copy_group == (group > UINT16_MAX ? UINT16_MAX : group);
}

void ext_superblock_make_copy(const uint8_t primary[1024], ext_group group, uint8_t copy[1024])
{
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)copy;

	memmove(copy, primary, EXT_SUPERBLOCK_SIZE);
	if (group != 0) {
		put(&raw->s_state, (uint16_t)(get(raw->s_state) & ~EXT_STATE_CLEAN));
		put(&raw->s_feature_incompat,
		    get(raw->s_feature_incompat) & ~(uint32_t)EXT_INCOMPAT_RECOVER);
	}
	if (get(raw->s_rev_level) > 0)
		put(&raw->s_block_group_nr, (uint16_t)(group > UINT16_MAX ? UINT16_MAX : group));
	if (get(raw->s_feature_ro_compat) & EXT_RO_METADATA_CSUM)
		put(&raw->s_checksum,
		    crc32c(UINT32_MAX, raw, offsetof(struct ext_raw_superblock, s_checksum)));
}
