/* SPDX-License-Identifier: MIT */
/*
 * An image that someone publishes: it must be clean, exactly as long as its filesystem, hold
 * nothing of what was deleted, and be the same when it is built again. Runs after the survey, which
 * knows what is free; slack in directories is counted by entries.c on the way.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "checks/checks.h"

enum { CHUNK = 256 * 1024, UUID_VERSION_RANDOM = 4 };

static void report_superblock(struct checks *checks, enum ext_problem problem, const char *field,
			      uint64_t found, uint64_t low)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_SUPERBLOCK, .field = field},
		.found = found,
		.low = low,
		.high = low};

	ext_report(checks->sink, &finding);
}

static bool is_random(const uint8_t uuid[16])
{
	return uuid[6] >> 4 == UUID_VERSION_RANDOM && uuid[8] >> 6 == 2;
}

static void check_identity(struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	uint8_t seed[16];

	/* The seed is stored as a UUID is, but read as numbers. */
	for (unsigned i = 0; i < 16; i++)
		seed[i] = (uint8_t)(sb->hash_seed[i / 4] >> i % 4 * 8);
	if (is_random(sb->uuid))
		report_superblock(checks, EXT_PUBLISHED_RANDOM_UUID, "s_uuid", 0, 0);
	if (is_random(seed) && ext_has_compat(sb, EXT_COMPAT_DIR_INDEX))
		report_superblock(checks, EXT_PUBLISHED_RANDOM_SEED, "s_hash_seed", 0, 0);
	if (sb->mount_count > 0 || sb->mount_time > 0)
		report_superblock(checks, EXT_PUBLISHED_MOUNTED, "s_mnt_count", sb->mount_count,
				  (uint64_t)sb->mount_time);
	if (sb->write_time != sb->mkfs_time)
		report_superblock(checks, EXT_PUBLISHED_WRITE_TIME, "s_wtime",
				  (uint64_t)sb->write_time, (uint64_t)sb->mkfs_time);
}

