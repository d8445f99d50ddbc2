/* SPDX-License-Identifier: MIT */
/*
 * The superblock, decoded: split fields joined, revision 0 filled in, features as bits. Also where
 * superblock and descriptor copies must lie, which follows from these numbers alone.
 */
#ifndef EXT_SUPERBLOCK_H
#define EXT_SUPERBLOCK_H

#include <ext/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	EXT_SUPERBLOCK_OFFSET = 1024, /* bytes, of the primary copy */
	EXT_SUPERBLOCK_SIZE = 1024,
	EXT_MAGIC = 0xef53,
};

/* Feature bits, by the names that e2fsprogs prints (layout/flags.def). */
enum {
	EXT_COMPAT_HAS_JOURNAL = 0x4,
	EXT_COMPAT_EXT_ATTR = 0x8,
	EXT_COMPAT_RESIZE_INODE = 0x10,
	EXT_COMPAT_DIR_INDEX = 0x20,
	EXT_COMPAT_SPARSE_SUPER2 = 0x200,
	EXT_COMPAT_FAST_COMMIT = 0x400,
	EXT_COMPAT_STABLE_INODES = 0x800,
	EXT_COMPAT_ORPHAN_FILE = 0x1000,

	EXT_INCOMPAT_COMPRESSION = 0x1,
	EXT_INCOMPAT_FILETYPE = 0x2,
	EXT_INCOMPAT_RECOVER = 0x4,
	EXT_INCOMPAT_JOURNAL_DEV = 0x8,
	EXT_INCOMPAT_META_BG = 0x10,
	EXT_INCOMPAT_EXTENTS = 0x40,
	EXT_INCOMPAT_64BIT = 0x80,
	EXT_INCOMPAT_MMP = 0x100,
	EXT_INCOMPAT_FLEX_BG = 0x200,
	EXT_INCOMPAT_EA_INODE = 0x400,
	EXT_INCOMPAT_CSUM_SEED = 0x2000,
	EXT_INCOMPAT_LARGEDIR = 0x4000,
	EXT_INCOMPAT_INLINE_DATA = 0x8000,
	EXT_INCOMPAT_ENCRYPT = 0x10000,
	EXT_INCOMPAT_CASEFOLD = 0x20000,

	EXT_RO_SPARSE_SUPER = 0x1,
	EXT_RO_LARGE_FILE = 0x2,
	EXT_RO_HUGE_FILE = 0x8,
	EXT_RO_GDT_CSUM = 0x10,
	EXT_RO_DIR_NLINK = 0x20,
	EXT_RO_EXTRA_ISIZE = 0x40,
	EXT_RO_QUOTA = 0x100,
	EXT_RO_BIGALLOC = 0x200,
	EXT_RO_METADATA_CSUM = 0x400,
	EXT_RO_PROJECT = 0x2000,
	EXT_RO_SHARED_BLOCKS = 0x4000,
	EXT_RO_VERITY = 0x8000,
	EXT_RO_ORPHAN_PRESENT = 0x10000,
};

enum { EXT_STATE_CLEAN = 1, EXT_STATE_ERRORS = 2, EXT_STATE_ORPHANS = 4 };

enum ext_checksum_state { EXT_CHECKSUM_NONE, EXT_CHECKSUM_OK, EXT_CHECKSUM_BAD };

struct ext_superblock {
	/* Geometry. Always set; all bounds of format-facts "limits" hold after
	 * ext_superblock_decode. */
	uint32_t block_size; /* bytes, 1024 .. 65536 */
	unsigned block_size_log2;
	uint32_t cluster_size;	 /* bytes; block_size without bigalloc */
	uint32_t cluster_blocks; /* blocks in a cluster; 1 without bigalloc */
	unsigned cluster_log2;	 /* log2(cluster_blocks) */
	uint64_t block_count;
	uint64_t reserved_block_count;
	uint64_t free_block_count; /* the superblock's own, a hint */
	uint32_t inode_count;
	uint32_t free_inode_count;
	uint32_t first_data_block;
	uint32_t blocks_per_group;
	uint32_t clusters_per_group;
	uint32_t inodes_per_group;
	uint32_t inode_size;	  /* bytes */
	uint32_t first_inode;	  /* first that is not reserved */
	uint32_t descriptor_size; /* bytes, 32 .. 1024 */
	ext_group group_count;
	uint32_t descriptors_per_block;
	uint32_t descriptor_blocks;  /* blocks of one whole descriptor table */
	uint32_t inode_table_blocks; /* per group, rounded up */
	uint32_t reserved_gdt_blocks;
	uint32_t first_meta_bg;
	uint32_t log_groups_per_flex;

	/* Identity and state. */
	uint32_t revision, minor_revision;
	uint32_t compat, incompat, ro_compat; /* heeded in revision 0 too, as the kernel does */
	uint16_t state, errors_behaviour;
	uint32_t creator_os;
	uint32_t copy_group; /* s_block_group_nr */
	uint8_t uuid[16];
	uint8_t journal_uuid[16];
	char volume_name[17]; /* terminated here */
	char last_mounted[65];
	int64_t mount_time, write_time, check_time, mkfs_time; /* seconds since 1970 */
	uint32_t mount_count, max_mount_count, check_interval;
	uint64_t kbytes_written;

