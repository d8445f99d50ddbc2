/* SPDX-License-Identifier: MIT */
/*
 * `show block`: what a block is, who owns it, and what the bitmap says of it. Fixed metadata is
 * known by its place; for all else the inodes are searched.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/owner.h"
#include "cancel.h"
#include "complain.h"
#include "exit.h"
#include "reports/show.h"
#include "reports/text.h"
#include "target.h"

enum { USES_MAX = 8, OWNERS_MAX = 16, PATH_SIZE = 4200 };

static const char *const purpose_names[] = {
	[PURPOSE_BOOT] = "boot block",
	[PURPOSE_SUPERBLOCK] = "superblock",
	[PURPOSE_DESCRIPTORS] = "group descriptors",
	[PURPOSE_RESERVED_DESCRIPTORS] = "reserved group descriptors",
	[PURPOSE_BLOCK_BITMAP] = "block bitmap",
	[PURPOSE_INODE_BITMAP] = "inode bitmap",
	[PURPOSE_INODE_TABLE] = "inode table",
	[PURPOSE_MMP] = "MMP block",
};

struct block {
	ext_block number;
	struct ext_span bytes;
	bool is_read;
	struct block_fixed uses[USES_MAX];
	unsigned use_count;
	struct block_owner owners[OWNERS_MAX];
	unsigned owner_count;
};

static ext_ino first_inode_in(const struct ext_superblock *superblock,
			      const struct block_fixed *use)
{
	return use->group * superblock->inodes_per_group +
	       use->index * (superblock->block_size / superblock->inode_size) + 1;
}

static void show_use(struct show *show, const struct block_fixed *use)
{
	const struct ext_superblock *superblock = show->superblock;
	const uint32_t inodes = superblock->block_size / superblock->inode_size;
	char text[120];

	if (show->json) {
		json_object(show->json, NULL);
		json_text(show->json, "is", purpose_names[use->purpose]);
		if (use->purpose != PURPOSE_BOOT && use->purpose != PURPOSE_MMP)
			json_u64(show->json, "group", use->group);
		if (use->purpose == PURPOSE_INODE_TABLE) {
			json_u64(show->json, "first_inode", first_inode_in(superblock, use));
			json_u64(show->json, "inodes", inodes);
		}
		json_end_object(show->json);
		return;
	}
	switch (use->purpose) {
	case PURPOSE_BOOT:
	case PURPOSE_MMP:
		snprintf(text, sizeof text, "%s", purpose_names[use->purpose]);
		break;
	case PURPOSE_SUPERBLOCK:
	case PURPOSE_BLOCK_BITMAP:
	case PURPOSE_INODE_BITMAP:
		snprintf(text, sizeof text, "%s of group %" PRIu32, purpose_names[use->purpose],
			 use->group);
		break;
	case PURPOSE_DESCRIPTORS:
	case PURPOSE_RESERVED_DESCRIPTORS:
		snprintf(text, sizeof text, "%s, block %" PRIu32 " of the copy in group %" PRIu32,
			 purpose_names[use->purpose], use->index, use->group);
		break;
	case PURPOSE_INODE_TABLE:
		snprintf(text, sizeof text,
			 "inode table of group %" PRIu32 ", inodes %" PRIu32 " to %" PRIu32,
			 use->group, first_inode_in(superblock, use),
			 first_inode_in(superblock, use) + inodes - 1);
		break;
	}
	show_text(show, "is", text);
}

static const char *content_name(const struct block_owner *owner)
{
	if (owner->role == OWNER_XATTR)
		return "attribute block";
	if (owner->role == OWNER_TREE)
		return owner->inode.flags & EXT_INODE_EXTENTS ? "extent node" : "indirect block";
	if (owner->role == OWNER_UNWRITTEN)
		return "unwritten block";
	if (owner->inode.type == EXT_TYPE_DIRECTORY)
		return "directory block";
	if (owner->inode.type == EXT_TYPE_SYMLINK)
		return "symlink target";
	return owner->inode.number == EXT_INO_JOURNAL ? "journal block" : "file data";
}

static void show_owner(struct show *show, const struct block_owner *owner)
{
	const bool has_logical = owner->role == OWNER_DATA || owner->role == OWNER_UNWRITTEN;
	const ext_ino ino = owner->inode.number;
	char text[160], *path = malloc(PATH_SIZE);
	bool has_path = false;

	if (path && (ino >= show->superblock->first_inode || ino == EXT_INO_ROOT))
		has_path = owner_path(show->filesystem, ino, path, PATH_SIZE);
	if (show->json) {
		json_object(show->json, NULL);
		json_text(show->json, "is", content_name(owner));
		json_u64(show->json, "inode", ino);
		json_text(show->json, "type", show_type_name(owner->inode.type));
		if (has_logical)
			json_u64(show->json, "logical", owner->logical);
		if (owner->role == OWNER_TREE) {
			json_u64(show->json, "first_logical", owner->logical);
			json_u64(show->json, "depth", owner->depth);
		}
		if (owner->is_deleted)
			json_bool(show->json, "deleted", true);
		if (has_path)
			json_name(show->json, "path", path, strlen(path));
		json_end_object(show->json);
	} else {
		int length =
			snprintf(text, sizeof text, "%s of %sinode %" PRIu32, content_name(owner),
				 owner->is_deleted ? "deleted " : "", ino);

		if (has_logical)
			snprintf(text + length, sizeof text - (size_t)length,
				 ", file block %" PRIu64, owner->logical);
		else if (owner->role == OWNER_TREE)
			snprintf(text + length, sizeof text - (size_t)length,
				 ", level %u, from file block %" PRIu64, owner->depth,
				 owner->logical);
		show_text(show, "is", text);
		if (has_path)
			show_name(show, "path", path, strlen(path));
		else if (ino >= show->superblock->first_inode)
			show_text(show, "path", "none: no directory leads there");
	}
	free(path);
}

/* What the block bitmap says: in use, free, or nothing. */
static void show_bitmap_state(struct show *show, ext_block block)
{
	const struct ext_superblock *superblock = show->superblock;
	struct ext_group_descriptor descriptor;
	uint64_t in_group;
	ext_group group;
	uint8_t *bitmap;

	if (block < superblock->first_data_block)
		return;
	group = (ext_group)((block - superblock->first_data_block) / superblock->blocks_per_group);
	in_group = (block - superblock->first_data_block) % superblock->blocks_per_group;
	show_u64(show, "group", group);
	show_u64(show, "block_in_group", in_group);
	ext_group_locations(show->filesystem, group, &descriptor);
	if (descriptor.flags & EXT_GROUP_BLOCK_UNINIT) {
		show_text(show, "bitmap", "not initialised: only metadata is in use in this group");
		return;
	}
	bitmap = malloc(superblock->block_size);
	if (bitmap && ext_block_bitmap_read(show->filesystem, group, bitmap, NULL, NULL) == EXT_OK)
		show_text(show, "bitmap",
			  ext_bit_is_set(bitmap, (uint32_t)(in_group >> superblock->cluster_log2))
				  ? "in use"
				  : "free");
	else
		show_text(show, "bitmap", "could not be read");
	free(bitmap);
}

