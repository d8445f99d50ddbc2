/* SPDX-License-Identifier: MIT */
/*
 * The hashed index of directories. Blocks come in the order of the disk, so what an index says is
 * only remembered in passing: 24 bytes for a block, 20 for an entry. When all blocks were seen,
 * each index is walked in memory. Invariants: a root that can be understood; counts and order in
 * every index block; every block reached once, at its depth; every name in the leaf where its hash
 * is looked for. Where an index is damaged, its directory is a suspect for names that are there
 * twice.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "checks/directories.h"

enum {
	LEVELS_MOST = 3,
	FLAG_INCOMPATIBLE = 1,
	NODE_COUNTS = 8, /* bytes before the limit in an inner node */
	UNREACHED = 0xff,
};

void htree_root_codes(const struct ext_superblock *sb, struct ext_span block,
		      struct ext_finding *finding)
{
	enum {
		RESERVED_AT = 0x18,
		HASH_AT = 0x1c,
		LENGTH_AT,
		LEVELS_AT,
		FLAGS_AT,
		LENGTH_LEAST = 8
	};
	const uint8_t *bytes = block.data;
	bool is_reserved;

	if (!bytes || block.size <= FLAGS_AT)
		return;
	is_reserved = (bytes[RESERVED_AT] | bytes[RESERVED_AT + 1] | bytes[RESERVED_AT + 2] |
		       bytes[RESERVED_AT + 3]) != 0;
	if (!is_reserved && bytes[LENGTH_AT] >= LENGTH_LEAST) {
		ext_finding_unasked(finding, 0x010049);
		ext_finding_unasked(finding, 0x02003c);
	}
	if (bytes[HASH_AT] <= EXT_HASH_TEA || bytes[HASH_AT] == EXT_HASH_SIPHASH)
		ext_finding_unasked(finding, 0x01004a);
	/* Where the length is another, the counts are looked for elsewhere. */
	if (bytes[LENGTH_AT] == LENGTH_LEAST) {
		ext_finding_unasked(finding, 0x020038);
		ext_finding_unasked(finding, 0x02003d);
	}
	if ((bytes[FLAGS_AT] & FLAG_INCOMPATIBLE) == 0)
		ext_finding_unasked(finding, 0x01004b);
	if (bytes[LEVELS_AT] <= (ext_has_incompat(sb, EXT_INCOMPAT_LARGEDIR) ? 2 : 1))
		ext_finding_unasked(finding, 0x01004c);
}

static uint32_t word16(struct ext_span block, size_t at)
{
	return at + 2 <= block.size ? (uint32_t)block.data[at] | (uint32_t)block.data[at + 1] << 8
				    : 0;
}

static void add_block(struct directory_checks *checks, const struct index_block *block)
{
	lock_take(&checks->lock);
	if (GROW(checks->blocks, checks->block_count, checks->block_size))
		checks->blocks[checks->block_count++] = *block;
	else
		checks->out_of_memory = true;
	lock_give(&checks->lock);
}

/*
 * What e2fsck asks of a root that cannot be understood is what stands in its fields; and without
 * its counts, or without room behind them, it finds no checksum.
 */
static void weigh_codes(const struct directory_view *view, struct ext_finding *finding)
{
	const bool has_checksum = view->superblock->has_metadata_csum;
	const bool is_node = view->logical != 0;

	if (finding->problem == EXT_HTREE_ROOT)
		htree_root_codes(view->superblock, view->block, finding);
	if (!has_checksum || is_node)
		ext_finding_unasked(finding, 0x020049);
	if (!has_checksum || !is_node)
		ext_finding_unasked(finding, 0x02004a);
	if (finding->problem == EXT_HTREE_LIMIT && finding->found < finding->low) {
		ext_finding_unasked(finding, 0x020049);
		ext_finding_unasked(finding, 0x02004a);
	}
}

