/* SPDX-License-Identifier: MIT */
/*
 * `show extents`: where the blocks of a file lie, run by run, with the blocks of the map itself and
 * with holes; for extent trees and for block maps.
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

#include <ext/extent_node.h>

enum { ENTRY = 12 };

static unsigned le16_at(struct ext_span bytes, size_t at)
{
	return at + 2 <= bytes.size ? bytes.data[at] | (unsigned)bytes.data[at + 1] << 8 : 0;
}

void annotate_extent_node(struct annotate *annotate, struct ext_span node, size_t at, size_t size)
{
	const bool is_node = le16_at(node, at) == EXT_EXTENT_HEADER_MAGIC;
	const unsigned entries = le16_at(node, at + 2);
	const unsigned room = le16_at(node, at + 4);
	const unsigned depth = le16_at(node, at + 6);

	annotate_structure(annotate, "extent_header", at, NULL);
	for (unsigned i = 1; is_node && i <= entries && (i + 1) * ENTRY <= size; i++)
		annotate_structure(annotate, depth == 0 ? "extent" : "extent_index", at + i * ENTRY,
				   NULL);
	/* The root, in the inode, has no tail. */
	if (is_node && size > 60 && (room + 1) * ENTRY + 4u <= size)
		annotate_structure(annotate, "extent_tail", at + (room + 1) * ENTRY, NULL);
}

void show_dump_tree_block(struct show *show, const char *key, struct ext_span block,
			  uint64_t offset, bool is_extents)
{
	struct annotate annotate;

	show_dump_begin(show, &annotate, key, block, offset);
	if (is_extents) {
		annotate_extent_node(&annotate, block, 0, block.size);
	} else {
		for (size_t at = 0; at + 4 <= block.size; at += 4)
			if (le16_at(block, at) | le16_at(block, at + 2))
				annotate_structure(&annotate, "indirect_entry", at, NULL);
	}
	annotate_end(&annotate);
}

static const char *kind_name(enum ext_run_kind kind)
{
	static const char *const names[] = {"data", "unwritten", "tree"};

	return names[kind];
}

static void show_hole(struct show *show, uint64_t first, uint64_t end)
{
	if (first >= end)
		return;
	if (show->json) {
		json_object(show->json, NULL);
		json_text(show->json, "kind", "hole");
		json_u64(show->json, "logical", first);
		json_u64(show->json, "length", end - first);
		json_end_object(show->json);
		return;
	}
	printf("  %-9s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", "hole", first, end - 1,
	       end - first);
}

static void show_run(struct show *show, const struct ext_run *run, bool is_extents,
		     const struct ext_mapping *mapping)
{
	if (show->json) {
		json_object(show->json, NULL);
		json_text(show->json, "kind", kind_name(run->kind));
		json_u64(show->json, "logical", run->logical);
		json_u64(show->json, "length", run->length);
		json_u64(show->json, "block", run->physical);
		if (run->kind == EXT_RUN_TREE)
			json_u64(show->json, "depth", run->depth);
		if (show->hex && run->kind == EXT_RUN_TREE)
			show_dump_tree_block(show, "bytes", ext_mapping_tree_block(mapping),
					     show_block_offset(show, run->physical), is_extents);
		json_end_object(show->json);
		return;
	}
	if (run->kind == EXT_RUN_TREE) {
		printf("  %s%-9s %12" PRIu32 " %12s %12s %12" PRIu64 "  %s, level %u%s\n",
		       text_color(show->colors, TEXT_DIM), "tree", run->logical, "", "1",
		       run->physical, is_extents ? "extent node" : "indirect block", run->depth,
		       text_color(show->colors, TEXT_PLAIN));
		if (show->hex)
			show_dump_tree_block(show, "bytes", ext_mapping_tree_block(mapping),
					     show_block_offset(show, run->physical), is_extents);
		return;
	}
	printf("  %-9s %12" PRIu32 " %12" PRIu64 " %12" PRIu32 " %12" PRIu64 " to %" PRIu64 "\n",
	       kind_name(run->kind), run->logical, (uint64_t)run->logical + run->length - 1,
	       run->length, run->physical, run->physical + run->length - 1);
}

int show_extents(struct show *show, const char *operand)
{
	struct ext_inode inode;
	struct ext_mapping *mapping;
	struct ext_run run;
	struct ext_error error;
	uint64_t expected = 0, end, offset = 0;
	uint8_t *raw;
	bool is_extents;
	int status;

	if (!operand) {
		complain("show extents: an inode number or a path is wanted");
		return EXIT_WRONG_USAGE;
	}
	raw = malloc(show->superblock->inode_size);
	if (!raw || ext_mapping_new(show->filesystem, &mapping, &error) != EXT_OK) {
		complain("%s: out of memory", show->image->path);
		free(raw);
		return EXIT_CANNOT_RUN;
	}
	status = target_by_number_or_path(show->image, operand, &inode, raw);
	if (status != EXIT_CLEAN)
		goto out;
	is_extents = (inode.flags & EXT_INODE_EXTENTS) != 0;
	if (!ext_inode_maps_blocks(&inode)) {
		complain("%s: %s: maps no blocks: %s", show->image->path, operand,
			 inode.flags & EXT_INODE_INLINE_DATA ? "its content is in the inode"
							     : "it is a device, a pipe, a socket, "
							       "or a short symlink");
		status = EXIT_CANNOT_RUN;
		goto out;
	}
	end = (inode.size >> show->superblock->block_size_log2) +
	      ((inode.size & (show->superblock->block_size - 1)) != 0);
	show_heading(show, "Inode %" PRIu32 ", %" PRIu64 " bytes, by %s", inode.number, inode.size,
		     is_extents ? "extents" : "block map");
	if (show->json) {
		json_object(show->json, "extents");
		json_u64(show->json, "inode", inode.number);
		json_u64(show->json, "size", inode.size);
		json_text(show->json, "mapped_by", is_extents ? "extents" : "block map");
	}
	if (show->hex) {
		ext_inode_offset(show->filesystem, inode.number, &offset, NULL);
		show_dump_inode(show, "inode_bytes",
				(struct ext_span){raw, show->superblock->inode_size}, offset);
	}
	if (show->json)
		json_array(show->json, "runs");
	else
		printf("  %-9s %12s %12s %12s %12s\n", "kind", "first", "last", "blocks",
		       "at block");
	ext_mapping_start(mapping, &inode, 0, &show->findings->sink);
	while (ext_mapping_next(mapping, &run) == EXT_OK && !cancelled()) {
		if (run.kind != EXT_RUN_TREE) {
			show_hole(show, expected, run.logical);
			expected = (uint64_t)run.logical + run.length;
		}
		show_run(show, &run, is_extents, mapping);
	}
	show_hole(show, expected, end);
	if (show->json) {
		json_end_array(show->json);
		json_bool(show->json, "damaged", ext_mapping_damaged(mapping));
		json_end_object(show->json);
	} else if (ext_mapping_damaged(mapping)) {
		printf("  %sThe map is damaged: parts of it are missing here.%s\n",
		       text_color(show->colors, TEXT_RED), text_color(show->colors, TEXT_PLAIN));
	}
	if (cancelled())
		status = EXIT_CANCELLED;
out:
	ext_mapping_free(mapping);
	free(raw);
	return status;
}
