/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes of one inode: in its tail, in its block, in inodes of their own. Invariants:
 * names and values lie inside their space and overlap nothing; hashes hold; access control lists
 * are well formed. Values in inodes of their own are checked in xattr_values.c; how often blocks
 * and values are shared is counted on the way (xattr_shares.c).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/xattr.h>

#include "checks/inspection.h"
#include "checks/xattr_values.h"
#include "checks/xattr_shares.h"

enum {
	ENTRY_SIZE = 16,
	HEADER_SIZE = 32,
	MAGIC_SIZE = 4,
	SPACE_MAX = 65536,
	ACL_ACCESS = 2,
	ACL_DEFAULT = 3,
	NAME_BITS = 256,
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
	enum ext_problem overlap, value;
	struct region *region;
	struct value_share share;
	uint64_t names[NAME_BITS / 64]; /* hashes of the names before: a bit for each */
	bool has_duplicate;
	bool is_bad, has_no_header;
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
	report_xattr(space->inspection->sink, problem, &space->place, xattr, found, low, high);
}

/* A fault for which e2fsck gives up a whole block of attributes. */
static void report_fatal(struct space *space, enum ext_problem problem,
			 const struct ext_xattr *xattr, uint64_t found, uint64_t low, uint64_t high)
{
	space->is_bad = true;
	report(space, problem, xattr, found, low, high);
}

static bool hash_holds(const struct ext_xattr *xattr)
{
	return xattr->hash_stored == ext_xattr_entry_hash(xattr, false, 0) ||
	       xattr->hash_stored == ext_xattr_entry_hash(xattr, true, 0);
}

/* Is an attribute of that name among the entries before? In an inode they have no order. */
static bool stands_before(struct space *space, const struct ext_xattr_cursor *cursor,
			  const struct ext_xattr *xattr)
{
	struct ext_xattr_cursor again = {cursor->space, 0, cursor->home};
	struct ext_xattr other;
	unsigned bit = xattr->index;
	bool seen;

	for (unsigned i = 0; i < xattr->name_length; i++)
		bit = bit * 31 + (unsigned char)xattr->name[i];
	bit %= NAME_BITS;
	seen = space->names[bit / 64] >> bit % 64 & 1;
	space->names[bit / 64] |= (uint64_t)1 << bit % 64;
	if (!seen || space->has_duplicate)
		return false;
	while (ext_xattr_next(&again, &other, NULL) == EXT_OK && other.at < xattr->at)
		if (ext_xattr_compare(&other, xattr) == 0)
			return true;
	return false;
}

/* What makes no difference to e2fsck, but may to Linux: it searches a block by order. */
static void check_manners(struct space *space, const struct ext_xattr_cursor *cursor,
			  const struct ext_xattr *xattr, const struct ext_xattr *before)
{
	if (space->has_no_header)
		return;
	if (!ext_xattr_prefix(xattr->index))
		report(space, EXT_XATTR_NAMESPACE, xattr, xattr->index, 0, 0);
	if (memchr(xattr->name, 0, xattr->name_length))
		report(space, EXT_XATTR_NAME_INVALID, xattr, xattr->index, 0, 0);
	if (!before->name && space->home == EXT_XATTR_IN_BLOCK)
		return;
	if (space->home == EXT_XATTR_IN_INODE) {
		if (stands_before(space, cursor, xattr)) {
			space->has_duplicate = true;
			report(space, EXT_XATTR_DUPLICATE, xattr, 0, 0, 0);
		}
		return;
	}
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
		report_fatal(space, space->overlap, xattr, xattr->value_offset, 0, 0);
		return false;
	}
	/* In an inode the hash is optional. */
	if ((space->home == EXT_XATTR_IN_BLOCK || xattr->hash_stored != 0) && !hash_holds(xattr)) {
		report_fatal(space, EXT_XATTR_HASH, xattr, xattr->hash_stored,
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
			report_fatal(space, space->overlap, &xattr, xattr.at, 0, 0);
			return;
		}
		if (in_block && xattr.index == 0) {
			report_fatal(space, EXT_XATTR_BLOCK_NAME, &xattr, xattr.name_length, 0,
				     left);
			return;
		}
		left -= in_block ? 0 : names;
		check_manners(space, cursor, &xattr, &before);
		if (xattr.value_inode != 0) {
			if (!inspect_value_inode(space->inspection, &space->place, &xattr,
						 &space->share)) {
				space->is_bad = true;
				if (!in_block)
					return;
			}
			xattr_shares_value(space->inspection->checks, xattr.value_inode);
			continue;
		}
		if (in_block ? (uint64_t)xattr.value_offset + xattr.value_size > cursor->space.size
			     : xattr.value_size > left) {
			report_fatal(space, space->value, &xattr, xattr.value_offset,
				     xattr.value_size, cursor->space.size);
			return;
		}
		if (!check_value(space, &xattr, in_block ? 0 : shift) && !in_block)
			return;
		left -= in_block ? 0 : xattr.value_size;
	}
	if (status == EXT_CORRUPT ||
	    !region_take(space->region, (uint64_t)shift + cursor->at, MAGIC_SIZE))
		report_fatal(space, space->overlap, NULL, cursor->at, 0, 0);
}

