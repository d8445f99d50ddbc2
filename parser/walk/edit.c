/* SPDX-License-Identifier: MIT */
/*
 * Changes to bitmaps, descriptors, inodes and the superblock, on an overlay. Groups that were never
 * initialised get their bitmaps when they are first touched. Checksums are set at the end, once for
 * each structure. What the changes mean is the caller's business.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "structure/filesystem.h"

#include <ext/edit.h>

enum { BLOCK_BITMAP_CHANGED = 1, INODE_BITMAP_CHANGED = 2, DESCRIPTOR_CHANGED = 4 };
enum { SMALL_INODE = 128 };
enum bitmap_kind { BLOCK_BITMAP, INODE_BITMAP };

/* The bitmap of one group, kept while changes stay in that group. */
struct cached_bitmap {
	uint8_t *bytes;
	ext_group group;
	bool loaded, changed;
};

struct ext_editor {
	struct ext_filesystem *filesystem; /* ours: its descriptors are changed in place */
	struct ext_source *overlay;	   /* borrowed */
	struct cached_bitmap bitmaps[2];   /* by bitmap_kind */
	uint8_t *changed;		   /* for each group */
	ext_group copy_group;
};

enum ext_status ext_editor_open(struct ext_source *overlay, const struct ext_open_options *options,
				struct ext_editor **editor, struct ext_error *error)
{
	struct ext_editor *new = calloc(1, sizeof *new);
	enum ext_status status;

	if (!new)
		return ext_no_memory(error);
	new->overlay = overlay;
	status = ext_filesystem_open(overlay, options, &new->filesystem, error);
	if (status != EXT_OK) {
		ext_editor_close(new);
		return status;
	}
	new->copy_group = options ? options->copy_group : 0;

	const struct ext_superblock *sb = &new->filesystem->superblock;

	new->changed = calloc(1, sb->group_count);
	new->bitmaps[BLOCK_BITMAP].bytes = malloc(sb->block_size);
	new->bitmaps[INODE_BITMAP].bytes = malloc(sb->block_size);
	if (!new->changed || !new->bitmaps[BLOCK_BITMAP].bytes ||
	    !new->bitmaps[INODE_BITMAP].bytes) {
		ext_editor_close(new);
		return ext_no_memory(error);
	}
	*editor = new;
	return EXT_OK;
}

void ext_editor_close(struct ext_editor *editor)
{
	if (!editor)
		return;
	ext_filesystem_close(editor->filesystem);
	free(editor->bitmaps[BLOCK_BITMAP].bytes);
	free(editor->bitmaps[INODE_BITMAP].bytes);
	free(editor->changed);
	free(editor);
}

const struct ext_filesystem *ext_editor_filesystem(const struct ext_editor *editor)
{
	return editor->filesystem;
}

/* Descriptor fields. The halves join only when the descriptor has the second one. */

static struct ext_raw_group_descriptor *descriptor_low(struct ext_editor *editor, ext_group group)
{
	const size_t size = editor->filesystem->superblock.descriptor_size;

	return (struct ext_raw_group_descriptor *)(void *)(editor->filesystem->descriptors +
							   group * size);
}

static struct ext_raw_group_descriptor_high *descriptor_high(struct ext_editor *editor,
							     ext_group group)
{
	struct ext_raw_group_descriptor *low = descriptor_low(editor, group);

	if (editor->filesystem->superblock.descriptor_size <
	    sizeof *low + sizeof(struct ext_raw_group_descriptor_high))
		return NULL;
	return (struct ext_raw_group_descriptor_high *)(void *)(low + 1);
}

static void put_split(struct le16 *low, struct le16 *high, uint32_t value)
{
	put(low, (uint16_t)value);
	if (high)
		put(high, (uint16_t)(value >> 16));
}

