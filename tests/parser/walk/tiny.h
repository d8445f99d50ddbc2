/* SPDX-License-Identifier: MIT */
/*
 * A tiny filesystem in memory for tests of the walk layer: the one of tests/fuzz/fuzz.h (64 blocks
 * of 1024, 32 inodes of 256), filled by hand. Checksums of inodes and directories are left out.
 */
#ifndef TESTS_PARSER_WALK_TINY_H
#define TESTS_PARSER_WALK_TINY_H

#include <ext/directory.h>

#include "fuzz/fuzz.h"

enum { TINY_DATA = 16 }; /* first block that is free to use */

struct tiny {
	uint8_t *image;
	struct ext_source *source;
	struct ext_filesystem *filesystem;
};

static inline struct tiny tiny_open(void)
{
	struct tiny tiny = {0};

	tiny.filesystem = fuzz_filesystem_open(&tiny.image, &tiny.source, NULL, 0);
	return tiny;
}

static inline void tiny_close(struct tiny *tiny)
{
	fuzz_filesystem_close(tiny->filesystem, tiny->image, tiny->source);
}

/* The source reads the image in place, so that what is written now is what is read. */
static inline uint8_t *tiny_block(struct tiny *tiny, uint32_t block)
{
	return tiny->image + (size_t)block * FUZZ_BLOCK_SIZE;
}

static inline struct ext_raw_inode *tiny_inode(struct tiny *tiny, ext_ino ino)
{
	return (void *)(tiny_block(tiny, 5) + (size_t)(ino - 1) * FUZZ_INODE_SIZE);
}

/* Makes inode `ino` of this mode and size, without blocks. */
static inline struct ext_raw_inode *tiny_make(struct tiny *tiny, ext_ino ino, uint16_t mode,
					      uint32_t size)
{
	struct ext_raw_inode *const raw = tiny_inode(tiny, ino);

	memset(raw, 0, FUZZ_INODE_SIZE);
	put(&raw->i_mode, mode);
	put(&raw->i_size_lo, size);
	put(&raw->i_links_count, 1);
	/* i_extra_isize */
	((uint8_t *)raw)[128] = 32;
	return raw;
}

/* Maps file block `logical` of an inode without extents. */
static inline void tiny_map(struct tiny *tiny, ext_ino ino, unsigned logical, uint32_t block)
{
	uint8_t *const i_block = (uint8_t *)tiny_inode(tiny, ino) + 0x28;

	put((struct le32 *)(void *)(i_block + 4 * logical), block);
}

/* The head of a node of an extent tree: entries, room for them, levels below. */
static inline void tiny_node(uint8_t *node, unsigned entries, unsigned room, unsigned depth)
{
	put((struct le16 *)(void *)node, 0xf30a);
	put((struct le16 *)(void *)(node + 2), (uint16_t)entries);
	put((struct le16 *)(void *)(node + 4), (uint16_t)room);
	put((struct le16 *)(void *)(node + 6), (uint16_t)depth);
}

/* An entry of an inner node: its first file block, the block of the node below. */
static inline void tiny_index_entry(uint8_t *node, unsigned index, uint32_t logical, uint32_t block)
{
	uint8_t *const at = node + 12 + (size_t)index * 12;

	put((struct le32 *)(void *)at, logical);
	put((struct le32 *)(void *)(at + 4), block);
	put((struct le16 *)(void *)(at + 8), 0);
}

static inline void tiny_entry(uint8_t *bytes, uint32_t at, uint32_t inode, uint16_t length,
			      const char *name, uint8_t type)
{
	put((struct le32 *)(void *)(bytes + at), inode);
	put((struct le16 *)(void *)(bytes + at + 4), length);
	bytes[at + 6] = (uint8_t)strlen(name);
	bytes[at + 7] = type;
	memcpy(bytes + at + 8, name, strlen(name));
}

/* A sink that keeps what it was told. */
struct tiny_sink {
	struct ext_sink sink;
	unsigned count;
	struct ext_finding findings[16];
};

static inline void tiny_report(struct ext_sink *sink, const struct ext_finding *finding)
{
	struct tiny_sink *const kept = (void *)sink;

	if (kept->count < 16)
		kept->findings[kept->count] = *finding;
	kept->count++;
}

#endif
