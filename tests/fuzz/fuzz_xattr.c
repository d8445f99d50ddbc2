/* SPDX-License-Identifier: MIT */
/* Any bytes as an inode's attributes, as an attribute block, and as an access control list. */
#include "config.h"

#include "fuzz.h"

#include <ext/xattr.h>

enum { XATTR_INODE = 12, XATTR_BLOCK = 16 };

static void walk_space(struct ext_xattr_cursor *cursor)
{
	const uint8_t *end = cursor->space.data + cursor->space.size;
	struct ext_xattr xattr;
	struct ext_error error;
	enum ext_status status;
	uint32_t least = 0;

	while ((status = ext_xattr_next(cursor, &xattr, &error)) == EXT_OK) {
		char name[64];

		FUZZ_ASSERT(xattr.at >= least);
		least = xattr.at + 1;
		FUZZ_ASSERT((const uint8_t *)xattr.name + xattr.name_length <= end);
		if (xattr.value.data)
			FUZZ_ASSERT(xattr.value.data + xattr.value.size <= end);
		ext_xattr_name(&xattr, name, sizeof name);
		ext_xattr_entry_hash(&xattr, true, 1);
		ext_xattr_entry_hash(&xattr, false, 1);
	}
	if (status != EXT_END)
		fuzz_describe(&error);
}

static void walk_acl(struct ext_span value)
{
	struct ext_acl_entry entry;
	struct ext_error error;
	enum ext_status status;
	uint8_t buffer[256];
	size_t at = 0;

	while ((status = ext_acl_next(value, &at, &entry, &error)) == EXT_OK)
		FUZZ_ASSERT(at <= value.size);
	if (status != EXT_END)
		fuzz_describe(&error);
	FUZZ_ASSERT(ext_acl_to_syscall(value, buffer, sizeof buffer) <= sizeof buffer);
}

static void walk_list(const struct ext_filesystem *filesystem)
{
	struct ext_sink sink = {fuzz_report};
	struct ext_xattr_list *list;
	struct ext_xattr xattr;
	struct ext_span value;
	struct ext_error error;
	unsigned sum = 0;

	if (ext_xattr_list_open(filesystem, XATTR_INODE, &list, &error) != EXT_OK) {
		fuzz_describe(&error);
		return;
	}
	while (ext_xattr_list_next(list, &xattr, &value, &sink, &error) == EXT_OK)
		for (size_t i = 0; i < value.size; i++)
			sum += value.data[i];
	FUZZ_ASSERT(sum < UINT32_MAX);
	ext_xattr_list_close(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t inode_part = size < FUZZ_INODE_SIZE ? size : FUZZ_INODE_SIZE;
	struct ext_filesystem *filesystem;
	struct ext_xattr_cursor cursor;
	struct ext_source *source;
	uint8_t *image;
	const struct ext_superblock *superblock;

	walk_acl((struct ext_span){data, size});
	filesystem = fuzz_filesystem_open(&image, &source, data, size);
	if (filesystem) {
		/* Block 16 has the bytes as an attribute block; the inode has them too. */
		struct ext_raw_inode *inode = (void *)(image + (size_t)5 * FUZZ_BLOCK_SIZE +
						       (size_t)(XATTR_INODE - 1) * FUZZ_INODE_SIZE);
		const struct ext_span block = {image + (size_t)XATTR_BLOCK * FUZZ_BLOCK_SIZE,
					       FUZZ_BLOCK_SIZE};

		superblock = ext_filesystem_superblock(filesystem);
		memcpy(inode, data, inode_part);
		put(&inode->i_file_acl_lo, XATTR_BLOCK);
		if (ext_xattr_block_begin(superblock, block, &cursor, NULL) == EXT_OK)
			walk_space(&cursor);
		if (ext_xattr_inode_begin(
			    superblock, (struct ext_span){(const uint8_t *)inode, FUZZ_INODE_SIZE},
			    &cursor, NULL) == EXT_OK)
			walk_space(&cursor);
		ext_xattr_block_hash(block);
		walk_list(filesystem);
	}
	fuzz_filesystem_close(filesystem, image, source);
	return 0;
}
