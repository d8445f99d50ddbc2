/* SPDX-License-Identifier: MIT */
/*
 * Walks an extent tree in file order with a fixed stack: the depth shrinks with each level, so no
 * tree can loop. Reports what is wrong in a node and goes on with what can still be used.
 * Doc: ext4/ifork.rst, "Extent Tree"; the checksum's place: behind eh_max entries.
 */
#include "config.h"

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "layout/layout.h"
#include "walk/mapping.h"
#include "walk/plain_extents.h"

#include <ext/extent_node.h>

enum {
	DEPTH_MAX = 5,
	ROOM_LEFT = 2, /* entries that a node may leave room for, as e2fsck has it: checksums */
};

static const uint64_t logical_end = (uint64_t)1 << 32;

struct node {
	unsigned entries, depth, max;
	bool is_refused; /* for its header, by whoever reads it: its entries are doubtful */
};

/* A root lies in the inode, which e2fsck clears with one question; it has others for nodes. */
static void report_head(struct ext_mapping *mapping, enum ext_problem problem,
			struct ext_place place, bool is_root, uint64_t found, uint64_t low,
			uint64_t high)
{
	static const uint32_t of_node[] = {0x01005f, 0x01000d, 0x014006, 0x050006};
	static const uint32_t of_root[] = {0x010081, 0x020003, 0x05000a, 0x05000b, 0x05000d};
	struct ext_finding finding = {
		.problem = problem, .place = place, .found = found, .low = low, .high = high};

	for (size_t i = 0; is_root && i < sizeof of_node / sizeof *of_node; i++)
		ext_finding_unasked(&finding, of_node[i]);
	for (size_t i = 0; !is_root && i < sizeof of_root / sizeof *of_root; i++)
		ext_finding_unasked(&finding, of_root[i]);
	mapping->damaged = true;
	ext_report(mapping->sink, &finding);
}

/*
 * Checks a header against what its place allows. `depth` is the one expected, or -1 for a root.
 * False when the node cannot be used.
 */
static bool read_header(struct ext_mapping *mapping, struct ext_span bytes, int depth,
			uint64_t logical, struct node *node)
{
	const struct ext_raw_extent_header *raw =
		(const struct ext_raw_extent_header *)(const void *)bytes.data;
	const unsigned room =
		(unsigned)((bytes.size - sizeof *raw) / sizeof(struct ext_raw_extent));
	const bool is_root = depth < 0;
	struct ext_place place;

	node->entries = get(raw->eh_entries);
	node->depth = get(raw->eh_depth);
	node->max = get(raw->eh_max);
	node->is_refused = false;
	if (get(raw->eh_magic) == EXT_EXTENT_HEADER_MAGIC && node->max <= room &&
	    node->max >= room - ROOM_LEFT && node->entries <= node->max &&
	    node->depth == (is_root ? 0 : (unsigned)depth) &&
	    (node->depth == 0 || node->entries > 0))
		return true;
	place = mapping_place(mapping, logical);
	if (get(raw->eh_magic) != EXT_EXTENT_HEADER_MAGIC) {
		place.field = "eh_magic";
		report_head(mapping, EXT_EXTENT_MAGIC, place, is_root, get(raw->eh_magic),
			    EXT_EXTENT_HEADER_MAGIC, EXT_EXTENT_HEADER_MAGIC);
		return false;
	}
	if (is_root ? node->depth > DEPTH_MAX && node->max <= room && node->entries <= node->max
		    : node->depth != (unsigned)depth) {
		struct ext_finding finding = {.problem = EXT_EXTENT_DEPTH,
					      .place = place,
					      .found = node->depth,
					      .low = is_root ? 0 : (unsigned)depth,
					      .high = is_root ? DEPTH_MAX : (unsigned)depth};

		finding.place.field = "eh_depth";
		/* e2fsck knows the depth from the root alone. */
		if (!is_root) {
			ext_finding_unasked(&finding, 0x01007f);
			ext_finding_unasked(&finding, 0x014006);
		}
		mapping->damaged = true;
		ext_report(mapping->sink, &finding);
		if (is_root)
			return false;
		/* Linux goes no further; but its place says what a node is. */
		node->depth = (unsigned)depth;
	}
	if (node->max > room || node->max < room - ROOM_LEFT) {
		place.field = "eh_max";
		report_head(mapping, EXT_EXTENT_MAX, place, is_root, node->max, room - ROOM_LEFT,
			    room);
		node->max = room;
		node->is_refused = true;
	}
	if (node->entries > node->max) {
		place.field = "eh_entries";
		report_head(mapping, EXT_EXTENT_ENTRIES, place, is_root, node->entries, 0,
			    node->max);
		if (node->entries > room)
			return false;
		node->is_refused = true;
	}
	if (is_root && node->depth > DEPTH_MAX)
		return false;
	if (node->depth > 0 && node->entries == 0) {
		place.field = "eh_entries";
		mapping_report(mapping, EXT_EXTENT_INDEX_EMPTY, place, 0, 1, node->max);
		return false;
	}
	return true;
}

