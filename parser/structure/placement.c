/* SPDX-License-Identifier: MIT */
/*
 * Where superblock copies and descriptor tables must lie. It follows from the superblock's numbers
 * alone; whether anything is there is another question. Doc: ext4/super.rst and
 * ext4/blockgroup.rst, "Layout", "Flexible Block Groups", "Meta Block Groups".
 */
#include "config.h"

#include <ext/copies.h>

#include "bytes/checked.h"

ext_block ext_group_first_block(const struct ext_superblock *sb, ext_group group)
{
	return sb->first_data_block + (uint64_t)group * sb->blocks_per_group;
}

uint32_t ext_group_block_count(const struct ext_superblock *sb, ext_group group)
{
	const ext_block first = ext_group_first_block(sb, group);

	if (first >= sb->block_count)
		return 0;
	return (uint32_t)min_u64(sb->blocks_per_group, sb->block_count - first);
}

static bool is_power_of(ext_group number, ext_group base)
{
	while (number % base == 0)
		number /= base;
	return number == 1;
}

bool ext_group_has_superblock(const struct ext_superblock *sb, ext_group group)
{
	if (group == 0)
		return true;
	if (ext_has_compat(sb, EXT_COMPAT_SPARSE_SUPER2))
		return group == sb->backup_groups[0] || group == sb->backup_groups[1];
	if (!ext_has_ro_compat(sb, EXT_RO_SPARSE_SUPER) || group == 1)
		return true;
	return group % 2 != 0 &&
	       (is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7));
}

uint64_t ext_superblock_copy_offset(const struct ext_superblock *sb, ext_group group)
{
	return group == 0 ? EXT_SUPERBLOCK_OFFSET
			  : ext_group_first_block(sb, group) << sb->block_size_log2;
}

/* Block of the superblock copy in `group`. With 1k blocks and bigalloc the first group begins at
 * block 0, but its copy is at byte 1024 all the same, in block 1. */
static ext_block superblock_block(const struct ext_superblock *sb, ext_group group)
{
	return ext_superblock_copy_offset(sb, group) >> sb->block_size_log2;
}

static bool is_meta(const struct ext_superblock *sb, uint32_t index)
{
	return ext_has_incompat(sb, EXT_INCOMPAT_META_BG) && index >= sb->first_meta_bg;
}

ext_block ext_descriptor_block(const struct ext_superblock *sb, ext_group copy_group,
			       uint32_t index)
{
	uint64_t group;

	if (!is_meta(sb, index))
		return superblock_block(sb, copy_group) + 1 + index;
	/* The second copy of a metagroup is in its second group, if the filesystem goes so far. */
	group = (uint64_t)index * sb->descriptors_per_block;
	if (copy_group != 0 && group + 1 < sb->group_count)
		group++;
	if (ext_group_has_superblock(sb, (ext_group)group))
		return superblock_block(sb, (ext_group)group) + 1;
	return ext_group_first_block(sb, (ext_group)group);
}

void ext_group_layout(const struct ext_superblock *sb, ext_group group,
		      struct ext_group_layout *layout)
{
	const uint32_t index = group / sb->descriptors_per_block;
	const uint32_t position = group % sb->descriptors_per_block;

	*layout = (struct ext_group_layout){.has_superblock = ext_group_has_superblock(sb, group)};
	layout->descriptors_start = ext_group_first_block(sb, group);
	if (layout->has_superblock) {
		layout->superblock_block = superblock_block(sb, group);
		layout->descriptors_start = layout->superblock_block + 1;
	}
	if (is_meta(sb, index)) {
		layout->descriptor_blocks =
			position < 2 || position == sb->descriptors_per_block - 1;
	} else if (layout->has_superblock) {
		layout->descriptor_blocks = ext_has_incompat(sb, EXT_INCOMPAT_META_BG)
						    ? sb->first_meta_bg
						    : sb->descriptor_blocks;
		layout->reserved_blocks = sb->reserved_gdt_blocks;
	}
}

/* The copies of a metagroup are in its first, second and last group, as far as there are so many.
 */
static bool meta_copy(const struct ext_superblock *sb, uint32_t index, uint32_t which,
		      ext_group *group)
{
	const uint64_t first = (uint64_t)index * sb->descriptors_per_block;
	const uint64_t places[] = {first, first + 1, first + sb->descriptors_per_block - 1};

	if (which > 2 || places[which] >= sb->group_count || (which == 2 && places[2] == places[1]))
		return false;
	*group = (ext_group)places[which];
	return true;
}

bool ext_descriptor_copy(const struct ext_superblock *sb, uint32_t index, uint32_t which,
			 ext_block *block, ext_group *group)
{
	if (is_meta(sb, index)) {
		if (!meta_copy(sb, index, which, group))
			return false;
		*block = ext_group_has_superblock(sb, *group) ? superblock_block(sb, *group) + 1
							      : ext_group_first_block(sb, *group);
		return true;
	}
	*group = 0;
	for (uint32_t i = 0; i < which; i++)
		*group = ext_copy_next_group(sb, *group);
	if (*group >= sb->group_count)
		return false;
	*block = superblock_block(sb, *group) + 1 + index;
	return true;
}

ext_group ext_copy_next_group(const struct ext_superblock *sb, ext_group group)
{
	for (uint64_t next = (uint64_t)group + 1; next < sb->group_count; next++)
		if (ext_group_has_superblock(sb, (ext_group)next))
			return (ext_group)next;
	return sb->group_count;
}
