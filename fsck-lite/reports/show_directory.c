/* SPDX-License-Identifier: MIT */
/*
 * `show dir`: a directory block by block: every entry with its place, free ones included, and the
 * index with its hashes; unlike `ls`, which shows names.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "complain.h"
#include "exit.h"
#include "reports/show.h"
#include "reports/text.h"
#include "target.h"

static const char *const kind_names[] = {
	[EXT_DIRECTORY_LEAF] = "leaf",
	[EXT_DIRECTORY_HTREE_ROOT] = "index root",
	[EXT_DIRECTORY_HTREE_NODE] = "index node",
};

void annotate_dirents(struct annotate *annotate, const struct ext_superblock *superblock,
		      struct ext_span bytes, size_t base, size_t at, size_t size, bool has_tail)
{
	const struct ext_span part = {bytes.data + base, size};
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	ext_dirent_cursor_init(&cursor, superblock, part, (uint32_t)at, has_tail);
	while (ext_dirent_next(&cursor, &entry, NULL) == EXT_OK) {
		annotate_structure(annotate, "dirent", base + entry.at,
				   entry.inode == 0 ? "free directory entry" : NULL);
		if (entry.name_length > 0)
			annotate_bytes(annotate, base + entry.at + 8, entry.name_length, "name",
				       entry.inode == 0 ? "What was here before" : "",
				       EXT_SHOW_TEXT);
	}
	if (has_tail)
		annotate_structure(annotate, "dirent_tail", base + size - 12, NULL);
}

static void annotate_index(struct annotate *annotate, const struct ext_superblock *superblock,
			   struct ext_span block, enum ext_directory_block_kind kind)
{
	const size_t base = kind == EXT_DIRECTORY_HTREE_ROOT ? 32 : 8;
	struct ext_htree_block htree;

	annotate_structure(annotate, kind == EXT_DIRECTORY_HTREE_ROOT ? "htree_root" : "htree_node",
			   0, NULL);
	annotate_structure(annotate, "htree_countlimit", base, NULL);
	if (ext_htree_decode(superblock, kind, block, &htree, NULL) != EXT_OK)
		return;
	for (unsigned i = 1; i < htree.count; i++)
		annotate_structure(annotate, "htree_entry", base + i * 8, NULL);
	if (superblock->has_metadata_csum && base + htree.limit * 8u + 8 <= block.size)
		annotate_structure(annotate, "htree_tail", base + htree.limit * 8u, NULL);
}

void show_dump_directory_block(struct show *show, const char *key, struct ext_span block,
			       uint64_t offset, enum ext_directory_block_kind kind)
{
	struct annotate annotate;

	show_dump_begin(show, &annotate, key, block, offset);
	if (kind == EXT_DIRECTORY_LEAF)
		annotate_dirents(&annotate, show->superblock, block, 0, 0, block.size,
				 ext_directory_block_has_tail(show->superblock, block));
	else
		annotate_index(&annotate, show->superblock, block, kind);
	annotate_end(&annotate);
}

/* The view's state: which directory, which block. */
struct view {
	struct show *show;
	const struct ext_inode *inode;
	uint32_t seed;
};

static void show_entry(struct show *show, const struct ext_inode *directory,
		       const struct ext_dirent *entry)
{
	char name[256];
	size_t length;

	if (show->json) {
		json_object(show->json, NULL);
		json_u64(show->json, "at", entry->at);
		json_u64(show->json, "record_length", entry->record_length);
		json_u64(show->json, "inode", entry->inode);
		if (entry->inode == 0) {
			json_bool(show->json, "free", true);
		} else {
			length = ext_dirent_shown_name(show->superblock, directory, entry, name);
			json_text(show->json, "type",
				  show_type_name((enum ext_file_type)entry->file_type));
			json_name(show->json, "name", name, length);
		}
		json_end_object(show->json);
		return;
	}
	printf("  %6" PRIu32 " %6" PRIu32 " %10" PRIu32 "  ", entry->at, entry->record_length,
	       entry->inode);
	if (entry->inode == 0) {
		printf("%sfree%s\n", text_color(show->colors, TEXT_DIM),
		       text_color(show->colors, TEXT_PLAIN));
		return;
	}
	length = ext_dirent_shown_name(show->superblock, directory, entry, name);
	printf("%-9s  ", show_type_name((enum ext_file_type)entry->file_type));
	text_name(stdout, name, length);
	putchar('\n');
}

