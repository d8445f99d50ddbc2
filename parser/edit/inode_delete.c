/* SPDX-License-Identifier: MIT */
/*
 * Deleting an inode, as Linux does for orphans at mount: attribute block and attribute inodes
 * included.  Doc: ext4/orphan.rst; ext4/attributes.rst for the reference counts.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "structure/filesystem.h"
#include "edit/inode_edit.h"

#include <ext/xattr.h>

enum {
	SECTOR_LOG2 = 9,
	XATTR_INODES_MOST = 64,
};

/* Inodes that hold attribute values, in the inode or in its attribute block. */
struct value_inodes {
	ext_ino inodes[XATTR_INODES_MOST];
	unsigned count;
};

static void collect_values(struct ext_xattr_cursor *cursor, struct value_inodes *values)
{
	struct ext_xattr xattr;

	while (values->count < XATTR_INODES_MOST && ext_xattr_next(cursor, &xattr, NULL) == EXT_OK)
		if (xattr.value_inode != 0)
			values->inodes[values->count++] = xattr.value_inode;
}

/* One reference less to an attribute block; without any left it is freed. */
static enum ext_status release_xattr_block(struct ext_editor *editor, ext_block block,
					   struct value_inodes *values, uint64_t *freed,
					   struct ext_error *error)
{
	const struct ext_filesystem *fs = ext_editor_filesystem(editor);
	const struct ext_superblock *sb = &fs->superblock;
	uint8_t *bytes;
	struct ext_raw_xattr_header *header;
	struct ext_xattr_cursor cursor;
	enum ext_status status;

	if (block < sb->first_data_block || block >= sb->block_count)
		return EXT_OK;
	bytes = malloc(sb->block_size);
	if (!bytes)
		return ext_no_memory(error);
	header = (struct ext_raw_xattr_header *)(void *)bytes;
	status = ext_filesystem_read_blocks(fs, block, 1, bytes, error);
	if (status == EXT_OK && ext_xattr_block_begin(sb, (struct ext_span){bytes, sb->block_size},
						      &cursor, NULL) == EXT_OK) {
		const uint32_t references = get(header->h_refcount);

		if (references > 1) {
			struct le64 number;

			put(&header->h_refcount, references - 1);
			if (sb->has_metadata_csum) {
				put(&number, block);
				put(&header->h_checksum, 0U);
				put(&header->h_checksum,
				    crc32c(crc32c(sb->checksum_seed, &number, sizeof number), bytes,
					   sb->block_size));
			}
			status = ext_editor_write_block(editor, block, bytes, error);
		} else {
			collect_values(&cursor, values);
			*freed += sb->cluster_blocks;
			status = ext_editor_mark_blocks(editor, block, 1, false, error);
		}
	}
	free(bytes);
	return status;
}

/* Frees the blocks and the inode, and leaves it as Linux leaves a deleted one. */
static enum ext_status release_inode(struct ext_editor *editor, const struct ext_inode *inode,
				     uint8_t *raw, uint64_t *freed, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(ext_editor_filesystem(editor));
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)raw;
	uint64_t blocks = 0;
	enum ext_status status = inode_mark_mapped(editor, inode, false, &blocks, error);

	if (status != EXT_OK)
		return status;
	*freed += blocks;
	if (ext_inode_maps_blocks(inode)) {
		if (inode->flags & EXT_INODE_EXTENTS)
			inode_make_extent_root(raw);
		else
			memset(core->i_block, 0, sizeof core->i_block);
	}
	put(&core->i_size_lo, 0U);
	put(&core->i_size_high, 0U);
	put(&core->i_file_acl_lo, 0U);
	put(&core->i_file_acl_high, 0);
	put(&core->i_links_count, 0);
	inode_put_sectors(sb, raw, 0);
	/* No clock: the same image gives the same bytes whenever it is read. */
	put(&core->i_dtime, (uint32_t)(sb->write_time != 0 ? sb->write_time : 1));
	status = ext_editor_write_inode(editor, inode->number, raw, error);
	if (status != EXT_OK)
		return status;
	return ext_editor_mark_inode(editor, inode->number, false,
				     inode->type == EXT_TYPE_DIRECTORY, error);
}

/* One reference less to an inode that holds an attribute's value. */
static enum ext_status release_value(struct ext_editor *editor, ext_ino ino, uint8_t *raw,
				     uint64_t *freed, struct ext_error *error)
{
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)raw;
	struct ext_inode inode;
	uint64_t references;

	if (ext_inode_read(ext_editor_filesystem(editor), ino, &inode, raw, NULL) != EXT_OK ||
	    !(inode.flags & EXT_INODE_EA_INODE))
		return EXT_OK;
	references = (uint64_t)get(core->i_ctime) << 32 | get(core->l_i_version);
	if (references > 1) {
		references--;
		put(&core->i_ctime, (uint32_t)(references >> 32));
		put(&core->l_i_version, (uint32_t)references);
		return ext_editor_write_inode(editor, ino, raw, error);
	}
	return release_inode(editor, &inode, raw, freed, error);
}

enum ext_status inode_delete(struct ext_editor *editor, ext_ino ino, uint64_t *freed,
			     struct ext_error *error)
{
	const struct ext_filesystem *fs = ext_editor_filesystem(editor);
	const struct ext_superblock *sb = &fs->superblock;
	uint8_t *raw = malloc(sb->inode_size);
	struct value_inodes values = {.count = 0};
	struct ext_xattr_cursor cursor;
	struct ext_inode inode;
	enum ext_status status =
		raw ? ext_inode_read(fs, ino, &inode, raw, error) : ext_no_memory(error);

	*freed = 0;
	if (status != EXT_OK) {
		free(raw);
		return status;
	}
	if (ext_has_incompat(sb, EXT_INCOMPAT_EA_INODE) &&
	    ext_xattr_inode_begin(sb, (struct ext_span){raw, sb->inode_size}, &cursor, NULL) ==
		    EXT_OK)
		collect_values(&cursor, &values);
	if (inode.xattr_block != 0)
		status = release_xattr_block(editor, inode.xattr_block, &values, freed, error);
	if (status == EXT_OK)
		status = release_inode(editor, &inode, raw, freed, error);
	for (unsigned i = 0; status == EXT_OK && i < values.count; i++)
		status = release_value(editor, values.inodes[i], raw, freed, error);
	free(raw);
	return status;
}
