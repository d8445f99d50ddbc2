/* SPDX-License-Identifier: MIT */
/*
 * Brings stale group descriptors up to date. In a backup only the three locations can be trusted;
 * everything else follows from what lies there: free counts and checksums from the bitmaps, unused
 * inodes from the last bit, directories from the inodes themselves.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/choose.h>
#include <ext/copies.h>
#include <ext/journal.h>
#include <ext/mapping.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "layout/layout.h"
#include "structure/filesystem.h"
#include "structure/group.h"
#include "walk/evidence.h"
#include "walk/refresh.h"

struct refresh {
	const struct ext_filesystem *filesystem;
	struct ext_source *source;
	uint8_t *buffer; /* two blocks */
	bool count_directories;
};

/* Bits that are 0 among the first `bits`, eight bytes at a time. */
static uint32_t count_clear(const uint8_t *bitmap, uint32_t bits)
{
	const uint64_t pairs = UINT64_C(0x5555555555555555), fours = UINT64_C(0x3333333333333333);
	uint32_t set = 0, bit = 0;

	for (; bits - bit >= 64; bit += 64) {
		uint64_t word;

		memcpy(&word, bitmap + bit / 8, sizeof word);
		word -= word >> 1 & pairs;
		word = (word & fours) + (word >> 2 & fours);
		word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
		set += (uint32_t)(word * UINT64_C(0x0101010101010101) >> 56);
	}
	for (; bit < bits; bit++)
		set += ext_bit_is_set(bitmap, bit);
	return bits - set;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Directories among the inodes that the bitmap calls used, of which `last` is one too many. */
static uint32_t count_directories(const struct refresh *refresh, ext_group group,
				  const uint8_t *bitmap, uint32_t last)
{
	const struct ext_superblock *sb = &refresh->filesystem->superblock;
	const uint32_t per_block = sb->block_size / sb->inode_size;
	const struct ext_group_locations where = group_locations(refresh->filesystem, group);
	uint8_t *const block = refresh->buffer + sb->block_size;
	uint32_t directories = 0;

	if (!locations_in_range(sb, &where))
		return 0;
	for (uint32_t first = 0; first < last; first += per_block) {
		if (ext_filesystem_read_blocks(refresh->filesystem,
					       where.inode_table + first / per_block, 1, block,
					       NULL) != EXT_OK)
			continue;
		for (uint32_t i = 0; i < per_block && first + i < last; i++)
			if (ext_bit_is_set(bitmap, first + i) &&
			    (block[(size_t)i * sb->inode_size + 1] & 0xf0) == 0x40)
				directories++;
	}
	return directories;
}

static void put_halves(struct le16 *low, struct le16 *high, uint32_t value)
{
	put(low, (uint16_t)value);
	if (high)
		put(high, (uint16_t)(value >> 16));
}

/*
 * A group that was never initialised has bitmaps that were never written: zeros, or what an older
 * filesystem left there. When the stale flag says so and nothing contradicts it, it still holds.
 */
static bool bitmap_is_unwritten(const struct evidence *evidence, const uint8_t *bitmap, size_t size)
{
	return all_zero(bitmap, size) || evidence->bad > evidence->good;
}

/*
 * Zeros where a bitmap must have bits: wiped. Then the old counts and checksum are the better ones,
 * for they show that something is missing.
 */
static bool blocks_are_wiped(const struct ext_superblock *sb, ext_group group,
			     const struct ext_group_locations *where, const uint8_t *bitmap)
{
	const ext_block first = ext_group_first_block(sb, group);

	return all_zero(bitmap, sb->block_size) &&
	       (sb->clusters_per_group < 8 * sb->block_size ||
		ext_group_block_count(sb, group) < sb->blocks_per_group ||
		ext_group_has_superblock(sb, group) ||
		(where->block_bitmap >= first &&
		 where->block_bitmap - first < sb->blocks_per_group));
}

static bool inodes_are_wiped(const struct ext_superblock *sb, ext_group group,
			     const uint8_t *bitmap)
{
	return all_zero(bitmap, sb->block_size) &&
	       (group == 0 || sb->inodes_per_group < 8 * sb->block_size);
}

static void refresh_blocks(const struct refresh *refresh, ext_group group,
			   const struct ext_group_descriptor *descriptor,
			   struct ext_raw_group_descriptor *raw,
			   struct ext_raw_group_descriptor_high *high, uint16_t *flags)
{
	const struct ext_superblock *sb = &refresh->filesystem->superblock;
	const uint32_t clusters =
		(uint32_t)divide_up(ext_group_block_count(sb, group), sb->cluster_blocks);
	const struct ext_group_locations where = group_locations(refresh->filesystem, group);
	uint32_t crc;

	if (ext_block_bitmap_read(refresh->filesystem, group, refresh->buffer, NULL, NULL) !=
	    EXT_OK)
		return;
	if (descriptor->flags & EXT_GROUP_BLOCK_UNINIT) {
		struct evidence evidence = {0, 0};

		evidence_of_block_bitmap(sb, group, &where, refresh->buffer, &evidence);
		if (bitmap_is_unwritten(&evidence, refresh->buffer, sb->block_size)) {
			*flags |= EXT_GROUP_BLOCK_UNINIT;
			return;
		}
	} else if (blocks_are_wiped(sb, group, &where, refresh->buffer)) {
		return;
	}
	put_halves(&raw->bg_free_blocks_count_lo, high ? &high->bg_free_blocks_count_hi : NULL,
		   count_clear(refresh->buffer, clusters));
	if (!sb->has_metadata_csum)
		return;
	crc = crc32c(sb->checksum_seed, refresh->buffer, sb->clusters_per_group / 8);
	put_halves(&raw->bg_block_bitmap_csum_lo, high ? &high->bg_block_bitmap_csum_hi : NULL,
		   crc);
}

static void refresh_inodes(const struct refresh *refresh, ext_group group,
			   const struct ext_group_descriptor *descriptor,
			   struct ext_raw_group_descriptor *raw,
			   struct ext_raw_group_descriptor_high *high, uint16_t *flags)
{
	const struct ext_superblock *sb = &refresh->filesystem->superblock;
	uint32_t last = sb->inodes_per_group, unused;
	uint32_t crc;

	if (ext_inode_bitmap_read(refresh->filesystem, group, refresh->buffer, NULL, NULL) !=
	    EXT_OK)
		return;
	if (descriptor->flags & EXT_GROUP_INODE_UNINIT) {
		const struct ext_group_locations where =
			group_locations(refresh->filesystem, group);
		struct evidence evidence = {0, 0};

		evidence_of_inodes(refresh->source, sb, group, &where, refresh->buffer,
				   refresh->buffer + sb->block_size, &evidence);
		if (bitmap_is_unwritten(&evidence, refresh->buffer, sb->block_size)) {
			*flags |= EXT_GROUP_INODE_UNINIT;
			return;
		}
	} else if (inodes_are_wiped(sb, group, refresh->buffer)) {
		return;
	}
	while (last > 0 && !ext_bit_is_set(refresh->buffer, last - 1))
		last--;
	put_halves(&raw->bg_free_inodes_count_lo, high ? &high->bg_free_inodes_count_hi : NULL,
		   count_clear(refresh->buffer, sb->inodes_per_group));
	if (refresh->count_directories)
		put_halves(&raw->bg_used_dirs_count_lo, high ? &high->bg_used_dirs_count_hi : NULL,
			   count_directories(refresh, group, refresh->buffer, last));
	if (sb->has_group_csum) {
		/* It only ever shrinks, as far as inodes were handed out. */
		unused = (uint32_t)min_u64(descriptor->itable_unused, sb->inodes_per_group - last);
		put_halves(&raw->bg_itable_unused_lo, high ? &high->bg_itable_unused_hi : NULL,
			   unused);
	}
	if (!sb->has_metadata_csum)
		return;
	crc = crc32c(sb->checksum_seed, refresh->buffer, sb->inodes_per_group / 8);
	put_halves(&raw->bg_inode_bitmap_csum_lo, high ? &high->bg_inode_bitmap_csum_hi : NULL,
		   crc);
}

static void refresh_group(const struct refresh *refresh, ext_group group, uint8_t *bytes)
{
	const struct ext_superblock *sb = &refresh->filesystem->superblock;
	struct ext_raw_group_descriptor *raw = (struct ext_raw_group_descriptor *)(void *)bytes;
	struct ext_raw_group_descriptor_high *high = NULL;
	struct ext_group_descriptor descriptor;
	uint16_t flags;

	if (sb->descriptor_size >= sizeof *raw + sizeof *high)
		high = (struct ext_raw_group_descriptor_high *)(void *)(bytes + sizeof *raw);
	ext_group_locations(refresh->filesystem, group, &descriptor);
	flags = descriptor.flags & EXT_GROUP_INODE_ZEROED;
	refresh_blocks(refresh, group, &descriptor, raw, high, &flags);
	refresh_inodes(refresh, group, &descriptor, raw, high, &flags);
	if (!sb->has_group_csum)
		return;
	put(&raw->bg_flags, flags);
	put(&raw->bg_checksum,
	    group_descriptor_checksum(sb, group, (struct ext_span){bytes, sb->descriptor_size}));
}

enum ext_status ext_descriptors_refresh(struct ext_source *source, const uint8_t superblock[1024],
					uint8_t *descriptors, size_t size, const uint8_t *groups,
					bool directories, struct ext_error *error)
{
	const struct ext_open_options options = {
		.superblock = superblock, .descriptors = descriptors, .descriptors_size = size};
	struct ext_filesystem *fs;
	struct refresh refresh = {.source = source, .count_directories = directories};
	enum ext_status status = ext_filesystem_open(source, &options, &fs, error);

	if (status != EXT_OK)
		return status;
	refresh.filesystem = fs;
	refresh.buffer = malloc((size_t)fs->superblock.block_size * 2);
	if (!refresh.buffer) {
		ext_filesystem_close(fs);
		return ext_no_memory(error);
	}
	for (ext_group group = 0; group < fs->superblock.group_count; group++)
		if (ext_bit_is_set(groups, group) && size / fs->superblock.descriptor_size > group)
			refresh_group(&refresh, group,
				      descriptors + (size_t)group * fs->superblock.descriptor_size);
	free(refresh.buffer);
	ext_filesystem_close(fs);
	return EXT_OK;
}

/* Does the journal wait to be replayed? Backups never say so: writers clear the bit in them. */
static bool journal_is_dirty(const struct ext_filesystem *fs)
{
	const struct ext_place place = {.structure = EXT_AT_JOURNAL_SUPERBLOCK};
	uint8_t bytes[EXT_SUPERBLOCK_SIZE];
	struct ext_journal_superblock journal;
	struct ext_mapping *mapping;
	struct ext_inode inode;
	size_t got = 0;
	bool dirty = false;

	if (!ext_has_compat(&fs->superblock, EXT_COMPAT_HAS_JOURNAL) ||
	    fs->superblock.journal_inode != EXT_INO_JOURNAL ||
	    ext_mapping_new(fs, &mapping, NULL) != EXT_OK)
		return false;
	if (ext_inode_read(fs, EXT_INO_JOURNAL, &inode, NULL, NULL) == EXT_OK &&
	    ext_file_read(mapping, &inode, 0, bytes, sizeof bytes, &got, NULL) == EXT_OK &&
	    got == sizeof bytes &&
	    ext_journal_superblock_decode((struct ext_span){bytes, sizeof bytes}, place, &journal,
					  NULL, NULL) == EXT_OK)
		dirty = journal.start != 0;
	ext_mapping_free(mapping);
	return dirty;
}

/* Makes a primary of a backup: its own group, counts as the descriptors have them, the state. */
enum ext_status superblock_refresh(struct ext_source *source, struct ext_choice *choice,
				   struct ext_error *error)
{
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)choice->superblock;
	const struct ext_open_options options = {.superblock = choice->superblock,
						 .descriptors = choice->descriptors,
						 .descriptors_size = choice->descriptors_size};
	struct ext_filesystem *fs;
	uint64_t free_clusters = 0, free_inodes = 0;
	enum ext_status status = ext_filesystem_open(source, &options, &fs, error);

	if (status != EXT_OK)
		return status;
	for (ext_group group = 0; group < fs->superblock.group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(fs, group, &descriptor);
		free_clusters += descriptor.free_clusters;
		free_inodes += descriptor.free_inodes;
	}
	free_clusters <<= fs->superblock.cluster_log2;
	put(&raw->s_free_blocks_count_lo, (uint32_t)free_clusters);
	if (ext_has_incompat(&fs->superblock, EXT_INCOMPAT_64BIT))
		put(&raw->s_free_blocks_count_hi, (uint32_t)(free_clusters >> 32));
	put(&raw->s_free_inodes_count, (uint32_t)min_u64(free_inodes, UINT32_MAX));
	if (journal_is_dirty(fs))
		put(&raw->s_feature_incompat, get(raw->s_feature_incompat) | EXT_INCOMPAT_RECOVER);
	else
		put(&raw->s_state, (uint16_t)(get(raw->s_state) | EXT_STATE_CLEAN));
	ext_superblock_make_copy(choice->superblock, 0, choice->superblock);
	ext_filesystem_close(fs);
	return EXT_OK;
}

/* What is not the primary's comes up to date; where nothing was left, directories are counted, too.
 */
enum ext_status table_refresh(struct ext_source *source, struct ext_choice *choice,
			      const struct assembled_table *table, struct ext_error *error)
{
	enum ext_status status =
		ext_descriptors_refresh(source, choice->superblock, choice->descriptors,
					choice->descriptors_size, table->replaced, false, error);

	if (status != EXT_OK || table->rebuilt_count == 0)
		return status;
	return ext_descriptors_refresh(source, choice->superblock, choice->descriptors,
				       choice->descriptors_size, table->rebuilt, true, error);
}
