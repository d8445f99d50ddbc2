/* SPDX-License-Identifier: MIT */
/*
 * Weighs what a superblock and its descriptors point at. Inodes that the inode bitmap calls used
 * must be inodes, with checksums that hold under this filesystem's seed; the block bitmap must call
 * the group's own metadata used; the root must be a directory that names itself. Blocks of zeros
 * are neutral: most of a filesystem was never written.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/directory.h>
#include <ext/journal.h>

#include "bytes/checked.h"
#include "bytes/endian.h"
#include "layout/layout.h"
#include "structure/filesystem.h"
#include "walk/evidence.h"

enum {
	MOST_PER_GROUP = 16, /* one group alone decides little */
	SAMPLED_INODES = 16,
	GROUPS_SAMPLED = 12,
	GROUPS_FIRST = 4,
};

struct ext_group_locations group_locations(const struct ext_filesystem *fs, ext_group group)
{
	struct ext_group_descriptor descriptor;

	ext_group_locations(fs, group, &descriptor);
	return (struct ext_group_locations){
		.block_bitmap = descriptor.block_bitmap,
		.inode_bitmap = descriptor.inode_bitmap,
		.inode_table = descriptor.inode_table,
		.readable = descriptor.readable,
		.block_uninit = (descriptor.flags & EXT_GROUP_BLOCK_UNINIT) != 0,
		.inode_uninit = (descriptor.flags & EXT_GROUP_INODE_UNINIT) != 0,
	};
}

bool locations_equal(const struct ext_group_locations *a, const struct ext_group_locations *b)
{
	return a->block_bitmap == b->block_bitmap && a->inode_bitmap == b->inode_bitmap &&
	       a->inode_table == b->inode_table;
}

bool locations_in_range(const struct ext_superblock *sb, const struct ext_group_locations *where)
{
	const ext_block first = (ext_block)sb->first_data_block + 1;
	const ext_block bitmaps[] = {where->block_bitmap, where->inode_bitmap};

	if (!where->readable || where->block_bitmap == where->inode_bitmap ||
	    where->inode_table < first ||
	    !range_inside(where->inode_table, sb->inode_table_blocks, sb->block_count))
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (bitmaps[i] < first || bitmaps[i] >= sb->block_count ||
		    (bitmaps[i] >= where->inode_table &&
		     bitmaps[i] - where->inode_table < sb->inode_table_blocks))
			return false;
	return true;
}

bool locations_are_own(const struct ext_superblock *sb, ext_group group,
		       const struct ext_group_locations *where)
{
	const ext_block first = ext_group_first_block(sb, group);
	const ext_block blocks[] = {where->block_bitmap, where->inode_bitmap, where->inode_table,
				    where->inode_table + sb->inode_table_blocks - 1};

	for (unsigned i = 0; i < 4 && !ext_has_incompat(sb, EXT_INCOMPAT_FLEX_BG); i++)
		if (blocks[i] < first || blocks[i] - first >= sb->blocks_per_group)
			return false;
	return true;
}

ext_group groups_in_image(const struct ext_source *source, const struct ext_superblock *sb)
{
	const ext_block blocks = ext_source_size(source) >> sb->block_size_log2;

	if (blocks <= sb->first_data_block)
		return 0;
	return (ext_group)min_u64(divide_up(blocks - sb->first_data_block, sb->blocks_per_group),
				  sb->group_count);
}

/* FNV-1a over the numbers, in one byte order on every machine. */
uint64_t locations_digest(uint64_t digest, const struct ext_group_locations *where)
{
	const uint64_t numbers[] = {where->block_bitmap, where->inode_bitmap, where->inode_table};

	for (unsigned i = 0; i < 3; i++)
		for (unsigned shift = 0; shift < 64; shift += 8)
			digest = (digest ^ (numbers[i] >> shift & 0xff)) * UINT64_C(0x100000001b3);
	return digest;
}

