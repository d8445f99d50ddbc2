/* SPDX-License-Identifier: MIT */
/*
 * `show inode`: an inode decoded, where it lies, and how its blocks are mapped in short; and its
 * annotated bytes, with what i_block and the space behind the fields hold.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "exit.h"
#include "reports/listing.h"
#include "reports/show.h"
#include "reports/text.h"
#include "target.h"

enum {
	SMALL_INODE = 128,
	I_BLOCK_AT = 0x28,
	I_BLOCK_SIZE = 60,
	POINTERS = 15,
};

static bool has_inline_data(const struct ext_inode *inode)
{
	return (inode->flags & EXT_INODE_INLINE_DATA) != 0;
}

/* What i_block holds, piece by piece. */
static void annotate_i_block(struct annotate *annotate, const struct ext_superblock *superblock,
			     const struct ext_inode *inode, struct ext_span raw)
{
	if (has_inline_data(inode) && inode->type == EXT_TYPE_DIRECTORY) {
		annotate_structure(annotate, "inline_directory", I_BLOCK_AT, NULL);
		annotate_dirents(annotate, superblock, raw, I_BLOCK_AT, 4, I_BLOCK_SIZE, false);
	} else if (has_inline_data(inode)) {
		annotate_bytes(annotate, I_BLOCK_AT, I_BLOCK_SIZE, "i_block",
			       "Content of the file, its first part", EXT_SHOW_BYTES);
	} else if (ext_inode_is_fast_symlink(inode)) {
		annotate_bytes(annotate, I_BLOCK_AT, I_BLOCK_SIZE, "i_block",
			       "Where the symlink leads", EXT_SHOW_TEXT);
	} else if (inode->flags & EXT_INODE_EXTENTS) {
		annotate_extent_node(annotate, raw, I_BLOCK_AT, I_BLOCK_SIZE);
	} else {
		annotate_range(annotate, "inode", 0, I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE,
			       "inode, block map");
	}
}

void show_dump_inode(struct show *show, const char *key, struct ext_span raw, uint64_t offset)
{
	const struct ext_superblock *superblock = show->superblock;
	struct ext_xattr_cursor cursor;
	struct annotate annotate;
	struct ext_inode inode;

	ext_inode_decode(superblock, 0, raw.data, &inode);
	show_dump_begin(show, &annotate, key, raw, offset);
	annotate_range(&annotate, "inode", 0, 0, I_BLOCK_AT, NULL);
	annotate_i_block(&annotate, superblock, &inode, raw);
	annotate_range(&annotate, "inode", 0, I_BLOCK_AT + I_BLOCK_SIZE, SMALL_INODE,
		       "inode, continued");
	if (raw.size > SMALL_INODE) {
		const size_t extra = inode.extra_isize < 4 ? 4 : inode.extra_isize;

		annotate_range(&annotate, "inode_extra", SMALL_INODE, 0, extra, NULL);
		if (ext_xattr_inode_begin(superblock, raw, &cursor, NULL) == EXT_OK) {
			const size_t base = (size_t)(cursor.space.data - raw.data);

			annotate_structure(&annotate, "xattr_inode_header", base - 4, NULL);
			annotate_xattrs(&annotate, &cursor, base);
		}
	}
	annotate_end(&annotate);
}

static void show_owner(struct show *show, const struct ext_inode *inode)
{
	char text[64], mode[TEXT_SHORT];

	show_text(show, "type", show_type_name(inode->type));
	if (show->json) {
		json_u64(show->json, "mode", inode->mode);
		json_text(show->json, "mode_text", text_mode(mode, inode->mode));
		json_u64(show->json, "uid", inode->uid);
		json_u64(show->json, "gid", inode->gid);
	} else {
		snprintf(text, sizeof text, "%s (0%o)", text_mode(mode, inode->mode),
			 (unsigned)inode->mode);
		show_text(show, "mode", text);
		snprintf(text, sizeof text, "user %" PRIu32 ", group %" PRIu32, inode->uid,
			 inode->gid);
		show_text(show, "owner", text);
	}
	if (ext_has_ro_compat(show->superblock, EXT_RO_PROJECT))
		show_u64(show, "project", inode->project);
}

/* The symlink's target or the device's numbers. */
static void show_special(struct show *show, const struct ext_inode *inode)
{
	char target[4096];
	uint32_t major, minor;
	size_t length;
	struct listing listing;

	if (inode->type == EXT_TYPE_CHARACTER || inode->type == EXT_TYPE_BLOCK) {
		ext_inode_device(inode, &major, &minor);
		show_u64(show, "device_major", major);
		show_u64(show, "device_minor", minor);
	}
	if (inode->type != EXT_TYPE_SYMLINK)
		return;
	listing_init(&listing, show->filesystem, show->findings);
	length = listing_symlink(&listing, inode, target, sizeof target);
	if (length > 0)
		show_name(show, "target", target, length);
	listing_clear(&listing);
}

struct account {
	uint64_t data, unwritten, tree, runs;
	ext_block first;
	bool damaged;
};

static struct account account_of(struct show *show, const struct ext_inode *inode)
{
	struct account account = {0};
	struct ext_mapping *mapping;
	struct ext_run run;

