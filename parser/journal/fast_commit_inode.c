/* SPDX-License-Identifier: MIT */
/*
 * Fast commit records that give a whole inode, and the counts that follow from it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "layout/layout.h"
#include "journal/fast_commit.h"

#include <ext/extent_node.h>

enum {
	SECTOR_LOG2 = 9,
	I_BLOCK_AT = 0x28,
	GENERATION_AT = 0x64,
};

enum ext_status fast_commit_touch(struct fast_commit *replay, ext_ino ino, struct ext_error *error)
{
	/* Records of one inode come together; a repetition does no harm. */
	if (replay->touched_count > 0 && replay->touched[replay->touched_count - 1] == ino)
		return EXT_OK;
	if (replay->touched_count == replay->touched_capacity) {
		const size_t capacity =
			replay->touched_capacity ? replay->touched_capacity * 2 : 64;
		ext_ino *touched = realloc(replay->touched, capacity * sizeof *touched);

		if (!touched)
			return ext_no_memory(error);
		replay->touched = touched;
		replay->touched_capacity = capacity;
	}
	replay->touched[replay->touched_count++] = ino;
	return EXT_OK;
}

/* An inode as Linux would take it: in use, with a name, undamaged. */
enum ext_status fast_commit_get_inode(struct fast_commit *replay, ext_ino ino,
				      struct ext_inode *inode, struct ext_error *error)
{
	const enum ext_status status = ext_inode_read(ext_editor_filesystem(replay->editor), ino,
						      inode, replay->raw, error);

	if (status != EXT_OK)
		return status;
	return inode->links == 0 || inode->mode == 0 || inode->checksum == EXT_CHECKSUM_BAD
		       ? EXT_END
		       : EXT_OK;
}

enum ext_status fast_commit_put_links(struct fast_commit *replay, ext_ino ino, uint16_t links,
				      struct ext_error *error)
{
	put(&((struct ext_raw_inode *)(void *)replay->raw)->i_links_count, links);
	return ext_editor_write_inode(replay->editor, ino, replay->raw, error);
}

/* i_blocks from what is mapped, since blocks were allocated anew. */
enum ext_status fast_commit_count_blocks(struct fast_commit *replay, ext_ino ino,
					 struct ext_error *error)
{
	const struct ext_superblock *sb = replay->superblock;
	struct ext_inode inode;
	uint64_t blocks = 0;
	enum ext_status status;

	ext_inode_decode(sb, ino, replay->raw, &inode);
	status = inode_mapped_blocks(ext_editor_filesystem(replay->editor), &inode, &blocks, error);
	if (status != EXT_OK)
		return status;
	/* Linux forgets the attribute block here; it belongs to the count. */
	if (inode.xattr_block != 0)
		blocks += sb->cluster_blocks;
	inode_put_sectors(sb, replay->raw, blocks << (sb->block_size_log2 - SECTOR_LOG2));
	return EXT_OK;
}

enum ext_status fast_commit_inode(struct fast_commit *replay,
				  const struct ext_fast_commit_record *record,
				  struct ext_error *error)
{
	const struct ext_superblock *sb = replay->superblock;
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)replay->raw;
	struct ext_raw_extent_header *header =
		(struct ext_raw_extent_header *)(void *)core->i_block;
	const size_t size = record->raw.size < sb->inode_size ? record->raw.size : sb->inode_size;
	struct ext_inode inode;
	enum ext_status status;

	status = ext_inode_read(ext_editor_filesystem(replay->editor), record->inode, &inode,
				replay->raw, error);
	if (status != EXT_OK)
		return status;
	const bool was_orphan = inode.links == 0 && inode.mode != 0;
	const struct le32 chain = core->i_dtime;

	memcpy(replay->raw, record->raw.data, I_BLOCK_AT);
	/*
	 * Of an inode without names the field is a link of the orphan chain as it was in memory;
	 * the chain to go by is that of the last full commit.
	 */
	if (get(core->i_links_count) == 0) {
		put(&core->i_dtime, 0U);
		if (was_orphan)
			core->i_dtime = chain;
	}
	memcpy(replay->raw + GENERATION_AT, record->raw.data + GENERATION_AT, size - GENERATION_AT);
	if (get(core->i_flags) & EXT_INODE_EXTENTS) {
		if (get(header->eh_magic) != EXT_EXTENT_HEADER_MAGIC)
			inode_make_extent_root(replay->raw);
	} else if (get(core->i_flags) & EXT_INODE_INLINE_DATA) {
		/* What was mapped before the data moved into the inode. */
		if (ext_inode_maps_blocks(&inode) && inode.links != 0)
			status = inode_mark_mapped(replay->editor, &inode, false, NULL, error);
		memcpy(core->i_block, record->raw.data + I_BLOCK_AT, sizeof core->i_block);
	} else if (!ext_inode_maps_blocks(&inode) || inode.all_zero) {
		memcpy(core->i_block, record->raw.data + I_BLOCK_AT, sizeof core->i_block);
	}
	if (status == EXT_OK && !(get(core->i_flags) & EXT_INODE_INLINE_DATA))
		status = fast_commit_count_blocks(replay, record->inode, error);
	if (status == EXT_OK)
		status = ext_editor_write_inode(replay->editor, record->inode, replay->raw, error);
	if (status == EXT_OK)
		status = ext_editor_mark_inode(replay->editor, record->inode, true,
					       (get(core->i_mode) & 0xf000) == 0x4000, error);
	return status;
}
