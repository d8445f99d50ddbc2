/* SPDX-License-Identifier: MIT */
/*
 * Shared attribute blocks and values. A block counted as having one owner is remembered as a bit,
 * others with their counts in a table; users of values as a list of inode numbers, counted at the
 * end. Invariants: both counts are as found; what is marked as a value is one.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/block_set.h"
#include "accounting/grow.h"
#include "accounting/order.h"
#include "checks/report.h"
#include "checks/xattr_shares.h"

struct shared_block {
	ext_block block; /* 0: an empty slot */
	uint32_t owners, found;
	struct value_share share;
	bool is_unread; /* how many owners it counts is unknown */
};

struct xattr_checks {
	struct block_set seen;
	struct shared_block *table; /* open addressing; size a power of two */
	size_t table_size, table_count;
	ext_ino *values;
	size_t value_count, value_size;
	bool has_unread; /* so that not all users of values are known */
};

enum { TABLE_FIRST = 64 };

bool xattr_shares_init(struct checks *checks)
{
	checks->xattrs = calloc(1, sizeof *checks->xattrs);
	return checks->xattrs != NULL &&
	       block_set_init(&checks->xattrs->seen, checks->superblock->block_count);
}

void xattr_shares_clear(struct checks *checks)
{
	if (!checks->xattrs)
		return;
	block_set_clear(&checks->xattrs->seen);
	free(checks->xattrs->table);
	free(checks->xattrs->values);
	free(checks->xattrs);
	checks->xattrs = NULL;
}

static size_t slot_of(const struct xattr_checks *xattrs, ext_block block)
{
	size_t slot =
		(size_t)((block * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (xattrs->table_size - 1);

	while (xattrs->table[slot].block != 0 && xattrs->table[slot].block != block)
		slot = (slot + 1) & (xattrs->table_size - 1);
	return slot;
}

static bool table_grow(struct xattr_checks *xattrs)
{
	const size_t old_size = xattrs->table_size;
	struct shared_block *old = xattrs->table;
	const size_t size = old_size > 0 ? old_size * 2 : TABLE_FIRST;
	struct shared_block *table = calloc(size, sizeof *table);

	if (!table)
		return false;
	xattrs->table = table;
	xattrs->table_size = size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i].block != 0)
			table[slot_of(xattrs, old[i].block)] = old[i];
	free(old);
	return true;
}

/* The record of a block, made when it is not there; NULL when there is no memory. */
static struct shared_block *record_of(struct checks *checks, ext_block block)
{
	struct xattr_checks *xattrs = checks->xattrs;
	struct shared_block *record;

	if (xattrs->table_count * 2 >= xattrs->table_size && !table_grow(xattrs)) {
		checks->out_of_memory = true;
		return NULL;
	}
	record = &xattrs->table[slot_of(xattrs, block)];
	if (record->block == 0) {
		*record = (struct shared_block){.block = block, .owners = 1, .found = 1};
		xattrs->table_count++;
	}
	return record;
}

bool xattr_shares_first(struct checks *checks, ext_block block, struct value_share *share)
{
	struct xattr_checks *xattrs = checks->xattrs;
	struct shared_block *record = NULL;
	bool first;

	lock_take(&checks->lock);
	first = !block_set_has(&xattrs->seen, block);
	if (first) {
		block_set_add(&xattrs->seen, block, 1, NULL);
	} else {
		record = record_of(checks, block);
		if (record) {
			record->found++;
			*share = record->share;
		}
	}
	lock_give(&checks->lock);
	return first;
}

void xattr_shares_note(struct checks *checks, ext_block block, uint32_t owners,
		       const struct value_share *share)
{
	struct shared_block *record;

	lock_take(&checks->lock);
	/* Another thread may have met the block a second time meanwhile. */
	if (owners != 1 || share->clusters != 0 || share->is_unread ||
	    (checks->xattrs->table_size > 0 &&
	     checks->xattrs->table[slot_of(checks->xattrs, block)].block == block)) {
		record = record_of(checks, block);
		if (record) {
			record->owners = owners;
			record->share = *share;
		}
	}
	lock_give(&checks->lock);
}

