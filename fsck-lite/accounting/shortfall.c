/* SPDX-License-Identifier: MIT */
/*
 * i_blocks counts data, unwritten blocks and blocks of the map in whole clusters, the block of
 * attributes, and the values that attributes keep in inodes of their own.
 */
#include "config.h"

#include <ext/xattr.h>

#include "accounting/shortfall.h"

enum { SECTOR_LOG2 = 9, HURD = 1 };

static uint64_t blocks_of_size(const struct ext_superblock *sb, const struct ext_inode *inode)
{
	return (inode->size >> sb->block_size_log2) + ((inode->size & (sb->block_size - 1)) != 0);
}

void shortfall_add(struct shortfall *shortfall, const struct ext_superblock *sb,
		   const struct ext_inode *inode, const struct ext_run *run)
{
	const unsigned shift = sb->cluster_log2;
	const uint64_t last = (run->physical + run->length - 1) >> shift;
	const uint64_t end = blocks_of_size(sb, inode);
	uint64_t first = run->physical >> shift, from = run->logical;
	uint64_t until = from + run->length;

	/* A block of the map has a cluster to itself; data may go on in that of the run before. */
	if (run->kind != EXT_RUN_TREE && first + 1 == shortfall->next_cluster)
		first++;
	shortfall->clusters += last + 1 - first;
	if (run->kind == EXT_RUN_TREE)
		return;
	shortfall->next_cluster = last + 1;
	if (from < shortfall->covered_until)
		from = shortfall->covered_until;
	if (until > end)
		until = end;
	if (until <= from)
		return;
	shortfall->covered += until - from;
	shortfall->covered_until = until;
}

/* Bytes that the attributes of the inode own elsewhere. */
static uint64_t bytes_of_values(const struct ext_filesystem *filesystem, ext_ino ino)
{
	struct ext_xattr_list *list;
	struct ext_xattr xattr;
	struct ext_inode holder;
	struct ext_span value;
	uint64_t bytes = 0;

	if (ext_xattr_list_open(filesystem, ino, &list, NULL) != EXT_OK)
		return 0;
	while (ext_xattr_list_next(list, &xattr, &value, NULL, NULL) == EXT_OK)
		if (xattr.value_inode != 0 &&
		    ext_inode_read(filesystem, xattr.value_inode, &holder, NULL, NULL) == EXT_OK)
			bytes += holder.sectors << SECTOR_LOG2;
	ext_xattr_list_close(list);
	return bytes;
}

uint64_t shortfall_bytes(const struct shortfall *shortfall, const struct ext_filesystem *filesystem,
			 const struct ext_inode *inode)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	const uint64_t holes = (blocks_of_size(sb, inode) - shortfall->covered)
			       << sb->block_size_log2;
	uint64_t owned = shortfall->clusters << sb->cluster_log2 << sb->block_size_log2, counted;

	if (holes == 0 || inode->sectors >> (63 - SECTOR_LOG2) != 0 || sb->creator_os == HURD ||
	    !ext_inode_maps_blocks(inode))
		return 0;
	counted = inode->sectors << SECTOR_LOG2;
	if (inode->xattr_block != 0)
		owned += sb->cluster_size;
	if (counted > owned && ext_has_incompat(sb, EXT_INCOMPAT_EA_INODE))
		owned += bytes_of_values(filesystem, inode->number);
	if (counted <= owned)
		return 0;
	return counted - owned < holes ? counted - owned : holes;
}
