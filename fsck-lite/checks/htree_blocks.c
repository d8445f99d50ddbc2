/* SPDX-License-Identifier: MIT */
/*
 * Blocks of hashed indexes, in the order of the disk: a root that can be understood, counts and
 * order in every index block. What they say is remembered in passing, 24 bytes for a block and 20
 * for an entry, for htree.c.
 */
#include "config.h"

#include <string.h>

#include "accounting/grow.h"
#include "checks/directories.h"

enum {
	LEVELS_MOST = 3,
	FLAG_INCOMPATIBLE = 1,
	NODE_COUNTS = 8, /* bytes before the limit in an inner node */
};

/* So deep that e2fsck takes the directory for a large one. */
static bool is_deep_beyond_feature(const struct ext_superblock *sb, unsigned levels)
{
	return levels > 2 && !ext_has_incompat(sb, EXT_INCOMPAT_LARGEDIR);
}

static uint32_t word16(struct ext_span block, size_t at)
{
	return at + 2 <= block.size ? (uint32_t)block.data[at] | (uint32_t)block.data[at + 1] << 8
				    : 0;
}

/* What e2fsck takes for entries begins where the length of the head says, whatever lies there. */
static void entry_codes(const struct ext_superblock *sb, struct ext_span block, size_t at,
			uint32_t blocks, struct ext_finding *finding)
{
	enum { ENTRY = 8, TAIL = 8, BLOCK_MASK = 0xffffff };
	const size_t tail = sb->has_metadata_csum ? TAIL : 0;
	const uint32_t expected =
		at + tail < block.size ? (uint32_t)((block.size - at - tail) / ENTRY) : 0;
	const uint32_t count = word16(block, at + 2);
	bool is_beyond = false;

	if (word16(block, at) == expected)
		ext_finding_unasked(finding, 0x02003d);
	if (count <= expected)
		ext_finding_unasked(finding, 0x02003e);
	for (uint32_t i = 0; i < count && i < expected; i++) {
		const size_t entry = at + (size_t)i * ENTRY + 4;

		is_beyond = is_beyond || ((word16(block, entry) | word16(block, entry + 2) << 16) &
					  BLOCK_MASK) >= blocks;
	}
	if (!is_beyond)
		ext_finding_unasked(finding, 0x02003a);
}

void htree_root_codes(const struct ext_superblock *sb, struct ext_span block, uint32_t blocks,
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
	if (bytes[LENGTH_AT] != LENGTH_LEAST) {
		entry_codes(sb, block, RESERVED_AT + (size_t)bytes[LENGTH_AT], blocks, finding);
	} else {
		ext_finding_unasked(finding, 0x020038);
		ext_finding_unasked(finding, 0x02003d);
		ext_finding_unasked(finding, 0x02003e);
		ext_finding_unasked(finding, 0x02003a);
	}
	if ((bytes[FLAGS_AT] & FLAG_INCOMPATIBLE) == 0)
		ext_finding_unasked(finding, 0x01004b);
	if (bytes[LEVELS_AT] <= (ext_has_incompat(sb, EXT_INCOMPAT_LARGEDIR) ? 2 : 1))
		ext_finding_unasked(finding, 0x01004c);
	if (!is_deep_beyond_feature(sb, bytes[LEVELS_AT]))
		ext_finding_unasked(finding, 0x020039);
}

static void add_block(struct directory_checks *checks, const struct index_block *block)
{
	lock_take(&checks->lock);
	if (GROW(checks->blocks, checks->block_count, checks->block_size))
		checks->blocks[checks->block_count++] = *block;
	else
		checks->checks->out_of_memory = true;
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
	const bool is_empty = finding->problem == EXT_HTREE_COUNT && finding->found == 0;

	if (finding->problem == EXT_HTREE_ROOT)
		htree_root_codes(view->superblock, view->block, view->directory->blocks, finding);
	/* A block without a ".." in its place is given up before. */
	if (finding->problem == EXT_HTREE_ROOT && !salvage_finds_dotdot(view)) {
		ext_finding_unasked(finding, 0x02003a);
		ext_finding_unasked(finding, 0x02003e);
	}
	if (!has_checksum || is_node || !salvage_finds_dotdot(view))
		ext_finding_unasked(finding, 0x020049);
	if (!has_checksum || !is_node)
		ext_finding_unasked(finding, 0x02004a);
	/* No entries at all are few enough; what they should lead to is asked about. */
	if (is_empty)
		ext_finding_unasked(finding, 0x02003e);
	if (is_empty || (finding->problem == EXT_HTREE_LIMIT && finding->found < finding->low)) {
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

	if (problem == EXT_HTREE_DEPTH &&
	    !is_deep_beyond_feature(view->superblock, (unsigned)found))
		ext_finding_unasked(&finding, 0x020039);
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
			checks->checks->out_of_memory = true;
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
	       (word16(block, NODE_COUNTS + 2) == 0 ||
		word16(block, NODE_COUNTS + 2) > word16(block, NODE_COUNTS));
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