static void report_at(const struct directory_view *view, enum ext_problem problem, uint64_t offset,
		      const char *field, uint64_t found, uint64_t low, uint64_t high)
{
	struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_HTREE,
			  .has = EXT_HAS_INODE | EXT_HAS_BLOCK | EXT_HAS_LOGICAL | EXT_HAS_OFFSET,
			  .inode = view->directory->ino,
			  .block = view->physical,
			  .logical = view->logical,
			  .offset = offset,
			  .field = field},
		.found = found,
		.low = low,
		.high = high};

	if (problem == EXT_HTREE_ROOT || problem == EXT_HTREE_LIMIT || problem == EXT_HTREE_COUNT)
		weigh_codes(view, &finding);
	ext_report(view->sink, &finding);
}

static void check_root(const struct directory_view *view, const struct ext_htree_block *htree)
{
	const struct ext_superblock *sb = view->superblock;
	const bool has_large = ext_has_incompat(sb, EXT_INCOMPAT_LARGEDIR);
	const unsigned most = has_large ? 2 : 1;
	const uint64_t slots = sb->block_size / 8;
	const bool keeps_hashes = view->is_encrypted && view->is_casefolded;

	if (htree->reserved != 0)
		report_at(view, EXT_HTREE_ROOT, 0x18, "reserved_zero", htree->reserved, 0, 0);
	if (htree->hash_version > EXT_HASH_TEA && htree->hash_version != EXT_HASH_SIPHASH)
		report_at(view, EXT_HTREE_HASH_VERSION, 0x1c, "hash_version", htree->hash_version,
			  0, EXT_HASH_SIPHASH);
	else if (keeps_hashes && htree->hash_version != EXT_HASH_SIPHASH)
		report_at(view, EXT_HTREE_NEEDS_SIPHASH, 0x1c, "hash_version", htree->hash_version,
			  EXT_HASH_SIPHASH, EXT_HASH_SIPHASH);
	else if (!keeps_hashes && htree->hash_version == EXT_HASH_SIPHASH)
		report_at(view, EXT_HTREE_CANNOT_SIPHASH, 0x1c, "hash_version", htree->hash_version,
			  0, EXT_HASH_TEA);
	if (htree->unused_flags & FLAG_INCOMPATIBLE)
		report_at(view, EXT_HTREE_INCOMPATIBLE, 0x1f, "unused_flags", htree->unused_flags,
			  0, 0);
	if (htree->levels <= most)
		return;
	/* A third level is needed only when two are full. */
	if (!has_large && htree->levels == 2 &&
	    view->directory->blocks >= (slots - 1) * (slots - 2))
		report_at(view, EXT_DIRECTORY_NEEDS_LARGE_DIR, 0x1e, "indirect_levels",
			  htree->levels, most, most);
	else
		report_at(view, EXT_HTREE_DEPTH, 0x1e, "indirect_levels", htree->levels, 0, most);
}

/* Remembers what the entries cover, and looks at their order. */
static void note_entries(const struct directory_view *view, const struct ext_htree_block *htree)
{
	struct directory_checks *checks = view->checks;
	const uint32_t base = htree->is_root ? 0x20 : NODE_COUNTS;
	uint32_t before = 0;

	lock_take(&checks->lock);
	for (unsigned i = 0; i < htree->count; i++) {
		struct index_entry entry = {
			.ino = view->directory->ino, .parent = view->logical, .high = UINT32_MAX};
		ext_logical next;

		ext_htree_entry(htree, i, &entry.low, &entry.child);
		entry.low &= ~(uint32_t)1;
		if (entry.low < before)
			report_at(view, EXT_HTREE_ORDER, base + i * 8, "hash", entry.low, before,
				  before);
		before = entry.low;
		if (i + 1 < htree->count) {
			ext_htree_entry(htree, i + 1, &entry.high, &next);
			/* An odd hash: the names with this hash begin in the leaf before. */
			entry.high &= ~(uint32_t)1;
		}
		if (!GROW(checks->entries, checks->entry_count, checks->entry_size)) {
			checks->out_of_memory = true;
			break;
		}
		checks->entries[checks->entry_count++] = entry;
	}
	lock_give(&checks->lock);
}