static void set_free_clusters(struct ext_editor *editor, ext_group group, uint32_t count)
{
	struct ext_raw_group_descriptor_high *high = descriptor_high(editor, group);

	put_split(&descriptor_low(editor, group)->bg_free_blocks_count_lo,
		  high ? &high->bg_free_blocks_count_hi : NULL, count);
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}

static void set_free_inodes(struct ext_editor *editor, ext_group group, uint32_t count)
{
	struct ext_raw_group_descriptor_high *high = descriptor_high(editor, group);

	put_split(&descriptor_low(editor, group)->bg_free_inodes_count_lo,
		  high ? &high->bg_free_inodes_count_hi : NULL, count);
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}

static void set_directories(struct ext_editor *editor, ext_group group, uint32_t count)
{
	struct ext_raw_group_descriptor_high *high = descriptor_high(editor, group);

	put_split(&descriptor_low(editor, group)->bg_used_dirs_count_lo,
		  high ? &high->bg_used_dirs_count_hi : NULL, count);
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}

static void clear_flag(struct ext_editor *editor, ext_group group, uint16_t flag)
{
	struct ext_raw_group_descriptor *raw = descriptor_low(editor, group);

	put(&raw->bg_flags, (uint16_t)(get(raw->bg_flags) & ~flag));
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}

/* Bitmaps. */

static ext_block bitmap_block(const struct ext_editor *editor, enum bitmap_kind kind,
			      ext_group group)
{
	struct ext_group_descriptor descriptor;

	ext_group_locations(editor->filesystem, group, &descriptor);
	return kind == BLOCK_BITMAP ? descriptor.block_bitmap : descriptor.inode_bitmap;
}

static enum ext_status store_bitmap(struct ext_editor *editor, enum bitmap_kind kind,
				    struct ext_error *error)
{
	struct cached_bitmap *cached = &editor->bitmaps[kind];
	enum ext_status status;

	if (!cached->loaded || !cached->changed)
		return EXT_OK;
	status = ext_editor_write_block(editor, bitmap_block(editor, kind, cached->group),
					cached->bytes, error);
	cached->changed = false;
	editor->changed[cached->group] |=
		kind == BLOCK_BITMAP ? BLOCK_BITMAP_CHANGED : INODE_BITMAP_CHANGED;
	return status;
}

static void set_bits(uint8_t *bitmap, uint64_t first, uint64_t end)
{
	for (uint64_t bit = first; bit < end; bit++)
		bitmap[bit / 8] |= (uint8_t)(1u << bit % 8);
}

/* Blocks of this group as bits, when they lie in it. */
static void set_blocks(const struct ext_superblock *sb, ext_group group, uint8_t *bitmap,
		       ext_block block, uint64_t count)
{
	const ext_block start = ext_group_first_block(sb, group);
	const uint64_t size = ext_group_block_count(sb, group);

	if (count == 0 || block < start || block - start >= size)
		return;
	count = min_u64(count, size - (block - start));
	set_bits(bitmap, (block - start) >> sb->cluster_log2,
		 ((block - start + count - 1) >> sb->cluster_log2) + 1);
}

static uint32_t clusters_in_group(const struct ext_superblock *sb, ext_group group)
{
	return (uint32_t)divide_up(ext_group_block_count(sb, group), sb->cluster_blocks);
}

/* What the bitmap of a group flagged BLOCK_UNINIT would hold: what the layout itself occupies. */
static void make_block_bitmap(struct ext_editor *editor, ext_group group, uint8_t *bitmap)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	struct ext_group_descriptor descriptor;
	struct ext_group_layout layout;
	uint32_t unused = 0;
	const uint32_t clusters = clusters_in_group(sb, group);

	memset(bitmap, 0, sb->block_size);
	ext_group_locations(editor->filesystem, group, &descriptor);
	ext_group_layout(sb, group, &layout);
	if (layout.has_superblock)
		set_blocks(sb, group, bitmap, layout.superblock_block, 1);
	set_blocks(sb, group, bitmap, layout.descriptors_start,
		   (uint64_t)layout.descriptor_blocks + layout.reserved_blocks);
	set_blocks(sb, group, bitmap, descriptor.block_bitmap, 1);
	set_blocks(sb, group, bitmap, descriptor.inode_bitmap, 1);
	set_blocks(sb, group, bitmap, descriptor.inode_table, sb->inode_table_blocks);
	for (uint32_t bit = 0; bit < clusters; bit++)
		unused += !ext_bit_is_set(bitmap, bit);
	set_bits(bitmap, clusters, (uint64_t)sb->block_size * 8);
	set_free_clusters(editor, group, unused);
	clear_flag(editor, group, EXT_GROUP_BLOCK_UNINIT);
}

