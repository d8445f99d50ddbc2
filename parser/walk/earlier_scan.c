/* SPDX-License-Identifier: MIT */
/*
 * One pass over the image. The first block of a directory says whose it is, and the inode of a
 * directory which block is its first: where the two agree, here is inode so-and-so, whatever the
 * layout was. Blocks of another size agree as well only by chance, so the size with most pairs is
 * it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/copies.h>
#include <ext/extent_node.h>

#include "bytes/checked.h"
#include "walk/earlier_steps.h"

enum {
	CHUNK = 1 << 20,
	MARK_STEP = 1024,  /* the smallest block */
	RECORD_STEP = 128, /* the smallest inode */
	FINDS_MOST = 1 << 22,
	SIZES = 7, /* of blocks, from 1024 on */
	LOG_MAGIC_V1 = 3,
	LOG_MAGIC_V2 = 4,
	LOG_BLOCKS_LEAST = 256,
};

/* The first block of a directory. */
struct mark {
	uint64_t at;
	ext_ino ino;
	bool has_filetype;
};

/* The inode of a directory. */
struct record {
	uint64_t at;
	ext_block block;
	bool has_extents;
};

struct finds {
	struct mark *marks;
	size_t mark_count, mark_size;
	struct record *records;
	size_t record_count, record_size;
	bool out_of_memory;
};

static bool make_room(void **list, size_t count, size_t *size, size_t item)
{
	const size_t wanted = *size ? *size * 2 : 256;
	void *grown;

	if (count < *size)
		return true;
	grown = realloc(*list, wanted * item);
	if (!grown)
		return false;
	*list = grown;
	*size = wanted;
	return true;
}

static void look_for_mark(struct finds *finds, uint64_t at, const uint8_t *b)
{
	if (earlier_u16(b, 4) != 12 || b[6] != 1 || b[8] != '.' || b[9] != 0 || b[18] != 2 ||
	    b[20] != '.' || b[21] != '.' || (b[7] != 0 && b[7] != EXT_TYPE_DIRECTORY) ||
	    earlier_u32(b, 0) == 0 || earlier_u32(b, 12) == 0 || finds->mark_count == FINDS_MOST)
		return;
	if (!make_room((void **)&finds->marks, finds->mark_count, &finds->mark_size,
		       sizeof *finds->marks)) {
		finds->out_of_memory = true;
		return;
	}
	finds->marks[finds->mark_count++] =
		(struct mark){at, earlier_u32(b, 0), b[7] == EXT_TYPE_DIRECTORY};
}

/* The first block of a directory that is mapped in its inode; 0: not, or no directory. */
static ext_block first_block(const uint8_t *b, bool *has_extents)
{
	const uint32_t size = earlier_u32(b, 4), flags = earlier_u32(b, 0x20);

	*has_extents = (flags & EXT_INODE_EXTENTS) != 0;
	if ((b[1] & 0xf0) != 0x40 || earlier_u16(b, 0x1a) == 0 || earlier_u32(b, 0x14) != 0 ||
	    size == 0 || size % MARK_STEP != 0 || (flags & EXT_INODE_INLINE_DATA) != 0)
		return 0;
	if (!*has_extents)
		return earlier_u32(b, 0x28);
	if (earlier_u16(b, 0x28) != EXT_EXTENT_HEADER_MAGIC || earlier_u16(b, 0x2a) == 0 ||
	    earlier_u16(b, 0x2e) != 0 || earlier_u32(b, 0x34) != 0)
		return 0;
	return earlier_u32(b, 0x3c) | (uint64_t)earlier_u16(b, 0x3a) << 32;
}

static void look_for_record(struct finds *finds, uint64_t at, const uint8_t *b)
{
	bool has_extents;
	const ext_block block = first_block(b, &has_extents);

	if (block == 0 || finds->record_count == FINDS_MOST)
		return;
	if (!make_room((void **)&finds->records, finds->record_count, &finds->record_size,
		       sizeof *finds->records)) {
		finds->out_of_memory = true;
		return;
	}
	finds->records[finds->record_count++] = (struct record){at, block, has_extents};
}

static void look_for_log(struct earlier *earlier, uint64_t at, const uint8_t *b)
{
	static const uint8_t magic[7] = {0xc0, 0x3b, 0x39, 0x98};
	const struct be32 *const words = (const struct be32 *)(const void *)b;
	const uint32_t block_size = get(words[3]), blocks = get(words[4]);

	if (memcmp(b, magic, sizeof magic) != 0 || (b[7] != LOG_MAGIC_V1 && b[7] != LOG_MAGIC_V2) ||
	    block_size < 1024 || block_size > 65536 || (block_size & (block_size - 1)) != 0 ||
	    at % block_size != 0 || blocks < LOG_BLOCKS_LEAST ||
	    blocks > (earlier->size - at) / block_size || earlier->log_count == EARLIER_LOGS)
		return;
	earlier->logs[earlier->log_count++] = (struct earlier_log){at, block_size, blocks};
}

static void look_for_superblock(struct earlier *earlier, uint64_t at, const uint8_t *b)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	struct ext_superblock sb;

	if (earlier_u16(b, 0x38) != EXT_MAGIC || earlier->superblock_count == EARLIER_SUPERBLOCKS ||
	    ext_superblock_decode(b, place, &sb, NULL, NULL) != EXT_OK ||
	    sb.checksum == EXT_CHECKSUM_BAD ||
	    ext_superblock_same_filesystem(&sb, ext_filesystem_superblock(earlier->now)))
		return;
	earlier->superblocks[earlier->superblock_count++] = at;
}

