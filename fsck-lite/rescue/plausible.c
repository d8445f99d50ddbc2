/* SPDX-License-Identifier: MIT */
/* Sanity of single structures, strict: what is in doubt is no evidence. */
#include "config.h"

#include <string.h>

#include "rescue/plausible.h"

#include <ext/extent_node.h>

enum {
	LINKS_MOST = 65000,
	KNOWN_FLAGS = 0x7fffffff,
	EXTENT_ROOT_ENTRIES = 4,
	EXTENT_DEPTH = 5,
	SIZE_LOG2_MOST = 44,
};

static uint32_t word16(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t word32(const uint8_t *bytes)
{
	return word16(bytes) | word16(bytes + 2) << 16;
}

bool all_zero(struct ext_span bytes)
{
	return bytes.size == 0 ||
	       (bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.size - 1) == 0);
}

static bool header_fits(const uint8_t *header, size_t room)
{
	const uint32_t entries = word16(header + 2), most = word16(header + 4);

	return word16(header) == EXT_EXTENT_HEADER_MAGIC && most > 0 && most <= room &&
	       entries <= most && word16(header + 6) <= EXTENT_DEPTH;
}

static bool map_fits(const struct ext_superblock *sb, const struct ext_inode *inode)
{
	if (!ext_inode_maps_blocks(inode))
		return true;
	if (inode->flags & EXT_INODE_EXTENTS)
		return header_fits(inode->i_block, EXTENT_ROOT_ENTRIES);
	for (unsigned i = 0; i < 15; i++)
		if (word32(inode->i_block + 4 * i) >= sb->block_count)
			return false;
	return true;
}

static bool size_fits(const struct ext_superblock *sb, const struct ext_inode *inode)
{
	const uint64_t capacity = sb->block_count << (sb->block_size_log2 - 9);

	if (inode->size >> SIZE_LOG2_MOST != 0 || inode->sectors > capacity + 1024)
		return false;
	switch (inode->type) {
	case EXT_TYPE_DIRECTORY:
		return inode->size > 0 &&
		       ((inode->flags & EXT_INODE_INLINE_DATA) ||
			(inode->size % sb->block_size == 0 && inode->size >> 40 == 0));
	case EXT_TYPE_SYMLINK:
		return inode->size > 0 && inode->size <= sb->block_size;
	case EXT_TYPE_REGULAR:
	case EXT_TYPE_CHARACTER:
	case EXT_TYPE_BLOCK:
	case EXT_TYPE_FIFO:
	case EXT_TYPE_SOCKET:
	case EXT_TYPE_UNKNOWN:
		break;
	}
	return true;
}

bool plausible_inode(const struct ext_superblock *sb, const struct ext_inode *inode,
		     const uint8_t *raw)
{
	if (inode->type == EXT_TYPE_UNKNOWN || inode->links > LINKS_MOST ||
	    (inode->flags & ~(uint32_t)KNOWN_FLAGS) != 0 ||
	    (inode->links > 0 && inode->dtime != 0) || inode->xattr_block >= sb->block_count)
		return false;
	if (sb->inode_size > 128) {
		const uint32_t extra = word16(raw + 128);

		if (extra % 4 != 0 || extra > sb->inode_size - 128)
			return false;
	}
	return size_fits(sb, inode) && map_fits(sb, inode);
}

/* Walks entries to the end of the block. False at the first that cannot be. */
static bool entries_fit(const struct ext_superblock *sb, struct ext_span block, bool has_tail,
			unsigned *used)
{
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	enum ext_status status;

	*used = 0;
	ext_dirent_cursor_init(&cursor, sb, block, 0, has_tail);
	while ((status = ext_dirent_next(&cursor, &entry, NULL)) == EXT_OK) {
		if (entry.inode > sb->inode_count)
			return false;
		if (entry.inode != 0 && entry.name_length == 0)
			return false;
		*used += entry.inode != 0;
	}
	return status == EXT_END;
}

static bool has_tail(const struct ext_superblock *sb, struct ext_span block)
{
	return sb->has_metadata_csum && ext_directory_block_has_tail(sb, block);
}

bool plausible_first_block(const struct ext_superblock *sb, struct ext_span block, ext_ino *self,
			   ext_ino *parent)
{
	const uint8_t *data = block.data;
	unsigned used;

	if (block.size < 24 || word16(data + 4) != 12 || data[6] != 1 || data[8] != '.' ||
	    data[12 + 6] != 2 || data[12 + 8] != '.' || data[12 + 9] != '.')
		return false;
	*self = word32(data);
	*parent = word32(data + 12);
	if (*self == 0 || *self > sb->inode_count || *parent == 0 || *parent > sb->inode_count)
		return false;
	/* In an indexed directory ".." reaches to the end. */
	return entries_fit(sb, block, has_tail(sb, block), &used) ||
	       entries_fit(sb, block, false, &used);
}

bool plausible_entries(const struct ext_superblock *sb, struct ext_span block)
{
	unsigned used;

	return !all_zero(block) && entries_fit(sb, block, has_tail(sb, block), &used) && used > 0;
}

bool plausible_directory_block(const struct ext_superblock *sb, const struct ext_inode *directory,
			       ext_logical logical, struct ext_span block)
{
	const enum ext_directory_block_kind kind =
		ext_directory_block_kind(sb, directory, logical, block);
	ext_ino self, parent;
	unsigned used;

	if (all_zero(block))
		return false;
	if (sb->has_metadata_csum &&
	    ext_directory_block_checksum(
		    sb, ext_inode_seed(sb, directory->number, directory->generation), kind, block,
		    NULL, NULL) == EXT_CHECKSUM_BAD)
		return false;
	if (logical == 0)
		return plausible_first_block(sb, block, &self, &parent) &&
		       self == directory->number;
	if (kind == EXT_DIRECTORY_HTREE_NODE)
		return true;
	return entries_fit(sb, block, has_tail(sb, block), &used);
}

bool plausible_extent_node(const struct ext_superblock *sb, struct ext_span block)
{
	return header_fits(block.data, (sb->block_size - 12) / 12) && word16(block.data + 2) > 0;
}

bool plausible_indirect(const struct ext_superblock *sb, struct ext_span block)
{
	for (size_t at = 0; at + 4 <= block.size; at += 4)
		if (word32(block.data + at) >= sb->block_count)
			return false;
	return !all_zero(block);
}
