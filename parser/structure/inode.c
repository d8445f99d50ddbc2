/* SPDX-License-Identifier: MIT */
/*
 * One inode: where it lies, and what its bytes say. Fields beyond the first
 * 128 bytes exist only as far as i_extra_isize reaches. Doc: ext4/inodes.rst.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/inode.h>

#include "bytes/checked.h"
#include "bytes/endian.h"
#include "layout/layout.h"
#include "structure/filesystem.h"

enum {
	SMALL_INODE = 128,
	SECTOR_LOG2 = 9,
	MODE_TYPE = 0xf000,
	FAST_SYMLINK_MAX = 60,
};

static enum ext_file_type type_of_mode(uint16_t mode)
{
	switch (mode & MODE_TYPE) {
	case 0x8000:
		return EXT_TYPE_REGULAR;
	case 0x4000:
		return EXT_TYPE_DIRECTORY;
	case 0x2000:
		return EXT_TYPE_CHARACTER;
	case 0x6000:
		return EXT_TYPE_BLOCK;
	case 0x1000:
		return EXT_TYPE_FIFO;
	case 0xc000:
		return EXT_TYPE_SOCKET;
	case 0xa000:
		return EXT_TYPE_SYMLINK;
	}
	return EXT_TYPE_UNKNOWN;
}

/*
 * Seconds are signed 32 bits; the extra word adds two epoch bits above them and 30 bits of
 * nanoseconds. Sign extension comes first. Doc: ext4/inodes.rst, "Inode Timestamps".
 */
static struct ext_time decode_time(uint32_t seconds, uint32_t extra)
{
	const uint32_t nanoseconds = extra >> 2;
	struct ext_time time = {(int64_t)(int32_t)seconds, nanoseconds};

	time.seconds += (int64_t)(extra & 3) << 32;
	return time;
}

/* The word at byte `at` of the inode, or 0 when i_extra_isize does not reach behind it. */
static uint32_t extra_word(const uint8_t *raw, uint32_t extra_isize, uint32_t at)
{
	struct le32 word;

	if (at + sizeof word > SMALL_INODE + extra_isize)
		return 0;
	memcpy(&word, raw + at, sizeof word);
	return get(word);
}

static bool bytes_are_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

#define EXTRA(field) (SMALL_INODE + (uint32_t)offsetof(struct ext_raw_inode_extra, field))

static void decode_extra(const struct ext_superblock *sb, const struct ext_raw_inode *core,
			 const uint8_t *raw, struct ext_inode *inode)
{
	uint32_t extra = 0;

	if (sb->inode_size > SMALL_INODE) {
		extra = get(((const struct ext_raw_inode_extra *)(const void *)(raw + SMALL_INODE))
				    ->i_extra_isize);
		if (extra > sb->inode_size - SMALL_INODE)
			extra = 0;
	}
	inode->extra_isize = extra;
	inode->atime =
		decode_time(get(core->i_atime), extra_word(raw, extra, EXTRA(i_atime_extra)));
	inode->ctime =
		decode_time(get(core->i_ctime), extra_word(raw, extra, EXTRA(i_ctime_extra)));
	inode->mtime =
		decode_time(get(core->i_mtime), extra_word(raw, extra, EXTRA(i_mtime_extra)));
	inode->has_crtime = extra >= EXTRA(i_crtime) - SMALL_INODE + 4;
	inode->crtime = decode_time(extra_word(raw, extra, EXTRA(i_crtime)),
				    extra_word(raw, extra, EXTRA(i_crtime_extra)));
	inode->version |= (uint64_t)extra_word(raw, extra, EXTRA(i_version_hi)) << 32;
	inode->project = extra_word(raw, extra, EXTRA(i_projid));
}

void ext_inode_decode(const struct ext_superblock *sb, ext_ino ino, const uint8_t *raw,
		      struct ext_inode *inode)
{
	const struct ext_raw_inode *core = (const struct ext_raw_inode *)(const void *)raw;

	inode->number = ino;
	inode->stored_at = 0;
	inode->mode = get(core->i_mode);
	inode->type = type_of_mode(inode->mode);
	inode->links = get(core->i_links_count);
	inode->uid = get(core->i_uid) | (uint32_t)get(core->i_uid_high) << 16;
	inode->gid = get(core->i_gid) | (uint32_t)get(core->i_gid_high) << 16;
	inode->size = get(core->i_size_lo);
	/* In other types the high half is something else, or was left as garbage. */
	if (inode->type == EXT_TYPE_REGULAR ||
	    (inode->type == EXT_TYPE_DIRECTORY && ext_has_incompat(sb, EXT_INCOMPAT_LARGEDIR)))
		inode->size |= (uint64_t)get(core->i_size_high) << 32;
	inode->flags = get(core->i_flags);
	inode->blocks_raw = get(core->i_blocks_lo);
	inode->sectors = inode->blocks_raw;
	if (ext_has_ro_compat(sb, EXT_RO_HUGE_FILE)) {
		inode->blocks_raw |= (uint64_t)get(core->i_blocks_high) << 32;
		inode->sectors = inode->blocks_raw;
		if (inode->flags & EXT_INODE_HUGE_FILE)
			inode->sectors <<= sb->block_size_log2 - SECTOR_LOG2;
	}
	inode->generation = get(core->i_generation);
	inode->version = get(core->l_i_version);
	inode->dtime = get(core->i_dtime);
	inode->xattr_block = get(core->i_file_acl_lo);
	if (ext_has_incompat(sb, EXT_INCOMPAT_64BIT))
		inode->xattr_block |= (uint64_t)get(core->i_file_acl_high) << 32;
	memcpy(inode->i_block, core->i_block, sizeof inode->i_block);
	decode_extra(sb, core, raw, inode);
	inode->all_zero = inode->mode == 0 && inode->links == 0 && bytes_are_zero(raw, SMALL_INODE);
	inode->checksum = EXT_CHECKSUM_NONE;
	inode->checksum_stored = inode->checksum_computed = 0;
}