static void add_values(struct inspection *inspection, const struct value_share *share)
{
	inspection->values.clusters += share->clusters;
	inspection->values.inodes += share->inodes;
	inspection->values.is_unread = inspection->values.is_unread || share->is_unread;
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
			      .value = EXT_XATTR_INODE_VALUE,
			      .region = region};

	if (ext_xattr_inode_begin(inspection->superblock, (struct ext_span){inspection->raw, size},
				  &cursor, NULL) != EXT_OK)
		return;
	region_begin(region, (uint32_t)cursor.space.size + MAGIC_SIZE);
	region_take(region, 0, MAGIC_SIZE);
	check_entries(&space, &cursor, MAGIC_SIZE);
	add_values(inspection, &space.share);
}

static uint32_t word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* The content of a block, once, whoever comes first. */
static void check_block_content(struct space *space, const uint8_t *bytes, ext_block block)
{
	const struct ext_superblock *sb = space->inspection->superblock;
	const struct ext_span span = {bytes, sb->block_size};
	struct ext_xattr_header header;
	struct ext_xattr_cursor cursor;

	if (ext_xattr_header(sb, block, span, &header, NULL) != EXT_OK) {
		space->has_no_header = true;
		header = (struct ext_xattr_header){.blocks = word(bytes + 8)};
		report_fatal(space, EXT_XATTR_MAGIC, NULL, word(bytes), 0, 0);
	}
	if (header.blocks != 1)
		report_fatal(space, EXT_XATTR_BLOCKS, NULL, header.blocks, 1, 1);
	if (header.checksum == EXT_CHECKSUM_BAD)
		report(space, EXT_XATTR_CHECKSUM, NULL, header.checksum_stored,
		       header.checksum_computed, header.checksum_computed);
	if (header.hash != 0 && header.hash != ext_xattr_block_hash(span))
		report(space, EXT_XATTR_BLOCK_HASH, NULL, header.hash, ext_xattr_block_hash(span),
		       0);
	region_begin(space->region, sb->block_size);
	region_take(space->region, 0, HEADER_SIZE);
	/* What stands behind a header that is none may still tell what the block was. */
	cursor = (struct ext_xattr_cursor){span, HEADER_SIZE, EXT_XATTR_IN_BLOCK};
	check_entries(space, &cursor, HEADER_SIZE);
	if (space->is_bad)
		report(space, EXT_XATTR_BLOCK_UNUSABLE, NULL, 0, 0, 0);
}

/* A block that is none has the one owner that was found, as far as anybody can tell. */
static uint32_t reference_count(const uint8_t *bytes)
{
	if (bytes[2] != 0x02 || bytes[3] != 0xea)
		return 1;
	return word(bytes + 4);
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
		.value = EXT_XATTR_BLOCK_VALUE,
		.region = region};
	uint8_t *bytes;

	if (!xattr_shares_first(inspection->checks, block, &space.share)) {
		add_values(inspection, &space.share);
		return;
	}
	bytes = checks_memory(inspection->checks, sb->block_size);
	if (bytes && ext_filesystem_read_blocks(inspection->survey->filesystem, block, 1, bytes,
						NULL) == EXT_OK) {
		check_block_content(&space, bytes, block);
		xattr_shares_note(inspection->checks, block, reference_count(bytes), &space.share);
	} else {
		const struct ext_finding finding = {.problem = EXT_XATTR_UNREADABLE,
						    .place = space.place};

		ext_report(inspection->sink, &finding);
		xattr_shares_unread(inspection->checks, block);
	}
	free(bytes);
	add_values(inspection, &space.share);
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
