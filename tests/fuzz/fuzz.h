/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share: the entry point that libFuzzer (or replay.c) calls, and a small
 * sound filesystem to put hostile bytes into.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "layout/layout.h"

#include <ext/filesystem.h>

/* Returns 0. Must not crash, hang or leak, whatever the bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Our promise is broken, not the image: never switched off by NDEBUG. */
#define FUZZ_ASSERT(claim)                                                                         \
	do {                                                                                       \
		if (!(claim))                                                                      \
			abort();                                                                   \
	} while (0)

enum { FUZZ_BLOCK_SIZE = 1024, FUZZ_INODE_SIZE = 256, FUZZ_BLOCKS = 64 };

/* Writes the superblock of 64 blocks of 1024 in one group: 32 inodes of 256, everything on. */
static inline void fuzz_fill_superblock(uint8_t bytes[1024])
{
	struct ext_raw_superblock *const raw = (void *)bytes;

	memset(bytes, 0, 1024);
	put(&raw->s_inodes_count, 32);
	put(&raw->s_blocks_count_lo, FUZZ_BLOCKS);
	put(&raw->s_first_data_block, 1);
	put(&raw->s_blocks_per_group, 8192);
	put(&raw->s_clusters_per_group, 8192);
	put(&raw->s_inodes_per_group, 32);
	put(&raw->s_magic, 0xef53);
	put(&raw->s_state, 1);
	put(&raw->s_rev_level, 1);
	put(&raw->s_first_ino, 11);
	put(&raw->s_inode_size, FUZZ_INODE_SIZE);
	put(&raw->s_want_extra_isize, 32);
	put(&raw->s_feature_compat, 0x2c);     /* has_journal ext_attr dir_index */
	put(&raw->s_feature_incompat, 0x82c2); /* filetype extent 64bit flex_bg inline_data */
	put(&raw->s_feature_ro_compat, 0x46b); /* ... metadata_csum */
	put(&raw->s_desc_size, 64);
	raw->s_checksum_type = 1;
}

/*
 * Opens a filesystem of FUZZ_BLOCKS blocks: descriptors in block 2, bitmaps in 3 and 4, inodes from
 * 5 to 12; `data` lies from block 16 on. NULL when there is no memory. To be closed with
 * fuzz_filesystem_close.
 */
static inline struct ext_filesystem *
fuzz_filesystem_open(uint8_t **image, struct ext_source **source, const uint8_t *data, size_t size)
{
	const size_t data_at = (size_t)16 * FUZZ_BLOCK_SIZE;
	const size_t image_size = (size_t)FUZZ_BLOCKS * FUZZ_BLOCK_SIZE;
	struct ext_raw_group_descriptor *descriptor;
	struct ext_filesystem *filesystem = NULL;

	*source = NULL;
	*image = calloc(1, image_size);
	if (!*image)
		return NULL;
	fuzz_fill_superblock(*image + 1024);
	descriptor = (void *)(*image + (size_t)2 * FUZZ_BLOCK_SIZE);
	put(&descriptor->bg_block_bitmap_lo, 3);
	put(&descriptor->bg_inode_bitmap_lo, 4);
	put(&descriptor->bg_inode_table_lo, 5);
	if (size > 0)
		memcpy(*image + data_at, data,
		       size < image_size - data_at ? size : image_size - data_at);
	if (ext_source_open_memory(*image, image_size, source, NULL) == EXT_OK)
		ext_filesystem_open(*source, NULL, &filesystem, NULL);
	return filesystem;
}

static inline void fuzz_filesystem_close(struct ext_filesystem *filesystem, uint8_t *image,
					 struct ext_source *source)
{
	ext_filesystem_close(filesystem);
	ext_source_close(source);
	free(image);
}

/* A sink that writes each finding out, so that the messages are exercised too. */
static inline void fuzz_report(struct ext_sink *sink, const struct ext_finding *finding)
{
	char text[512];

	(void)sink;
	FUZZ_ASSERT(finding->problem > EXT_NO_PROBLEM && finding->problem < EXT_PROBLEM_COUNT);
	FUZZ_ASSERT(ext_finding_describe(finding, text, sizeof text) > 0);
}

static inline void fuzz_describe(const struct ext_error *error)
{
	char text[512];

	FUZZ_ASSERT(error->status != EXT_OK && error->status != EXT_END);
	FUZZ_ASSERT(ext_error_describe(error, text, sizeof text) > 0);
}

#endif
