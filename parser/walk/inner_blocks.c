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

/* Hints at `block`, joined with those before it as long as they lie side by side. */
static void hint_on(const struct ext_filesystem *fs, ext_block block, ext_block *first,
		    uint64_t *count)
{
	const unsigned shift = fs->superblock.block_size_log2;

	if (*count > 0 && block == *first + *count) {
		++*count;
		return;
	}
	/* ext_source_will_need leaves out what lies behind the end. */
	if (*count > 0 && *first < fs->superblock.block_count)
		ext_source_will_need(fs->source, *first << shift, *count << shift);
	*first = block;
	*count = block != 0;
}

void ext_mapping_hint(const struct ext_mapping *mapping, const struct ext_run *run)
{
	const struct ext_span block = mapping->tree_block;
	const struct le32 *pointers = (const struct le32 *)(const void *)block.data;
	struct ext_extent_node node;
	ext_block first = 0;
	uint64_t count = 0;

	if (run->kind != EXT_RUN_TREE || run->depth == 0 || !block.data)
		return;
	if (!mapping->is_extents) {
		for (size_t i = 0; i < block.size / sizeof *pointers; i++)
			hint_on(mapping->filesystem, get(pointers[i]), &first, &count);
	} else if (ext_extent_node_decode(block, &node) && node.depth > 0) {
		for (unsigned i = 0; i < node.entries; i++) {
			struct ext_extent_entry entry;

			ext_extent_node_entry(&node, i, &entry);
			hint_on(mapping->filesystem, entry.physical, &first, &count);
		}
	}
	hint_on(mapping->filesystem, 0, &first, &count);
}
