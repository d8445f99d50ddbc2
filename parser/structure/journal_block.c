/* SPDX-License-Identifier: MIT */
/*
 * Blocks of the log: descriptor blocks with their tags, revoke blocks, commit blocks, and the
 * checksums of each version. Knows nothing of where the log lies or how it is replayed. Everything
 * is big-endian.  Doc: ext4/journal.rst.
 */
#include "config.h"

#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "bytes/span.h"
#include "layout/layout.h"
#include "structure/checksum.h"

#include <ext/journal.h>

enum { UUID_SIZE = 16, COMMIT_CHECKSUM_AT = 0x10 };

bool ext_journal_header_decode(struct span block, struct ext_journal_header *header)
{
	const struct ext_raw_journal_header *raw = SPAN_AS(struct ext_raw_journal_header, block, 0);

	if (!raw || get(raw->h_magic) != EXT_JOURNAL_MAGIC)
		return false;
	header->type = get(raw->h_blocktype);
	header->sequence = get(raw->h_sequence);
	return true;
}

enum ext_checksum_state ext_journal_tail_checksum(const struct ext_journal_superblock *superblock,
						  struct span block)
{
	static const uint8_t zero[4];

	if (superblock->checksum_version < 2)
		return EXT_CHECKSUM_NONE;

	const struct ext_raw_journal_tail *tail =
		block.size >= sizeof *tail
			? SPAN_AS(struct ext_raw_journal_tail, block, block.size - sizeof *tail)
			: NULL;

	if (!tail)
		return EXT_CHECKSUM_BAD;

	uint32_t computed = crc32c(superblock->seed, block.data, block.size - sizeof *tail);

	computed = crc32c(computed, zero, sizeof zero);
	return checksum_state(computed == get(tail->t_checksum));
}

void ext_journal_tag_cursor_init(struct ext_journal_tag_cursor *cursor,
				 const struct ext_journal_superblock *superblock, struct span block)
{
	*cursor = (struct ext_journal_tag_cursor){
		.superblock = superblock,
		.block = block,
		.at = sizeof(struct ext_raw_journal_header),
		.end = block.size > superblock->tail_size && block.size <= UINT32_MAX
			       ? (uint32_t)block.size - superblock->tail_size
			       : 0,
	};
}

/* Versions 1 and 2 and journals without checksums: 16 bits of flags behind 16
 * of checksum. */
static bool decode_short_tag(const struct ext_journal_tag_cursor *cursor,
			     struct ext_journal_tag *tag)
{
	const struct ext_raw_journal_tag *raw =
		SPAN_AS(struct ext_raw_journal_tag, cursor->block, cursor->at);

	if (!raw)
		return false;
	*tag = (struct ext_journal_tag){
		.block = get(raw->t_blocknr),
		.flags = get(raw->t_flags),
		.checksum = get(raw->t_checksum),
		.at = cursor->at,
	};
	if (cursor->superblock->incompat & EXT_JOURNAL_INCOMPAT_64BIT) {
		const struct ext_raw_journal_tag_high *high = SPAN_AS(
			struct ext_raw_journal_tag_high, cursor->block, cursor->at + sizeof *raw);

		if (!high)
			return false;
		tag->block |= (uint64_t)get(high->t_blocknr_high) << 32;
	}
	return true;
}

static bool decode_long_tag(const struct ext_journal_tag_cursor *cursor,
			    struct ext_journal_tag *tag)
{
	const struct ext_raw_journal_tag3 *raw =
		SPAN_AS(struct ext_raw_journal_tag3, cursor->block, cursor->at);

	if (!raw)
		return false;
	*tag = (struct ext_journal_tag){
		.block = get(raw->t_blocknr),
		.flags = get(raw->t_flags),
		.checksum = get(raw->t_checksum),
		.at = cursor->at,
	};
	/* The field is always there, but counts only with 64bit. */
	if (cursor->superblock->incompat & EXT_JOURNAL_INCOMPAT_64BIT)
		tag->block |= (uint64_t)get(raw->t_blocknr_high) << 32;
	return true;
}

enum ext_status ext_journal_tag_next(struct ext_journal_tag_cursor *cursor,
				     struct ext_journal_tag *tag)
{
	const struct ext_journal_superblock *superblock = cursor->superblock;

	if (!range_inside(cursor->at, superblock->tag_size, cursor->end))
		return EXT_END;
	if (!(superblock->checksum_version == 3 ? decode_long_tag(cursor, tag)
						: decode_short_tag(cursor, tag)))
		return EXT_END;
	if (tag->flags & EXT_JOURNAL_TAG_LAST)
		cursor->at = cursor->end;
	else
		cursor->at += superblock->tag_size +
			      (tag->flags & EXT_JOURNAL_TAG_SAME_UUID ? 0U : UUID_SIZE);
	return EXT_OK;
}