static void make_inode_bitmap(struct ext_editor *editor, ext_group group, uint8_t *bitmap)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;

	memset(bitmap, 0, sb->block_size);
	set_bits(bitmap, sb->inodes_per_group, (uint64_t)sb->block_size * 8);
	clear_flag(editor, group, EXT_GROUP_INODE_UNINIT);
}

/* The bitmap of `group` in the cache. One that was never initialised is made up only `to_change`
 * it. */
static enum ext_status load_bitmap(struct ext_editor *editor, enum bitmap_kind kind,
				   ext_group group, bool to_change, struct ext_error *error)
{
	struct cached_bitmap *cached = &editor->bitmaps[kind];
	const uint16_t uninit =
		kind == BLOCK_BITMAP ? EXT_GROUP_BLOCK_UNINIT : EXT_GROUP_INODE_UNINIT;
	struct ext_group_descriptor descriptor;
	enum ext_status status;

	ext_group_locations(editor->filesystem, group, &descriptor);
	if (cached->loaded && cached->group == group && !(to_change && descriptor.flags & uninit))
		return EXT_OK;
	status = store_bitmap(editor, kind, error);
	if (status != EXT_OK)
		return status;
	cached->loaded = false;
	if (descriptor.flags & uninit) {
		const uint8_t changed_before = editor->changed[group];
		struct ext_raw_group_descriptor before = *descriptor_low(editor, group);
		struct ext_raw_group_descriptor_high high_before;
		struct ext_raw_group_descriptor_high *high = descriptor_high(editor, group);

		if (high)
			high_before = *high;
		if (kind == BLOCK_BITMAP)
			make_block_bitmap(editor, group, cached->bytes);
		else
			make_inode_bitmap(editor, group, cached->bytes);
		cached->changed = to_change;
		if (!to_change) {
			editor->changed[group] = changed_before;
			*descriptor_low(editor, group) = before;
			if (high)
				*high = high_before;
		}
	} else {
		status = kind == BLOCK_BITMAP ? ext_block_bitmap_read(editor->filesystem, group,
								      cached->bytes, NULL, error)
					      : ext_inode_bitmap_read(editor->filesystem, group,
								      cached->bytes, NULL, error);
		if (status != EXT_OK)
			return status;
		cached->changed = false;
	}
	cached->group = group;
	cached->loaded = true;
	return EXT_OK;
}

/* Sets or clears one bit; true when that changed it. */
static bool flip(struct cached_bitmap *cached, uint32_t bit, bool used)
{
	const uint8_t mask = (uint8_t)(1u << bit % 8);

	if (((cached->bytes[bit / 8] & mask) != 0) == used)
		return false;
	cached->bytes[bit / 8] ^= mask;
	cached->changed = true;
	return true;
}

