/* SPDX-License-Identifier: MIT */
/*
 * Fast commits: the records of one block of that area, tag by tag, and their
 * running checksum. Which fast commits count, and what they do to the
 * filesystem, is the replay's business. Doc: ext4/journal.rst, "Fast commits".
 */
#include "config.h"

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "bytes/span.h"
#include "layout/layout.h"

#include <ext/journal.h>

enum {
	INODE_BASE_SIZE = 128,
	LONGEST_WRITTEN = 32768, /* ee_len above it: that much more, and unwritten */
};

void ext_fast_commit_cursor_init(struct ext_fast_commit_cursor *cursor,
				 const struct ext_superblock *superblock, struct span block)
{
	*cursor = (struct ext_fast_commit_cursor){
		.block = block,
		.inode_size = superblock->inode_size,
	};
}

const char *ext_fast_commit_tag_name(unsigned tag)
{
	static const char *const names[] = {
		[EXT_FAST_COMMIT_ADD_RANGE] = "ADD_RANGE",
		[EXT_FAST_COMMIT_DEL_RANGE] = "DEL_RANGE",
		[EXT_FAST_COMMIT_CREAT] = "CREAT",
		[EXT_FAST_COMMIT_LINK] = "LINK",
		[EXT_FAST_COMMIT_UNLINK] = "UNLINK",
		[EXT_FAST_COMMIT_INODE] = "INODE",
		[EXT_FAST_COMMIT_PAD] = "PAD",
		[EXT_FAST_COMMIT_TAIL] = "TAIL",
		[EXT_FAST_COMMIT_HEAD] = "HEAD",
	};

	return tag < sizeof names / sizeof *names ? names[tag] : NULL;
}

/* Lengths that a value may have, as Linux demands; false for an unknown tag. */
static bool length_bounds(unsigned tag, uint32_t inode_size, uint32_t *low, uint32_t *high)
{
	switch (tag) {
	case EXT_FAST_COMMIT_ADD_RANGE:
		*low = *high = sizeof(struct ext_raw_fc_add_range);
		return true;
	case EXT_FAST_COMMIT_DEL_RANGE:
		*low = *high = sizeof(struct ext_raw_fc_del_range);
		return true;
	case EXT_FAST_COMMIT_CREAT:
	case EXT_FAST_COMMIT_LINK:
	case EXT_FAST_COMMIT_UNLINK:
		*low = sizeof(struct ext_raw_fc_dentry) + 1;
		*high = sizeof(struct ext_raw_fc_dentry) + EXT_NAME_MAX;
		return true;
	case EXT_FAST_COMMIT_INODE:
		*low = sizeof(struct ext_raw_fc_inode) + INODE_BASE_SIZE;
		*high = (uint32_t)sizeof(struct ext_raw_fc_inode) + inode_size;
		return true;
	case EXT_FAST_COMMIT_PAD:
		*low = 0;
		*high = UINT16_MAX;
		return true;
	case EXT_FAST_COMMIT_TAIL:
		*low = sizeof(struct ext_raw_fc_tail);
		*high = UINT16_MAX;
		return true;
	case EXT_FAST_COMMIT_HEAD:
		*low = *high = sizeof(struct ext_raw_fc_head);
		return true;
	}
	return false;
}

/* The bounds above make every view here succeed; `false` guards against a
 * mistake in them. */