static void dump_descriptors(const struct show *show, struct annotate *annotate, size_t size)
{
	const uint32_t step = show->superblock->descriptor_size;

	for (size_t at = 0; at + step <= size; at += step) {
		annotate_structure(annotate, "group_descriptor", at, NULL);
		if (step >= 64)
			annotate_structure(annotate, "group_descriptor_high", at + 32, NULL);
	}
}

static bool is_zero(struct ext_span bytes, size_t at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes.data[at + i] != 0)
			return false;
	return true;
}

static void dump_inodes(const struct show *show, struct annotate *annotate, struct ext_span bytes,
			const struct block_fixed *use)
{
	const uint32_t step = show->superblock->inode_size;
	const ext_ino first = first_inode_in(show->superblock, use);

	for (size_t at = 0; at + step <= bytes.size; at += step) {
		char title[32];

		/* Inodes that were never used go into one line of zeros. */
		if (is_zero(bytes, at, step))
			continue;
		snprintf(title, sizeof title, "inode %" PRIu32, first + (uint32_t)(at / step));
		annotate_structure(annotate, "inode", at, title);
		if (step > 128)
			annotate_structure(annotate, "inode_extra", at + 128, NULL);
	}
}

static void dump_fixed(struct show *show, const struct block *block)
{
	const struct block_fixed *use = &block->uses[0];
	const uint64_t offset = show_block_offset(show, block->number);
	struct annotate annotate;

	show_dump_begin(show, &annotate, "bytes", block->bytes, offset);
	switch (use->purpose) {
	case PURPOSE_SUPERBLOCK:
		/* The primary is at byte 1024, also where that is in the midst of block 0. */
		annotate_structure(
			&annotate, "superblock",
			offset < EXT_SUPERBLOCK_OFFSET ? EXT_SUPERBLOCK_OFFSET - (size_t)offset : 0,
			NULL);
		break;
	case PURPOSE_DESCRIPTORS:
		dump_descriptors(show, &annotate, block->bytes.size);
		break;
	case PURPOSE_INODE_TABLE:
		dump_inodes(show, &annotate, block->bytes, use);
		break;
	case PURPOSE_MMP:
		annotate_structure(&annotate, "mmp", 0, NULL);
		break;
	case PURPOSE_BOOT:
	case PURPOSE_RESERVED_DESCRIPTORS:
	case PURPOSE_BLOCK_BITMAP:
	case PURPOSE_INODE_BITMAP:
		break;
	}
	annotate_end(&annotate);
}

