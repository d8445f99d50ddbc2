/* SPDX-License-Identifier: MIT */
/*
 * The hashed index of a directory: telling its blocks from leaves, their counts and entries, and
 * their checksum. Every index block begins with entries that span it, so that a reader who knows no
 * index sees an empty block; a linear walk therefore needs nothing from here.
 * Doc: ext4/directory.rst, "Hash Tree Directories". The document has the entries of an inner node
 * at 0x12; they are at 0x10.
 */
#include "config.h"

#include <ext/directory.h>

#include "bytes/crc32c.h"
#include "bytes/span.h"
#include "layout/layout.h"
#include "structure/dirent.h"
#include "structure/checksum.h"

enum {
	INFO_LENGTH = 8,
	LOGICAL_MASK =
		0x0fffffff, /* the high bits of a block number in the index are not part of it */
};

/* Where the entries begin. */
static uint32_t entries_base(enum ext_directory_block_kind kind)
{
	return kind == EXT_DIRECTORY_HTREE_ROOT ? sizeof(struct ext_raw_htree_root)
						: sizeof(struct ext_raw_htree_node);
}

uint16_t ext_htree_limit(const struct ext_superblock *superblock,
			 enum ext_directory_block_kind kind)
{
	const uint32_t slots = (superblock->block_size - entries_base(kind)) /
			       (uint32_t)sizeof(struct ext_raw_htree_entry);

	return (uint16_t)(superblock->has_metadata_csum ? slots - 1 : slots);
}

/* An entry of 12 bytes and one over the rest: nothing else fits into such a block. */
static bool has_root_records(uint32_t block_size, const struct ext_raw_htree_root *root)
{
	return get(root->dot_rec_len) == 12 &&
	       dirent_record_length(block_size, get(root->dotdot_rec_len)) == block_size - 12;
}

/* "." and "..". */
static bool has_root_names(const struct ext_raw_htree_root *root)
{
	return root->dot_name_len == 1 && root->dot_name[0] == '.' && root->dotdot_name_len == 2 &&
	       root->dotdot_name[0] == '.' && root->dotdot_name[1] == '.';
}

static bool counts_hold(const struct ext_superblock *superblock, enum ext_directory_block_kind kind,
			struct span block)
{
	const struct ext_raw_htree_countlimit *counts =
		SPAN_AS(struct ext_raw_htree_countlimit, block, entries_base(kind));

	return counts && get(counts->limit) == ext_htree_limit(superblock, kind) &&
	       get(counts->count) >= 1 && get(counts->count) <= get(counts->limit);
}

enum ext_directory_block_kind ext_directory_block_kind(const struct ext_superblock *superblock,
						       const struct ext_inode *directory,
						       ext_logical logical, struct ext_span block)
{
	const struct ext_raw_htree_root *root = SPAN_AS(struct ext_raw_htree_root, block, 0);
	const struct ext_raw_htree_node *node = SPAN_AS(struct ext_raw_htree_node, block, 0);

	if (!root || !node || block.size != superblock->block_size)
		return EXT_DIRECTORY_LEAF;
	if (directory && !(directory->flags & EXT_INODE_INDEX))
		return EXT_DIRECTORY_LEAF;
	/* In the first block of an indexed directory the rest of the root may be damaged. */
	if ((!directory || logical == 0) && has_root_records(superblock->block_size, root) &&
	    (directory || (has_root_names(root) && get(root->reserved_zero) == 0 &&
			   root->info_length == INFO_LENGTH &&
			   counts_hold(superblock, EXT_DIRECTORY_HTREE_ROOT, block))))
		return EXT_DIRECTORY_HTREE_ROOT;
	/* An empty leaf begins like a node; the counts behind it tell them apart. */
	if ((!directory || logical != 0) && get(node->fake_inode) == 0 &&
	    node->fake_name_len == 0 &&
	    dirent_record_length(superblock->block_size, get(node->fake_rec_len)) ==
		    superblock->block_size &&
	    counts_hold(superblock, EXT_DIRECTORY_HTREE_NODE, block))
		return EXT_DIRECTORY_HTREE_NODE;
	return EXT_DIRECTORY_LEAF;
}

static enum ext_status bad_index(enum ext_problem problem, uint32_t at, const char *field,
				 uint64_t found, uint64_t low, uint64_t high,
				 struct ext_error *error)
{
	const struct ext_place place = {
		.structure = EXT_AT_HTREE, .has = EXT_HAS_OFFSET, .offset = at, .field = field};

	return ext_corrupt(error, problem, place, found, low, high);
}

enum ext_status ext_htree_decode(const struct ext_superblock *superblock,
				 enum ext_directory_block_kind kind, struct ext_span block,
				 struct ext_htree_block *htree, struct ext_error *error)
{
	const uint32_t base = entries_base(kind);
	const struct ext_raw_htree_root *root = SPAN_AS(struct ext_raw_htree_root, block, 0);
	const struct ext_raw_htree_countlimit *counts =
		SPAN_AS(struct ext_raw_htree_countlimit, block, base);
	struct ext_htree_block decoded = {.is_root = kind == EXT_DIRECTORY_HTREE_ROOT};
	uint64_t room;