enum ext_checksum_state ext_journal_tag_checksum(const struct ext_journal_superblock *superblock,
						 const struct ext_journal_tag *tag,
						 uint32_t sequence, struct span block)
{
	struct be32 sequence_bytes;

	if (superblock->checksum_version < 2)
		return EXT_CHECKSUM_NONE;
	put(&sequence_bytes, sequence);

	const uint32_t start = crc32c(superblock->seed, &sequence_bytes, sizeof sequence_bytes);
	const uint32_t computed = crc32c(start, block.data, block.size);
	const uint32_t kept = superblock->checksum_version == 3 ? computed : computed & 0xffff;

	return checksum_state(kept == tag->checksum);
}

enum ext_status ext_journal_revoke_cursor_init(struct ext_journal_revoke_cursor *cursor,
					       const struct ext_journal_superblock *superblock,
					       struct span block, struct ext_place place,
					       struct ext_error *error)
{
	const struct ext_raw_revoke_header *raw = SPAN_AS(struct ext_raw_revoke_header, block, 0);

	if (!raw || block.size > UINT32_MAX || block.size < sizeof *raw + superblock->tail_size)
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, place, 0);

	const uint32_t used = get(raw->r_count);
	const uint32_t most = (uint32_t)block.size - superblock->tail_size;

	if (used > most) {
		place.field = "r_count";
		return ext_corrupt(error, EXT_JOURNAL_REVOKE_COUNT, place, used, sizeof *raw, most);
	}
	*cursor = (struct ext_journal_revoke_cursor){
		.block = block,
		.at = sizeof *raw,
		.end = used,
		.record_size = superblock->incompat & EXT_JOURNAL_INCOMPAT_64BIT ? 8 : 4,
	};
	return EXT_OK;
}

enum ext_status ext_journal_revoke_next(struct ext_journal_revoke_cursor *cursor, ext_block *block)
{
	if (!range_inside(cursor->at, cursor->record_size, cursor->end))
		return EXT_END;
	if (cursor->record_size == 8) {
		const struct ext_raw_revoke_entry64 *raw =
			SPAN_AS(struct ext_raw_revoke_entry64, cursor->block, cursor->at);

		if (!raw)
			return EXT_END;
		*block = get(raw->block);
	} else {
		const struct ext_raw_revoke_entry *raw =
			SPAN_AS(struct ext_raw_revoke_entry, cursor->block, cursor->at);

		if (!raw)
			return EXT_END;
		*block = get(raw->block);
	}
	cursor->at += cursor->record_size;
	return EXT_OK;
}

/* The checksum of a commit block over its first `length` bytes and zeros for
 * the rest. */
static uint32_t commit_checksum(uint32_t seed, struct span block, size_t length)
{
	static const uint8_t zero[512];
	uint32_t checksum = crc32c(seed, block.data, COMMIT_CHECKSUM_AT);

	checksum = crc32c(checksum, zero, 4);
	checksum = crc32c(checksum, block.data + COMMIT_CHECKSUM_AT + 4,
			  length - COMMIT_CHECKSUM_AT - 4);
	for (size_t at = length; at < block.size;) {
		const size_t part = block.size - at < sizeof zero ? block.size - at : sizeof zero;

		checksum = crc32c(checksum, zero, part);
		at += part;
	}
	return checksum;
}

void ext_journal_commit_decode(const struct ext_journal_superblock *superblock, struct span block,
			       struct ext_journal_commit *commit)
{
	const struct ext_raw_journal_commit *raw = SPAN_AS(struct ext_raw_journal_commit, block, 0);

	*commit = (struct ext_journal_commit){.checksum = EXT_CHECKSUM_NONE};
	if (!raw)
		return;

	const uint64_t seconds = get(raw->h_commit_sec);

	commit->time.seconds = seconds <= INT64_MAX ? (int64_t)seconds : 0;
	commit->time.nanoseconds = get(raw->h_commit_nsec);
	/* The kernel compares this sum, and lets it overflow as well. */
	commit->nanoseconds = seconds * 1000000000U + get(raw->h_commit_nsec);
	commit->checksum_type = raw->h_chksum_type;
	commit->checksum_size = raw->h_chksum_size;
	commit->checksum_stored = get(raw->h_chksum[0]);
	if (superblock->checksum_version < 2)
		return;
	if (commit_checksum(superblock->seed, block, block.size) == commit->checksum_stored) {
		commit->checksum = EXT_CHECKSUM_OK;
	} else if (commit_checksum(superblock->seed, block, sizeof *raw) ==
		   commit->checksum_stored) {
		/* Linux accepts a commit block of which only the first sector came to the
		 * disk. */
		commit->checksum = EXT_CHECKSUM_OK;
		commit->only_first_sector = true;
	} else {
		commit->checksum = EXT_CHECKSUM_BAD;
	}
}