void check_index_block(const struct directory_view *view)
{
	struct index_block block = {.physical = view->physical,
				    .ino = view->directory->ino,
				    .logical = view->logical,
				    .low = UINT32_MAX,
				    .kind = (uint8_t)view->kind};
	struct ext_htree_block htree;
	struct ext_error error;

	if (view->kind == EXT_DIRECTORY_LEAF) {
		/* The first block, without the head of a root. */
		report_at(view, EXT_HTREE_ROOT, 0, NULL, word16(view->block, 16),
			  view->superblock->block_size - 12, 0);
		block.is_broken = 1;
	} else if (ext_htree_decode(view->superblock, view->kind, view->block, &htree, &error) !=
		   EXT_OK) {
		report_at(view, error.problem, error.place.offset, error.place.field, error.found,
			  error.low, error.high);
		block.is_broken = 1;
	} else {
		if (htree.limit != htree.limit_expected)
			report_at(view, EXT_HTREE_LIMIT, htree.is_root ? 0x20 : NODE_COUNTS,
				  "limit", htree.limit, htree.limit_expected, htree.limit_expected);
		block.version = htree.hash_version;
		block.levels = htree.levels;
		if (htree.is_root)
			check_root(view, &htree);
		if (htree.is_root && htree.levels > LEVELS_MOST)
			block.is_broken = 1;
		note_entries(view, &htree);
	}
	add_block(view->checks, &block);
}

/* A node whose count cannot be is taken for an empty leaf by those who read entries. */
bool is_node_with_bad_count(const struct directory_view *view)
{
	const struct ext_superblock *sb = view->superblock;
	const struct ext_span block = view->block;
	const uint32_t length = word16(block, 4);

	return word16(block, 0) == 0 && word16(block, 2) == 0 && word16(block, 6) == 0 &&
	       (length == sb->block_size ||
		(sb->block_size == 65536 && (length == 0 || length == 0xffff))) &&
	       word16(block, NODE_COUNTS) == ext_htree_limit(sb, EXT_DIRECTORY_HTREE_NODE) &&
	       word16(block, NODE_COUNTS + 2) > word16(block, NODE_COUNTS);
}

void note_leaf(const struct directory_view *view, unsigned version, uint32_t low, uint32_t high)
{
	struct index_block block = {.physical = view->physical,
				    .ino = view->directory->ino,
				    .logical = view->logical,
				    .low = low,
				    .high = high,
				    .kind = EXT_DIRECTORY_LEAF,
				    .version = (uint8_t)version};

	if (low > high && is_node_with_bad_count(view)) {
		report_at(view, EXT_HTREE_COUNT, NODE_COUNTS + 2, "count",
			  word16(view->block, NODE_COUNTS + 2), 1,
			  word16(view->block, NODE_COUNTS));
		block.kind = EXT_DIRECTORY_HTREE_NODE;
		block.is_broken = 1;
	}
	add_block(view->checks, &block);
}

bool entry_hash(const struct ext_superblock *superblock, uint32_t directory_flags, unsigned version,
		const struct ext_dirent *entry, uint32_t *hash)
{
	uint32_t minor;

	if ((directory_flags & (EXT_INODE_CASEFOLD | EXT_INODE_ENCRYPT)) ==
	    (EXT_INODE_CASEFOLD | EXT_INODE_ENCRYPT))
		return ext_dirent_stored_hash(entry, hash, &minor);
	if (directory_flags & EXT_INODE_CASEFOLD) {
		struct ext_inode directory = {0};

		directory.flags = directory_flags;
		return ext_directory_name_hash(superblock, &directory, version, entry->name,
					       entry->name_length, hash, &minor) == EXT_OK;
	}
	return ext_directory_hash(ext_directory_hash_version(superblock, version),
				  superblock->hash_seed, entry->name, entry->name_length, hash,
				  &minor) == EXT_OK;
}

/* One directory's index, out of what was remembered. */
struct index {
	struct directory_checks *checks;
	struct survey *survey;
	const struct directory *directory;
	struct index_block *blocks; /* by logical block */
	size_t block_count;
	const struct index_entry *entries; /* by parent */
	size_t entry_count;
	uint8_t *depth; /* of each block, UNREACHED at first */
	uint8_t *is_twice;
	struct index_range *ranges; /* where names of each block must hash to */
	unsigned levels;
	bool is_sound;
};

