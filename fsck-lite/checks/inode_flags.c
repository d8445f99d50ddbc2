/* SPDX-License-Identifier: MIT */
/*
 * Flags of an inode that say how its data are kept. Invariants: extents and inline data only with
 * their features, never both, and then as i_block says; other flags where they belong.
 */
#include "config.h"

#include <ext/xattr.h>
#include <ext/extent_node.h>

#include "checks/inspection.h"

enum {
	ROOT_ENTRIES = 4,
	INLINE_PART = 60,
	SMALL_INODE = 128,
	POINTERS = 15,
	FLAG_IMAGIC = 0x2000,
	COMPAT_IMAGIC = 0x2,
};

bool inspection_has_extent_root(const struct inspection *inspection)
{
	const uint32_t first = inspection_word(inspection, 0);
	const uint32_t entries = first >> 16, max = inspection_word(inspection, 1) & 0xffff;

	return (first & 0xffff) == EXT_EXTENT_HEADER_MAGIC && entries <= max &&
	       max <= ROOT_ENTRIES && max >= ROOT_ENTRIES - 2;
}

bool inspection_inline_size(const struct inspection *inspection, uint64_t *size)
{
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;

	if (ext_xattr_inode_begin(
		    inspection->superblock,
		    (struct ext_span){inspection->raw, inspection->superblock->inode_size}, &cursor,
		    NULL) != EXT_OK)
		return false;
	while (ext_xattr_next(&cursor, &xattr, NULL) == EXT_OK)
		if (ext_xattr_is_inline_data(&xattr)) {
			*size = INLINE_PART + (uint64_t)xattr.value_size;
			return xattr.value.data != NULL;
		}
	return false;
}

/* Could the words of i_block be the pointers of a block map? */
static bool looks_like_block_map(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;

	for (unsigned i = 0; i < POINTERS; i++) {
		const uint32_t block = inspection_word(inspection, i);

		if (block != 0 && (block < sb->first_data_block || block >= sb->block_count))
			return false;
	}
	return true;
}

/* One of the two flags is wrong; the content tells which. */
static void inspect_conflict(const struct inspection *inspection)
{
	const struct ext_inode *inode = inspection->inode;
	const uint32_t tail = inspection->superblock->inode_size - SMALL_INODE;
	const uint64_t room = tail > inode->extra_isize ? tail - inode->extra_isize : 0;
	enum ext_problem problem = EXT_INLINE_AND_EXTENTS_JUNK;

	if (inode->type == EXT_TYPE_CHARACTER || inode->type == EXT_TYPE_BLOCK ||
	    inode->type == EXT_TYPE_FIFO || inode->type == EXT_TYPE_SOCKET)
		problem = EXT_SPECIAL_FLAGS;
	else if (inspection_has_extent_root(inspection))
		problem = EXT_INLINE_AND_EXTENTS_HEADER;
	else if (inspection_size(inspection) < INLINE_PART + room)
		problem = EXT_INLINE_AND_EXTENTS_SMALL;
	else if (looks_like_block_map(inspection))
		problem = EXT_INLINE_AND_EXTENTS_MAP;
	inspection_report(inspection, problem, "i_flags", inode->flags, 0, 0);
}

static void inspect_inline(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const bool has_feature = ext_has_incompat(sb, EXT_INCOMPAT_INLINE_DATA);
	const uint32_t flags = inspection->inode->flags;
	uint64_t size;

	if ((flags & EXT_INODE_EXTENTS) &&
	    (has_feature || ext_has_incompat(sb, EXT_INCOMPAT_EXTENTS)))
		inspect_conflict(inspection);
	if (inspection->inode->number < sb->first_inode)
		return;
	if (!has_feature)
		inspection_report(inspection,
				  inspection_inline_size(inspection, &size)
					  ? EXT_INLINE_WITHOUT_FEATURE
					  : EXT_INLINE_FLAG_WRONG,
				  "i_flags", flags, 0, 0);
	else if (!inspection_inline_size(inspection, &size))
		inspection_report(inspection, EXT_INLINE_NO_ATTRIBUTE, NULL, 0, 0, 0);
}

void inspect_flags(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode *inode = inspection->inode;
	const uint32_t flags = inode->flags;

	if (flags & EXT_INODE_INLINE_DATA)
		inspect_inline(inspection);
	if ((flags & EXT_INODE_EXTENTS) && !ext_has_incompat(sb, EXT_INCOMPAT_EXTENTS) &&
	    (inode->links > 0 || inode->number <= EXT_INO_ROOT || inode->number == EXT_INO_JOURNAL))
		inspection_report(inspection,
				  inspection_has_extent_root(inspection)
					  ? EXT_EXTENTS_WITHOUT_FEATURE
					  : EXT_EXTENTS_FLAG_WRONG,
				  "i_flags", flags, 0, 0);
	if ((flags & FLAG_IMAGIC) && !ext_has_compat(sb, COMPAT_IMAGIC) &&
	    (inode->number >= sb->first_inode || inode->number == EXT_INO_ROOT))
		inspection_report(inspection, EXT_IMAGIC_FLAG, "i_flags", flags, 0, 0);
	/* The list of bad blocks is no file, and no flag makes it one. */
	if ((flags & EXT_INODE_EA_INODE) && inode->number != EXT_INO_BAD_BLOCKS) {
		if (inode->type != EXT_TYPE_REGULAR)
			inspection_report(inspection, EXT_XATTR_INODE_NOT_REGULAR, "i_mode",
					  inode->mode, 0, 0);
		if (!ext_has_incompat(sb, EXT_INCOMPAT_EA_INODE))
			inspection_report(inspection, EXT_XATTR_INODE_WITHOUT_FEATURE, "i_flags",
					  flags, 0, 0);
	}
}