	if (kind == EXT_DIRECTORY_LEAF)
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	if (!root || !counts)
		return bad_index(EXT_HTREE_ROOT, 0, NULL, block.size, base, superblock->block_size,
				 error);
	if (decoded.is_root) {
		decoded.reserved = get(root->reserved_zero);
		decoded.hash_version = root->hash_version;
		decoded.info_length = root->info_length;
		decoded.levels = root->indirect_levels;
		decoded.unused_flags = root->unused_flags;
		/* The kernel takes no other length, so nobody knows where entries would begin. */
		if (root->info_length != INFO_LENGTH)
			return bad_index(EXT_HTREE_ROOT, 0x1d, "info_length", root->info_length,
					 INFO_LENGTH, INFO_LENGTH, error);
	}
	decoded.limit = get(counts->limit);
	decoded.count = get(counts->count);
	decoded.limit_expected = ext_htree_limit(superblock, kind);
	room = (block.size - base) / sizeof(struct ext_raw_htree_entry);
	if (decoded.limit == 0 || decoded.limit > room)
		return bad_index(EXT_HTREE_LIMIT, base, "limit", decoded.limit,
				 decoded.limit_expected, decoded.limit_expected, error);
	if (decoded.count == 0 || decoded.count > decoded.limit)
		return bad_index(EXT_HTREE_COUNT, base + 2, "count", decoded.count, 1,
				 decoded.limit, error);
	decoded.entries =
		span_part(block, base, decoded.count * sizeof(struct ext_raw_htree_entry));
	*htree = decoded;
	return EXT_OK;
}

void ext_htree_entry(const struct ext_htree_block *htree, unsigned index, uint32_t *hash,
		     ext_logical *block)
{
	const struct ext_raw_htree_entry *entry =
		SPAN_AS(struct ext_raw_htree_entry, htree->entries, index * sizeof *entry);

	*hash = entry && index > 0 ? get(entry->hash) : 0;
	*block = entry ? get(entry->block) & LOGICAL_MASK : 0;
}

enum ext_checksum_state ext_directory_block_checksum(const struct ext_superblock *superblock,
						     uint32_t inode_seed,
						     enum ext_directory_block_kind kind,
						     struct ext_span block, uint32_t *stored,
						     uint32_t *computed)
{
	static const uint8_t zeros[4];
	const uint32_t base = entries_base(kind);
	const struct ext_raw_htree_countlimit *counts =
		SPAN_AS(struct ext_raw_htree_countlimit, block, base);
	const struct ext_raw_htree_tail *tail;
	uint32_t own_stored, own_computed;

	if (!stored)
		stored = &own_stored;
	if (!computed)
		computed = &own_computed;
	*stored = *computed = 0;
	if (kind == EXT_DIRECTORY_LEAF)
		return leaf_checksum(superblock, inode_seed, block, stored, computed);
	if (!superblock->has_metadata_csum || !counts)
		return EXT_CHECKSUM_NONE;
	tail = SPAN_AS(struct ext_raw_htree_tail, block,
		       base + get(counts->limit) * sizeof(struct ext_raw_htree_entry));
	/* No room behind the entries: made before checksums were switched on. */
	if (!tail)
		return EXT_CHECKSUM_NONE;
	*stored = get(tail->dt_checksum);
	if (get(counts->count) > get(counts->limit))
		return EXT_CHECKSUM_BAD;
	/* Only the slots in use are covered, then the tail with its checksum as zeros. */
	*computed = crc32c(inode_seed, block.data,
			   base + get(counts->count) * sizeof(struct ext_raw_htree_entry));
	*computed = crc32c(*computed, &tail->dt_reserved, sizeof tail->dt_reserved);
	*computed = crc32c(*computed, zeros, sizeof zeros);
	return checksum_state(*stored == *computed);
}

bool ext_directory_block_seed(const struct ext_superblock *superblock,
			      enum ext_directory_block_kind kind, struct ext_span block,
			      uint32_t *inode_seed)
{
	const uint32_t base = entries_base(kind);
	const struct ext_raw_htree_countlimit *counts =
		SPAN_AS(struct ext_raw_htree_countlimit, block, base);
	size_t covered = block.size - sizeof(struct ext_raw_dirent_tail);
	uint32_t stored, under_zero;

	if (ext_directory_block_checksum(superblock, 0, kind, block, &stored, &under_zero) ==
	    EXT_CHECKSUM_NONE)
		return false;
	if (kind != EXT_DIRECTORY_LEAF) {
		if (!counts || get(counts->count) > get(counts->limit))
			return false;
		covered = base + get(counts->count) * sizeof(struct ext_raw_htree_entry) +
			  sizeof(struct ext_raw_htree_tail);
	}
	/* Two seeds differ in the checksum as if all that is covered were zeros. */
	*inode_seed = crc32c_back(stored ^ under_zero, NULL, covered);
	return true;
}