struct index_range {
	uint32_t low, high;
};

static void report_block(struct index *index, enum ext_problem problem,
			 const struct index_block *block, uint64_t found, uint64_t low,
			 uint64_t high)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_HTREE,
			  .has = EXT_HAS_INODE | EXT_HAS_BLOCK | EXT_HAS_LOGICAL,
			  .inode = block->ino,
			  .block = block->physical,
			  .logical = block->logical},
		.found = found,
		.low = low,
		.high = high};

	index->is_sound = false;
	ext_report(index->checks->checks->sink, &finding);
}

static size_t find_block(const struct index *index, ext_logical logical)
{
	size_t low = 0, high = index->block_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (index->blocks[middle].logical < logical)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->block_count && index->blocks[low].logical == logical ? low : SIZE_MAX;
}

static void follow_entry(struct index *index, const struct index_entry *entry, size_t parent,
			 unsigned depth)
{
	const size_t child = find_block(index, entry->child);
	const uint32_t last = index->blocks[index->block_count - 1].logical;
	struct index_range range = {entry->low, entry->high};

	if (child == SIZE_MAX) {
		/* A hole, or a block that could not be read: both were reported. */
		if (depth == index->levels && !index->directory->is_unread &&
		    entry->child < index->directory->blocks)
			report_block(index, EXT_HTREE_LEAF_MISSING, &index->blocks[parent],
				     entry->child, 0, 0);
		if (entry->child >= index->directory->blocks && entry->child > last)
			report_block(index, EXT_HTREE_BLOCK_RANGE, &index->blocks[parent],
				     entry->child, 0, index->directory->blocks);
		return;
	}
	if (index->depth[child] != UNREACHED) {
		if (!index->is_twice[child])
			report_block(index, EXT_HTREE_BLOCK_TWICE, &index->blocks[child], 0, 0, 0);
		index->is_twice[child] = 1;
		return;
	}
	if (range.high == UINT32_MAX)
		range.high = index->ranges[parent].high;
	index->depth[child] = (uint8_t)(depth + 1);
	index->ranges[child] = range;
}

/* Level by level; entries are few, so that going over all of them for each level is cheap. */
static void follow_all(struct index *index)
{
	index->depth[0] = 0;
	index->ranges[0] = (struct index_range){0, UINT32_MAX};
	for (unsigned depth = 0; depth <= index->levels; depth++)
		for (size_t i = 0; i < index->entry_count; i++) {
			const size_t parent = find_block(index, index->entries[i].parent);

			if (parent != SIZE_MAX && index->depth[parent] == depth)
				follow_entry(index, &index->entries[i], parent, depth);
		}
}

/* A leaf that was hashed with another version than its root turned out to have. */
static void hash_again(struct index *index, struct index_block *block, unsigned version)
{
	const struct ext_superblock *sb = index->survey->superblock;
	uint8_t *bytes = malloc(sb->block_size);
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	struct ext_span span = {bytes, sb->block_size};

	block->low = UINT32_MAX;
	block->high = 0;
	if (bytes && ext_filesystem_read_blocks(index->survey->filesystem, block->physical, 1,
						bytes, NULL) == EXT_OK) {
		ext_dirent_cursor_init(&cursor, sb, span, 0,
				       ext_directory_block_has_tail(sb, span));
		while (ext_dirent_next(&cursor, &entry, NULL) == EXT_OK) {
			uint32_t hash;

			if (entry.inode == 0 ||
			    !entry_hash(sb, index->directory->flags, version, &entry, &hash))
				continue;
			if (hash < block->low)
				block->low = hash;
			if (hash > block->high)
				block->high = hash;
		}
	}
	free(bytes);
}

