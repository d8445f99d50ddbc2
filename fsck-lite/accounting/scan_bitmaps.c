/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps and counts against what the survey found: blocks and inodes marked used that nobody owns,
 * and, worse, the other way round. Bitmaps that lie side by side (flex_bg) are read together.
 */
#include "config.h"

#include <stdlib.h>

#include "accounting/ahead.h"
#include "accounting/scan.h"

enum { READ_SIZE = 128 * 1024, AHEAD_GROUPS = 256 };

/* A reader that keeps a stretch of blocks: the bitmaps of following groups are mostly in it. */
struct reader {
	uint8_t *buffer;
	uint64_t start, filled; /* blocks */
};

struct bitmap_pass {
	struct survey *survey;
	struct reader block_reader, inode_reader;
	bool is_settled; /* who owns what is beyond doubt */
};

struct difference {
	uint64_t marked_only, owned_only;   /* bits */
	uint64_t first_marked, first_owned; /* bit in the group */
	uint64_t free;			    /* zero bits of the bitmap on disk */
	uint32_t directories;		    /* in use, but marked free */
};

static void report(struct survey *survey, enum ext_problem problem, enum ext_structure structure,
		   ext_group group, ext_block block, uint64_t found, uint64_t low)
{
	struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = structure, .has = EXT_HAS_GROUP, .group = group},
		.found = found,
		.low = low,
		.high = low};

	if (block != 0) {
		finding.place.has |= EXT_HAS_BLOCK;
		finding.place.block = block;
	}
	ext_report(survey->options.sink, &finding);
}

/* The bytes of a bitmap block, read with its neighbours; NULL when it cannot be read. */
static const uint8_t *load(struct survey *survey, struct reader *reader, ext_block block)
{
	const struct ext_superblock *sb = survey->superblock;
	uint64_t count = READ_SIZE >> sb->block_size_log2;

	if (block >= reader->start && block < reader->start + reader->filled)
		return reader->buffer + ((block - reader->start) << sb->block_size_log2);
	if (block <= sb->first_data_block || block >= sb->block_count)
		return NULL;
	/* Far ahead only where flex_bg packs bitmaps. */
	if (sb->log_groups_per_flex == 0 || count == 0)
		count = 1;
	if (sb->log_groups_per_flex < 6 && count > (uint64_t)1 << sb->log_groups_per_flex)
		count = (uint64_t)1 << sb->log_groups_per_flex;
	if (count > sb->block_count - block)
		count = sb->block_count - block;
	reader->start = block;
	reader->filled = count;
	if (ext_filesystem_read_blocks(survey->filesystem, block, (uint32_t)count, reader->buffer,
				       NULL) == EXT_OK)
		return reader->buffer;
	reader->filled = 1;
	if (ext_filesystem_read_blocks(survey->filesystem, block, 1, reader->buffer, NULL) ==
	    EXT_OK)
		return reader->buffer;
	reader->filled = 0;
	return NULL;
}

static uint64_t word_of(const uint8_t *bitmap, uint64_t bit, uint64_t bits)
{
	uint64_t word = 0;
	const uint64_t bytes = (bits + 7) / 8;

	for (unsigned i = 0; i < 8 && bit / 8 + i < bytes; i++)
		word |= (uint64_t)bitmap[bit / 8 + i] << 8 * i;
	return word;
}

static unsigned bits_in(uint64_t word)
{
	unsigned count = 0;

	for (; word != 0; word &= word - 1)
		count++;
	return count;
}

static unsigned lowest(uint64_t word)
{
	unsigned bit = 0;

	while ((word >> bit & 1) == 0)
		bit++;
	return bit;
}

/* Adds 64 bits of comparison at `bit`; `mask` tells which of them exist. */
static void compare_word(struct difference *difference, uint64_t bit, uint64_t marked,
			 uint64_t owned, uint64_t mask)
{
	const uint64_t marked_only = marked & ~owned & mask, owned_only = owned & ~marked & mask;

	if (marked_only != 0) {
		if (difference->marked_only == 0)
			difference->first_marked = bit + lowest(marked_only);
		difference->marked_only += bits_in(marked_only);
	}
	if (owned_only != 0) {
		if (difference->owned_only == 0)
			difference->first_owned = bit + lowest(owned_only);
		difference->owned_only += bits_in(owned_only);
	}
	if ((~marked & mask) == mask && mask == UINT64_MAX)
		difference->free += 64;
	else
		difference->free += bits_in(~marked & mask);
}

static uint64_t mask_for(uint64_t bit, uint64_t bits)
{
	return bits - bit >= 64 ? UINT64_MAX : ((uint64_t)1 << (bits - bit)) - 1;
}