void xattr_shares_unread(struct checks *checks, ext_block block)
{
	struct shared_block *record;

	lock_take(&checks->lock);
	checks->xattrs->has_unread = true;
	record = record_of(checks, block);
	if (record)
		record->is_unread = true;
	lock_give(&checks->lock);
}

void xattr_shares_value(struct checks *checks, ext_ino ino)
{
	struct xattr_checks *xattrs = checks->xattrs;

	lock_take(&checks->lock);
	if (GROW(xattrs->values, xattrs->value_count, xattrs->value_size))
		xattrs->values[xattrs->value_count++] = ino;
	else
		checks->out_of_memory = true;
	lock_give(&checks->lock);
}

/* `inodes_unread`: among them may be owners that were not found. */
static void check_blocks(const struct checks *checks, bool inodes_unread)
{
	const struct xattr_checks *xattrs = checks->xattrs;

	for (size_t i = 0; i < xattrs->table_size; i++) {
		const struct shared_block *record = &xattrs->table[i];
		const struct ext_finding finding = {.problem = EXT_XATTR_REFERENCE_COUNT,
						    .place = {.structure = EXT_AT_XATTR,
							      .has = EXT_HAS_BLOCK,
							      .block = record->block,
							      .field = "h_refcount"},
						    .found = record->owners,
						    .low = record->found,
						    .high = record->found};

		if (record->block != 0 && !record->is_unread && record->owners != record->found &&
		    !(record->found < record->owners && inodes_unread))
			ext_report(checks->sink, &finding);
	}
}

/* How many users the list has for `ino`. */
static uint64_t users_of(const struct xattr_checks *xattrs, ext_ino ino)
{
	const size_t first = first_ino_at(xattrs->values, xattrs->value_count, ino);
	size_t end;

	for (end = first; end < xattrs->value_count && xattrs->values[end] == ino; end++)
		continue;
	return end - first;
}

static void check_value(const struct checks *checks, ext_ino ino)
{
	const uint64_t users = users_of(checks->xattrs, ino);
	struct ext_inode inode;
	uint64_t references;

	if (ext_inode_read(checks->filesystem, ino, &inode, NULL, NULL) != EXT_OK ||
	    (inode.flags & EXT_INODE_EA_INODE) == 0 || inode.type != EXT_TYPE_REGULAR)
		return;
	/* The change time holds the high half, the version the low one. */
	references = ((uint64_t)(uint32_t)inode.ctime.seconds << 32) | (uint32_t)inode.version;
	if (users == 0)
		report_inode(checks->sink, EXT_XATTR_INODE_SPURIOUS_FLAG, ino, "i_flags",
			     inode.flags, 0, 0);
	else if (references != users &&
		 /* Lustre's have no count: a time stands in its place. */
		 references >> 32 == 0)
		report_inode(checks->sink, EXT_XATTR_INODE_REFERENCES, ino, "l_i_version",
			     references, users, users);
}

void check_xattr_shares(struct checks *checks, struct survey *survey)
{
	struct xattr_checks *xattrs = checks->xattrs;

	check_blocks(checks, survey->inodes_unread > 0);
	if (xattrs->value_count > 1)
		qsort(xattrs->values, xattrs->value_count, sizeof *xattrs->values, compare_inos);
	if (xattrs->has_unread || survey->inodes_unread > 0)
		return;
	for (size_t i = 0; i < xattrs->value_count; i++)
		if (i == 0 || xattrs->values[i] != xattrs->values[i - 1])
			check_value(checks, xattrs->values[i]);
	/* Those that nobody uses: only a filesystem with the feature can have any. */
	if (!ext_has_incompat(checks->superblock, EXT_INCOMPAT_EA_INODE))
		return;
	for (ext_ino ino = 0; (ino = inode_states_next(&survey->inodes, ino + 1, STATE_USED,
						       STATE_SYSTEM | STATE_ORPHAN)) != 0;)
		if (users_of(xattrs, ino) == 0)
			check_value(checks, ino);
}
