/* SPDX-License-Identifier: MIT */
/* A directory block of any bytes: as leaf, as root and as node of an htree. */
#include "config.h"

#include "fuzz.h"

#include <ext/directory.h>

static void walk_entries(const struct ext_superblock *superblock, struct ext_span block,
			 uint32_t at, bool has_tail)
{
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;
	struct ext_error error;
	enum ext_status status;
	uint32_t before = at;

	ext_dirent_cursor_init(&cursor, superblock, block, at, has_tail);
	while ((status = ext_dirent_next(&cursor, &entry, &error)) == EXT_OK) {
		uint32_t major, minor;
		char text[256];

		FUZZ_ASSERT(entry.at >= before && entry.at < block.size);
		before = entry.at + 1;
		FUZZ_ASSERT((const uint8_t *)entry.name + entry.name_length <=
			    block.data + block.size);
		for (unsigned version = EXT_HASH_LEGACY; version <= EXT_HASH_SIPHASH; version++)
			ext_directory_hash(version, superblock->hash_seed, entry.name,
					   entry.name_length, &major, &minor);
		FUZZ_ASSERT(ext_encrypted_name(superblock, entry.name, entry.name_length, false,
					       text) < sizeof text);
	}
	if (status != EXT_END)
		fuzz_describe(&error);
}

static void walk_index(const struct ext_superblock *superblock, struct ext_span block,
		       enum ext_directory_block_kind kind)
{
	struct ext_htree_block htree;
	struct ext_error error;
	uint32_t stored, computed;

	ext_directory_block_checksum(superblock, 1, kind, block, &stored, &computed);
	if (kind == EXT_DIRECTORY_LEAF)
		return;
	if (ext_htree_decode(superblock, kind, block, &htree, &error) != EXT_OK) {
		fuzz_describe(&error);
		return;
	}
	for (unsigned i = 0; i < htree.count; i++) {
		ext_logical logical;
		uint32_t hash;

		ext_htree_entry(&htree, i, &hash, &logical);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	struct ext_superblock superblock;
	uint8_t raw[1024];
	uint8_t *block;

	fuzz_fill_superblock(raw);
	if (ext_superblock_decode(raw, place, &superblock, NULL, NULL) != EXT_OK)
		return 0;
	/* On the heap and as large as a block, so that one byte too many is seen. */
	block = calloc(1, superblock.block_size);
	if (!block)
		return 0;
	memcpy(block, data, size < superblock.block_size ? size : superblock.block_size);
	const struct ext_span span = {block, superblock.block_size};

	walk_entries(&superblock, span, 0, ext_directory_block_has_tail(&superblock, span));
	walk_entries(&superblock, span, 4, false);
	walk_entries(&superblock, (struct ext_span){block, size < 60 ? size : 60}, 4, false);
	walk_index(&superblock, span, EXT_DIRECTORY_LEAF);
	walk_index(&superblock, span, EXT_DIRECTORY_HTREE_ROOT);
	walk_index(&superblock, span, EXT_DIRECTORY_HTREE_NODE);
	free(block);
	return 0;
}