static void verify_checksum(struct ext_mapping *mapping, struct ext_span block, unsigned max,
			    uint64_t logical)
{
	const struct ext_superblock *sb = &mapping->filesystem->superblock;
	const size_t at =
		sizeof(struct ext_raw_extent_header) + (size_t)max * sizeof(struct ext_raw_extent);
	const struct ext_raw_extent_tail *tail;
	uint32_t stored, computed;

	if (!sb->has_metadata_csum || at + sizeof *tail > block.size)
		return;
	tail = (const struct ext_raw_extent_tail *)(const void *)(block.data + at);
	stored = get(tail->et_checksum);
	computed = crc32c(mapping->seed, block.data, at);
	if (stored != computed) {
		struct ext_finding finding = {.problem = EXT_EXTENT_CHECKSUM,
					      .place = mapping_place(mapping, logical),
					      .found = stored,
					      .low = computed,
					      .high = computed};

		finding.place.field = "et_checksum";
		/* Nothing is read through it, not even the root of an index. */
		if ((mapping->inode->flags & EXT_INODE_INDEX) == 0 ||
		    mapping->inode->type != EXT_TYPE_DIRECTORY)
			ext_finding_unasked(&finding, 0x010049);
		mapping->damaged = true;
		ext_report(mapping->sink, &finding);
	}
}

/* First file block of the first entry: leaf entries and index entries both begin with it. */
static uint64_t first_logical(struct ext_span node)
{
	const struct ext_raw_extent *raw =
		(const struct ext_raw_extent *)(const void *)(node.data +
							      sizeof(struct ext_raw_extent_header));

	return get(raw->ee_block);
}

static void push(struct ext_mapping *mapping, struct ext_span bytes, const struct node *node,
		 uint64_t logical, uint64_t limit, ext_block block)
{
	struct level *level = &mapping->levels[mapping->level_count++];

	*level = (struct level){.is_refused = node->is_refused,
				.bytes = bytes.data + sizeof(struct ext_raw_extent_header),
				.count = node->entries,
				.depth = node->depth,
				.logical = logical,
				.limit = limit,
				.block = block};
}

void extent_tree_start(struct ext_mapping *mapping)
{
	const struct ext_inode *inode = mapping->inode;
	const struct ext_span root = {inode->i_block, sizeof inode->i_block};
	struct node node;

	mapping->next_logical = 0;
	if (!read_header(mapping, root, -1, 0, &node))
		return;
	push(mapping, root, &node, 0, logical_end, 0);
}

/* Of `count` children of an index, how many from the first on lie side by side on disk. */
static uint32_t adjacent(const struct ext_raw_extent_index *raw, uint32_t count, ext_block block)
{
	uint32_t length = 1;

	while (length < count && get(raw[length].ei_leaf_lo) == (uint32_t)(block + length) &&
	       get(raw[length].ei_leaf_hi) == (block + length) >> 32)
		length++;
	return length;
}