enum ext_status ext_editor_mark_blocks(struct ext_editor *editor, ext_block block, uint64_t count,
				       bool used, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	ext_block end;

	if (block < sb->first_data_block || count == 0 || !add_fits(block, count, &end))
		return EXT_OK;
	end = min_u64(end, sb->block_count);
	while (block < end) {
		const uint64_t at = block - sb->first_data_block;
		const ext_group group = (ext_group)(at / sb->blocks_per_group);
		const uint64_t in_group = at % sb->blocks_per_group;
		const uint64_t part = min_u64(end - block, sb->blocks_per_group - in_group);
		const uint32_t first = (uint32_t)(in_group >> sb->cluster_log2);
		const uint32_t last = (uint32_t)((in_group + part - 1) >> sb->cluster_log2);
		struct ext_group_descriptor descriptor;
		uint32_t flipped = 0;
		enum ext_status status;

		status = load_bitmap(editor, BLOCK_BITMAP, group, true, error);
		if (status != EXT_OK)
			return status;
		for (uint32_t bit = first; bit <= last; bit++)
			flipped += flip(&editor->bitmaps[BLOCK_BITMAP], bit, used);
		if (flipped > 0) {
			ext_group_locations(editor->filesystem, group, &descriptor);
			if (!used)
				set_free_clusters(editor, group,
						  descriptor.free_clusters + flipped);
			else
				set_free_clusters(editor, group,
						  descriptor.free_clusters > flipped
							  ? descriptor.free_clusters - flipped
							  : 0);
		}
		block += part;
	}
	return EXT_OK;
}

/* With group checksums, inodes at the table's end count as never used until one of them is. */
static void note_inode_in_use(struct ext_editor *editor, ext_group group, uint32_t index)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	struct ext_group_descriptor descriptor;
	struct ext_raw_group_descriptor_high *high = descriptor_high(editor, group);

	ext_group_locations(editor->filesystem, group, &descriptor);
	if (!sb->has_group_csum ||
	    (uint64_t)index + descriptor.itable_unused < sb->inodes_per_group)
		return;
	put_split(&descriptor_low(editor, group)->bg_itable_unused_lo,
		  high ? &high->bg_itable_unused_hi : NULL, sb->inodes_per_group - index - 1);
	editor->changed[group] |= DESCRIPTOR_CHANGED;
}

enum ext_status ext_editor_mark_inode(struct ext_editor *editor, ext_ino ino, bool used,
				      bool directory, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	const struct ext_place place = {
		.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = ino};
	struct ext_group_descriptor descriptor;
	enum ext_status status;

	if (ino == 0 || ino > sb->inode_count)
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, place, 0);

	const ext_group group = (ino - 1) / sb->inodes_per_group;
	const uint32_t index = (ino - 1) % sb->inodes_per_group;
	bool was_unused;

	ext_group_locations(editor->filesystem, group, &descriptor);
	was_unused = (descriptor.flags & EXT_GROUP_INODE_UNINIT) != 0;
	status = load_bitmap(editor, INODE_BITMAP, group, true, error);
	if (status != EXT_OK || !flip(&editor->bitmaps[INODE_BITMAP], index, used))
		return status;
	if (used) {
		set_free_inodes(editor, group,
				descriptor.free_inodes > 0 ? descriptor.free_inodes - 1 : 0);
		if (was_unused) {
			struct ext_raw_group_descriptor_high *high = descriptor_high(editor, group);

			/* The count means nothing in such a group; none of its inodes were used. */
			put_split(&descriptor_low(editor, group)->bg_itable_unused_lo,
				  high ? &high->bg_itable_unused_hi : NULL, sb->inodes_per_group);
		}
		note_inode_in_use(editor, group, index);
		if (directory)
			set_directories(editor, group, descriptor.directories + 1);
	} else {
		set_free_inodes(editor, group, descriptor.free_inodes + 1);
		if (directory && descriptor.directories > 0)
			set_directories(editor, group, descriptor.directories - 1);
	}
	return EXT_OK;
}

enum ext_status ext_editor_block_is_used(struct ext_editor *editor, ext_block block, bool *used,
					 struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	enum ext_status status;

	if (block < sb->first_data_block || block >= sb->block_count)
		return ext_corrupt(error, EXT_BLOCK_RANGE, (struct ext_place){0}, block,
				   sb->first_data_block, sb->block_count - 1);

	const uint64_t at = block - sb->first_data_block;

	status = load_bitmap(editor, BLOCK_BITMAP, (ext_group)(at / sb->blocks_per_group), false,
			     error);
	if (status == EXT_OK)
		*used = ext_bit_is_set(editor->bitmaps[BLOCK_BITMAP].bytes,
				       (uint32_t)(at % sb->blocks_per_group >> sb->cluster_log2));
	return status;
}

