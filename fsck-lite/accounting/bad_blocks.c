/* SPDX-License-Identifier: MIT */
/*
 * Reads the list of bad blocks before the inode tables are read. Linux never looks at it; e2fsck
 * does not read inodes that lie on its blocks, marks them as used, owning nothing, and removes what
 * names them. So does the survey, but only where the list can be believed: one that names the block
 * of its own inode, or of the root's, is cleared by a repair and not followed, and so is one whose
 * inode is damaged. What is wrong with the list is the business of checks/special_inodes.c.
 */
#include "config.h"

#include <ext/mapping.h>
#include <ext/superblock.h>

#include "accounting/bad_blocks.h"

bool bad_blocks_inode_is_plain(const struct ext_inode *inode)
{
	enum { LOW = 0xffff };

	/* The high halves of the owners are nobody's business, e2fsck's neither. */
	return inode->checksum != EXT_CHECKSUM_BAD && inode->mode == 0 && (inode->uid & LOW) == 0 &&
	       (inode->gid & LOW) == 0 && inode->links == 0 &&
	       (inode->flags & EXT_INODE_INLINE_DATA) == 0 && inode->xattr_block == 0;
}

enum ext_status bad_blocks_read(const struct ext_filesystem *filesystem, struct bad_blocks *list,
				struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	struct ext_mapping *mapping;
	struct ext_inode inode;
	struct ext_run run;
	bool fits = true;

	*list = (struct bad_blocks){.has_any = false};
	if (ext_inode_read(filesystem, EXT_INO_BAD_BLOCKS, &inode, NULL, NULL) != EXT_OK ||
	    inode.all_zero)
		return EXT_OK;
	if (ext_mapping_new(filesystem, &mapping, NULL) != EXT_OK)
		return ext_no_memory(error);
	ext_mapping_start(mapping, &inode, 0, NULL);
	while (fits && ext_mapping_next(mapping, &run) == EXT_OK) {
		if (run.kind != EXT_RUN_DATA)
			continue;
		/* Mostly there are none, and then nothing is kept. */
		fits = list->has_any || block_set_init(&list->blocks, sb->block_count);
		if (!fits)
			break;
		list->has_any = true;
		block_set_add(&list->blocks, run.physical, run.length, NULL);
		fits = !list->blocks.out_of_memory;
	}
	ext_mapping_free(mapping);
	if (!fits) {
		bad_blocks_clear(list);
		return ext_no_memory(error);
	}
	list->is_heeded = list->has_any && bad_blocks_inode_is_plain(&inode) &&
			  !bad_blocks_hold_inode(list, filesystem, EXT_INO_BAD_BLOCKS) &&
			  !bad_blocks_hold_inode(list, filesystem, EXT_INO_ROOT);
	return EXT_OK;
}

void bad_blocks_clear(struct bad_blocks *list)
{
	block_set_clear(&list->blocks);
	*list = (struct bad_blocks){.has_any = false};
}

bool bad_blocks_hold_inode(const struct bad_blocks *list, const struct ext_filesystem *filesystem,
			   ext_ino ino)
{
	uint64_t offset;

	return list->has_any && ext_inode_offset(filesystem, ino, &offset, NULL) == EXT_OK &&
	       block_set_has(&list->blocks,
			     offset >> ext_filesystem_superblock(filesystem)->block_size_log2);
}
