/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes of one inode: in its tail, in its block, in inodes of their own. Invariants:
 * names and values lie inside their space and overlap nothing; hashes hold; a value's inode exists
 * and is marked as one; access control lists are well formed. How often blocks and values are
 * shared is counted on the way (xattr_shares.c).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/xattr.h>

#include "checks/inspection.h"
#include "checks/xattr_shares.h"

enum {
	ENTRY_SIZE = 16,
	HEADER_SIZE = 32,
	MAGIC_SIZE = 4,
	SPACE_MAX = 65536,
	ACL_ACCESS = 2,
	ACL_DEFAULT = 3,
};

/* Which bytes of a space have an owner. */
struct region {
	uint32_t size; /* bytes */
	uint8_t taken[SPACE_MAX / 8];
};

/* One space of attributes, and what its faults are called. */
struct space {
	struct inspection *inspection;
	struct ext_place place;
	enum ext_xattr_home home;
	enum ext_problem overlap, name, value;
	struct region *region;
	uint64_t clusters, inodes; /* what values in inodes of their own add */
};

static uint32_t rounded(uint32_t size)
{
	return (size + 3) & ~(uint32_t)3;
}

static void region_begin(struct region *region, uint32_t size)
{
	region->size = size < SPACE_MAX ? size : SPACE_MAX;
	memset(region->taken, 0, (region->size + 7) / 8);
}

/* False: it does not fit, or is taken already. */
static bool region_take(struct region *region, uint64_t start, uint64_t length)
{
	if (start > region->size || length > region->size - start)
		return false;
	for (uint64_t i = start; i < start + length; i++) {
		if (region->taken[i / 8] >> i % 8 & 1)
			return false;
		region->taken[i / 8] |= (uint8_t)(1 << i % 8);
	}
	return true;
}

static void report(const struct space *space, enum ext_problem problem,
		   const struct ext_xattr *xattr, uint64_t found, uint64_t low, uint64_t high)
{
	struct ext_finding finding = {.problem = problem,
				      .place = space->place,
				      .found = found,
				      .low = low,
				      .high = high};

	if (xattr) {
		char name[EXT_NAME_MAX + 32];
		const size_t length = ext_xattr_name(xattr, name, sizeof name);

		finding.name_length = (uint8_t)(length < EXT_NAME_MAX ? length : EXT_NAME_MAX);
		memcpy(finding.name, name, finding.name_length);
		finding.place.has |= EXT_HAS_OFFSET;
		finding.place.offset = xattr->at;
	}
	ext_report(space->inspection->sink, &finding);
}

static bool hash_holds(const struct ext_xattr *xattr, uint32_t value_hash)
{
	return xattr->hash_stored == ext_xattr_entry_hash(xattr, false, value_hash) ||
	       xattr->hash_stored == ext_xattr_entry_hash(xattr, true, value_hash);
}

/* A value in an inode of its own. False: the entry is no good. */
static bool check_value_inode(struct space *space, const struct ext_xattr *xattr)
{
	const struct inspection *inspection = space->inspection;
	const struct ext_superblock *sb = inspection->superblock;
	const uint64_t cluster = (uint64_t)sb->cluster_size;
	const ext_ino ino = xattr->value_inode;
	struct ext_inode value;
	bool is_marked;

	if (!ext_has_incompat(sb, EXT_INCOMPAT_EA_INODE))
		report(space, EXT_XATTR_VALUE_BLOCK, xattr, ino, 0, 0);
	if (ino < sb->first_inode || ino > sb->inode_count) {
		report(space, EXT_XATTR_INODE_RANGE, xattr, ino, sb->first_inode, sb->inode_count);
		return false;
	}
	if (ext_inode_read(inspection->survey->filesystem, ino, &value, NULL, NULL) != EXT_OK)
		return true;
	is_marked = (value.flags & EXT_INODE_EA_INODE) != 0;
	if (hash_holds(xattr, (uint32_t)value.atime.seconds)) {
		space->clusters += (xattr->value_size + cluster - 1) / cluster;
		if (!is_marked)
			report(space, EXT_XATTR_INODE_FLAG, xattr, ino, 0, 0);
	} else if ((uint32_t)value.mtime.seconds != inspection->inode->number ||
		   value.generation != inspection->inode->generation) {
		/* Lustre's inodes of values name their owner instead. */
		if (!is_marked)
			report(space, EXT_XATTR_INODE_WRONG, xattr, ino, 0, 0);
		else
			report(space, EXT_XATTR_HASH, xattr, xattr->hash_stored,
			       ext_xattr_entry_hash(xattr, false, (uint32_t)value.atime.seconds),
			       0);
		return false;
	}
	space->inodes++;
	return true;
}