static bool padding_is_set(const uint8_t *bitmap, uint64_t from, uint64_t bits)
{
	for (; from < bits && from % 8 != 0; from++)
		if (!ext_bit_is_set(bitmap, (uint32_t)from))
			return false;
	for (uint64_t byte = from / 8; byte < bits / 8; byte++)
		if (bitmap[byte] != UINT8_MAX)
			return false;
	return true;
}

/* How many clusters a group has: the last one may be short. */
static uint64_t clusters_of(const struct ext_superblock *sb, ext_group group)
{
	return ((uint64_t)ext_group_block_count(sb, group) + sb->cluster_blocks - 1) >>
	       sb->cluster_log2;
}

static void report_unreadable(struct survey *survey, enum ext_structure structure, ext_group group,
			      ext_block block)
{
	survey->bitmaps_unreadable++;
	report(survey, EXT_BITMAP_UNREADABLE, structure, group, block, 0, 0);
}

/* A place outside of the filesystem: there is no bitmap, so that nothing is marked. */
static bool is_nowhere(const struct ext_superblock *sb, ext_block block)
{
	return block <= sb->first_data_block || block >= sb->block_count;
}

static void check_block_bitmap(struct bitmap_pass *pass, ext_group group,
			       const struct ext_group_descriptor *descriptor,
			       struct difference *difference)
{
	struct survey *survey = pass->survey;
	const struct ext_superblock *sb = survey->superblock;
	const uint64_t clusters = clusters_of(sb, group);
	const uint64_t base = ext_group_first_block(sb, group) >> sb->cluster_log2;
	const uint8_t *bitmap;

	if (descriptor->flags & EXT_GROUP_BLOCK_UNINIT) {
		/* What lies on disk means nothing: the layout alone is in use. */
		const uint64_t fixed = survey->group_fixed[group];
		const uint64_t owned = block_set_count(&survey->owned, base, clusters);

		difference->free = clusters - fixed;
		difference->owned_only = owned > fixed ? owned - fixed : 0;
		if (owned > fixed)
			report(survey, EXT_BLOCK_BITMAP_UNINIT, EXT_AT_GROUP_DESCRIPTOR, group, 0,
			       (owned - fixed) << sb->cluster_log2, 0);
		/* The bits behind a short last group are part of what was never written. */
		if (clusters < sb->clusters_per_group)
			report(survey, EXT_BLOCK_BITMAP_PADDING, EXT_AT_BLOCK_BITMAP, group,
			       descriptor->block_bitmap, 0, 0);
		return;
	}
	if (is_nowhere(sb, descriptor->block_bitmap)) {
		survey->bitmaps_unreadable++;
		difference->free = clusters;
		difference->owned_only = block_set_count(&survey->owned, base, clusters);
		if (clusters < sb->clusters_per_group)
			report(survey, EXT_BLOCK_BITMAP_PADDING, EXT_AT_BLOCK_BITMAP, group, 0, 0,
			       0);
		return;
	}
	bitmap = load(survey, &pass->block_reader, descriptor->block_bitmap);
	if (!bitmap) {
		report_unreadable(survey, EXT_AT_BLOCK_BITMAP, group, descriptor->block_bitmap);
		difference->free = clusters - block_set_count(&survey->owned, base, clusters);
		return;
	}
	if (ext_bitmap_checksum(sb, bitmap, sb->clusters_per_group,
				descriptor->block_bitmap_checksum) == EXT_CHECKSUM_BAD)
		report(survey, EXT_BLOCK_BITMAP_CHECKSUM, EXT_AT_BLOCK_BITMAP, group,
		       descriptor->block_bitmap, 0, 0);
	for (uint64_t bit = 0; bit < clusters; bit += 64)
		compare_word(difference, bit, word_of(bitmap, bit, clusters),
			     block_set_word(&survey->owned, base + bit), mask_for(bit, clusters));
	if (!padding_is_set(bitmap, clusters, (uint64_t)8 * sb->block_size))
		report(survey, EXT_BLOCK_BITMAP_PADDING, EXT_AT_BLOCK_BITMAP, group,
		       descriptor->block_bitmap, 0, 0);
}

/* 64 inodes from `first` on, as the bits that their bitmap should have. */
static uint64_t inodes_word(const struct survey *survey, ext_ino first, uint64_t mask)
{
	const struct ext_superblock *sb = survey->superblock;
	uint64_t word = inode_states_used(&survey->inodes, first, 64);

	for (ext_ino ino = first; ino < sb->first_inode && ino < first + 64; ino++)
		word |= (uint64_t)1 << (ino - first);
	return word & mask;
}