/* A chain of entries; `base` names the place for what is wrong. */
static void show_chain(struct show *show, const struct ext_inode *inode,
		       struct ext_dirent_cursor *cursor, const struct ext_place *place)
{
	struct ext_dirent entry;
	struct ext_error error;
	enum ext_status status;

	if (show->json)
		json_array(show->json, "entries");
	else
		printf("      at  bytes      inode  type       name\n");
	while ((status = ext_dirent_next(cursor, &entry, &error)) != EXT_END) {
		if (status == EXT_OK) {
			show_entry(show, inode, &entry);
			continue;
		}
		error.place.has |= place->has;
		error.place.inode = place->inode;
		error.place.logical = place->logical;
		error.place.block = place->block;
		findings_aloud_error(show->findings, &error);
	}
	if (show->json)
		json_end_array(show->json);
}

static void show_index(struct show *show, enum ext_directory_block_kind kind, struct ext_span block,
		       const struct ext_place *place)
{
	struct ext_htree_block htree;
	struct ext_error error;
	uint32_t hash;
	ext_logical logical;

	if (ext_htree_decode(show->superblock, kind, block, &htree, &error) != EXT_OK) {
		error.place.has |= place->has;
		error.place.inode = place->inode;
		error.place.logical = place->logical;
		error.place.block = place->block;
		findings_aloud_error(show->findings, &error);
		return;
	}
	if (htree.is_root) {
		const struct ext_flag_name *version =
			ext_flag_by_value(ext_flags_by_name("hash_version"), htree.hash_version);

		show_text(show, "hash", version ? version->name : "unknown");
		show_u64(show, "levels", htree.levels);
	}
	show_u64(show, "count", htree.count);
	show_u64(show, "limit", htree.limit);
	if (show->json)
		json_array(show->json, "index");
	else
		printf("        hash  file block\n");
	for (unsigned i = 0; i < htree.count; i++) {
		ext_htree_entry(&htree, i, &hash, &logical);
		if (show->json) {
			json_object(show->json, NULL);
			json_u64(show->json, "hash", hash);
			json_u64(show->json, "logical", logical);
			json_end_object(show->json);
		} else {
			printf("    %08" PRIx32 "  %10" PRIu32 "\n", hash, logical);
		}
	}
	if (show->json)
		json_end_array(show->json);
}

static void show_one_block(const struct view *view, uint64_t logical, ext_block physical,
			   struct ext_span block)
{
	struct show *show = view->show;
	const enum ext_directory_block_kind kind = ext_directory_block_kind(
		show->superblock, view->inode, (ext_logical)logical, block);
	const bool has_tail =
		kind == EXT_DIRECTORY_LEAF && ext_directory_block_has_tail(show->superblock, block);
	const struct ext_place place = {.has = EXT_HAS_INODE | EXT_HAS_LOGICAL | EXT_HAS_BLOCK,
					.inode = view->inode->number,
					.logical = logical,
					.block = physical};
	struct ext_dirent_cursor cursor;
	uint32_t stored, computed;
	enum ext_checksum_state checksum;

	if (show->json)
		json_object(show->json, NULL);
	else
		putchar('\n');
	show_heading(show, "File block %" PRIu64 ", block %" PRIu64 ": %s", logical, physical,
		     kind_names[kind]);
	if (show->json) {
		show_u64(show, "logical", logical);
		show_u64(show, "block", physical);
		show_text(show, "kind", kind_names[kind]);
	}
	show->indent++;
	if (show->hex) {
		show_dump_directory_block(show, "bytes", block, show_block_offset(show, physical),
					  kind);
	} else {
		checksum = ext_directory_block_checksum(show->superblock, view->seed, kind, block,
							&stored, &computed);
		if (show->superblock->has_metadata_csum)
			show_checksum(show, checksum, stored, computed, 8);
		if (kind != EXT_DIRECTORY_LEAF)
			show_index(show, kind, block, &place);
		ext_dirent_cursor_init(&cursor, show->superblock, block, 0, has_tail);
		show_chain(show, view->inode, &cursor, &place);
	}
	show->indent--;
	if (show->json)
		json_end_object(show->json);
}