static bool decode_value(struct span value, struct ext_fast_commit_record *record)
{
	switch (record->tag) {
	case EXT_FAST_COMMIT_ADD_RANGE: {
		const struct ext_raw_fc_add_range *raw =
			SPAN_AS(struct ext_raw_fc_add_range, value, 0);

		if (!raw)
			return false;
		const uint32_t length = get(raw->ee_len);

		record->inode = get(raw->fc_ino);
		record->logical = get(raw->ee_block);
		record->unwritten = length > LONGEST_WRITTEN;
		record->range_length = record->unwritten ? length - LONGEST_WRITTEN : length;
		record->physical = (uint64_t)get(raw->ee_start_hi) << 32 | get(raw->ee_start_lo);
		return true;
	}
	case EXT_FAST_COMMIT_DEL_RANGE: {
		const struct ext_raw_fc_del_range *raw =
			SPAN_AS(struct ext_raw_fc_del_range, value, 0);

		if (!raw)
			return false;
		record->inode = get(raw->fc_ino);
		record->logical = get(raw->fc_lblk);
		record->range_length = get(raw->fc_len);
		return true;
	}
	case EXT_FAST_COMMIT_CREAT:
	case EXT_FAST_COMMIT_LINK:
	case EXT_FAST_COMMIT_UNLINK: {
		const struct ext_raw_fc_dentry *raw = SPAN_AS(struct ext_raw_fc_dentry, value, 0);

		if (!raw)
			return false;
		record->parent = get(raw->fc_parent_ino);
		record->inode = get(raw->fc_ino);
		record->name = span_part(value, sizeof *raw, SIZE_MAX);
		return true;
	}
	case EXT_FAST_COMMIT_INODE: {
		const struct ext_raw_fc_inode *raw = SPAN_AS(struct ext_raw_fc_inode, value, 0);

		if (!raw)
			return false;
		record->inode = get(raw->fc_ino);
		record->raw = span_part(value, sizeof *raw, SIZE_MAX);
		return true;
	}
	case EXT_FAST_COMMIT_PAD:
		return true;
	case EXT_FAST_COMMIT_TAIL: {
		const struct ext_raw_fc_tail *raw = SPAN_AS(struct ext_raw_fc_tail, value, 0);

		if (!raw)
			return false;
		record->sequence = get(raw->fc_tid);
		record->checksum = get(raw->fc_crc);
		return true;
	}
	case EXT_FAST_COMMIT_HEAD: {
		const struct ext_raw_fc_head *raw = SPAN_AS(struct ext_raw_fc_head, value, 0);

		if (!raw)
			return false;
		record->features = get(raw->fc_features);
		record->sequence = get(raw->fc_tid);
		return true;
	}
	}
	return false;
}

enum ext_status ext_fast_commit_next(struct ext_fast_commit_cursor *cursor,
				     struct ext_fast_commit_record *record, struct ext_error *error)
{
	const struct ext_raw_fc_tl *raw = SPAN_AS(struct ext_raw_fc_tl, cursor->block, cursor->at);
	const struct ext_place place = {
		.structure = EXT_AT_FAST_COMMIT,
		.has = EXT_HAS_OFFSET,
		.offset = cursor->at,
	};

	if (!raw)
		return EXT_END;

	const unsigned tag = get(raw->fc_tag);
	const uint32_t length = get(raw->fc_len);
	const size_t left = span_left(cursor->block, cursor->at + sizeof *raw);
	uint32_t low, high;

	if (!length_bounds(tag, cursor->inode_size, &low, &high))
		return ext_corrupt(error, EXT_FAST_COMMIT_TAG, place, tag,
				   EXT_FAST_COMMIT_ADD_RANGE, EXT_FAST_COMMIT_HEAD);
	if (high > left)
		high = (uint32_t)left;
	if (length < low || length > high)
		return ext_corrupt(error, EXT_FAST_COMMIT_LENGTH, place, length, low, high);
	*record = (struct ext_fast_commit_record){
		.tag = (enum ext_fast_commit_tag)tag,
		.at = cursor->at,
		.length = length,
	};
	if (!decode_value(span_part(cursor->block, cursor->at + sizeof *raw, length), record))
		return ext_corrupt(error, EXT_FAST_COMMIT_LENGTH, place, length, low, high);
	cursor->at += (uint32_t)sizeof *raw + length;
	return EXT_OK;
}

uint32_t ext_fast_commit_checksum(uint32_t checksum, struct span block,
				  const struct ext_fast_commit_record *record)
{
	const size_t header = sizeof(struct ext_raw_fc_tl);
	/* Of a tail, tag, length and sequence; what follows is the checksum and
	 * filler. */
	const size_t length =
		record->tag == EXT_FAST_COMMIT_TAIL ? header + 4 : header + record->length;
	const uint8_t *bytes = span_at(block, record->at, length);

	return bytes ? crc32c(checksum, bytes, length) : checksum;
}