/* How many of the inodes in `word`, from `first` on, are directories. */
static uint32_t directories_in(const struct survey *survey, ext_ino first, uint64_t word)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < 64; i++)
		if ((word >> i & 1) && (inode_states_get(&survey->inodes, first + i) &
					STATE_TYPE) == EXT_TYPE_DIRECTORY)
			count++;
	return count;
}

static void check_inode_bitmap(struct bitmap_pass *pass, ext_group group,
			       const struct ext_group_descriptor *descriptor,
			       struct difference *difference)
{
	struct survey *survey = pass->survey;
	const struct ext_superblock *sb = survey->superblock;
	const ext_ino base = group * sb->inodes_per_group + 1;
	const uint64_t inodes = sb->inodes_per_group;
	const bool uninit = (descriptor->flags & EXT_GROUP_INODE_UNINIT) != 0;
	const uint8_t *bitmap = NULL;
	bool is_missing = false;

	if (!uninit && is_nowhere(sb, descriptor->inode_bitmap)) {
		survey->bitmaps_unreadable++;
		is_missing = true;
	} else if (!uninit) {
		bitmap = load(survey, &pass->inode_reader, descriptor->inode_bitmap);
		if (!bitmap) {
			report_unreadable(survey, EXT_AT_INODE_BITMAP, group,
					  descriptor->inode_bitmap);
		} else {
			if (ext_bitmap_checksum(sb, bitmap, sb->inodes_per_group,
						descriptor->inode_bitmap_checksum) ==
			    EXT_CHECKSUM_BAD)
				report(survey, EXT_INODE_BITMAP_CHECKSUM, EXT_AT_INODE_BITMAP,
				       group, descriptor->inode_bitmap, 0, 0);
			if (!padding_is_set(bitmap, inodes, (uint64_t)8 * sb->block_size))
				report(survey, EXT_INODE_BITMAP_PADDING, EXT_AT_INODE_BITMAP, group,
				       descriptor->inode_bitmap, 0, 0);
		}
	}
	/* Nothing is in use in a group that was never begun. */
	if (uninit) {
		difference->free = inodes;
		return;
	}
	for (uint64_t bit = 0; bit < inodes; bit += 64) {
		const uint64_t mask = mask_for(bit, inodes);
		const uint64_t owned = inodes_word(survey, base + (ext_ino)bit, mask);
		const uint64_t marked = bitmap	     ? word_of(bitmap, bit, inodes)
					: is_missing ? 0
						     : owned;

		if ((owned & ~marked) != 0)
			difference->directories +=
				directories_in(survey, base + (ext_ino)bit, owned & ~marked);
		compare_word(difference, bit, marked, owned, mask);
	}
}

/*
 * What would be free if the bitmap marked what is owned, and no more. While blocks have several
 * owners, or orphans wait for their end, nobody can tell yet: then what the bitmap has.
 */
static uint64_t really_free(const struct bitmap_pass *pass, const struct difference *difference)
{
	if (!pass->is_settled)
		return difference->free;
	return difference->free + difference->marked_only - difference->owned_only;
}

/* A count that agrees with the bitmap alone is as wrong as the bitmap. */
static void report_count(struct survey *survey, enum ext_problem problem, ext_group group,
			 uint64_t stored, uint64_t in_bitmap, uint64_t really)
{
	const uint64_t expected = stored != really ? really : in_bitmap;
	const struct ext_finding finding = {.problem = problem,
					    .place = {.structure = EXT_AT_GROUP_DESCRIPTOR,
						      .has = EXT_HAS_GROUP,
						      .group = group},
					    .found = stored,
					    .low = expected,
					    .high = expected,
					    .asked = scan_asked(stored, in_bitmap, really)};

	if (stored != expected)
		ext_report(survey->options.sink, &finding);
}

