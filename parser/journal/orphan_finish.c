/* SPDX-License-Identifier: MIT */
/*
 * What Linux does with orphans at mount: those without names are deleted, the others cut to their
 * size, and list and file are empty afterwards.  Doc: ext4/orphan.rst.
 */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "structure/filesystem.h"
#include "edit/inode_edit.h"

#include <ext/orphan.h>
#include <ext/recovery.h>

struct orphan_list {
	struct ext_orphan *orphans;
	size_t count, capacity;
};

static enum ext_status collect(const struct ext_filesystem *fs, struct ext_sink *sink,
			       struct orphan_list *list, struct ext_error *error)
{
	struct ext_orphans *cursor;
	struct ext_orphan orphan;
	enum ext_status status = ext_orphans_open(fs, sink, &cursor, error);

	if (status != EXT_OK)
		return status;
	while (ext_orphans_next(cursor, &orphan) == EXT_OK) {
		if (list->count == list->capacity) {
			const size_t capacity = list->capacity ? list->capacity * 2 : 16;
			struct ext_orphan *orphans =
				realloc(list->orphans, capacity * sizeof *orphans);

			if (!orphans) {
				status = ext_no_memory(error);
				break;
			}
			list->orphans = orphans;
			list->capacity = capacity;
		}
		list->orphans[list->count++] = orphan;
	}
	ext_orphans_close(cursor);
	return status;
}

static void tell(struct ext_sink *sink, enum ext_problem problem, ext_ino ino, uint64_t found)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = ino},
		.found = found,
	};

	ext_report(sink, &finding);
}

static enum ext_status finish_one(struct ext_editor *editor, const struct ext_orphan *orphan,
				  struct ext_sink *sink, struct ext_orphan_result *result,
				  struct ext_error *error)
{
	struct ext_inode inode;
	bool used = false;
	uint64_t freed = 0;
	enum ext_status status;

	if (ext_editor_inode_is_used(editor, orphan->inode, &used, NULL) != EXT_OK || !used ||
	    ext_inode_read(ext_editor_filesystem(editor), orphan->inode, &inode, NULL, NULL) !=
		    EXT_OK) {
		tell(sink, EXT_ORPHAN_NOT_IN_USE, orphan->inode, orphan->inode);
		result->failed++;
		return EXT_OK;
	}
	if (inode.links == 0) {
		status = inode_delete(editor, orphan->inode, &freed, error);
		if (status == EXT_OK) {
			result->deleted++;
			tell(sink, EXT_ORPHAN_PENDING, orphan->inode, freed);
		}
	} else {
		status = inode_truncate(editor, orphan->inode, &freed, error);
		if (status == EXT_OK) {
			result->truncated++;
			tell(sink, EXT_ORPHAN_TRUNCATE, orphan->inode, freed);
		}
	}
	result->freed_blocks += freed;
	if (status == EXT_OK || status == EXT_MEMORY)
		return status;
	result->failed++;
	return EXT_OK;
}

/* Empties the slot in the orphan file. */
static enum ext_status clear_slot(struct ext_editor *editor, const struct ext_orphan *orphan,
				  uint32_t seed, struct ext_error *error)
{
	const struct ext_filesystem *fs = ext_editor_filesystem(editor);
	const struct ext_superblock *sb = &fs->superblock;
	uint8_t *bytes = malloc(sb->block_size);
	enum ext_status status;

	if (!bytes)
		return ext_no_memory(error);
	status = ext_filesystem_read_blocks(fs, orphan->block, 1, bytes, error);
	if (status == EXT_OK) {
		const size_t tail_at = sb->block_size - sizeof(struct ext_raw_orphan_tail);
		struct ext_raw_orphan_tail *tail =
			(struct ext_raw_orphan_tail *)(void *)(bytes + tail_at);

		memset(bytes + orphan->at, 0, 4);
		if (sb->has_metadata_csum) {
			struct le64 number;

			put(&number, orphan->block);
			put(&tail->ob_checksum,
			    crc32c(crc32c(seed, &number, sizeof number), bytes, tail_at));
		}
		status = ext_editor_write_block(editor, orphan->block, bytes, error);
	}
	free(bytes);
	return status;
}

/* The list's head and the mark of the orphan file in the superblock. */
static enum ext_status clear_superblock(struct ext_source *overlay, struct ext_error *error)
{
	uint8_t bytes[EXT_SUPERBLOCK_SIZE];
	struct ext_raw_superblock *raw = (struct ext_raw_superblock *)(void *)bytes;

	if (ext_source_read(overlay, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes, NULL) != EXT_OK ||
	    get(raw->s_magic) != EXT_MAGIC)
		return EXT_OK;
	put(&raw->s_last_orphan, 0U);
	put(&raw->s_feature_ro_compat,
	    get(raw->s_feature_ro_compat) & ~(uint32_t)EXT_RO_ORPHAN_PRESENT);
	if (get(raw->s_feature_ro_compat) & EXT_RO_METADATA_CSUM)
		put(&raw->s_checksum,
		    crc32c(UINT32_MAX, bytes, offsetof(struct ext_raw_superblock, s_checksum)));
	return ext_overlay_write(overlay, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes, error);
}

