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

enum { DIRECT = 12, DOUBLE_INDIRECT = 13, POINTERS = 15, AT_ONCE = 32 };

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

/* What the lists are held against, and room to read them. */
struct reserve {
	const struct checks *checks;
	ext_group *copies; /* other groups with a superblock, as many as a block has pointers */
	uint32_t copy_count;
	uint8_t *list; /* the double indirect block */
	uint8_t *blocks;
};

static bool begin(struct checks *checks, struct reserve *reserve)
{
	const struct ext_superblock *sb = checks->superblock;
	const uint32_t slots = sb->block_size / 4;

	*reserve = (struct reserve){.checks = checks};
	reserve->copies = checks_memory(checks, slots * sizeof *reserve->copies);
	reserve->list = checks_memory(checks, sb->block_size);
	reserve->blocks = checks_memory(checks, (size_t)AT_ONCE * sb->block_size);
	if (!reserve->copies || !reserve->list || !reserve->blocks)
		return false;
	for (ext_group group = 1; group < sb->group_count && reserve->copy_count < slots; group++)
		if (ext_group_has_superblock(sb, group))
			reserve->copies[reserve->copy_count++] = group;
	return true;
}

static void end(const struct reserve *reserve)
{
	free(reserve->copies);
	free(reserve->list);
	free(reserve->blocks);
}

/* Does one reserved block list its counterparts in all other groups with a superblock? */
static bool lists_copies(const struct reserve *reserve, const uint8_t *block, ext_block reserved)
{
	const struct ext_superblock *sb = reserve->checks->superblock;

	for (uint32_t i = 0; i < reserve->copy_count; i++)
		if (pointer(block, i) !=
		    reserved + (uint64_t)reserve->copies[i] * sb->blocks_per_group)
			return false;
	return true;
}

/* Reads up to `wanted` blocks, or one where one of them cannot be read; how many there are now. */
static uint32_t read_some(const struct reserve *reserve, ext_block block, uint32_t wanted)
{
	const struct ext_filesystem *filesystem = reserve->checks->filesystem;

	if (wanted > AT_ONCE)
		wanted = AT_ONCE;
	if (ext_filesystem_read_blocks(filesystem, block, wanted, reserve->blocks, NULL) == EXT_OK)
		return wanted;
	return ext_filesystem_read_blocks(filesystem, block, 1, reserve->blocks, NULL) == EXT_OK;
}

static bool lists_reserve(const struct reserve *reserve, uint32_t from, uint32_t to)
{
	const struct ext_superblock *sb = reserve->checks->superblock;
	const uint32_t slots = sb->block_size / 4;
	struct ext_group_layout layout;

	ext_group_layout(sb, 0, &layout);
	for (uint32_t i = from, many; i < to; i += many) {
		const ext_block reserved = layout.descriptors_start + layout.descriptor_blocks + i;

		many = read_some(reserve, reserved, to - i);
		if (many == 0)
			return false;
		for (uint32_t j = 0; j < many; j++)
			if (pointer(reserve->list, (sb->descriptor_blocks + i + j) % slots) !=
				    reserved + j ||
			    !lists_copies(reserve, reserve->blocks + (size_t)j * sb->block_size,
					  reserved + j))
				return false;
	}
	return true;
}

enum verdict { IS_VALID, IS_INCOMPLETE, IS_INVALID };

/* e2fsck looks at the first quarter of the list alone, and at no pointers but the one to it and the
 * direct ones, of which there may be none. */
static enum verdict judge(struct checks *checks, const struct ext_inode *inode)
{
	const struct ext_superblock *sb = checks->superblock;
	const ext_block block = pointer(inode->i_block, DOUBLE_INDIRECT);
	const uint32_t count = sb->reserved_gdt_blocks, looked_at = count / 4;
	enum verdict verdict = IS_INVALID;
	struct reserve reserve;

	if (inode->links == 0 || inode->type != EXT_TYPE_REGULAR || block <= sb->first_data_block ||
	    block >= sb->block_count)
		return IS_INVALID;
	for (unsigned i = 0; i < DIRECT; i++)
		if (pointer(inode->i_block, i) != 0)
			return IS_INVALID;
	if (begin(checks, &reserve) &&
	    ext_filesystem_read_blocks(checks->filesystem, block, 1, reserve.list, NULL) ==
		    EXT_OK &&
	    lists_reserve(&reserve, 0, looked_at))
		verdict = maps_only(inode, DOUBLE_INDIRECT) &&
					  lists_reserve(&reserve, looked_at, count)
				  ? IS_VALID
				  : IS_INCOMPLETE;
	end(&reserve);
	return verdict;
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