static void check_group(struct bitmap_pass *pass, ext_group group)
{
	struct survey *survey = pass->survey;
	const struct ext_superblock *sb = survey->superblock;
	struct difference blocks = {0}, inodes = {0};
	struct ext_group_descriptor descriptor;
	uint32_t directories;
	ext_block place;

	ext_group_read(survey->options.judged ? survey->options.judged : survey->filesystem, group,
		       &descriptor);
	if (descriptor.checksum == EXT_CHECKSUM_BAD)
		descriptor.flags = 0;
	check_block_bitmap(pass, group, &descriptor, &blocks);
	check_inode_bitmap(pass, group, &descriptor, &inodes);

	directories = survey->group_directories[group] - inodes.directories;

	survey->bitmaps_free_blocks += blocks.free << sb->cluster_log2;
	survey->bitmaps_free_inodes += inodes.free;
	survey->really_free_blocks += really_free(pass, &blocks) << sb->cluster_log2;
	survey->really_free_inodes += really_free(pass, &inodes);
	survey->descriptors_free_blocks += (uint64_t)descriptor.free_clusters << sb->cluster_log2;
	survey->descriptors_free_inodes += descriptor.free_inodes;
	survey->owners[OWNER_LEAKED] += blocks.marked_only << sb->cluster_log2;
	survey->used_but_marked_free += blocks.owned_only << sb->cluster_log2;

	place = ext_group_first_block(sb, group);
	/* What could not be read may own them. */
	if (blocks.marked_only > 0 && survey->inodes_unread == 0 && survey->maps_unread == 0)
		report(survey, EXT_BLOCK_LEAKED, EXT_AT_BLOCK_BITMAP, group,
		       place + (blocks.first_marked << sb->cluster_log2),
		       blocks.marked_only << sb->cluster_log2, 0);
	if (blocks.owned_only > 0)
		report(survey, EXT_BLOCK_MARKED_FREE, EXT_AT_BLOCK_BITMAP, group,
		       place + (blocks.first_owned << sb->cluster_log2),
		       blocks.owned_only << sb->cluster_log2, 0);
	/* Those that could not be read may well be in use. */
	if (inodes.marked_only > survey->group_unread[group])
		report(survey, EXT_INODE_MARKED_USED, EXT_AT_INODE_BITMAP, group, 0,
		       inodes.marked_only - survey->group_unread[group], 0);
	if (inodes.owned_only > 0)
		report(survey, EXT_INODE_MARKED_FREE, EXT_AT_INODE_BITMAP, group, 0,
		       inodes.owned_only, 0);
	if (!descriptor.readable || survey->filesystem == NULL)
		return;
	/* A stale table (of a backup) has old counts by design. */
	if (ext_filesystem_is_stale(survey->filesystem) && !survey->options.judge_stale_counts)
		return;
	report_count(survey, EXT_GROUP_FREE_BLOCKS, group, descriptor.free_clusters, blocks.free,
		     really_free(pass, &blocks));
	report_count(survey, EXT_GROUP_FREE_INODES, group, descriptor.free_inodes, inodes.free,
		     really_free(pass, &inodes));
	if (survey->group_unread[group] == 0)
		report_count(survey, EXT_GROUP_DIRECTORIES, group, descriptor.directories,
			     directories,
			     pass->is_settled ? survey->group_directories[group] : directories);
}

/* Hints at the bitmaps of AHEAD_GROUPS groups. */
static void hint_at(struct survey *survey, ext_group first)
{
	const struct ext_superblock *sb = survey->superblock;
	const struct ext_filesystem *judged =
		survey->options.judged ? survey->options.judged : survey->filesystem;
	struct ahead ahead;

	ahead_init(&ahead, ext_filesystem_source(survey->filesystem));
	if (!ext_source_wants_hints(ahead.source))
		return;
	for (ext_group group = first; group < sb->group_count && group - first < AHEAD_GROUPS;
	     group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(judged, group, &descriptor);
		if ((descriptor.flags & EXT_GROUP_BLOCK_UNINIT) == 0 &&
		    descriptor.block_bitmap < sb->block_count)
			ahead_add(&ahead, descriptor.block_bitmap << sb->block_size_log2,
				  sb->block_size);
		if ((descriptor.flags & EXT_GROUP_INODE_UNINIT) == 0 &&
		    descriptor.inode_bitmap < sb->block_count)
			ahead_add(&ahead, descriptor.inode_bitmap << sb->block_size_log2,
				  sb->block_size);
	}
	ahead_tell(&ahead);
}

enum ext_status scan_bitmaps(struct survey *survey, struct ext_error *error)
{
	const struct ext_superblock *sb = survey->superblock;
	const size_t size = READ_SIZE > sb->block_size ? READ_SIZE : sb->block_size;
	struct bitmap_pass pass = {.survey = survey};
	enum ext_status status = EXT_OK;
	uint64_t shared;

	pass.is_settled = survey->inodes_unread == 0 && survey->maps_unread == 0 &&
			  survey->orphan_inodes == 0 &&
			  !block_set_next(&survey->shared, 0, &shared);
	pass.block_reader.buffer = malloc(size);
	pass.inode_reader.buffer = malloc(size);
	if (!pass.block_reader.buffer || !pass.inode_reader.buffer)
		status = ext_no_memory(error);
	for (ext_group group = 0; status == EXT_OK && group < sb->group_count; group++) {
		if (group % 1024 == 0 && survey->options.stop && survey->options.stop()) {
			survey->stopped = true;
			break;
		}
		if (group == 0)
			hint_at(survey, 0);
		if (group % AHEAD_GROUPS == 0)
			hint_at(survey, group + AHEAD_GROUPS);
		check_group(&pass, group);
	}
	free(pass.block_reader.buffer);
	free(pass.inode_reader.buffer);
	return status;
}
