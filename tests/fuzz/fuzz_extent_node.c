/* SPDX-License-Identifier: MIT */
/*
 * A file's mapping of any bytes: the first 60 are i_block, the next 8 flags and size, the rest the
 * blocks from 16 on, which a tree may reach.
 */
#include "config.h"

#include "fuzz.h"

#include <ext/mapping.h>

static void follow(const struct ext_filesystem *filesystem, struct ext_mapping *mapping,
		   const struct ext_inode *inode)
{
	struct ext_sink sink = {fuzz_report};
	struct ext_run run;
	uint8_t buffer[4096];
	size_t got;

	ext_mapping_start(mapping, inode, 0, &sink);
	for (unsigned i = 0; i < 100000 && ext_mapping_next(mapping, &run) == EXT_OK; i++) {
		const uint64_t blocks = ext_filesystem_superblock(filesystem)->block_count;

		FUZZ_ASSERT(run.length > 0 && run.physical < blocks &&
			    run.length <= blocks - run.physical);
		if (run.kind == EXT_RUN_TREE)
			FUZZ_ASSERT(ext_mapping_tree_block(mapping).size >= FUZZ_BLOCK_SIZE);
	}
	ext_mapping_damaged(mapping);
	if (ext_file_read(mapping, inode, inode->size / 2, buffer, sizeof buffer, &got, NULL) ==
	    EXT_OK)
		FUZZ_ASSERT(got <= sizeof buffer);
	ext_symlink_read(mapping, inode, (char *)buffer, sizeof buffer, &got, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ext_inode inode = {
		.number = 12, .mode = 0100644, .type = EXT_TYPE_REGULAR, .links = 1};
	struct ext_filesystem *filesystem;
	struct ext_mapping *mapping;
	struct ext_source *source;
	uint8_t *image;

	if (size < 68)
		return 0;
	memcpy(inode.i_block, data, 60);
	inode.flags = data[60] & 1 ? EXT_INODE_EXTENTS : 0;
	if (data[60] & 2) {
		inode.mode = 0120777;
		inode.type = EXT_TYPE_SYMLINK;
	}
	if (data[60] & 4)
		inode.flags |= EXT_INODE_INLINE_DATA;
	for (unsigned i = 0; i < 7; i++)
		inode.size |= (uint64_t)data[61 + i] << 8 * i;
	filesystem = fuzz_filesystem_open(&image, &source, data + 68, size - 68);
	if (filesystem && ext_mapping_new(filesystem, &mapping, NULL) == EXT_OK) {
		follow(filesystem, mapping, &inode);
		ext_mapping_free(mapping);
	}
	fuzz_filesystem_close(filesystem, image, source);
	return 0;
}