/* Goes down into the child of an index entry. EXT_OK: the tree block is to be returned. */
static enum ext_status descend(struct ext_mapping *mapping, struct level *level,
			       struct ext_run *run)
{
	const struct ext_superblock *sb = &mapping->filesystem->superblock;
	const struct ext_raw_extent_index *raw =
		(const struct ext_raw_extent_index *)(const void *)level->bytes + level->index;
	const uint64_t logical = get(raw->ei_block);
	const ext_block block = get(raw->ei_leaf_lo) | (uint64_t)get(raw->ei_leaf_hi) << 32;
	struct ext_place place = mapping_place(mapping, logical);
	uint64_t limit = level->limit;
	struct ext_span child;
	struct node node;
	const uint8_t *bytes;

	level->index++;
	if (level->index < level->count && get(raw[1].ei_block) > logical)
		limit = min_u64(limit, get(raw[1].ei_block));
	if (level->index < level->count && get(raw[1].ei_block) <= mapping->from)
		return EXT_END;
	if (logical < level->logical) {
		place.field = "ei_block";
		mapping_report(mapping, EXT_EXTENT_ORDER, place, logical, level->logical,
			       level->limit);
	}
	level->logical = logical + 1;
	if (block <= sb->first_data_block || block >= sb->block_count) {
		place.field = "ei_leaf";
		mapping_report(mapping, EXT_EXTENT_INDEX_RANGE, place, block,
			       (uint64_t)sb->first_data_block + 1, sb->block_count - 1);
		return EXT_END;
	}
	if (!mapping_spend(mapping, 1))
		return EXT_END;
	*run = (struct ext_run){EXT_RUN_TREE, (ext_logical)logical, 1,
				block,	      level->depth - 1,	    false};
	if (level->depth > 1)
		mapping_forget_siblings(mapping);
	else if (!mapping_has_sibling(mapping, block))
		mapping_read_siblings(mapping, block,
				      adjacent(raw, level->count - level->index + 1, block));
	bytes = mapping_read(mapping, mapping->level_count, block);
	mapping->tree_block = (struct ext_span){bytes, bytes ? sb->block_size : 0};
	if (!bytes) {
		place.block = block;
		place.has |= EXT_HAS_BLOCK;
		mapping->unread = true;
		mapping_report(mapping, EXT_EXTENT_UNREADABLE, place, block, 0, 0);
		return EXT_OK;
	}
	child = mapping->tree_block;
	/* Faults are now in the child, so its block belongs to their place. */
	mapping->levels[mapping->level_count].block = block;
	mapping->level_count++;
	if (!read_header(mapping, child, (int)level->depth - 1, logical, &node)) {
		mapping->level_count--;
		run->is_doubtful = true;
		return EXT_OK;
	}
	/* What a refused node leads to is no better. */
	node.is_refused = node.is_refused || level->is_refused;
	run->is_doubtful = node.is_refused;
	verify_checksum(mapping, child, node.max, logical);
	if (node.entries > 0 && first_logical(child) != logical) {
		place = mapping_place(mapping, logical);
		mapping_report(mapping, EXT_EXTENT_INDEX_START, place, logical,
			       first_logical(child), first_logical(child));
	}
	mapping->level_count--;
	push(mapping, child, &node, 0, limit, block);
	return EXT_OK;
}

/* One leaf entry. EXT_END: nothing of it can be returned. */
static enum ext_status read_extent(struct ext_mapping *mapping, struct level *level,
				   struct ext_run *run)
{
	const struct ext_superblock *sb = &mapping->filesystem->superblock;
	const struct ext_raw_extent *raw =
		(const struct ext_raw_extent *)(const void *)level->bytes + level->index;
	const uint64_t logical = get(raw->ee_block);
	const ext_block start = get(raw->ee_start_lo) | (uint64_t)get(raw->ee_start_hi) << 32;
	uint32_t length = get(raw->ee_len);
	const bool unwritten = length > LENGTH_WRITTEN_MAX;
	const uint32_t inside = sb->cluster_blocks - 1;
	bool doubtful = false;

