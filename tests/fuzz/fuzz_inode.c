/* SPDX-License-Identifier: MIT */
/* An inode of any bytes, its attributes and ACLs included; the rest of the bytes as attribute
 * block. */
#include "config.h"

#include "fuzz.h"

#include <ext/xattr.h>

static void walk_attributes(struct ext_xattr_cursor *cursor)
{
	struct ext_xattr xattr;
	struct ext_error error;
	enum ext_status status;

	while ((status = ext_xattr_next(cursor, &xattr, &error)) == EXT_OK) {
		struct ext_acl_entry entry;
		uint8_t *buffer;
		size_t at = 0;
		char text[512];

		ext_xattr_name(&xattr, text, sizeof text);
		ext_xattr_is_inline_data(&xattr);
		ext_xattr_compare(&xattr, &xattr);
		if (!xattr.value.data)
			continue;
		ext_xattr_entry_hash(&xattr, true, 0);
		while (ext_acl_next(xattr.value, &at, &entry, NULL) == EXT_OK)
			FUZZ_ASSERT(at <= xattr.value.size);
		buffer = malloc(xattr.value.size * 2 + 8);
		if (buffer)
			ext_acl_to_syscall(xattr.value, buffer, xattr.value.size * 2 + 8);
		free(buffer);
	}
	if (status != EXT_END)
		fuzz_describe(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	struct ext_superblock superblock;
	struct ext_xattr_cursor cursor;
	struct ext_xattr_header header;
	struct ext_inode inode;
	struct ext_error error;
	uint8_t bytes[1024];
	uint8_t *raw;
	uint32_t major, minor;

	fuzz_fill_superblock(bytes);
	if (ext_superblock_decode(bytes, place, &superblock, NULL, NULL) != EXT_OK)
		return 0;
	raw = calloc(1, (size_t)FUZZ_INODE_SIZE + FUZZ_BLOCK_SIZE);
	if (!raw)
		return 0;
	memcpy(raw, data,
	       size < FUZZ_INODE_SIZE + FUZZ_BLOCK_SIZE ? size : FUZZ_INODE_SIZE + FUZZ_BLOCK_SIZE);
	ext_inode_decode(&superblock, 12, raw, &inode);
	ext_inode_checksum(&superblock, 12, raw, NULL, NULL);
	ext_inode_is_fast_symlink(&inode);
	ext_inode_maps_blocks(&inode);
	ext_inode_device(&inode, &major, &minor);

	const struct ext_span tail = {raw, FUZZ_INODE_SIZE};
	const struct ext_span block = {raw + FUZZ_INODE_SIZE, FUZZ_BLOCK_SIZE};

	if (ext_xattr_inode_begin(&superblock, tail, &cursor, &error) == EXT_OK)
		walk_attributes(&cursor);
	if (ext_xattr_header(&superblock, 20, block, &header, &error) == EXT_OK &&
	    ext_xattr_block_begin(&superblock, block, &cursor, &error) == EXT_OK)
		walk_attributes(&cursor);
	ext_xattr_block_hash(block);
	free(raw);
	return 0;
}