/* The mark of a file in use, where there is none. */
static void check_mark(const struct ext_superblock *sb, struct ext_sink *sink)
{
	const struct ext_finding finding = {
		.problem = EXT_ORPHAN_PRESENT_WITHOUT_FILE,
		.place = {.structure = EXT_AT_SUPERBLOCK, .field = "s_feature_ro_compat"},
		.found = EXT_RO_ORPHAN_PRESENT,
	};

	if (ext_has_ro_compat(sb, EXT_RO_ORPHAN_PRESENT) &&
	    !ext_has_compat(sb, EXT_COMPAT_ORPHAN_FILE))
		ext_report(sink, &finding);
}

/* Is the inode marked as in use? What cannot be read is taken to be. */
static bool is_in_use(const struct ext_filesystem *fs, ext_ino ino, uint8_t *bitmap)
{
	const ext_group group = (ino - 1) / fs->superblock.inodes_per_group;
	struct ext_group_descriptor descriptor;

	ext_group_locations(fs, group, &descriptor);
	if (descriptor.flags & EXT_GROUP_INODE_UNINIT)
		return false;
	return ext_inode_bitmap_read(fs, group, bitmap, NULL, NULL) != EXT_OK ||
	       ext_bit_is_set(bitmap, (ino - 1) % fs->superblock.inodes_per_group);
}

enum ext_status ext_orphans_report(const struct ext_filesystem *fs, struct ext_sink *sink,
				   struct ext_error *error)
{
	struct orphan_list list = {0};
	uint8_t *bitmap = malloc(fs->superblock.block_size);
	enum ext_status status = bitmap ? collect(fs, NULL, &list, error) : ext_no_memory(error);

	check_mark(&fs->superblock, sink);
	for (size_t i = 0; status == EXT_OK && i < list.count; i++) {
		const ext_ino ino = list.orphans[i].inode;
		struct ext_inode inode;
		uint64_t blocks = 0;

		if (!is_in_use(fs, ino, bitmap) ||
		    ext_inode_read(fs, ino, &inode, NULL, NULL) != EXT_OK) {
			tell(sink, EXT_ORPHAN_NOT_IN_USE, ino, ino);
		} else if (inode.links == 0) {
			status = inode_mapped_blocks(fs, &inode, &blocks, error);
			tell(sink, EXT_ORPHAN_PENDING, ino, blocks);
		} else {
			tell(sink, EXT_ORPHAN_TRUNCATE, ino, 0);
		}
	}
	free(list.orphans);
	free(bitmap);
	return status;
}

static enum ext_status finish_all(struct ext_editor *editor, struct ext_source *overlay,
				  const struct orphan_list *list, struct ext_sink *sink,
				  struct ext_orphan_result *result, struct ext_error *error)
{
	const struct ext_filesystem *fs = ext_editor_filesystem(editor);
	const ext_ino file = fs->superblock.orphan_file_inode;
	struct ext_inode inode;
	uint32_t seed = 0;
	enum ext_status status = EXT_OK;

	if (file != 0 && ext_inode_read(fs, file, &inode, NULL, NULL) == EXT_OK)
		seed = ext_inode_seed(&fs->superblock, file, inode.generation);
	for (size_t i = 0; status == EXT_OK && i < list->count; i++) {
		status = finish_one(editor, &list->orphans[i], sink, result, error);
		if (status == EXT_OK && list->orphans[i].from_file)
			status = clear_slot(editor, &list->orphans[i], seed, error);
	}
	if (status == EXT_OK)
		status = ext_editor_finish(editor, error);
	return status == EXT_OK ? clear_superblock(overlay, error) : status;
}

enum ext_status ext_orphans_finish(struct ext_source *overlay,
				   const struct ext_open_options *options,
				   struct ext_orphan_result *result, struct ext_error *error)
{
	struct ext_sink *sink = options ? options->sink : NULL;
	struct ext_open_options quiet = options ? *options : (struct ext_open_options){0};
	struct ext_orphan_result unused;
	struct orphan_list list = {0};
	struct ext_editor *editor;
	enum ext_status status;

	/* Whoever opens the filesystem afterwards hears of its faults then. */
	quiet.sink = NULL;
	if (!result)
		result = &unused;
	*result = (struct ext_orphan_result){0};
	status = ext_editor_open(overlay, &quiet, &editor, error);
	if (status != EXT_OK)
		return status;

	const struct ext_filesystem *fs = ext_editor_filesystem(editor);

	status = collect(fs, sink, &list, error);
	check_mark(&fs->superblock, sink);
	if (status == EXT_OK && list.count > 0 && fs->superblock.state & EXT_STATE_ERRORS)
		result->skipped = true;
	else if (status == EXT_OK && list.count > 0)
		status = finish_all(editor, overlay, &list, sink, result, error);
	else if (status == EXT_OK && ext_has_ro_compat(&fs->superblock, EXT_RO_ORPHAN_PRESENT))
		status = clear_superblock(overlay, error);
	free(list.orphans);
	ext_editor_close(editor);
	return status;
}
