/* SPDX-License-Identifier: MIT */
/*
 * A quota file read in the order of ids. It is a tree of 1024-byte blocks: four levels of 256
 * numbers, one for each byte of an id, then a block of entries, in which the id is looked for.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/quota.h>

#include "layout/layout.h"

enum {
	QUOTA_BLOCK = 1024,
	LEVELS = 4,
	NUMBERS = QUOTA_BLOCK / 4,
	ROOT = 1,
	FORMAT_VERSION = 1,
	NO_BLOCK = 0, /* the header's number: nothing points there */
};

static const uint32_t magics[EXT_QUOTA_KINDS] = {0xd9c01f11, 0xd9c01927, 0xd9c03f14};

struct ext_quota {
	const struct ext_filesystem *filesystem;
	struct ext_mapping *mapping;
	struct ext_inode inode;
	uint32_t blocks; /* of the file */
	uint64_t budget; /* tree blocks still to be read: a tree has no more than the file */
	bool damaged, unread;
	unsigned depth; /* levels on the way; 0: at the end */
	uint32_t index[LEVELS];
	uint8_t nodes[LEVELS][QUOTA_BLOCK];
	uint32_t leaf_block;
	uint8_t leaf[QUOTA_BLOCK];
};

static bool read_block(struct ext_quota *quota, uint32_t block, uint8_t *buffer)
{
	size_t got = 0;
	const enum ext_status status =
		ext_file_read(quota->mapping, &quota->inode, (uint64_t)block * QUOTA_BLOCK, buffer,
			      QUOTA_BLOCK, &got, NULL);

	quota->unread = quota->unread || status == EXT_IO;
	return status == EXT_OK && got == QUOTA_BLOCK;
}

static uint32_t number(const uint8_t *node, uint32_t index)
{
	const struct ext_raw_quota_tree_entry *entries =
		(const struct ext_raw_quota_tree_entry *)(const void *)node;

	return get(entries[index].block);
}

static enum ext_status damaged(ext_ino ino, const char *field, uint64_t found, uint64_t expected,
			       struct ext_error *error)
{
	const struct ext_place place = {
		.structure = EXT_AT_QUOTA, .has = EXT_HAS_INODE, .inode = ino, .field = field};

	return ext_corrupt(error, EXT_QUOTA_FILE, place, found, expected, expected);
}

/* A block without which there is nothing to read. */
static enum ext_status unusable(const struct ext_quota *quota, uint32_t block,
				struct ext_error *error)
{
	const struct ext_place place = {.structure = EXT_AT_QUOTA,
					.has = EXT_HAS_INODE | EXT_HAS_LOGICAL,
					.inode = quota->inode.number,
					.logical = block};

	if (quota->unread)
		return ext_fail(error, EXT_IO, EXT_UNREADABLE, place, 0);
	return damaged(quota->inode.number, NULL, block, block, error);
}

/*
 * Linux uses no quota file that claims more blocks than it has, or free ones that are none. (Where
 * the entries are does not hang on it.)
 */
static bool has_free_lists(const struct ext_quota *quota, const struct ext_raw_quota_header *header)
{
	const uint32_t blocks = get(header->dqi_blocks), block = get(header->dqi_free_blk),
		       entry = get(header->dqi_free_entry);

	return blocks <= quota->blocks && (block == 0 || (block > ROOT && block < blocks)) &&
	       (entry == 0 || (entry > ROOT && entry < blocks));
}

static enum ext_status begin(struct ext_quota *quota, ext_ino ino, enum ext_quota_kind kind,
			     struct ext_error *error)
{
	const struct ext_raw_quota_header *header =
		(const struct ext_raw_quota_header *)(const void *)quota->leaf;
	enum ext_status status = ext_inode_read(quota->filesystem, ino, &quota->inode, NULL, error);

