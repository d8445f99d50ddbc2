/* SPDX-License-Identifier: MIT */
/*
 * Which blocks stand between an inode and its data: told beforehand, they are read together and not
 * one after the other. Nothing is judged here; whoever reads them does.
 */
#include "config.h"

#include <ext/extent_node.h>

#include "bytes/endian.h"
#include "layout/layout.h"
#include "walk/mapping.h"

enum { DIRECT = 12, POINTERS = 15 };

unsigned ext_inode_inner_blocks(const struct ext_superblock *sb, const uint8_t *raw,
				ext_block blocks[EXT_INNER_BLOCKS])
{
	const struct ext_raw_inode *core = (const struct ext_raw_inode *)(const void *)raw;
	const struct ext_span root = {(const uint8_t *)core->i_block, sizeof core->i_block};
	const uint32_t flags = get(core->i_flags), type = get(core->i_mode) & 0xf000;
	struct ext_extent_node node;
	unsigned count = 0;

	blocks[count] = get(core->i_file_acl_lo);
	if (ext_has_incompat(sb, EXT_INCOMPAT_64BIT))
		blocks[count] |= (ext_block)get(core->i_file_acl_high) << 32;
	if (blocks[count] != 0)
		count++;
	if (type != 0x8000 && type != 0x4000)
		return count;
	if (flags & EXT_INODE_EXTENTS) {
		if (root.data[6] == 0 || !ext_extent_node_decode(root, &node))
			return count;
		for (unsigned i = 0; i < node.entries && count < EXT_INNER_BLOCKS; i++) {
			struct ext_extent_entry entry;

			ext_extent_node_entry(&node, i, &entry);
			blocks[count++] = entry.physical;
		}
	} else if ((flags & EXT_INODE_INLINE_DATA) == 0) {
		for (unsigned i = DIRECT; i < POINTERS; i++)
			if (get(core->i_block[i]) != 0)
				blocks[count++] = get(core->i_block[i]);
	}
	return count;
}

bool ext_inode_map_is_deep(const uint8_t *raw)
{
	const struct ext_raw_inode *core = (const struct ext_raw_inode *)(const void *)raw;
	const struct ext_span root = {(const uint8_t *)core->i_block, sizeof core->i_block};
	const uint32_t flags = get(core->i_flags), type = get(core->i_mode) & 0xf000;
	struct ext_extent_node node;

	if ((type != 0x8000 && type != 0x4000) || (flags & EXT_INODE_INLINE_DATA))
		return false;
	if (flags & EXT_INODE_EXTENTS)
		return ext_extent_node_decode(root, &node) && node.depth > 1;
	return get(core->i_block[DIRECT + 1]) != 0 || get(core->i_block[DIRECT + 2]) != 0;
}

/* The blocks of a tree block that names others, one after the other. */
struct children {
	const struct ext_filesystem *filesystem;
	struct ext_extent_node node; /* of an extent tree */
	const struct le32 *pointers; /* of a block map, else NULL */
	unsigned count;
};

static ext_block child(const struct children *children, unsigned index)
{
	struct ext_extent_entry entry;

	if (children->pointers)
		return get(children->pointers[index]);
	ext_extent_node_entry(&children->node, index, &entry);
	return entry.physical;
}

/* Those that lie side by side on disk are one hint. */
static void hint_at(const struct children *children)
{
	const struct ext_superblock *sb = &children->filesystem->superblock;
	struct ext_source *const source = children->filesystem->source;
	const unsigned shift = sb->block_size_log2;

	for (unsigned i = 0, length; i < children->count; i += length) {
		const ext_block block = child(children, i);

		length = 1;
		if (block == 0 || block >= sb->block_count)
			continue;
		while (i + length < children->count &&
		       child(children, i + length) == block + length)
			length++;
		ext_source_will_need(source, block << shift, (uint64_t)length << shift);
	}
}

void ext_mapping_hint(struct ext_mapping *mapping, const struct ext_run *run)
{
	const struct ext_span block = mapping->tree_block;
	struct children children = {.filesystem = mapping->filesystem};
	ext_block middle;

	mapping->is_for_all = true;
	if (run->kind != EXT_RUN_TREE || run->depth == 0 || !block.data)
		return;
	if (!mapping->is_extents) {
		children.pointers = (const struct le32 *)(const void *)block.data;
		children.count = (unsigned)(block.size / sizeof *children.pointers);
	} else if (ext_extent_node_decode(block, &children.node) && children.node.depth > 0) {
		children.count = children.node.entries;
	}
	if (children.count == 0)
		return;
	/* One of them tells whether they are in memory already. */
	middle = child(&children, children.count / 2);
	if (middle == 0 || middle >= mapping->filesystem->superblock.block_count ||
	    !ext_source_in_memory(mapping->filesystem->source,
				  middle << mapping->filesystem->superblock.block_size_log2))
		hint_at(&children);
}
