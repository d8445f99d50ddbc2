/* SPDX-License-Identifier: MIT */
/*
 * The resize inode, which holds blocks behind every descriptor table for a larger one: its double
 * indirect block lists those of the primary, and each of them those of the copies. Invariants: it
 * is so with the feature, and the inode is empty without it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "checks/checks.h"
#include "checks/report.h"

enum { DIRECT = 12, DOUBLE_INDIRECT = 13, POINTERS = 15 };

static uint32_t pointer(const uint8_t *bytes, uint32_t index)
{
	bytes += (size_t)index * 4;
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static bool maps_only(const struct ext_inode *inode, unsigned slot)
{
	for (unsigned i = 0; i < POINTERS; i++)
		if (i != slot && pointer(inode->i_block, i) != 0)
			return false;
	return true;
}

/* Other groups with a superblock, as many as a block has pointers. */
static bool find_copies(struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	struct resize_lists *const lists = &checks->resize;
	const uint32_t slots = sb->block_size / 4;

	lists->copies = checks_memory(checks, slots * sizeof *lists->copies);
	if (!lists->copies)
		return false;
	for (ext_group group = 1; group < sb->group_count && lists->copy_count < slots; group++)
		if (ext_group_has_superblock(sb, group))
			lists->copies[lists->copy_count++] = group;
	return true;
}

/* Does one reserved block list its counterparts in all other groups with a superblock? */
static bool lists_copies(const struct checks *checks, const uint8_t *block, ext_block reserved)
{
	const struct ext_superblock *sb = checks->superblock;
	const struct resize_lists *lists = &checks->resize;

	for (uint32_t i = 0; i < lists->copy_count; i++)
		if (pointer(block, i) !=
		    reserved + (uint64_t)lists->copies[i] * sb->blocks_per_group)
			return false;
	return true;
}

/* e2fsck looks at the first quarter of the list alone. */
static uint32_t looked_at(const struct ext_superblock *sb)
{
	return sb->reserved_gdt_blocks / 4;
}

void see_resize_block(struct checks *checks, const struct ext_run *run, struct ext_span block)
{
	const struct ext_superblock *sb = checks->superblock;
	struct resize_lists *const lists = &checks->resize;
	const uint32_t slots = sb->block_size / 4;
	struct ext_group_layout layout;
	uint64_t slot, number;

	lists->is_unread = lists->is_unread || !block.data;
	if (run->depth != 0 || run->logical < DIRECT + slots || !block.data)
		return;
	slot = (run->logical - DIRECT - slots) / slots;
	number = (slot + slots - sb->descriptor_blocks % slots) % slots;
	ext_group_layout(sb, 0, &layout);
	if (slot >= slots || number >= sb->reserved_gdt_blocks ||
	    run->physical != layout.descriptors_start + layout.descriptor_blocks + number ||
	    (!lists->copies && !find_copies(checks)) ||
	    !lists_copies(checks, block.data, run->physical))
		return;
	if (number < looked_at(sb))
		lists->right_in_quarter++;
	else
		lists->right_behind++;
}

enum verdict { IS_VALID, IS_INCOMPLETE, IS_INVALID };

/* The one pointer of the inode leads to the list; e2fsck minds the direct ones, of which there may
 * be none, and no others. */
static enum verdict judge(const struct checks *checks, const struct ext_inode *inode)
{
	const struct ext_superblock *sb = checks->superblock;
	const struct resize_lists *lists = &checks->resize;
	const ext_block block = pointer(inode->i_block, DOUBLE_INDIRECT);
	const uint32_t quarter = looked_at(sb);

	if (inode->links == 0 || inode->type != EXT_TYPE_REGULAR || block <= sb->first_data_block ||
	    block >= sb->block_count)
		return IS_INVALID;
	for (unsigned i = 0; i < DIRECT; i++)
		if (pointer(inode->i_block, i) != 0)
			return IS_INVALID;
	if (lists->is_unread)
		return IS_VALID;
	if (lists->right_in_quarter < quarter)
		return IS_INVALID;
	return maps_only(inode, DOUBLE_INDIRECT) &&
			       lists->right_behind == sb->reserved_gdt_blocks - quarter
		       ? IS_VALID
		       : IS_INCOMPLETE;
}

void check_resize_inode(struct checks *checks)
{
	const bool wanted = ext_has_compat(checks->superblock, EXT_COMPAT_RESIZE_INODE);
	struct ext_inode inode;
	enum verdict verdict;

	if (ext_inode_read(checks->filesystem, EXT_INO_RESIZE, &inode, NULL, NULL) != EXT_OK)
		return;
	verdict = wanted ? judge(checks, &inode) : IS_VALID;
	if (verdict != IS_VALID)
		report_inode(checks->sink,
			     verdict == IS_INVALID ? EXT_RESIZE_INODE_INVALID
						   : EXT_RESIZE_INODE_INCOMPLETE,
			     EXT_INO_RESIZE, NULL, 0, 0, 0);
	else if (!wanted && !maps_only(&inode, POINTERS))
		report_inode(checks->sink, EXT_RESIZE_INODE_IN_USE, EXT_INO_RESIZE, NULL, 0, 0, 0);
}
