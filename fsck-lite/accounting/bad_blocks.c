/* SPDX-License-Identifier: MIT */
/*
 * Reads the list of bad blocks before the inode tables are read. Linux never looks at it; e2fsck
 * does not read inodes that lie on its blocks, marks them as used, owning nothing, and removes what
 * names them. So does the survey, but only where the list can be believed: one that names the block
 * of its own inode, or of the root's, is cleared by a repair and not followed, and so is one whose
 * inode is damaged. What is wrong with the list is the business of checks/special_inodes.c.
 */
#include "config.h"

#include <stdlib.h>

#include <ext/mapping.h>
#include <ext/superblock.h>

#include "accounting/bad_blocks.h"
#include "accounting/grow.h"
#include "accounting/order.h"

bool bad_blocks_inode_is_plain(const struct ext_inode *inode)
{
	enum { LOW = 0xffff };

	/* The high halves of the owners are nobody's business, e2fsck's neither. */
	return inode->checksum != EXT_CHECKSUM_BAD && inode->mode == 0 && (inode->uid & LOW) == 0 &&
	       (inode->gid & LOW) == 0 && inode->links == 0 &&
	       (inode->flags & EXT_INODE_INLINE_DATA) == 0 && inode->xattr_block == 0;
}

static bool add_run(struct bad_blocks *list, const struct ext_superblock *sb,
		    const struct ext_run *run)
{
	for (uint32_t i = 0; i < run->length; i++) {
		/* A damaged list may be long, but is no longer than the medium. */
		if (list->count >= sb->block_count)
			return true;
		if (!GROW(list->blocks, list->count, list->size))
			return false;
		list->blocks[list->count++] = run->physical + i;
	}
	return true;
}

enum ext_status bad_blocks_read(const struct ext_filesystem *filesystem, struct bad_blocks *list,
				struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	struct ext_mapping *mapping;
	struct ext_inode inode;
	struct ext_run run;
	bool fits = true;

	*list = (struct bad_blocks){.count = 0};
	if (ext_inode_read(filesystem, EXT_INO_BAD_BLOCKS, &inode, NULL, NULL) != EXT_OK ||
	    inode.all_zero)
		return EXT_OK;
	if (ext_mapping_new(filesystem, &mapping, NULL) != EXT_OK)
		return ext_no_memory(error);
	ext_mapping_start(mapping, &inode, 0, NULL);
	while (fits && ext_mapping_next(mapping, &run) == EXT_OK)
		fits = run.kind != EXT_RUN_DATA || add_run(list, sb, &run);
	ext_mapping_free(mapping);
	if (!fits) {
		bad_blocks_clear(list);
		return ext_no_memory(error);
	}
	if (list->count > 1)
		qsort(list->blocks, list->count, sizeof *list->blocks, compare_blocks);
	list->is_heeded = list->count > 0 && bad_blocks_inode_is_plain(&inode) &&
			  !bad_blocks_hold_inode(list, filesystem, EXT_INO_BAD_BLOCKS) &&
			  !bad_blocks_hold_inode(list, filesystem, EXT_INO_ROOT);
	return EXT_OK;
}

void bad_blocks_clear(struct bad_blocks *list)
{
	free(list->blocks);
	*list = (struct bad_blocks){.count = 0};
}

bool bad_blocks_hold_inode(const struct bad_blocks *list, const struct ext_filesystem *filesystem,
			   ext_ino ino)
{
	uint64_t offset;
	ext_block block;

	if (list->count == 0 || ext_inode_offset(filesystem, ino, &offset, NULL) != EXT_OK)
		return false;
	block = offset >> ext_filesystem_superblock(filesystem)->block_size_log2;
	return bsearch(&block, list->blocks, list->count, sizeof *list->blocks, compare_blocks) !=
	       NULL;
}
