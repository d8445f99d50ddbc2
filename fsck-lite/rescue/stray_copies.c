/* SPDX-License-Identifier: MIT */
/*
 * The inode number enters the checksum of an inode, which gives it away. Without checksums the
 * generation does: 32 random bits that an inode keeps for its life and after it, so that a block
 * with the same ones in the same order is a version of the same block.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/checksum_origin.h>

#include "accounting/grow.h"
#include "rescue/plausible.h"
#include "rescue/stray_copies.h"

enum { TABLE_BUFFER = 512 * 1024 };

/* Which inode has, or had, this generation. */
struct generation {
	uint32_t generation;
	ext_ino ino;
};

struct seeker {
	const struct ext_superblock *superblock;
	struct stray_copies *strays;
	struct generation *known; /* sorted */
	size_t known_count, known_size;
	bool failed;
};

static int compare_generations(const void *left, const void *right)
{
	const struct generation *a = left, *b = right;

	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

static void know(struct seeker *seeker, ext_ino ino, const uint8_t *raw)
{
	struct ext_inode inode;

	ext_inode_decode(seeker->superblock, ino, raw, &inode);
	if (inode.generation == 0 || inode.type == EXT_TYPE_UNKNOWN)
		return;
	if (!GROW(seeker->known, seeker->known_count, seeker->known_size)) {
		seeker->failed = true;
		return;
	}
	seeker->known[seeker->known_count++] = (struct generation){inode.generation, ino};
}

/* All generations of the inode tables, and of those table blocks that the log can place. */
static void know_tables(struct seeker *seeker, const struct ext_filesystem *filesystem)
{
	const struct ext_superblock *sb = seeker->superblock;
	struct ext_inode_table *table;
	struct ext_inode_run run;

	if (ext_inode_table_open(filesystem, 0, sb->group_count, true, TABLE_BUFFER, &table,
				 NULL) != EXT_OK) {
		seeker->failed = true;
		return;
	}
	while (ext_inode_table_next(table, &run) == EXT_OK && !seeker->failed)
		for (uint32_t i = 0; run.raw && i < run.count; i++)
			know(seeker, run.first + i, run.raw + (size_t)i * sb->inode_size);
	ext_inode_table_close(table);
	if (seeker->known_count > 1)
		qsort(seeker->known, seeker->known_count, sizeof *seeker->known,
		      compare_generations);
}

/* The inode that a slot's bytes belong to; 0: cannot be told. */
static ext_ino number_of(const struct seeker *seeker, const uint8_t *raw)
{
	struct ext_inode inode;
	ext_ino ino;
	size_t low = 0, high = seeker->known_count;

	if (seeker->superblock->has_metadata_csum)
		return ext_inode_number_by_checksum(seeker->superblock, raw, &ino) ? ino : 0;
	ext_inode_decode(seeker->superblock, 1, raw, &inode);
	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (seeker->known[middle].generation < inode.generation)
			low = middle + 1;
		else
			high = middle;
	}
	/* One that two inodes have says nothing. */
	if (low >= seeker->known_count || seeker->known[low].generation != inode.generation ||
	    (low + 1 < seeker->known_count &&
	     seeker->known[low + 1].generation == inode.generation))
		return 0;
	return seeker->known[low].ino;
}

/* The first inode of the table block that this is a version of: most of its slots must agree. */
static ext_ino first_inode_of(const struct seeker *seeker, const uint8_t *block)
{
	const struct ext_superblock *sb = seeker->superblock;
	const uint32_t slots = sb->block_size / sb->inode_size;
	ext_ino favourite = 0;
	uint32_t votes = 0, against = 0;

	for (uint32_t slot = 0; slot < slots; slot++) {
		const uint8_t *raw = block + (size_t)slot * sb->inode_size;
		const ext_ino ino = ext_inode_is_unused(raw) ? 0 : number_of(seeker, raw);
		const ext_ino first = ino > slot ? ino - slot : 0;

		if (first == 0 || ino > sb->inode_count ||
		    (first - 1) % sb->inodes_per_group % slots != 0)
			continue;
		if (favourite == 0)
			favourite = first;
		if (first == favourite)
			votes++;
		else
			against++;
	}
	return votes > 2 * against ? favourite : 0;
}