/* What makes no difference to e2fsck, but may to Linux: it searches a block by order. */
static void check_manners(const struct space *space, const struct ext_xattr *xattr,
			  const struct ext_xattr *before)
{
	if (!ext_xattr_prefix(xattr->index))
		report(space, EXT_XATTR_NAMESPACE, xattr, xattr->index, 0, 0);
	if (memchr(xattr->name, 0, xattr->name_length))
		report(space, EXT_XATTR_NAME_INVALID, xattr, xattr->index, 0, 0);
	if (space->home != EXT_XATTR_IN_BLOCK || !before->name)
		return;
	if (ext_xattr_compare(before, xattr) == 0)
		report(space, EXT_XATTR_DUPLICATE, xattr, 0, 0, 0);
	else if (ext_xattr_compare(before, xattr) > 0)
		report(space, EXT_XATTR_ORDER, xattr, 0, 0, 0);
}

static void check_acl(const struct space *space, const struct ext_xattr *xattr)
{
	struct ext_acl_entry entry;
	enum ext_status status;
	size_t at = 0;

	if ((xattr->index != ACL_ACCESS && xattr->index != ACL_DEFAULT) || !xattr->value.data)
		return;
	while ((status = ext_acl_next(xattr->value, &at, &entry, NULL)) == EXT_OK)
		continue;
	if (status != EXT_END)
		report(space, EXT_ACL_MALFORMED, xattr, at, 0, xattr->value.size);
}

/* A value beside its entry. False: the entry is no good. */
static bool check_value(struct space *space, const struct ext_xattr *xattr, uint32_t base)
{
	if (xattr->value_size > 0 &&
	    !region_take(space->region, (uint64_t)base + xattr->value_offset,
			 rounded(xattr->value_size))) {
		report(space, space->overlap, xattr, xattr->value_offset, 0, 0);
		return false;
	}
	/* In an inode the hash is optional. */
	if ((space->home == EXT_XATTR_IN_BLOCK || xattr->hash_stored != 0) &&
	    !hash_holds(xattr, 0)) {
		report(space, EXT_XATTR_HASH, xattr, xattr->hash_stored,
		       ext_xattr_entry_hash(xattr, false, 0), 0);
		return false;
	}
	check_acl(space, xattr);
	return true;
}

/*
 * All entries of one space whose first `base` bytes are taken. Stops where what follows cannot be
 * trusted.
 */
static void check_entries(struct space *space, struct ext_xattr_cursor *cursor, uint32_t base)
{
	const bool in_block = space->home == EXT_XATTR_IN_BLOCK;
	const uint32_t shift = in_block ? 0 : base; /* of offsets in the space */
	uint64_t left = cursor->space.size;
	struct ext_xattr xattr, before = {.name = NULL};
	enum ext_status status;

	for (; (status = ext_xattr_next(cursor, &xattr, NULL)) == EXT_OK; before = xattr) {
		const uint32_t names = rounded(ENTRY_SIZE + xattr.name_length);

		if (!region_take(space->region, (uint64_t)shift + xattr.at, names)) {
			report(space, space->overlap, &xattr, xattr.at, 0, 0);
			return;
		}
		if (in_block ? xattr.index == 0 : names > left) {
			report(space, space->name, &xattr, xattr.name_length, 0, left);
			return;
		}
		left -= in_block ? 0 : names;
		check_manners(space, &xattr, &before);
		if (xattr.value_inode != 0) {
			if (!check_value_inode(space, &xattr) && !in_block)
				return;
			xattr_shares_value(space->inspection->checks, xattr.value_inode);
			continue;
		}
		if (in_block ? (uint64_t)xattr.value_offset + xattr.value_size > cursor->space.size
			     : xattr.value_size > left) {
			report(space, space->value, &xattr, xattr.value_offset, xattr.value_size,
			       cursor->space.size);
			return;
		}
		if (!check_value(space, &xattr, in_block ? 0 : shift) && !in_block)
			return;
		left -= in_block ? 0 : xattr.value_size;
	}
	if (status == EXT_CORRUPT ||
	    !region_take(space->region, (uint64_t)shift + cursor->at, MAGIC_SIZE))
		report(space, space->overlap, NULL, cursor->at, 0, 0);
}

static void check_inode_space(struct inspection *inspection, struct region *region)
{
	const uint32_t size = inspection->superblock->inode_size;
	struct ext_xattr_cursor cursor;
	struct space space = {.inspection = inspection,
			      .place = {.structure = EXT_AT_XATTR,
					.has = EXT_HAS_INODE,
					.inode = inspection->inode->number},
			      .home = EXT_XATTR_IN_INODE,
			      .overlap = EXT_XATTR_INODE_OVERLAP,
			      .name = EXT_XATTR_INODE_NAME,
			      .value = EXT_XATTR_INODE_VALUE,
			      .region = region};

	if (ext_xattr_inode_begin(inspection->superblock, (struct ext_span){inspection->raw, size},
				  &cursor, NULL) != EXT_OK)
		return;
	region_begin(region, (uint32_t)cursor.space.size + MAGIC_SIZE);
	region_take(region, 0, MAGIC_SIZE);
	check_entries(&space, &cursor, MAGIC_SIZE);
	inspection->value_clusters += space.clusters;
	inspection->value_inodes += space.inodes;
}