static void look(struct earlier *earlier, struct finds *finds, uint64_t at, const uint8_t *bytes,
		 size_t length)
{
	for (size_t i = 0; i + MARK_STEP <= length; i += MARK_STEP) {
		look_for_mark(finds, at + i, bytes + i);
		look_for_log(earlier, at + i, bytes + i);
		look_for_superblock(earlier, at + i, bytes + i);
	}
	for (size_t i = 0; i + RECORD_STEP <= length; i += RECORD_STEP)
		look_for_record(finds, at + i, bytes + i);
}

/* Everything that is no hole; around what cannot be read, piece by piece. */
static bool read_all(struct earlier *earlier, struct finds *finds)
{
	uint8_t *const buffer = malloc(CHUNK);
	uint64_t at = 0, start, stop;
	bool go_on = true;

	while (buffer && go_on && at < earlier->size &&
	       ext_source_next_data(earlier->source, at, &start, &stop) == EXT_OK) {
		stop = min_u64((stop + MARK_STEP - 1) / MARK_STEP * MARK_STEP,
			       earlier->size / MARK_STEP * MARK_STEP);
		start = start / MARK_STEP * MARK_STEP;
		at = start > at ? start : at;
		if (at >= stop)
			break;
		while (at < stop && go_on) {
			const size_t length = (size_t)min_u64(stop - at, CHUNK);

			if (ext_source_read(earlier->source, at, buffer, length, NULL) == EXT_OK)
				look(earlier, finds, at, buffer, length);
			else
				for (size_t i = 0; i < length; i += MARK_STEP)
					if (ext_source_read(earlier->source, at + i, buffer,
							    MARK_STEP, NULL) == EXT_OK)
						look(earlier, finds, at + i, buffer, MARK_STEP);
			at += length;
			go_on = !finds->out_of_memory && !(earlier->stop && earlier->stop());
		}
	}
	finds->out_of_memory |= !buffer;
	free(buffer);
	return go_on && !finds->out_of_memory;
}

/* Marks come in ascending order. */
static const struct mark *find_mark(const struct finds *finds, uint64_t at)
{
	size_t low = 0, high = finds->mark_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (finds->marks[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < finds->mark_count && finds->marks[low].at == at ? &finds->marks[low] : NULL;
}

static const struct mark *mark_of(const struct earlier *earlier, const struct finds *finds,
				  const struct record *record, unsigned size_log2)
{
	const uint64_t block = record->block;

	return block < earlier->size >> size_log2 ? find_mark(finds, block << size_log2) : NULL;
}

static uint32_t most_common_size(const struct earlier *earlier, const struct finds *finds)
{
	size_t most = 0;
	uint32_t best = 0;

	for (unsigned i = 0; i < SIZES; i++) {
		size_t pairs = 0;

		for (size_t record = 0; record < finds->record_count; record++)
			pairs += mark_of(earlier, finds, &finds->records[record], 10 + i) != NULL;
		if (pairs > most) {
			most = pairs;
			best = UINT32_C(1024) << i;
		}
	}
	return best;
}

/* Does the filesystem that is there now have this directory, and at this block? */
static bool is_of_now(const struct earlier *earlier, ext_ino ino, ext_block block)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(earlier->now);
	uint8_t raw[128];
	uint64_t offset;
	bool has_extents;

	return earlier->block_size == sb->block_size && ino <= sb->inode_count &&
	       ext_inode_offset(earlier->now, ino, &offset, NULL) == EXT_OK &&
	       ext_source_read(earlier->source, offset, raw, sizeof raw, NULL) == EXT_OK &&
	       first_block(raw, &has_extents) == block;
}

static bool is_logged(const struct earlier *earlier, uint64_t at)
{
	for (size_t i = 0; i < earlier->log_count; i++)
		if (earlier_log_has(&earlier->logs[i], at))
			return true;
	return false;
}

/* What the log has is a copy: it does not tell where the inode was. */
static bool pair_up(struct earlier *earlier, const struct finds *finds)
{
	unsigned size_log2 = 10;

	earlier->block_size = most_common_size(earlier, finds);
	if (earlier->block_size == 0)
		return true;
	while (UINT32_C(1) << size_log2 != earlier->block_size)
		size_log2++;
	earlier->anchors = malloc((finds->record_count + 1) * sizeof *earlier->anchors);
	for (size_t i = 0; earlier->anchors && i < finds->record_count; i++) {
		const struct record *record = &finds->records[i];
		const struct mark *mark = mark_of(earlier, finds, record, size_log2);

		if (mark && !is_logged(earlier, record->at) &&
		    !is_of_now(earlier, mark->ino, record->block))
			earlier->anchors[earlier->anchor_count++] =
				(struct earlier_anchor){record->at, record->block, mark->ino,
							record->has_extents, mark->has_filetype};
	}
	return earlier->anchors != NULL;
}

bool earlier_scan(struct earlier *earlier, enum ext_status *status)
{
	struct finds finds = {0};
	const bool is_whole = read_all(earlier, &finds);

	if (finds.out_of_memory || (is_whole && !pair_up(earlier, &finds)))
		*status = EXT_MEMORY;
	free(finds.marks);
	free(finds.records);
	return is_whole && *status == EXT_OK && earlier->anchor_count > 1;
}