static void dump_block(struct show *show, const struct block *block)
{
	const struct block_owner *owner = &block->owners[0];
	const uint64_t offset = show_block_offset(show, block->number);
	struct annotate annotate;

	if (block->use_count > 0) {
		dump_fixed(show, block);
	} else if (block->owner_count > 0 && owner->role == OWNER_XATTR) {
		show_dump_xattr_block(show, "bytes", block->bytes, offset);
	} else if (block->owner_count > 0 && owner->role == OWNER_TREE) {
		show_dump_tree_block(show, "bytes", block->bytes, offset,
				     (owner->inode.flags & EXT_INODE_EXTENTS) != 0);
	} else if (block->owner_count > 0 && owner->role == OWNER_DATA &&
		   owner->inode.type == EXT_TYPE_DIRECTORY) {
		show_dump_directory_block(show, "bytes", block->bytes, offset,
					  ext_directory_block_kind(show->superblock, &owner->inode,
								   (ext_logical)owner->logical,
								   block->bytes));
	} else {
		show_dump_begin(show, &annotate, "bytes", block->bytes, offset);
		annotate_end(&annotate);
	}
}

/*
 * The resize inode maps the reserved descriptor blocks, which the layout reserves too; any other
 * second claim is one too many.
 */
static bool is_shared_wrongly(const struct block *block)
{
	if (block->use_count == 1 && block->owner_count == 1 &&
	    block->uses[0].purpose == PURPOSE_RESERVED_DESCRIPTORS &&
	    block->owners[0].inode.number == EXT_INO_RESIZE)
		return false;
	return block->use_count + block->owner_count > 1;
}

static void show_owners(struct show *show, const struct block *block)
{
	const unsigned stored = block->owner_count < OWNERS_MAX ? block->owner_count : OWNERS_MAX;

	if (show->json)
		json_array(show->json, "uses");
	for (unsigned i = 0; i < block->use_count; i++)
		show_use(show, &block->uses[i]);
	for (unsigned i = 0; i < stored; i++)
		show_owner(show, &block->owners[i]);
	if (show->json)
		json_end_array(show->json);
	if (block->use_count + block->owner_count == 0 && !show->json)
		show_text(show, "is", "nobody's: no structure and no inode leads there");
	if (block->owner_count > stored)
		show_u64(show, "further_owners", block->owner_count - stored);
	if (is_shared_wrongly(block))
		show_text(show, "trouble", "the block is claimed more than once");
}

int show_block(struct show *show, const char *operand)
{
	const struct ext_superblock *superblock = show->superblock;
	struct block *block;
	struct ext_error error;
	enum ext_status status;
	uint8_t *bytes;
	uint64_t number;

	if (!operand || !target_number(operand, &number)) {
		complain("show block: a block number is wanted");
		return EXIT_WRONG_USAGE;
	}
	if (number >= superblock->block_count) {
		complain("%s: there is no block %s; the last one is %" PRIu64, show->image->path,
			 operand, superblock->block_count - 1);
		return EXIT_CANNOT_RUN;
	}
	if (show->options->history)
		return show_block_history(show, number);
	block = calloc(1, sizeof *block);
	bytes = malloc(superblock->block_size);
	if (!block || !bytes) {
		complain("%s: out of memory", show->image->path);
		free(block);
		free(bytes);
		return EXIT_CANNOT_RUN;
	}
	block->number = number;
	block->bytes = (struct ext_span){bytes, superblock->block_size};
	block->is_read =
		ext_filesystem_read_blocks(show->filesystem, number, 1, bytes, &error) == EXT_OK;
	if (!block->is_read)
		findings_aloud_error(show->findings, &error);
	block->use_count = block_fixed_uses(show->filesystem, number, block->uses, USES_MAX);
	status = owner_search(show->filesystem, number, block->owners, OWNERS_MAX,
			      &block->owner_count, &show->findings->sink, &error);
	if (status == EXT_OK) {
		show_heading(show, "Block %" PRIu64, number);
		show_begin(show, "block");
		if (show->json)
			show_u64(show, "number", number);
		show_u64(show, "offset", show->image->start + show_block_offset(show, number));
		show_bitmap_state(show, number);
		show_owners(show, block);
		if (block->is_read && !show->hex && is_zero(block->bytes, 0, block->bytes.size))
			show_text(show, "content", "all zero");
		if (show->hex && block->is_read) {
			if (!show->json)
				putchar('\n');
			dump_block(show, block);
		}
		show_end(show);
	} else if (!cancelled()) {
		complain_error(show->image->path, &error);
	}
	free(block);
	free(bytes);
	if (cancelled())
		return EXIT_CANCELLED;
	return status == EXT_OK ? EXIT_CLEAN : EXIT_CANNOT_RUN;
}