static void check_leaf(struct index *index, struct index_block *block,
		       const struct index_range *range)
{
	const unsigned version = index->blocks[0].version;

	if (block->version != version && version <= EXT_HASH_TEA && block->low <= block->high)
		hash_again(index, block, version);
	if (block->low > block->high || (version > EXT_HASH_TEA && version != EXT_HASH_SIPHASH))
		return;
	if (block->low < range->low)
		report_block(index, EXT_HTREE_HASH_LOW, block, block->low, range->low, range->low);
	if (block->high > range->high)
		report_block(index, EXT_HTREE_HASH_HIGH, block, block->high, range->high,
			     range->high);
	/* Names of one hash in two leaves: equal ones might be among them. */
	if (block->high == range->high)
		index->is_sound = false;
}

static void check_block(struct index *index, size_t i)
{
	struct index_block *block = &index->blocks[i];
	const bool is_bottom = index->depth[i] == index->levels + 1;

	if (index->depth[i] == UNREACHED) {
		report_block(index, EXT_HTREE_BLOCK_UNREFERENCED, block, 0, 0, 0);
		return;
	}
	if (is_bottom != (block->kind == EXT_DIRECTORY_LEAF)) {
		report_block(index, EXT_HTREE_NODE, block, index->depth[i], index->levels + 1,
			     index->levels + 1);
		return;
	}
	if (is_bottom)
		check_leaf(index, block, &index->ranges[i]);
}

static void suspect(struct directory_checks *checks, ext_ino ino)
{
	if (GROW(checks->suspects, checks->suspect_count, checks->suspect_size))
		checks->suspects[checks->suspect_count++] = ino;
	else
		checks->out_of_memory = true;
}

static void check_index(struct index *index)
{
	const size_t count = index->block_count;
	const struct index_block *root = &index->blocks[0];

	index->is_sound = true;
	/* Without a root nothing can be said of the rest. */
	if (root->logical != 0 || root->kind != EXT_DIRECTORY_HTREE_ROOT || root->is_broken) {
		suspect(index->checks, root->ino);
		return;
	}
	index->levels = root->levels;
	index->depth = malloc(count);
	index->is_twice = calloc(count, 1);
	index->ranges = malloc(count * sizeof *index->ranges);
	if (index->depth && index->is_twice && index->ranges) {
		memset(index->depth, UNREACHED, count);
		follow_all(index);
		for (size_t i = 1; i < count; i++)
			check_block(index, i);
	} else {
		index->checks->out_of_memory = true;
	}
	free(index->depth);
	free(index->is_twice);
	free(index->ranges);
	if (!index->is_sound)
		suspect(index->checks, root->ino);
}

static int compare_blocks(const void *left, const void *right)
{
	const struct index_block *a = left, *b = right;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->logical != b->logical)
		return a->logical < b->logical ? -1 : 1;
	return a->physical < b->physical ? -1 : a->physical > b->physical;
}

static int compare_entries(const void *left, const void *right)
{
	const struct index_entry *a = left, *b = right;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (a->child != b->child)
		return a->child < b->child ? -1 : 1;
	return a->high < b->high ? -1 : a->high > b->high;
}

void check_indexes(struct directory_checks *checks, struct survey *survey)
{
	size_t entry = 0;

	if (checks->block_count > 1)
		qsort(checks->blocks, checks->block_count, sizeof *checks->blocks, compare_blocks);
	if (checks->entry_count > 1)
		qsort(checks->entries, checks->entry_count, sizeof *checks->entries,
		      compare_entries);
	for (size_t first = 0, last; first < checks->block_count; first = last) {
		struct index index = {.checks = checks, .survey = survey};
		const ext_ino ino = checks->blocks[first].ino;

		for (last = first; last < checks->block_count && checks->blocks[last].ino == ino;)
			last++;
		index.directory = survey_directory(survey, ino);
		index.blocks = checks->blocks + first;
		index.block_count = last - first;
		/* There may be no entries at all, and then no array. */
		index.entries = entry < checks->entry_count ? &checks->entries[entry] : NULL;
		for (; entry < checks->entry_count && checks->entries[entry].ino == ino; entry++)
			index.entry_count++;
		if (index.directory)
			check_index(&index);
	}
	free(checks->blocks);
	free(checks->entries);
	checks->blocks = NULL;
	checks->entries = NULL;
	checks->block_count = checks->entry_count = 0;
}