static int show_blocks(struct show *show, const struct ext_inode *inode)
{
	const uint32_t block_size = show->superblock->block_size;
	const struct view view = {
		show, inode, ext_inode_seed(show->superblock, inode->number, inode->generation)};
	struct ext_mapping *mapping;
	struct ext_error error;
	struct ext_run run;
	uint8_t *block = malloc(block_size);
	uint64_t expected = 0;

	if (!block || ext_mapping_new(show->filesystem, &mapping, &error) != EXT_OK) {
		complain("%s: out of memory", show->image->path);
		free(block);
		return EXIT_CANNOT_RUN;
	}
	if (show->json)
		json_array(show->json, "blocks");
	ext_mapping_start(mapping, inode, 0, &show->findings->sink);
	while (ext_mapping_next(mapping, &run) == EXT_OK && !cancelled()) {
		if (run.kind == EXT_RUN_TREE)
			continue;
		if (run.logical > expected && !show->json)
			printf("\nFile blocks %" PRIu64 " to %" PRIu64 ": a hole\n", expected,
			       (uint64_t)run.logical - 1);
		expected = (uint64_t)run.logical + run.length;
		for (uint32_t i = 0; i < run.length && !cancelled(); i++) {
			if (ext_filesystem_read_blocks(show->filesystem, run.physical + i, 1, block,
						       &error) != EXT_OK) {
				findings_aloud_error(show->findings, &error);
				continue;
			}
			show_one_block(&view, (uint64_t)run.logical + i, run.physical + i,
				       (struct ext_span){block, block_size});
		}
	}
	if (show->json)
		json_end_array(show->json);
	ext_mapping_free(mapping);
	free(block);
	return cancelled() ? EXIT_CANCELLED : EXIT_CLEAN;
}

/* An inline directory has no blocks; the library makes up its first two entries. */
static int show_inline(struct show *show, const struct ext_inode *inode, const uint8_t *raw)
{
	struct ext_directory *directory;
	struct ext_dirent entry;
	struct ext_error error;

	if (show->hex) {
		uint64_t offset = 0;

		ext_inode_offset(show->filesystem, inode->number, &offset, NULL);
		show_dump_inode(show, "bytes", (struct ext_span){raw, show->superblock->inode_size},
				offset);
		return EXIT_CLEAN;
	}
	if (ext_directory_open_inode(show->filesystem, inode, raw, &directory, &error) != EXT_OK) {
		complain_error(show->image->path, &error);
		return EXIT_CANNOT_RUN;
	}
	if (show->json)
		json_array(show->json, "entries");
	else
		printf("In the inode:\n      at  bytes      inode  type       name\n");
	while (ext_directory_next(directory, &entry, &show->findings->sink, &error) == EXT_OK)
		show_entry(show, inode, &entry);
	if (show->json)
		json_end_array(show->json);
	ext_directory_close(directory);
	return EXIT_CLEAN;
}

int show_directory(struct show *show, const char *operand)
{
	uint8_t *raw;
	struct ext_inode inode;
	int status;

	if (!operand) {
		complain("show dir: an inode number or a path is wanted");
		return EXIT_WRONG_USAGE;
	}
	raw = malloc(show->superblock->inode_size);
	if (!raw) {
		complain("%s: out of memory", show->image->path);
		return EXIT_CANNOT_RUN;
	}
	status = target_by_number_or_path(show->image, operand, &inode, raw);
	if (status == EXIT_CLEAN && inode.type != EXT_TYPE_DIRECTORY &&
	    show->options->verbose == 0) {
		complain("%s: %s: is no directory by its mode; -v shows its blocks as if it were",
			 show->image->path, operand);
		status = EXIT_CANNOT_RUN;
	}
	if (status == EXIT_CLEAN) {
		show_heading(show, "Directory, inode %" PRIu32, inode.number);
		if (show->json) {
			json_object(show->json, "directory");
			json_u64(show->json, "inode", inode.number);
			json_u64(show->json, "size", inode.size);
			json_bool(show->json, "indexed", (inode.flags & EXT_INODE_INDEX) != 0);
			json_bool(show->json, "inline", (inode.flags & EXT_INODE_INLINE_DATA) != 0);
		}
		status = inode.flags & EXT_INODE_INLINE_DATA ? show_inline(show, &inode, raw)
							     : show_blocks(show, &inode);
		if (show->json)
			json_end_object(show->json);
	}
	free(raw);
	return status;
}
