/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps and counts against what the survey found: blocks and inodes marked used that nobody owns,
 * and, worse, the other way round.
 */
#include "config.h"

#include "accounting/bitmap_reader.h"
#include "accounting/difference.h"
#include "accounting/scan.h"

struct bitmap_pass {
	struct survey *survey;
	const struct ext_filesystem *judged; /* whose descriptors are looked at */
	struct bitmap_reader block_reader, inode_reader;
	bool is_settled; /* who owns what is beyond doubt */
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

/* Where a bitmap could not be read, what nobody owns is free, as long as all owners could be. */
static bool owners_are_known(const struct survey *survey)
{
	return survey->inodes_unread == 0 && survey->maps_unread == 0;
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
	bitmap = bitmap_reader_load(&pass->block_reader, group, descriptor->block_bitmap);
	if (!bitmap) {
		report_unreadable(survey, EXT_AT_BLOCK_BITMAP, group, descriptor->block_bitmap);
		difference->free = clusters - block_set_count(&survey->owned, base, clusters);
		difference->is_unknown = !owners_are_known(survey);
		return;
	}
	if (ext_bitmap_checksum(sb, bitmap, sb->clusters_per_group,
				descriptor->block_bitmap_checksum) == EXT_CHECKSUM_BAD)
		report(survey, EXT_BLOCK_BITMAP_CHECKSUM, EXT_AT_BLOCK_BITMAP, group,
		       descriptor->block_bitmap, 0, 0);
	for (uint64_t bit = 0; bit < clusters; bit += 64)
		difference_add(difference, bit, difference_word(bitmap, bit, clusters),
			       block_set_word(&survey->owned, base + bit),
			       difference_mask(bit, clusters));
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
		bitmap = bitmap_reader_load(&pass->inode_reader, group, descriptor->inode_bitmap);
		if (!bitmap) {
			report_unreadable(survey, EXT_AT_INODE_BITMAP, group,
					  descriptor->inode_bitmap);
			difference->is_unknown = survey->group_unread[group] > 0;
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
		const uint64_t mask = difference_mask(bit, inodes);
		const uint64_t owned = inodes_word(survey, base + (ext_ino)bit, mask);
		const uint64_t marked = bitmap	     ? difference_word(bitmap, bit, inodes)
					: is_missing ? 0
						     : owned;

		if ((owned & ~marked) != 0)
			difference->directories +=
				directories_in(survey, base + (ext_ino)bit, owned & ~marked);
		difference_add(difference, bit, marked, owned, mask);
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

/* A group whose descriptor could not be read: what nobody owns is taken for free. */
static void guess_group(const struct bitmap_pass *pass, ext_group group, struct difference *blocks,
			struct difference *inodes)
{
	struct survey *survey = pass->survey;
	const struct ext_superblock *sb = survey->superblock;
	const uint64_t clusters = clusters_of(sb, group);
	const uint64_t base = ext_group_first_block(sb, group) >> sb->cluster_log2;

	survey->bitmaps_unreadable += 2;
	blocks->free = clusters - block_set_count(&survey->owned, base, clusters);
	inodes->free = sb->inodes_per_group;
	blocks->is_unknown = inodes->is_unknown = true;
}

static void check_group(struct bitmap_pass *pass, ext_group group)
{
	struct survey *survey = pass->survey;
	const struct ext_superblock *sb = survey->superblock;
	struct difference blocks = {0}, inodes = {0};
	struct ext_group_descriptor descriptor;
	uint32_t directories;
	ext_block place;

	ext_group_read(pass->judged, group, &descriptor);
	/* Where nobody could read what is judged, the rest is not held against it. */
	if (!descriptor.readable)
		ext_group_read(survey->filesystem, group, &descriptor);
	if (descriptor.checksum == EXT_CHECKSUM_BAD)
		descriptor.flags = 0;
	if (descriptor.readable) {
		check_block_bitmap(pass, group, &descriptor, &blocks);
		check_inode_bitmap(pass, group, &descriptor, &inodes);
	} else {
		guess_group(pass, group, &blocks, &inodes);
	}
	survey->is_free_unknown = survey->is_free_unknown || blocks.is_unknown || inodes.is_unknown;

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
	if (blocks.marked_only > 0)
		survey->last_leaked = (place >> sb->cluster_log2) + blocks.last_marked;
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
	if (!blocks.is_unknown)
		report_count(survey, EXT_GROUP_FREE_BLOCKS, group, descriptor.free_clusters,
			     blocks.free, really_free(pass, &blocks));
	if (!inodes.is_unknown)
		report_count(survey, EXT_GROUP_FREE_INODES, group, descriptor.free_inodes,
			     inodes.free, really_free(pass, &inodes));
	if (survey->group_unread[group] == 0)
		report_count(survey, EXT_GROUP_DIRECTORIES, group, descriptor.directories,
			     directories,
			     pass->is_settled ? survey->group_directories[group] : directories);
}

void scan_bitmaps_ahead(const struct survey *survey)
{
	enum { GROUPS = 8 * BITMAPS_AHEAD };
	const ext_group count = survey->superblock->group_count;
	struct bitmap_reader reader = {.filesystem = survey->filesystem,
				       .judged = survey->options.judged ? survey->options.judged
									: survey->filesystem};

	for (unsigned kind = 0; survey->is_cold && kind < 2; kind++) {
		reader.is_of_inodes = kind == 1;
		for (ext_group group = 0; group < count && group < GROUPS; group += BITMAPS_AHEAD)
			bitmap_reader_hint(&reader, group);
	}
}

enum ext_status scan_bitmaps(struct survey *survey, struct ext_error *error)
{
	const struct ext_superblock *sb = survey->superblock;
	struct bitmap_pass pass = {.survey = survey,
				   .judged = survey->options.judged ? survey->options.judged
								    : survey->filesystem};
	enum ext_status status = EXT_OK;
	uint64_t shared;

	pass.is_settled = survey->inodes_unread == 0 && survey->maps_unread == 0 &&
			  survey->orphan_inodes == 0 &&
			  !block_set_next(&survey->shared, 0, &shared);
	if (!bitmap_reader_init(&pass.block_reader, survey->filesystem, pass.judged, false) ||
	    !bitmap_reader_init(&pass.inode_reader, survey->filesystem, pass.judged, true))
		status = ext_no_memory(error);
	for (ext_group group = 0; status == EXT_OK && group < sb->group_count; group++) {
		if (group % 1024 == 0 && survey->options.stop && survey->options.stop()) {
			survey->stopped = true;
			break;
		}
		check_group(&pass, group);
	}
	bitmap_reader_clear(&pass.block_reader);
	bitmap_reader_clear(&pass.inode_reader);
	return status;
}