bool group_is_plausible(const struct ext_filesystem *fs, ext_group group)
{
	const struct ext_group_locations where = group_locations(fs, group);
	struct ext_group_descriptor descriptor;

	if (!locations_in_range(&fs->superblock, &where))
		return false;
	ext_group_read(fs, group, &descriptor);
	return descriptor.checksum != EXT_CHECKSUM_BAD;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static bool bits_are_set(const uint8_t *bitmap, uint32_t from, uint32_t end)
{
	for (uint32_t bit = from; bit < end; bit++)
		if (!ext_bit_is_set(bitmap, bit))
			return false;
	return true;
}

static void weigh(struct evidence *evidence, bool holds, uint32_t weight)
{
	if (holds)
		evidence->good += weight;
	else
		evidence->bad += weight;
}

/* Does the block bitmap of `group` call `block` used, if it describes that block at all? */
static void expect_used(const struct ext_superblock *sb, ext_group group, const uint8_t *bitmap,
			ext_block block, struct evidence *evidence)
{
	const ext_block first = ext_group_first_block(sb, group);

	if (block < first || block - first >= sb->blocks_per_group)
		return;
	weigh(evidence, ext_bit_is_set(bitmap, (uint32_t)(block - first) >> sb->cluster_log2), 1);
}

void evidence_of_block_bitmap(const struct ext_superblock *sb, ext_group group,
			      const struct ext_group_locations *where, const uint8_t *bitmap,
			      struct evidence *evidence)
{
	const uint32_t bits = 8 * sb->block_size;
	struct ext_group_layout layout;

	if (all_zero(bitmap, sb->block_size))
		return;
	if (sb->clusters_per_group < bits)
		weigh(evidence, bits_are_set(bitmap, sb->clusters_per_group, bits), 1);
	ext_group_layout(sb, group, &layout);
	if (layout.has_superblock)
		expect_used(sb, group, bitmap, layout.superblock_block, evidence);
	expect_used(sb, group, bitmap, where->block_bitmap, evidence);
	expect_used(sb, group, bitmap, where->inode_bitmap, evidence);
	expect_used(sb, group, bitmap, where->inode_table, evidence);
	expect_used(sb, group, bitmap, where->inode_table + sb->inode_table_blocks - 1, evidence);
}

/* Without checksums: can these bytes be an inode in use? */
static bool looks_like_inode(const struct ext_superblock *sb, const struct ext_inode *inode)
{
	if (inode->type == EXT_TYPE_UNKNOWN || inode->links == 0)
		return false;
	if (sb->inode_size > 128 &&
	    (inode->extra_isize % 4 != 0 || inode->extra_isize > sb->inode_size - 128))
		return false;
	if (inode->flags & EXT_INODE_EXTENTS)
		return inode->i_block[0] == 0x0a && inode->i_block[1] == 0xf3;
	return inode->xattr_block < sb->block_count;
}

static void weigh_inode(const struct ext_superblock *sb, ext_ino ino, const uint8_t *raw,
			struct evidence *evidence)
{
	const bool is_reserved = ino < sb->first_inode;
	struct ext_inode inode;

	/* Reserved inodes are called used and may be empty. */
	if (all_zero(raw, 128)) {
		if (!is_reserved)
			weigh(evidence, false, 1);
		return;
	}
	ext_inode_decode(sb, ino, raw, &inode);
	if (sb->has_metadata_csum)
		weigh(evidence, ext_inode_checksum(sb, ino, raw, NULL, NULL) == EXT_CHECKSUM_OK, 2);
	else if (!is_reserved)
		weigh(evidence, looks_like_inode(sb, &inode), 1);
}

/* Looks at inodes that the bitmap calls used, in the first table block that has any and the last.
 */
void evidence_of_inodes(struct ext_source *source, const struct ext_superblock *sb, ext_group group,
			const struct ext_group_locations *where, const uint8_t *bitmap,
			uint8_t *block, struct evidence *evidence)
{
	const uint32_t per_block = sb->block_size / sb->inode_size;
	uint32_t first = 0, last = sb->inodes_per_group;
	uint32_t at[2];

	if (all_zero(bitmap, sb->block_size))
		return;
	if (sb->inodes_per_group < 8 * sb->block_size)
		weigh(evidence, bits_are_set(bitmap, sb->inodes_per_group, 8 * sb->block_size), 1);
	while (first < last && !ext_bit_is_set(bitmap, first))
		first++;
	if (first == last)
		return;
	while (!ext_bit_is_set(bitmap, last - 1))
		last--;
	at[0] = first / per_block;
	at[1] = (last - 1) / per_block;
	for (unsigned i = 0; i < (at[1] > at[0] ? 2u : 1u); i++) {
		uint32_t sampled = 0;

		if (ext_source_read(source, (where->inode_table + at[i]) << sb->block_size_log2,
				    block, sb->block_size, NULL) != EXT_OK)
			continue;
		for (uint32_t j = 0; j < per_block && sampled < SAMPLED_INODES; j++) {
			const uint32_t index = at[i] * per_block + j;

			if (index >= sb->inodes_per_group || !ext_bit_is_set(bitmap, index))
				continue;
			weigh_inode(sb, group * sb->inodes_per_group + index + 1,
				    block + (size_t)j * sb->inode_size, evidence);
			sampled++;
		}
	}
}

void evidence_of_group(struct ext_source *source, const struct ext_superblock *sb, ext_group group,
		       const struct ext_group_locations *where, uint8_t *buffer,
		       struct evidence *evidence)
{
	struct evidence blocks = {0, 0}, inodes = {0, 0};

	if (!locations_in_range(sb, where)) {
		evidence->bad += MOST_PER_GROUP;
		return;
	}
	if (ext_source_read(source, where->block_bitmap << sb->block_size_log2, buffer,
			    sb->block_size, NULL) == EXT_OK)
		evidence_of_block_bitmap(sb, group, where, buffer, &blocks);
	if (ext_source_read(source, where->inode_bitmap << sb->block_size_log2, buffer,
			    sb->block_size, NULL) == EXT_OK)
		evidence_of_inodes(source, sb, group, where, buffer, buffer + sb->block_size,
				   &inodes);
	/* What was never initialised may hold an older filesystem's bitmaps. */
	if (where->block_uninit && blocks.bad > 0)
		blocks = (struct evidence){0, 0};
	if (where->inode_uninit && inodes.bad > 0)
		inodes = (struct evidence){0, 0};
	evidence->good += (uint32_t)min_u64((uint64_t)blocks.good + inodes.good, MOST_PER_GROUP);
	evidence->bad += (uint32_t)min_u64((uint64_t)blocks.bad + inodes.bad, MOST_PER_GROUP);
}

/* The first groups, and others evenly over the rest. */
static ext_group sampled_group(const struct ext_superblock *sb, unsigned index)
{
	if (index < GROUPS_FIRST || sb->group_count <= GROUPS_SAMPLED)
		return index;
	return (ext_group)((uint64_t)(sb->group_count - 1) * (index - GROUPS_FIRST + 1) /
			   (GROUPS_SAMPLED - GROUPS_FIRST));
}

/* Read one after the other each would wait for the device. */
static void hint_at_samples(const struct ext_filesystem *fs)
{
	const struct ext_superblock *sb = &fs->superblock;

	for (unsigned i = 0; i < GROUPS_SAMPLED && i < sb->group_count; i++) {
		const struct ext_group_locations where = group_locations(fs, sampled_group(sb, i));
		const ext_block blocks[] = {where.block_bitmap, where.inode_bitmap,
					    where.inode_table};

		for (unsigned j = 0; locations_in_range(sb, &where) && j < 3; j++)
			ext_source_will_need(fs->source, blocks[j] << sb->block_size_log2,
					     sb->block_size);
	}
}

void evidence_of_samples(const struct ext_filesystem *fs, struct evidence *evidence)
{
	const struct ext_superblock *sb = &fs->superblock;
	uint8_t *const buffer = malloc((size_t)sb->block_size * 2);

	if (!buffer)
		return;
	hint_at_samples(fs);
	for (unsigned i = 0; i < GROUPS_SAMPLED && i < sb->group_count; i++) {
		const ext_group group = sampled_group(sb, i);
		const struct ext_group_locations where = group_locations(fs, group);

		/* What was cut off speaks neither for nor against. */
		if (locations_in_range(sb, &where) && (where.block_bitmap >= fs->blocks_present ||
						       where.inode_table >= fs->blocks_present))
			continue;
		evidence_of_group(fs->source, sb, group, &where, buffer, evidence);
	}
	free(buffer);
}

/* Does the directory's first block begin with "." and ".." as the root's must? */
static bool begins_as_root(const uint8_t *block)
{
	const struct ext_raw_dirent *dot = (const struct ext_raw_dirent *)(const void *)block;
	const struct ext_raw_dirent *dotdot =
		(const struct ext_raw_dirent *)(const void *)(block + 12);

	return get(dot->inode) == EXT_INO_ROOT && get(dot->rec_len) == 12 &&
	       get(dot->name_len) == 1 && block[8] == '.' && get(dotdot->inode) == EXT_INO_ROOT &&
	       get(dotdot->name_len) == 2 && block[20] == '.' && block[21] == '.';
}

static void weigh_root(const struct ext_filesystem *fs, struct ext_mapping *mapping,
		       struct evidence *evidence)
{
	uint8_t start[32];
	struct ext_inode root;
	size_t got;

	if (ext_inode_read(fs, EXT_INO_ROOT, &root, NULL, NULL) != EXT_OK) {
		weigh(evidence, false, 16);
		return;
	}
	if (fs->superblock.has_metadata_csum)
		weigh(evidence, root.checksum == EXT_CHECKSUM_OK, 8);
	weigh(evidence, root.type == EXT_TYPE_DIRECTORY && root.links >= 2, 4);
	if (root.type != EXT_TYPE_DIRECTORY || root.flags & EXT_INODE_INLINE_DATA)
		return;
	weigh(evidence,
	      ext_file_read(mapping, &root, 0, start, sizeof start, &got, NULL) == EXT_OK &&
		      got == sizeof start && begins_as_root(start),
	      8);
}

static void weigh_journal(const struct ext_filesystem *fs, struct ext_mapping *mapping,
			  struct evidence *evidence)
{
	struct be32 magic;
	struct ext_inode journal;
	size_t got;

	if (!ext_has_compat(&fs->superblock, EXT_COMPAT_HAS_JOURNAL) ||
	    fs->superblock.journal_inode != EXT_INO_JOURNAL ||
	    ext_inode_read(fs, EXT_INO_JOURNAL, &journal, NULL, NULL) != EXT_OK)
		return;
	weigh(evidence,
	      ext_file_read(mapping, &journal, 0, &magic, sizeof magic, &got, NULL) == EXT_OK &&
		      got == sizeof magic && get(magic) == EXT_JOURNAL_MAGIC,
	      4);
}

void evidence_of_root(const struct ext_filesystem *fs, struct evidence *evidence)
{
	struct ext_mapping *mapping;

	if (ext_mapping_new(fs, &mapping, NULL) != EXT_OK)
		return;
	weigh_root(fs, mapping, evidence);
	weigh_journal(fs, mapping, evidence);
	ext_mapping_free(mapping);
}

bool evidence_is_sound(const struct evidence *evidence)
{
	return evidence->good >= 4 && evidence->good >= 4 * (uint64_t)evidence->bad;
}

bool evidence_is_better(const struct evidence *a, const struct evidence *b)
{
	const int64_t of_a = (int64_t)a->good - 2 * (int64_t)a->bad;
	const int64_t of_b = (int64_t)b->good - 2 * (int64_t)b->bad;

	return of_a > of_b + 2 + (int64_t)(a->good + b->good) / 16;
}

uint32_t evidence_quality(const struct evidence *evidence)
{
	const uint64_t all = (uint64_t)evidence->good + evidence->bad + 2;

	return (uint32_t)((uint64_t)evidence->good * 1000 / all);
}