	if (status == EXT_OK)
		status = ext_mapping_new(quota->filesystem, &quota->mapping, error);
	if (status != EXT_OK)
		return status;
	quota->blocks = quota->inode.size / QUOTA_BLOCK < UINT32_MAX
				? (uint32_t)(quota->inode.size / QUOTA_BLOCK)
				: UINT32_MAX;
	quota->budget = quota->blocks;
	if (quota->blocks <= ROOT)
		return damaged(ino, "i_size", quota->inode.size, QUOTA_BLOCK, error);
	if (!read_block(quota, 0, quota->leaf))
		return unusable(quota, 0, error);
	if (get(header->dqh_magic) != magics[kind])
		return damaged(ino, "dqh_magic", get(header->dqh_magic), magics[kind], error);
	if (get(header->dqh_version) != FORMAT_VERSION)
		return damaged(ino, "dqh_version", get(header->dqh_version), FORMAT_VERSION, error);
	quota->damaged = !has_free_lists(quota, header);
	if (!read_block(quota, ROOT, quota->nodes[0]))
		return unusable(quota, ROOT, error);
	quota->depth = 1;
	return EXT_OK;
}

enum ext_status ext_quota_open(const struct ext_filesystem *filesystem, ext_ino ino,
			       enum ext_quota_kind kind, struct ext_quota **quota,
			       struct ext_error *error)
{
	struct ext_quota *new = calloc(1, sizeof *new);
	enum ext_status status;

	if (!new)
		return ext_no_memory(error);
	new->filesystem = filesystem;
	status = begin(new, ino, kind, error);
	if (status != EXT_OK) {
		ext_quota_close(new);
		return status;
	}
	*quota = new;
	return EXT_OK;
}

void ext_quota_close(struct ext_quota *quota)
{
	if (!quota)
		return;
	ext_mapping_free(quota->mapping);
	free(quota);
}

static bool is_in_file(struct ext_quota *quota, uint32_t block)
{
	if (block > ROOT && block < quota->blocks)
		return true;
	quota->damaged = true;
	return false;
}

static void descend(struct ext_quota *quota, uint32_t block)
{
	if (!is_in_file(quota, block))
		return;
	if (quota->budget == 0 || !read_block(quota, block, quota->nodes[quota->depth])) {
		quota->damaged = true;
		return;
	}
	quota->budget--;
	quota->index[quota->depth++] = 0;
}

/* Looks for `id` in a block of entries. */
static bool find(struct ext_quota *quota, uint32_t block, uint32_t id,
		 struct ext_quota_entry *entry)
{
	const struct ext_raw_quota_entry *raw =
		(const struct ext_raw_quota_entry
			 *)(const void *)(quota->leaf + sizeof(struct ext_raw_quota_leaf_header));
	const size_t count = (QUOTA_BLOCK - sizeof(struct ext_raw_quota_leaf_header)) / sizeof *raw;

	if (!is_in_file(quota, block))
		return false;
	if (block != quota->leaf_block && !read_block(quota, block, quota->leaf)) {
		quota->leaf_block = NO_BLOCK;
		quota->damaged = true;
		return false;
	}
	quota->leaf_block = block;
	for (size_t i = 0; i < count; i++) {
		static const struct ext_raw_quota_entry empty;

		if (get(raw[i].dqb_id) != id || memcmp(&raw[i], &empty, sizeof empty) == 0)
			continue;
		*entry = (struct ext_quota_entry){.id = id,
						  .inodes = get(raw[i].dqb_curinodes),
						  .bytes = get(raw[i].dqb_curspace),
						  .inodes_soft = get(raw[i].dqb_isoftlimit),
						  .inodes_hard = get(raw[i].dqb_ihardlimit),
						  .kib_soft = get(raw[i].dqb_bsoftlimit),
						  .kib_hard = get(raw[i].dqb_bhardlimit)};
		return true;
	}
	quota->damaged = true;
	return false;
}

enum ext_status ext_quota_next(struct ext_quota *quota, struct ext_quota_entry *entry)
{
	while (quota->depth > 0) {
		const unsigned level = quota->depth - 1;
		const uint32_t index = quota->index[level];
		uint32_t block;

		if (index == NUMBERS) {
			quota->depth--;
			continue;
		}
		block = number(quota->nodes[level], index);
		quota->index[level]++;
		if (block == NO_BLOCK)
			continue;
		if (level < LEVELS - 1) {
			descend(quota, block);
		} else if (find(quota, block,
				(quota->index[0] - 1) << 24 | (quota->index[1] - 1) << 16 |
					(quota->index[2] - 1) << 8 | index,
				entry)) {
			return EXT_OK;
		}
	}
	return EXT_END;
}

bool ext_quota_unread(const struct ext_quota *quota)
{
	return quota->unread;
}

bool ext_quota_damaged(const struct ext_quota *quota)
{
	return quota->damaged;
}
