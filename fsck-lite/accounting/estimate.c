/* SPDX-License-Identifier: MIT */
/*
 * The sum of what the survey and the checks allocate: tables whose size the geometry gives, lists
 * whose length the descriptors' counts give, buffers of the threads.
 */
#include "config.h"

#include "accounting/block_set.h"
#include "accounting/estimate.h"
#include "accounting/inode_states.h"
#include "accounting/survey.h"

enum {
	PROGRAM = 2 << 20, /* code, findings, allocator */
	DIRECTORY_BUFFER = 256 * 1024,
	THREAD = 256 * 1024, /* touched stack, mapping, leaves read together, lists */
	DIRECTORY = 32 + 24 + 2 * 12,
	NAMES_IN_BLOCK = 40, /* few, so that the index is not underestimated */
	INDEX_BLOCK = 24 + 20,
};

/* Inodes in use, the chunks of states that they touch, and directories, by the descriptors. */
static void count_inodes(const struct ext_filesystem *filesystem, uint64_t *used, uint64_t *chunks,
			 uint64_t *directories)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	struct ext_group_descriptor group;

	*used = *chunks = *directories = 0;
	for (ext_group i = 0; i < sb->group_count; i++) {
		uint32_t seen = sb->inodes_per_group, taken;

		ext_group_locations(filesystem, i, &group);
		if (group.itable_unused <= seen)
			seen -= group.itable_unused;
		taken = group.free_inodes <= sb->inodes_per_group
				? sb->inodes_per_group - group.free_inodes
				: sb->inodes_per_group;
		*used += taken;
		*directories += group.directories <= taken ? group.directories : taken;
		seen = seen / INODES_PER_CHUNK + 1;
		*chunks += seen < taken ? seen : taken;
	}
}

uint64_t estimate_survey(const struct ext_filesystem *filesystem, unsigned threads,
			 uint64_t buffer_size)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	const uint64_t groups = sb->group_count;
	const uint64_t pages = (sb->block_count >> sb->cluster_log2 >> BLOCK_SET_PAGE_LOG2) + 1;
	const uint64_t flex = (uint64_t)1
			      << (sb->log_groups_per_flex < 16 ? sb->log_groups_per_flex : 16);
	uint64_t used, chunks, directories, mixed, sum;

	count_inodes(filesystem, &used, &chunks, &directories);
	/* Pages that are neither empty nor full: where files and metadata begin and end. */
	mixed = used / 8 + 2 * (groups / flex) + 64;
	if (mixed > pages)
		mixed = pages;
	sum = PROGRAM;
	sum += groups * (sb->descriptor_size + 4 + 4);
	sum += 3 * pages * sizeof(uint32_t) + mixed * BLOCK_SET_WORDS * sizeof(uint64_t);
	sum += ((uint64_t)sb->inode_count / INODES_PER_CHUNK + 1) * sizeof(void *);
	sum += chunks * sizeof(struct inode_chunk);
	sum += (chunks <= CHUNKS_PER_SLAB * SMALL_SLABS ? CHUNKS_PER_SLAB : CHUNKS_PER_LARGE_SLAB) *
	       sizeof(struct inode_chunk);
	/* Lists grow by half: half as much again may be unused. */
	sum += directories * DIRECTORY * 3 / 2;
	if (ext_has_compat(sb, EXT_COMPAT_DIR_INDEX))
		sum += used / NAMES_IN_BLOCK * INDEX_BLOCK * 3 / 2;
	sum += threads * (buffer_size + DIRECTORY_BUFFER + THREAD +
			  ESTIMATE_TARGETS * sizeof(struct directory_run));
	return sum;
}
