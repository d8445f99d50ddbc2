/* SPDX-License-Identifier: MIT */
/*
 * Inline data: what is small enough lives in the inode, first in i_block, the rest as the value of
 * the attribute system.data, which is there even when it is empty.
 * Doc: ext4/inlinedata.rst.
 */
#include "config.h"

#include <string.h>

#include <ext/xattr.h>

#include "structure/inline_data.h"

enum { XATTR_INDEX_SYSTEM = 7 };

bool ext_xattr_is_inline_data(const struct ext_xattr *xattr)
{
	return xattr->home == EXT_XATTR_IN_INODE && xattr->index == XATTR_INDEX_SYSTEM &&
	       xattr->name_length == 4 && memcmp(xattr->name, "data", 4) == 0;
}

struct ext_span inline_data_tail(const struct ext_superblock *superblock, struct ext_span raw)
{
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;

	if (ext_xattr_inode_begin(superblock, raw, &cursor, NULL) != EXT_OK)
		return (struct ext_span){NULL, 0};
	while (ext_xattr_next(&cursor, &xattr, NULL) == EXT_OK)
		if (ext_xattr_is_inline_data(&xattr))
			return xattr.value;
	return (struct ext_span){NULL, 0};
}
