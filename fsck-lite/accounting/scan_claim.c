/* SPDX-License-Identifier: MIT */
/* What one inode owns: its runs are claimed for their owner, and summed up on the way. */
#include "config.h"

#include "accounting/scan.h"

enum { RUNS_AT_ONCE = 32 };

enum owner scan_owner(const struct survey *survey, const struct ext_inode *inode)
{
	const struct ext_superblock *sb = survey->superblock;
	const ext_ino ino = inode->number;

	if (ino == EXT_INO_ROOT)
		return OWNER_DIRECTORIES;
	if (sb->journal_inode != 0 && ino == sb->journal_inode)
		return OWNER_JOURNAL;
	if (ino != 0 && (ino == sb->user_quota_inode || ino == sb->group_quota_inode ||
			 ino == sb->project_quota_inode))
		return OWNER_QUOTA;
	if (ino < sb->first_inode || (ino != 0 && ino == sb->orphan_file_inode))
		return OWNER_OTHER_RESERVED;
	return inode->type == EXT_TYPE_DIRECTORY ? OWNER_DIRECTORIES : OWNER_FILES;
}

/* The resize inode lists the reserved descriptor blocks, which the layout owns; its own is the
 * double indirect block alone. */
static bool is_listed_reserve(const struct ext_inode *inode, const struct ext_run *run)
{
	return inode->number == EXT_INO_RESIZE && !(run->kind == EXT_RUN_TREE && run->depth == 1);
}

/* How full the nodes of each level are. */
static void note_tree_block(struct inode_facts *facts, const struct ext_run *run,
			    struct ext_span block)
{
	struct tree_level *level = &facts->tree[run->depth];
	uint32_t entries, max;

	if (block.size < 8 || block.data[0] != 0x0a || block.data[1] != 0xf3)
		return;
	entries = (uint32_t)block.data[2] | (uint32_t)block.data[3] << 8;
	max = (uint32_t)block.data[4] | (uint32_t)block.data[5] << 8;
	level->entries += entries;
	level->room += entries < max ? max - 1 : max;
}

/* False: the run lies beyond what a map of this type can have, and counts for nothing. */
static bool note_run(struct inode_facts *facts, struct ext_run *run)
{
	uint64_t end;

	if (run->kind == EXT_RUN_TREE) {
		facts->runs++;
		facts->tree_blocks++;
		return true;
	}
	end = (uint64_t)run->logical + run->length;
	if (facts->reach != 0 && end > facts->reach) {
		if (!facts->is_beyond)
			facts->first_beyond =
				run->logical < facts->reach ? facts->reach : run->logical;
		facts->is_beyond = true;
		if (run->logical >= facts->reach)
			return false;
		end = facts->reach;
		run->length = (uint32_t)(end - run->logical);
	}
	if (facts->data_blocks == 0) {
		facts->first_physical = run->physical;
		facts->first_logical = run->logical;
	}
	facts->runs++;
	facts->data_blocks += run->length;
	if (run->logical > facts->mapped_end) {
		if (facts->hole_blocks == 0)
			facts->first_hole = facts->mapped_end;
		facts->hole_blocks += run->logical - facts->mapped_end;
	}
	if (end > facts->mapped_end)
		facts->mapped_end = end;
	if (run->kind == EXT_RUN_UNWRITTEN) {
		facts->has_unwritten = true;
		facts->unwritten_blocks += run->length;
	} else if (end > facts->written_end) {
		facts->written_end = end;
	}
	return true;
}

/* How many file blocks a map of this type can have; 0: as many as it can name. */
static uint64_t reach_of(const struct ext_superblock *sb, const struct ext_inode *inode)
{
	const bool has_extents = (inode->flags & EXT_INODE_EXTENTS) != 0;

	if (inode->type == EXT_TYPE_SYMLINK && !has_extents)
		return 1;
	if (inode->type == EXT_TYPE_DIRECTORY && !ext_has_incompat(sb, EXT_INCOMPAT_LARGEDIR))
		return ((uint64_t)1 << (31 - sb->block_size_log2)) + !has_extents;
	return 0;
}

/* The inode at work, and what becomes of its runs. */
struct claiming {
	struct claims *claims;
	const struct ext_inode *inode;
	enum owner owner;
	struct inode_facts *facts;
	struct survey_observer *observer;
	struct ext_sink *sink;
	struct last_cluster last_cluster;
};

static inline void take_run(struct claiming *claiming, struct ext_run *run)
{
	const struct survey *survey = claiming->claims->survey;
	const struct ext_inode *inode = claiming->inode;
	struct survey_observer *observer = claiming->observer;
	uint64_t first, last;

	if (!note_run(claiming->facts, run))
		return;
	if (observer && observer->run)
		observer->run(observer, survey, inode, run, claiming->sink);
	if (!claims_clusters(survey->superblock, run, &claiming->last_cluster, &first, &last))
		return;
	claiming->facts->clusters += last - first + 1;
	/* A bad block may well lie in metadata. */
	if (!is_listed_reserve(inode, run))
		claims_add(claiming->claims, first, (uint32_t)(last - first + 1), claiming->owner,
			   inode->number == EXT_INO_BAD_BLOCKS);
}

static void take_tree_block(struct claiming *claiming, const struct ext_run *run,
			    struct ext_mapping *mapping)
{
	const struct ext_span block = ext_mapping_tree_block(mapping);
	struct survey_observer *observer = claiming->observer;

	ext_mapping_hint(mapping, run);
	if (!block.data)
		claiming->facts->is_unread = true;
	if ((claiming->inode->flags & EXT_INODE_EXTENTS) && run->depth < TREE_LEVELS)
		note_tree_block(claiming->facts, run, block);
	if (observer && observer->tree_block)
		observer->tree_block(observer, claiming->inode, run, block);
}

/* Any map, with what there is to say of it. */
static void walk_map(struct claiming *claiming, struct ext_mapping *mapping)
{
	struct ext_run run, plain[RUNS_AT_ONCE];
	unsigned count;

	ext_mapping_start(mapping, claiming->inode, 0, claiming->sink);
	for (;;) {
		while ((count = ext_mapping_several(mapping, plain, RUNS_AT_ONCE)) > 0)
			for (unsigned i = 0; i < count; i++)
				take_run(claiming, &plain[i]);
		if (ext_mapping_next(mapping, &run) != EXT_OK)
			break;
		if (run.is_doubtful)
			continue;
		if (run.kind == EXT_RUN_TREE)
			take_tree_block(claiming, &run, mapping);
		take_run(claiming, &run);
	}
	claiming->facts->damaged = ext_mapping_damaged(mapping);
}

void scan_claim_inode(struct claims *claims, struct ext_mapping *mapping,
		      const struct ext_inode *inode, enum owner owner, struct inode_facts *facts,
		      struct survey_observer *observer, struct ext_sink *sink)
{
	const struct ext_superblock *sb = claims->survey->superblock;
	struct claiming claiming = {claims, inode, owner, facts, observer, sink, no_cluster};
	struct ext_run runs[EXT_SMALL_MAP];
	unsigned count;

	facts->reach = reach_of(sb, inode);
	if (ext_mapping_small(sb, inode, runs, &count)) {
		for (unsigned i = 0; i < count; i++)
			take_run(&claiming, &runs[i]);
	} else {
		walk_map(&claiming, mapping);
	}
	if (inode->xattr_block > sb->first_data_block && inode->xattr_block < sb->block_count &&
	    inode->number != EXT_INO_BAD_BLOCKS && ext_has_compat(sb, EXT_COMPAT_EXT_ATTR))
		claims_add_xattr(claims, inode->xattr_block, owner);
}