	if (!ext_inode_maps_blocks(inode) ||
	    ext_mapping_new(show->filesystem, &mapping, NULL) != EXT_OK)
		return account;
	ext_mapping_start(mapping, inode, 0, &show->findings->sink);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		if (run.kind == EXT_RUN_TREE) {
			account.tree++;
			continue;
		}
		if (account.runs++ == 0)
			account.first = run.physical;
		if (run.kind == EXT_RUN_UNWRITTEN)
			account.unwritten += run.length;
		else
			account.data += run.length;
	}
	account.damaged = ext_mapping_damaged(mapping);
	ext_mapping_free(mapping);
	return account;
}

static void show_mapping(struct show *show, const struct ext_inode *inode)
{
	const struct account account = account_of(show, inode);
	const char *how = "block map";

	if (has_inline_data(inode))
		how = "inline data";
	else if (inode->flags & EXT_INODE_EXTENTS)
		how = "extents";
	else if (!ext_inode_maps_blocks(inode))
		how = "nothing";
	show_text(show, "mapped_by", how);
	if (!ext_inode_maps_blocks(inode))
		return;
	show_u64(show, "data_blocks", account.data);
	if (account.unwritten > 0)
		show_u64(show, "unwritten_blocks", account.unwritten);
	show_u64(show, "tree_blocks", account.tree);
	show_u64(show, "runs", account.runs);
	if (account.runs > 0)
		show_u64(show, "first_block", account.first);
	if (account.damaged)
		show_text(show, "map", "damaged: see `fsck-lite show IMAGE extents'");
}

static void show_times(struct show *show, const struct ext_inode *inode)
{
	show_time(show, "modified", &inode->mtime);
	show_time(show, "accessed", &inode->atime);
	show_time(show, "changed", &inode->ctime);
	if (inode->has_crtime)
		show_time(show, "created", &inode->crtime);
	/* A small number there is the next inode of the orphan chain. */
	if (inode->dtime != 0 && inode->dtime <= show->superblock->inode_count)
		show_u64(show, "next_orphan", inode->dtime);
	else if (inode->dtime != 0)
		show_seconds(show, "deleted", inode->dtime);
}

static const char *special_name(const struct ext_superblock *superblock, ext_ino ino)
{
	static const char *const reserved[] = {NULL,
					       "the list of bad blocks",
					       "the root directory",
					       "user quota",
					       "group quota",
					       "boot loader",
					       "undelete directory",
					       "reserved descriptor blocks (resize inode)",
					       "the journal",
					       "exclude list",
					       "replica"};

	if (ino == superblock->orphan_file_inode &&
	    ext_has_compat(superblock, EXT_COMPAT_ORPHAN_FILE))
		return "the orphan file";
	if (ino == superblock->project_quota_inode && ext_has_ro_compat(superblock, EXT_RO_PROJECT))
		return "project quota";
	return ino < sizeof reserved / sizeof *reserved ? reserved[ino] : NULL;
}

int show_inode(struct show *show, const char *operand)
{
	const struct ext_superblock *superblock = show->superblock;
	uint8_t *raw;
	struct ext_inode inode;
	uint64_t offset = 0;
	int status;

	if (!operand) {
		complain("show inode: an inode number or a path is wanted");
		return EXIT_WRONG_USAGE;
	}
	raw = malloc(superblock->inode_size);
	if (!raw) {
		complain("%s: out of memory", show->image->path);
		return EXIT_CANNOT_RUN;
	}
	status = target_by_number_or_path(show->image, operand, &inode, raw);
	if (status != EXIT_CLEAN) {
		free(raw);
		return status;
	}
	if (show->options->history) {
		free(raw);
		return show_inode_history(show, inode.number);
	}
	ext_inode_offset(show->filesystem, inode.number, &offset, NULL);
	show_heading(show, "Inode %" PRIu32, inode.number);
	if (show->hex) {
		show_dump_inode(show, "bytes", (struct ext_span){raw, superblock->inode_size},
				offset);
		free(raw);
		return EXIT_CLEAN;
	}
	show_begin(show, "inode");
	if (show->json)
		show_u64(show, "number", inode.number);
	if (special_name(superblock, inode.number))
		show_text(show, "purpose", special_name(superblock, inode.number));
	show_u64(show, "group", (inode.number - 1) / superblock->inodes_per_group);
	show_u64(show, "block", offset >> superblock->block_size_log2);
	show_u64(show, "byte_in_block", offset & (superblock->block_size - 1));
	if (inode.all_zero)
		show_text(show, "content", "all zero: never used, or wiped");
	show_owner(show, &inode);
	show_u64(show, "links", inode.links);
	show_size(show, "size", inode.size);
	show_u64(show, "sectors", inode.sectors);
	show_special(show, &inode);
	show_flags(show, "flags", "inode_flags", inode.flags);
	show_mapping(show, &inode);
	if (inode.xattr_block != 0)
		show_u64(show, "xattr_block", inode.xattr_block);
	show_times(show, &inode);
	show_u64(show, "generation", inode.generation);
	show_u64(show, "version", inode.version);
	if (superblock->inode_size > SMALL_INODE)
		show_size(show, "extra_size", inode.extra_isize);
	show_checksum(show, inode.checksum, inode.checksum_stored, inode.checksum_computed, 8);
	show_end(show);
	free(raw);
	return EXIT_CLEAN;
}