	/* Pointers to special things. */
	ext_ino journal_inode, user_quota_inode, group_quota_inode, project_quota_inode;
	ext_ino forgotten_journal_inode; /* s_journal_inum without the has_journal feature */
	ext_ino forgotten_orphan_file;	 /* s_orphan_file_inum without the orphan_file feature */
	ext_ino orphan_head, orphan_file_inode, lost_found_inode;
	uint32_t journal_device;
	uint8_t journal_backup_type;
	uint32_t journal_backup[17];
	uint64_t mmp_block;
	uint32_t mmp_interval;
	uint32_t backup_groups[2]; /* sparse_super2 */
	uint32_t overhead_clusters;
	uint32_t min_extra_isize, want_extra_isize;
	uint32_t hash_seed[4];
	uint8_t default_hash_version;
	uint32_t flags; /* 1 signed, 2 unsigned directory hash */
	uint8_t checksum_type;
	uint16_t encoding, encoding_flags;
	uint32_t error_count;
	uint32_t default_uid, default_gid;
	uint8_t prealloc_directory_blocks; /* a directory may own so many blocks beyond its size */
	bool has_early_features;	   /* feature bits although revision 0 has none */

	/* Checksums. */
	uint32_t checksum_seed; /* for all metadata but the superblock and the journal */
	uint32_t checksum_stored, checksum_computed;
	enum ext_checksum_state checksum;
	bool has_metadata_csum; /* crc32c everywhere */
	bool has_group_csum;	/* metadata_csum or gdt_csum: descriptor checksums and uninit flags
				   count */
};

/*
 * Decodes the 1024 bytes of a superblock copy. What is merely wrong is reported to `sink` (may be
 * NULL) and decoding goes on; numbers with which nothing can be addressed (magic, block size, zero
 * divisors, a group count that cannot be) fail with CORRUPT and the offending field.
 * `place` says where the copy lies, for the messages.
 */
enum ext_status ext_superblock_decode(const uint8_t raw[1024], struct ext_place place,
				      struct ext_superblock *superblock, struct ext_sink *sink,
				      struct ext_error *error);

static inline bool ext_has_compat(const struct ext_superblock *superblock, uint32_t bits)
{
	return (superblock->compat & bits) != 0;
}
static inline bool ext_has_incompat(const struct ext_superblock *superblock, uint32_t bits)
{
	return (superblock->incompat & bits) != 0;
}
static inline bool ext_has_ro_compat(const struct ext_superblock *superblock, uint32_t bits)
{
	return (superblock->ro_compat & bits) != 0;
}

/* "ext2", "ext3" or "ext4", by features, as blkid would say. */
const char *ext_superblock_type(const struct ext_superblock *superblock);

/*
 * Names of features as e2fsprogs prints them, in its order: call with index 0, 1, ... until NULL.
 * Unknown bits come as "FEATURE_C12", "FEATURE_I31", "FEATURE_R17", written into `text`.
 */
const char *ext_superblock_feature(const struct ext_superblock *superblock, unsigned index,
				   char text[16]);

/* "01234567-89ab-cdef-0123-456789abcdef", terminated. */
void ext_uuid_show(const uint8_t uuid[16], char text[37]);

/* Placement (structure/placement.c). */

/* First block of a group, and how many blocks it has (the last one may be short). */
ext_block ext_group_first_block(const struct ext_superblock *superblock, ext_group group);
uint32_t ext_group_block_count(const struct ext_superblock *superblock, ext_group group);

/* Does this group hold a superblock copy? */
bool ext_group_has_superblock(const struct ext_superblock *superblock, ext_group group);

/* Byte offset of the superblock copy in `group` (1024 for group 0), from the start of the
 * filesystem. */
uint64_t ext_superblock_copy_offset(const struct ext_superblock *superblock, ext_group group);

/*
 * The block where descriptor block `index` of the table lies, in the copy that belongs to the
 * superblock in `copy_group` (0: the primary table). With meta_bg, metagroups beyond first_meta_bg
 * have copies in their first, second and last group; copy_group 0 gives the first, another the
 * second.
 */
ext_block ext_descriptor_block(const struct ext_superblock *superblock, ext_group copy_group,
			       uint32_t index);

/*
 * The run of blocks at the start of `group` (after the superblock block, if any) that the layout
 * itself occupies there: descriptor blocks, and reserved descriptor blocks behind them.
 */
struct ext_group_layout {
	bool has_superblock;
	ext_block superblock_block; /* block that holds the copy */
	ext_block descriptors_start;
	uint32_t descriptor_blocks; /* 0 if none in this group */
	uint32_t reserved_blocks;   /* reserved descriptor blocks right behind */
};
void ext_group_layout(const struct ext_superblock *superblock, ext_group group,
		      struct ext_group_layout *layout);

#ifdef __cplusplus
}
#endif

#endif