enum ext_status ext_editor_inode_is_used(struct ext_editor *editor, ext_ino ino, bool *used,
					 struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	enum ext_status status;

	if (ino == 0 || ino > sb->inode_count)
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
	status = load_bitmap(editor, INODE_BITMAP, (ino - 1) / sb->inodes_per_group, false, error);
	if (status == EXT_OK)
		*used = ext_bit_is_set(editor->bitmaps[INODE_BITMAP].bytes,
				       (ino - 1) % sb->inodes_per_group);
	return status;
}

enum ext_status ext_editor_find_free(struct ext_editor *editor, ext_block goal, ext_block *block,
				     struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;

	if (goal < sb->first_data_block || goal >= sb->block_count)
		goal = sb->first_data_block;

	const uint64_t at = goal - sb->first_data_block;
	const ext_group start = (ext_group)(at / sb->blocks_per_group);
	uint32_t bit = (uint32_t)(at % sb->blocks_per_group >> sb->cluster_log2);

	/* The first group comes twice: from the goal on, and whole at the end. */
	for (uint64_t i = 0; i <= sb->group_count; i++) {
		const ext_group group = (ext_group)((start + i) % sb->group_count);
		struct ext_group_descriptor descriptor;
		const uint32_t clusters = clusters_in_group(sb, group);

		ext_group_locations(editor->filesystem, group, &descriptor);
		if (descriptor.free_clusters > 0 &&
		    load_bitmap(editor, BLOCK_BITMAP, group, false, NULL) == EXT_OK)
			for (; bit < clusters; bit++)
				if (!ext_bit_is_set(editor->bitmaps[BLOCK_BITMAP].bytes, bit)) {
					*block = ext_group_first_block(sb, group) +
						 ((uint64_t)bit << sb->cluster_log2);
					return EXT_OK;
				}
		bit = 0;
	}
	(void)error;
	return EXT_END;
}

enum ext_status ext_editor_write_block(struct ext_editor *editor, ext_block block,
				       const uint8_t *bytes, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;

	if (block >= sb->block_count)
		return ext_corrupt(error, EXT_BLOCK_RANGE, (struct ext_place){0}, block,
				   sb->first_data_block, sb->block_count - 1);
	return ext_overlay_write(editor->overlay, block << sb->block_size_log2, bytes,
				 sb->block_size, error);
}

enum ext_status ext_editor_write_inode(struct ext_editor *editor, ext_ino ino, uint8_t *raw,
				       struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)raw;
	uint32_t computed = 0;
	uint64_t offset;
	enum ext_status status = ext_inode_offset(editor->filesystem, ino, &offset, error);

	if (status != EXT_OK)
		return status;
	if (ext_inode_checksum(sb, ino, raw, NULL, &computed) != EXT_CHECKSUM_NONE) {
		put(&core->i_checksum_lo, (uint16_t)computed);
		if (sb->inode_size > SMALL_INODE) {
			struct ext_raw_inode_extra *extra =
				(struct ext_raw_inode_extra *)(void *)(raw + SMALL_INODE);

			if (get(extra->i_extra_isize) >= 4)
				put(&extra->i_checksum_hi, (uint16_t)(computed >> 16));
		}
	}
	return ext_overlay_write(editor->overlay, offset, raw, sb->inode_size, error);
}

/* The end. */