/* Does the block hold inodes at all? One that is surely none ends the question. */
static bool looks_like_table(const struct ext_superblock *sb, const uint8_t *block)
{
	uint32_t good = 0;

	for (uint32_t at = 0; at + sb->inode_size <= sb->block_size; at += sb->inode_size) {
		struct ext_inode inode;

		if (ext_inode_is_unused(block + at))
			continue;
		ext_inode_decode(sb, sb->first_inode, block + at, &inode);
		/* Freed ones have a size of nothing, which only files may have. */
		if (inode.links > 0 ? !plausible_inode(sb, &inode, block + at)
				    : inode.type == EXT_TYPE_UNKNOWN)
			return false;
		good++;
	}
	return good > 0;
}

static void take(struct seeker *seeker, uint32_t log, const uint8_t *block)
{
	const struct ext_superblock *sb = seeker->superblock;
	const struct ext_span bytes = {block, sb->block_size};
	struct stray_copy copy = {.log_block = log};
	ext_ino self, parent;

	if (all_zero(bytes))
		return;
	if (looks_like_table(sb, block)) {
		copy.first = first_inode_of(seeker, block);
		if (copy.first == 0)
			return;
	} else if (!plausible_first_block(sb, bytes, &self, &parent) &&
		   !plausible_entries(sb, bytes)) {
		return;
	}
	if (!GROW(seeker->strays->items, seeker->strays->count, seeker->strays->size)) {
		seeker->failed = true;
		return;
	}
	seeker->strays->items[seeker->strays->count++] = copy;
}

/* A bit for each log block that a descriptor claims. */
static uint8_t *claimed_blocks(const struct ext_journal_history *history, uint32_t end,
			       uint32_t *count)
{
	uint8_t *claimed = calloc(1, (size_t)end / 8 + 1);

	*count = ext_journal_history_versions(history);
	for (uint32_t i = 0; claimed && i < *count; i++) {
		struct ext_journal_version version;

		ext_journal_history_version(history, i, &version);
		if (version.log_block < end)
			claimed[version.log_block / 8] |= (uint8_t)(1u << version.log_block % 8);
	}
	return claimed;
}

enum ext_status stray_copies_find(const struct ext_filesystem *filesystem,
				  const struct ext_journal *journal,
				  const struct ext_journal_history *history,
				  struct stray_copies *strays, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	const struct ext_journal_superblock *log = ext_journal_get_superblock(journal);
	struct seeker seeker = {.superblock = sb, .strays = strays};
	uint8_t *block = malloc(sb->block_size);
	uint8_t *claimed;
	uint32_t versions;
	bool knows = sb->has_metadata_csum;

	*strays = (struct stray_copies){0};
	claimed = log->end / 8 <= ext_journal_summary(journal)->present_blocks
			  ? claimed_blocks(history, log->end, &versions)
			  : NULL;
	for (uint32_t i = log->first; claimed && block && i < log->end && !seeker.failed; i++) {
		struct ext_journal_header header;

		if (claimed[i / 8] & 1u << i % 8 ||
		    ext_journal_block_read(journal, i, block, NULL) != EXT_OK ||
		    ext_journal_header_decode((struct ext_span){block, sb->block_size}, &header))
			continue;
		if (!knows && looks_like_table(sb, block)) {
			know_tables(&seeker, filesystem);
			knows = true;
		}
		take(&seeker, i, block);
	}
	free(seeker.known);
	free(claimed);
	free(block);
	if (!block || seeker.failed) {
		stray_copies_clear(strays);
		return ext_no_memory(error);
	}
	return EXT_OK;
}

void stray_copies_clear(struct stray_copies *strays)
{
	free(strays->items);
	*strays = (struct stray_copies){0};
}