static void check_state(struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	const struct opened_image *image = checks->image;
	const struct ext_source *whole = image->window ? image->window : image->base;
	const uint64_t end = sb->block_count << sb->block_size_log2;

	if ((sb->state & ~EXT_STATE_ORPHANS) != EXT_STATE_CLEAN || sb->orphan_head != 0 ||
	    image->journal == JOURNAL_IS_REPLAYED || image->journal == JOURNAL_IS_IGNORED)
		report_superblock(checks, EXT_PUBLISHED_NOT_CLEAN, "s_state", sb->state,
				  EXT_STATE_CLEAN);
	if (whole && ext_source_size(whole) > end) {
		const struct ext_finding finding = {
			.problem = EXT_PUBLISHED_LONGER,
			.place = {.structure = EXT_AT_IMAGE, .has = EXT_HAS_OFFSET, .offset = end},
			.found = ext_source_size(whole) - end};

		ext_report(checks->sink, &finding);
	}
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Counts the blocks of a run that are not zero. False when they cannot be read. */
static bool count_blocks(struct checks *checks, uint8_t *buffer, ext_block start, uint64_t length,
			 uint64_t *count, ext_block *first)
{
	const struct ext_superblock *sb = checks->superblock;
	const uint64_t most = CHUNK > sb->block_size ? (uint64_t)CHUNK >> sb->block_size_log2 : 1;

	while (length > 0) {
		const uint32_t part = (uint32_t)(length < most ? length : most);

		if (ext_filesystem_read_blocks(checks->filesystem, start, part, buffer, NULL) !=
		    EXT_OK)
			return false;
		for (uint32_t i = 0; i < part; i++)
			if (!is_zero(buffer + ((size_t)i << sb->block_size_log2), sb->block_size) &&
			    (*count)++ == 0)
				*first = start + i;
		start += part;
		length -= part;
	}
	return true;
}

/* Blocks of a group that nobody owns. */
static void check_free_blocks(struct checks *checks, const struct survey *survey, uint8_t *buffer,
			      ext_group group)
{
	const struct ext_superblock *sb = checks->superblock;
	const ext_block start = ext_group_first_block(sb, group);
	const ext_block end = start + ext_group_block_count(sb, group);
	uint64_t count = 0;
	ext_block first = 0;

	for (ext_block block = start; block < end;) {
		ext_block last = block;

		while (last < end && !block_set_has(&survey->owned, last >> sb->cluster_log2))
			last++;
		if (last > block &&
		    !count_blocks(checks, buffer, block, last - block, &count, &first))
			return;
		block = last > block ? last : block + 1;
	}
	if (count > 0) {
		const struct ext_finding finding = {.problem = EXT_PUBLISHED_FREE_BLOCKS,
						    .place = {.structure = EXT_AT_FILE_DATA,
							      .has = EXT_HAS_GROUP | EXT_HAS_BLOCK,
							      .group = group,
							      .block = first},
						    .found = count};

		ext_report(checks->sink, &finding);
	}
}

static void check_free_inodes(struct checks *checks, const struct survey *survey, ext_group group)
{
	const struct ext_superblock *sb = checks->superblock;
	struct ext_inode_table *table;
	struct ext_inode_run run;
	uint64_t count = 0;
	ext_ino first = 0;

	if (ext_inode_table_open(checks->filesystem, group, group + 1, true, CHUNK, &table, NULL) !=
	    EXT_OK)
		return;
	while (ext_inode_table_next(table, &run) == EXT_OK)
		for (uint32_t i = 0; run.raw && i < run.count; i++) {
			const ext_ino ino = run.first + i;

			if (ino >= sb->first_inode && inode_states_get(&survey->inodes, ino) == 0 &&
			    !is_zero(run.raw + (size_t)i * sb->inode_size, sb->inode_size) &&
			    count++ == 0)
				first = ino;
		}
	ext_inode_table_close(table);
	if (count > 0) {
		const struct ext_finding finding = {.problem = EXT_PUBLISHED_FREE_INODES,
						    .place = {.structure = EXT_AT_INODE_TABLE,
							      .has = EXT_HAS_GROUP | EXT_HAS_INODE,
							      .group = group,
							      .inode = first},
						    .found = count};

		ext_report(checks->sink, &finding);
	}
}

static void check_journal(struct checks *checks, uint8_t *buffer)
{
	const struct ext_superblock *sb = checks->superblock;
	struct ext_mapping *mapping = NULL;
	struct ext_inode inode;
	struct ext_run run;
	uint64_t count = 0;
	ext_block first = 0;

	if (!ext_has_compat(sb, EXT_COMPAT_HAS_JOURNAL) || sb->journal_inode == 0 ||
	    ext_inode_read(checks->filesystem, sb->journal_inode, &inode, NULL, NULL) != EXT_OK ||
	    ext_mapping_new(checks->filesystem, &mapping, NULL) != EXT_OK)
		return;
	ext_mapping_start(mapping, &inode, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		/* The first block is the journal's superblock. */
		const uint32_t skip = run.logical == 0 ? 1 : 0;

		if (run.kind == EXT_RUN_DATA)
			(void)count_blocks(checks, buffer, run.physical + skip, run.length - skip,
					   &count, &first);
	}
	ext_mapping_free(mapping);
	if (count > 0) {
		const struct ext_finding finding = {.problem = EXT_PUBLISHED_JOURNAL,
						    .place = {.structure = EXT_AT_JOURNAL,
							      .has = EXT_HAS_BLOCK,
							      .block = first},
						    .found = count};

		ext_report(checks->sink, &finding);
	}
}

void check_published(struct checks *checks, const struct survey *survey)
{
	const struct ext_superblock *sb = checks->superblock;
	uint8_t *buffer = checks_memory(checks, CHUNK > sb->block_size ? CHUNK : sb->block_size);

	check_identity(checks);
	check_state(checks);
	for (ext_group i = 0; buffer && i < sb->group_count; i++) {
		if (survey->options.stop && survey->options.stop())
			break;
		check_free_blocks(checks, survey, buffer, i);
		check_free_inodes(checks, survey, i);
	}
	if (buffer)
		check_journal(checks, buffer);
	free(buffer);
}