/* The content of a block, once, whoever comes first. */
static void check_block_content(struct space *space, const uint8_t *bytes, ext_block block)
{
	const struct ext_superblock *sb = space->inspection->superblock;
	const struct ext_span span = {bytes, sb->block_size};
	struct ext_xattr_header header;
	struct ext_xattr_cursor cursor;

	if (ext_xattr_header(sb, block, span, &header, NULL) != EXT_OK) {
		/* Only the count of blocks is looked at beyond this. */
		if (bytes[8] != 1 || (bytes[9] | bytes[10] | bytes[11]) != 0)
			report(space, EXT_XATTR_BLOCKS, NULL, bytes[8], 1, 1);
		report(space, EXT_XATTR_MAGIC, NULL,
		       (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
			       (uint32_t)bytes[3] << 24,
		       0, 0);
		return;
	}
	if (header.blocks != 1)
		report(space, EXT_XATTR_BLOCKS, NULL, header.blocks, 1, 1);
	if (header.checksum == EXT_CHECKSUM_BAD)
		report(space, EXT_XATTR_CHECKSUM, NULL, header.checksum_stored,
		       header.checksum_computed, header.checksum_computed);
	if (header.hash != 0 && header.hash != ext_xattr_block_hash(span))
		report(space, EXT_XATTR_BLOCK_HASH, NULL, header.hash, ext_xattr_block_hash(span),
		       0);
	region_begin(space->region, sb->block_size);
	region_take(space->region, 0, HEADER_SIZE);
	if (ext_xattr_block_begin(sb, span, &cursor, NULL) == EXT_OK)
		check_entries(space, &cursor, HEADER_SIZE);
}

/* A block that is none has the one owner that was found, as far as anybody can tell. */
static uint32_t reference_count(const uint8_t *bytes)
{
	if (bytes[2] != 0x02 || bytes[3] != 0xea)
		return 1;
	return (uint32_t)bytes[4] | (uint32_t)bytes[5] << 8 | (uint32_t)bytes[6] << 16 |
	       (uint32_t)bytes[7] << 24;
}

static void check_block(struct inspection *inspection, struct region *region)
{
	const struct ext_superblock *sb = inspection->superblock;
	const ext_block block = inspection->inode->xattr_block;
	struct space space = {
		.inspection = inspection,
		.place = {.structure = EXT_AT_XATTR, .has = EXT_HAS_BLOCK, .block = block},
		.home = EXT_XATTR_IN_BLOCK,
		.overlap = EXT_XATTR_BLOCK_OVERLAP,
		.name = EXT_XATTR_BLOCK_NAME,
		.value = EXT_XATTR_BLOCK_VALUE,
		.region = region};
	uint8_t *bytes;

	if (!xattr_shares_first(inspection->checks, block, &space.clusters, &space.inodes)) {
		inspection->value_clusters += space.clusters;
		inspection->value_inodes += space.inodes;
		return;
	}
	bytes = malloc(sb->block_size);
	if (bytes && ext_filesystem_read_blocks(inspection->survey->filesystem, block, 1, bytes,
						NULL) == EXT_OK) {
		check_block_content(&space, bytes, block);
		xattr_shares_note(inspection->checks, block, reference_count(bytes), space.clusters,
				  space.inodes);
	} else {
		const struct ext_finding finding = {.problem = EXT_XATTR_UNREADABLE,
						    .place = space.place};

		ext_report(inspection->sink, &finding);
	}
	free(bytes);
	inspection->value_clusters += space.clusters;
	inspection->value_inodes += space.inodes;
}

void inspect_xattrs(struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode *inode = inspection->inode;
	const uint32_t start = 128 + inode->extra_isize;
	const uint8_t *raw = inspection->raw;
	struct region region;

	if (start + MAGIC_SIZE < sb->inode_size && raw[start + 2] == 0x02 && raw[start + 3] == 0xea)
		check_inode_space(inspection, &region);
	if (inode->xattr_block == 0)
		return;
	if (!ext_has_compat(sb, EXT_COMPAT_EXT_ATTR))
		inspection_report(inspection, EXT_XATTR_WITHOUT_FEATURE, "i_file_acl",
				  inode->xattr_block, 0, 0);
	if (inode->xattr_block < sb->first_data_block || inode->xattr_block >= sb->block_count)
		inspection_report(inspection, EXT_XATTR_BLOCK_RANGE, "i_file_acl",
				  inode->xattr_block, sb->first_data_block, sb->block_count - 1);
	else if (ext_has_compat(sb, EXT_COMPAT_EXT_ATTR))
		check_block(inspection, &region);
}