static enum ext_status finish_bitmap(struct ext_editor *editor, enum bitmap_kind kind,
				     ext_group group, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	struct ext_raw_group_descriptor *low = descriptor_low(editor, group);
	struct ext_raw_group_descriptor_high *high = descriptor_high(editor, group);
	const uint32_t bits = kind == BLOCK_BITMAP ? sb->clusters_per_group : sb->inodes_per_group;
	enum ext_status status = load_bitmap(editor, kind, group, false, error);
	uint32_t checksum;

	if (status != EXT_OK || !sb->has_metadata_csum)
		return status;
	checksum = crc32c(sb->checksum_seed, editor->bitmaps[kind].bytes, bits / 8);
	if (kind == BLOCK_BITMAP)
		put_split(&low->bg_block_bitmap_csum_lo,
			  high ? &high->bg_block_bitmap_csum_hi : NULL, checksum);
	else
		put_split(&low->bg_inode_bitmap_csum_lo,
			  high ? &high->bg_inode_bitmap_csum_hi : NULL, checksum);
	return EXT_OK;
}

static enum ext_status finish_group(struct ext_editor *editor, ext_group group,
				    struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	const uint32_t index = group / sb->descriptors_per_block;
	const size_t in_block = (size_t)(group % sb->descriptors_per_block) * sb->descriptor_size;
	struct ext_group_descriptor descriptor;
	enum ext_status status = EXT_OK;

	if (editor->changed[group] & BLOCK_BITMAP_CHANGED)
		status = finish_bitmap(editor, BLOCK_BITMAP, group, error);
	if (status == EXT_OK && editor->changed[group] & INODE_BITMAP_CHANGED)
		status = finish_bitmap(editor, INODE_BITMAP, group, error);
	if (status != EXT_OK)
		return status;
	ext_group_read(editor->filesystem, group, &descriptor);
	if (descriptor.checksum != EXT_CHECKSUM_NONE)
		put(&descriptor_low(editor, group)->bg_checksum, descriptor.checksum_computed);
	return ext_overlay_write(
		editor->overlay,
		(ext_descriptor_block(sb, editor->copy_group, index) << sb->block_size_log2) +
			in_block,
		descriptor_low(editor, group), sb->descriptor_size, error);
}

/* The superblock's own counts follow the descriptors, as they do after any mount. */
static enum ext_status finish_superblock(struct ext_editor *editor, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	uint8_t bytes[EXT_SUPERBLOCK_SIZE];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)bytes;
	uint64_t blocks = 0, inodes = 0;

	if (ext_source_read(editor->overlay, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes, NULL) !=
		    EXT_OK ||
	    get(raw->s_magic) != EXT_MAGIC)
		return EXT_OK;
	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(editor->filesystem, group, &descriptor);
		blocks += (uint64_t)descriptor.free_clusters << sb->cluster_log2;
		inodes += descriptor.free_inodes;
	}
	put(&raw->s_free_blocks_count_lo, (uint32_t)blocks);
	if (ext_has_incompat(sb, EXT_INCOMPAT_64BIT))
		put(&raw->s_free_blocks_count_hi, (uint32_t)(blocks >> 32));
	put(&raw->s_free_inodes_count, (uint32_t)inodes);
	if (sb->has_metadata_csum)
		put(&raw->s_checksum,
		    crc32c(UINT32_MAX, bytes, offsetof(struct ext_raw_superblock, s_checksum)));
	return ext_overlay_write(editor->overlay, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes,
				 error);
}

enum ext_status ext_editor_finish(struct ext_editor *editor, struct ext_error *error)
{
	const struct ext_superblock *sb = &editor->filesystem->superblock;
	enum ext_status status = store_bitmap(editor, BLOCK_BITMAP, error);

	if (status == EXT_OK)
		status = store_bitmap(editor, INODE_BITMAP, error);
	for (ext_group group = 0; status == EXT_OK && group < sb->group_count; group++) {
		if (editor->changed[group] == 0)
			continue;
		status = finish_group(editor, group, error);
		editor->changed[group] = 0;
	}
	return status == EXT_OK ? finish_superblock(editor, error) : status;
}
