/* SPDX-License-Identifier: MIT */
/* A superblock of any bytes: decoding, placement and all that is computed from its numbers. */
#include "config.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	struct ext_sink sink = {fuzz_report};
	struct ext_superblock superblock;
	struct ext_error error;
	uint8_t raw[1024] = {0};
	char text[16];

	memcpy(raw, data, size < sizeof raw ? size : sizeof raw);
	if (ext_superblock_decode(raw, place, &superblock, &sink, &error) != EXT_OK) {
		fuzz_describe(&error);
		return 0;
	}
	FUZZ_ASSERT(superblock.block_size >= 1024 && superblock.block_size <= 65536);
	FUZZ_ASSERT(superblock.inode_size >= 128 && superblock.inodes_per_group > 0);
	FUZZ_ASSERT(superblock.descriptors_per_block > 0 && superblock.group_count > 0);
	for (unsigned i = 0; ext_superblock_feature(&superblock, i, text); i++)
		FUZZ_ASSERT(i < 96);
	for (unsigned i = 0; i < 40; i++) {
		/* The first groups, and those around each power of two up to the last. */
		const ext_group group = i < 8 ? i : (ext_group)(((uint64_t)1 << (i - 7)) - (i & 1));
		struct ext_group_layout layout;

		if (group >= superblock.group_count)
			break;
		ext_group_layout(&superblock, group, &layout);
		ext_superblock_copy_offset(&superblock, group);
		ext_descriptor_block(&superblock, group, group / superblock.descriptors_per_block);
		FUZZ_ASSERT(ext_group_first_block(&superblock, group) < superblock.block_count);
	}
	return 0;
}