void ext_inode_leftovers(const uint8_t *raw, struct ext_inode_leftovers *leftovers)
{
	const struct ext_raw_inode *core = (const struct ext_raw_inode *)(const void *)raw;
	const uint16_t fragments = get(core->i_blocks_high); /* the Hurd's bytes at this place */

	leftovers->fragment_address = get(core->i_obso_faddr);
	leftovers->fragment = (uint8_t)(fragments & 0xff);
	leftovers->fragment_size = (uint8_t)(fragments >> 8);
	leftovers->size_high = get(core->i_size_high);
	leftovers->blocks_high = fragments;
	leftovers->xattr_block_high = get(core->i_file_acl_high);
}

enum ext_status ext_inode_offset(const struct ext_filesystem *fs, ext_ino ino, uint64_t *offset,
				 struct ext_error *error)
{
	const struct ext_superblock *sb = &fs->superblock;
	struct ext_group_descriptor descriptor;
	struct ext_place place = {.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = ino};
	ext_group group;

	if (ino == 0 || ino > sb->inode_count) {
		enum ext_status status = ext_fail(error, EXT_ARGUMENT, EXT_INODE_RANGE, place, 0);

		if (error) {
			error->found = ino;
			error->low = 1;
			error->high = sb->inode_count;
		}
		return status;
	}
	group = (ino - 1) / sb->inodes_per_group;
	ext_group_locations(fs, group, &descriptor);
	place.has |= EXT_HAS_GROUP;
	place.group = group;
	if (!descriptor.readable)
		return ext_fail(error, EXT_IO, EXT_UNREADABLE, place, 0);
	if (descriptor.inode_table <= sb->first_data_block ||
	    !range_inside(descriptor.inode_table, sb->inode_table_blocks, sb->block_count))
		return ext_corrupt(error, EXT_GROUP_INODE_TABLE_RANGE, place,
				   descriptor.inode_table, sb->first_data_block,
				   sb->block_count - 1);
	*offset = (descriptor.inode_table << sb->block_size_log2) +
		  (uint64_t)((ino - 1) % sb->inodes_per_group) * sb->inode_size;
	return EXT_OK;
}

enum ext_status ext_inode_read(const struct ext_filesystem *fs, ext_ino ino,
			       struct ext_inode *inode, uint8_t *raw, struct ext_error *error)
{
	const struct ext_superblock *sb = &fs->superblock;
	uint8_t small[512];
	uint8_t *bytes = raw ? raw : small, *large = NULL;
	uint64_t offset = 0;
	enum ext_status status = ext_inode_offset(fs, ino, &offset, error);

	if (status != EXT_OK)
		return status;
	if (!raw && sb->inode_size > sizeof small) {
		bytes = large = malloc(sb->inode_size);
		if (!large)
			return ext_no_memory(error);
	}
	status = ext_source_read(fs->source, offset, bytes, sb->inode_size, error);
	if (status != EXT_OK) {
		if (error)
			error->place = (struct ext_place){.structure = EXT_AT_INODE,
							  .has = EXT_HAS_INODE | EXT_HAS_OFFSET,
							  .inode = ino,
							  .offset = offset};
	} else {
		ext_inode_decode(sb, ino, bytes, inode);
		inode->checksum = ext_inode_checksum(sb, ino, bytes, &inode->checksum_stored,
						     &inode->checksum_computed);
	}
	free(large);
	return status;
}

bool ext_inode_is_fast_symlink(const struct ext_inode *inode)
{
	return inode->type == EXT_TYPE_SYMLINK && inode->size > 0 &&
	       inode->size < FAST_SYMLINK_MAX &&
	       !(inode->flags & (EXT_INODE_EXTENTS | EXT_INODE_INLINE_DATA));
}

bool ext_inode_maps_blocks(const struct ext_inode *inode)
{
	if (inode->flags & EXT_INODE_INLINE_DATA)
		return false;
	switch (inode->type) {
	case EXT_TYPE_REGULAR:
	case EXT_TYPE_DIRECTORY:
		return true;
	case EXT_TYPE_SYMLINK:
		/* Without space of its own it has no block, whatever its size says. */
		return !ext_inode_is_fast_symlink(inode) && inode->blocks_raw != 0;
	case EXT_TYPE_UNKNOWN:
		/* The list of bad blocks has no mode. Other reserved inodes with a map have one. */
		return inode->mode == 0 && inode->number == EXT_INO_BAD_BLOCKS;
	case EXT_TYPE_CHARACTER:
	case EXT_TYPE_BLOCK:
	case EXT_TYPE_FIFO:
	case EXT_TYPE_SOCKET:
		return false;
	}
	return false;
}

void ext_inode_device(const struct ext_inode *inode, uint32_t *major, uint32_t *minor)
{
	struct le32 words[2];
	uint32_t device;

	memcpy(words, inode->i_block, sizeof words);
	device = get(words[0]);
	if (device != 0) {
		*major = device >> 8 & 0xff;
		*minor = device & 0xff;
		return;
	}
	device = get(words[1]);
	*major = device >> 8 & 0xfff;
	*minor = (device & 0xff) | (device >> 12 & 0xfff00);
}
