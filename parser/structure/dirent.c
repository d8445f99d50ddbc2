/* SPDX-License-Identifier: MIT */
/*
 * The entries of one directory block, or of one inline part: a chain of records, each of which says
 * where the next one begins; and the checksum tail that looks like a free entry. What the names
 * mean, and whether the inodes exist, is for others to ask.
 * Doc: ext4/directory.rst, "Linear (Classic) Directories"; for 64 KiB blocks format-facts
 * "64 KiB blocks".
 */
#include "config.h"

#include <ext/directory.h>

#include "bytes/crc32c.h"
#include "bytes/span.h"
#include "layout/layout.h"
#include "structure/dirent.h"
#include "structure/checksum.h"

enum {
	TAIL_TYPE = 0xde, /* a file type that no file has */
};

uint32_t dirent_record_length(uint32_t block_size, uint16_t stored)
{
	if (block_size < 65536)
		return stored;
	/* 65536 does not fit 16 bits; lengths are multiples of 4, so the low bits carry the high
	 * ones. */
	if (stored == 0 || stored == 0xffff)
		return 65536;
	return (stored & 0xfffcu) | (stored & 3u) << 16;
}

static const struct ext_raw_dirent_tail *block_tail(struct span block)
{
	const struct ext_raw_dirent_tail *tail;

	if (block.size < sizeof *tail)
		return NULL;
	tail = SPAN_AS(struct ext_raw_dirent_tail, block, block.size - sizeof *tail);
	if (get(tail->det_reserved_zero1) != 0 || get(tail->det_rec_len) != sizeof *tail ||
	    tail->det_reserved_zero2 != 0 || tail->det_reserved_ft != TAIL_TYPE)
		return NULL;
	return tail;
}

bool ext_directory_block_has_tail(const struct ext_superblock *superblock, struct ext_span block)
{
	return superblock->has_metadata_csum && block_tail(block) != NULL;
}

enum ext_checksum_state leaf_checksum(const struct ext_superblock *superblock, uint32_t inode_seed,
				      struct span block, uint32_t *stored, uint32_t *computed)
{
	const struct ext_raw_dirent_tail *tail = block_tail(block);

	if (!superblock->has_metadata_csum || !tail)
		return EXT_CHECKSUM_NONE;
	*stored = get(tail->det_checksum);
	*computed = crc32c(inode_seed, block.data, block.size - sizeof *tail);
	return checksum_state(*stored == *computed);
}

void ext_dirent_cursor_init(struct ext_dirent_cursor *cursor,
			    const struct ext_superblock *superblock, struct ext_span block,
			    uint32_t at, bool has_tail)
{
	const size_t tail = sizeof(struct ext_raw_dirent_tail);
	const size_t end = has_tail && block.size >= tail ? block.size - tail : block.size;

	*cursor = (struct ext_dirent_cursor){superblock, block, at, (uint32_t)end};
}

static enum ext_status bad_entry(struct ext_dirent_cursor *cursor, enum ext_problem problem,
				 const char *field, uint64_t found, uint64_t low, uint64_t high,
				 struct ext_error *error)
{
	const struct ext_place place = {.structure = EXT_AT_DIRENT,
					.has = EXT_HAS_OFFSET,
					.offset = cursor->at,
					.field = field};

	cursor->at = cursor->end;
	return ext_corrupt(error, problem, place, found, low, high);
}

enum ext_status ext_dirent_next(struct ext_dirent_cursor *cursor, struct ext_dirent *entry,
				struct ext_error *error)
{
	const struct ext_superblock *superblock = cursor->superblock;
	const uint32_t at = cursor->at;
	const uint32_t left = at < cursor->end ? cursor->end - at : 0;
	const struct ext_raw_dirent *raw;
	uint32_t length;
	enum ext_status status;

	if (left == 0)
		return EXT_END;
	raw = SPAN_AS(struct ext_raw_dirent, cursor->block, at);
	/* Too little is left for an entry: the one before ended too early. */
	if (!raw || left < sizeof *raw)
		return bad_entry(cursor, EXT_DIRENT_FINAL_LENGTH, NULL, at, cursor->end,
				 cursor->end, error);

	length = dirent_record_length(superblock->block_size, get(raw->rec_len));
	if (length < EXT_DIRENT_SIZE_MIN)
		return bad_entry(cursor, EXT_DIRENT_LENGTH, "rec_len", length, EXT_DIRENT_SIZE_MIN,
				 left, error);
	if (length % 4 != 0)
		return bad_entry(cursor, EXT_DIRENT_ALIGNMENT, "rec_len", length,
				 EXT_DIRENT_SIZE_MIN, left, error);
	if (length > left)
		return bad_entry(cursor, EXT_DIRENT_TRUNCATED, "rec_len", length,
				 EXT_DIRENT_SIZE_MIN, left, error);
	if (raw->name_len > length - sizeof *raw) {
		status = bad_entry(cursor, EXT_DIRENT_NAME_LENGTH, "name_len", raw->name_len, 0,
				   length - sizeof *raw, error);
		/* The record itself is sound, so the next one is where it says. */
		cursor->at = at + length;
		return status;
	}

	*entry = (struct ext_dirent){
		.inode = get(raw->inode),
		.at = at,
		.record_length = length,
		.name_length = raw->name_len,
		.file_type =
			ext_has_incompat(superblock, EXT_INCOMPAT_FILETYPE) ? raw->file_type : 0,
		.type_stored = raw->file_type,
		.name = (const char *)cursor->block.data + at + sizeof *raw,
	};
	cursor->at = at + length;
	return EXT_OK;
}

bool ext_dirent_stored_hash(const struct ext_dirent *entry, uint32_t *major, uint32_t *minor)
{
	/* The record was checked to lie inside its block, and to hold the name. */
	const struct span record = {(const uint8_t *)entry->name,
				    entry->record_length - sizeof(struct ext_raw_dirent)};
	const struct ext_raw_dirent_hash *raw =
		SPAN_AS(struct ext_raw_dirent_hash, record, (entry->name_length + 3u) / 4 * 4);

	if (!raw)
		return false;
	*major = get(raw->hash);
	*minor = get(raw->minor_hash);
	return true;
}
