/* SPDX-License-Identifier: MIT */
/*
 * Values of attributes in inodes of their own. Invariants: the inode exists, is marked as one and
 * has the size that the entry names; the entry's hash is made from that of the value; the value's
 * own hash is that of its content. How often a value is used is counted in xattr_shares.c.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "checks/xattr_values.h"

enum { PIECE = 16384 };

static bool is_encryption_context(const struct ext_xattr *xattr)
{
	enum { INDEX_ENCRYPTION = 9 };

	return xattr->index == INDEX_ENCRYPTION && xattr->name_length == 1 && xattr->name[0] == 'c';
}

void report_xattr(struct ext_sink *sink, enum ext_problem problem, const struct ext_place *place,
		  const struct ext_xattr *xattr, uint64_t found, uint64_t low, uint64_t high)
{
	struct ext_finding finding = {
		.problem = problem, .place = *place, .found = found, .low = low, .high = high};

	if (xattr) {
		char name[EXT_NAME_MAX + 32];
		const size_t length = ext_xattr_name(xattr, name, sizeof name);

		finding.name_length = (uint8_t)(length < EXT_NAME_MAX ? length : EXT_NAME_MAX);
		memcpy(finding.name, name, finding.name_length);
		finding.place.has |= EXT_HAS_OFFSET;
		finding.place.offset = xattr->at;
	}
	/* Without an attribute that it believes, a file in an encrypted directory has no policy. */
	if (problem == EXT_XATTR_HASH && !(xattr && is_encryption_context(xattr))) {
		ext_finding_unasked(&finding, 0x01008a);
		ext_finding_unasked(&finding, 0x020051);
	}
	ext_report(sink, &finding);
}

static bool hash_holds(const struct ext_xattr *xattr, uint32_t value_hash)
{
	return xattr->hash_stored == ext_xattr_entry_hash(xattr, false, value_hash) ||
	       xattr->hash_stored == ext_xattr_entry_hash(xattr, true, value_hash);
}

bool inspect_value_inode(const struct inspection *inspection, const struct ext_place *place,
			 const struct ext_xattr *xattr, struct value_share *share)
{
	struct ext_sink *const sink = inspection->sink;
	const struct ext_superblock *sb = inspection->superblock;
	const uint64_t cluster = (uint64_t)sb->cluster_size;
	const ext_ino ino = xattr->value_inode;
	struct ext_inode value;
	bool is_marked;

	if (!ext_has_incompat(sb, EXT_INCOMPAT_EA_INODE))
		report_xattr(sink, EXT_XATTR_VALUE_BLOCK, place, xattr, ino, 0, 0);
	if (ino < sb->first_inode || ino > sb->inode_count) {
		report_xattr(sink, EXT_XATTR_INODE_RANGE, place, xattr, ino, sb->first_inode,
			     sb->inode_count);
		return false;
	}
	if (ext_inode_read(inspection->survey->filesystem, ino, &value, NULL, NULL) != EXT_OK) {
		share->is_unread = true;
		return true;
	}
	is_marked = (value.flags & EXT_INODE_EA_INODE) != 0;
	if (hash_holds(xattr, (uint32_t)value.atime.seconds)) {
		share->clusters += (xattr->value_size + cluster - 1) / cluster;
		if (!is_marked)
			report_xattr(sink, EXT_XATTR_INODE_FLAG, place, xattr, ino, 0, 0);
	} else if ((uint32_t)value.mtime.seconds != inspection->inode->number ||
		   value.generation != inspection->inode->generation) {
		/* Lustre's inodes of values name their owner instead. */
		if (!is_marked)
			report_xattr(sink, EXT_XATTR_INODE_WRONG, place, xattr, ino, 0, 0);
		else
			report_xattr(
				sink, EXT_XATTR_HASH, place, xattr, xattr->hash_stored,
				ext_xattr_entry_hash(xattr, false, (uint32_t)value.atime.seconds),
				0);
		return false;
	}
	if (value.size != xattr->value_size)
		report_xattr(sink, EXT_XATTR_INODE_SIZE, place, xattr, xattr->value_size,
			     value.size, 0);
	share->inodes++;
	return true;
}

/* Lustre's inodes of values have their owner where others have a hash. */
static bool belongs_to_one(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;
	struct ext_inode owner;

	return ext_inode_read(inspection->survey->filesystem, (ext_ino)inode->mtime.seconds, &owner,
			      NULL, NULL) == EXT_OK &&
	       owner.generation == inode->generation;
}

/* False when it cannot be read whole. */
static bool hash_content(const struct inspection *inspection, struct ext_mapping *mapping,
			 uint8_t *buffer, uint32_t *hash)
{
	const struct ext_inode *inode = inspection->inode;
	size_t got = 0;

	*hash = ext_xattr_value_hash(inspection->superblock, (struct ext_span){buffer, 0});
	for (uint64_t at = 0; at < inode->size; at += got) {
		const uint64_t left = inode->size - at;

		if (ext_file_read(mapping, inode, at, buffer, left < PIECE ? (size_t)left : PIECE,
				  &got, NULL) != EXT_OK ||
		    got == 0)
			return false;
		*hash = ext_xattr_value_hash_more(*hash, (struct ext_span){buffer, got});
	}
	return true;
}

void inspect_value_content(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;
	const uint32_t stored = (uint32_t)inode->atime.seconds;
	struct ext_mapping *mapping = NULL;
	uint8_t *buffer;
	uint32_t hash;

	/* What Linux takes for a value at most; a larger one is refused for its size. */
	if (inode->type != EXT_TYPE_REGULAR || inode->links == 0 || inode->size > 1 << 24)
		return;
	buffer = checks_memory(inspection->checks, PIECE);
	if (buffer && ext_mapping_new(inspection->survey->filesystem, &mapping, NULL) == EXT_OK &&
	    hash_content(inspection, mapping, buffer, &hash) && hash != stored &&
	    !belongs_to_one(inspection))
		inspection_report(inspection, EXT_XATTR_INODE_HASH, NULL, stored, hash, hash);
	ext_mapping_free(mapping);
	free(buffer);
}