	level->index++;
	if (unwritten)
		length -= LENGTH_WRITTEN_MAX;
	if (logical + length <= mapping->from && length > 0)
		return EXT_END;
	if (start < sb->first_data_block || start == 0 || start >= sb->block_count) {
		mapping_report(mapping, EXT_EXTENT_START_RANGE, mapping_place(mapping, logical),
			       start, sb->first_data_block > 0 ? sb->first_data_block : 1,
			       sb->block_count - 1);
		return EXT_END;
	}
	if (length == 0) {
		mapping_report(mapping, EXT_EXTENT_LENGTH_ZERO, mapping_place(mapping, logical), 0,
			       1, LENGTH_WRITTEN_MAX);
		return EXT_END;
	}
	if (logical + 1 < level->logical) {
		mapping_report(mapping, EXT_EXTENT_ORDER, mapping_place(mapping, logical), logical,
			       level->logical, level->limit);
		doubtful = true;
	} else if (logical + length > logical_end) {
		mapping_report(mapping, EXT_EXTENT_LOGICAL_RANGE, mapping_place(mapping, logical),
			       logical + length, 0, logical_end);
		return EXT_END;
	} else if (logical + length > level->limit) {
		mapping_report(mapping, EXT_EXTENT_BEYOND_PARENT, mapping_place(mapping, logical),
			       logical + length, 0, level->limit);
		doubtful = true;
	} else if (length > sb->block_count - start) {
		mapping_report(mapping, EXT_EXTENT_END_RANGE, mapping_place(mapping, logical),
			       start + length - 1, start, sb->block_count - 1);
		doubtful = true;
	} else if (logical < mapping->next_logical) {
		mapping_report(mapping, EXT_EXTENT_OVERLAP, mapping_place(mapping, logical),
			       logical, mapping->next_logical, level->limit);
		doubtful = true;
	}
	if (length > sb->block_count - start)
		length = (uint32_t)(sb->block_count - start);
	/* What is doubtful says nothing about its neighbours. */
	if (!doubtful) {
		level->logical = logical + length;
		mapping->next_logical = logical + length;
	}
	if (((logical ^ start) & inside) != 0)
		mapping_report(mapping, EXT_EXTENT_CLUSTER, mapping_place(mapping, logical),
			       logical, start, start);
	if (!mapping_spend(mapping, length))
		return EXT_END;
	*run = (struct ext_run){unwritten ? EXT_RUN_UNWRITTEN : EXT_RUN_DATA,
				(ext_logical)logical,
				length,
				start,
				0,
				doubtful || level->is_refused};
	return EXT_OK;
}

enum ext_status extent_tree_next(struct ext_mapping *mapping, struct ext_run *run)
{
	while (mapping->level_count > 0) {
		struct level *level = &mapping->levels[mapping->level_count - 1];

		if (level->index == level->count)
			mapping->level_count--;
		else if ((level->depth > 0 ? descend(mapping, level, run)
					   : read_extent(mapping, level, run)) == EXT_OK)
			return EXT_OK;
	}
	return EXT_END;
}

unsigned extent_tree_several(struct ext_mapping *mapping, struct ext_run *runs, unsigned room)
{
	struct level *const level = &mapping->levels[mapping->level_count - 1];
	struct plain_extents state = {
		.next = mapping->next_logical, .limit = level->limit, .budget = mapping->budget};
	unsigned count;

	if (level->depth > 0 || level->is_refused || mapping->from > 0)
		return 0;
	if (state.next < level->logical)
		state.next = level->logical;
	count = plain_extents(&mapping->filesystem->superblock,
			      level->bytes + level->index * sizeof(struct ext_raw_extent),
			      level->count - level->index, &state, runs, room);
	if (count > 0) {
		level->index += count;
		level->logical = mapping->next_logical = state.next;
		mapping->budget = state.budget;
	}
	return count;
}
