/* SPDX-License-Identifier: MIT */
/*
 * Replaying fast commits: each record says what an inode, a range of blocks or a name is to be, in
 * the order of the log. What a record refers to may be missing or already done; Linux passes over
 * that, and so it is done here.  Doc: ext4/journal.rst, "Fast commits".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "layout/layout.h"
#include "walk/directory_edit.h"
#include "walk/inode_edit.h"
#include "walk/journal.h"

#include <ext/edit.h>
#include <ext/orphan.h>

enum {
	SECTOR_LOG2 = 9,
	EXTENT_MAGIC = 0xf30a,
	ROOT_MAX = 4,
	I_BLOCK_AT = 0x28,
	GENERATION_AT = 0x64,
	DIRECT_POINTERS = 12,
};

struct replay {
	struct ext_journal *journal;
	struct ext_editor *editor;
	const struct ext_superblock *superblock;
	struct reserved_ranges reserved; /* what ranges of the log will claim */
	size_t reserved_capacity;
	ext_ino *touched; /* inodes whose blocks count at the end */
	size_t touched_count, touched_capacity;
	uint8_t *raw;	      /* an inode */
	bool has_upset_linux; /* see linux_misreads */
};

static enum ext_status touch(struct replay *replay, ext_ino ino, struct ext_error *error)
{
	/* Records of one inode come together; a repetition does no harm. */
	if (replay->touched_count > 0 && replay->touched[replay->touched_count - 1] == ino)
		return EXT_OK;
	if (replay->touched_count == replay->touched_capacity) {
		const size_t capacity =
			replay->touched_capacity ? replay->touched_capacity * 2 : 64;
		ext_ino *touched = realloc(replay->touched, capacity * sizeof *touched);

		if (!touched)
			return ext_no_memory(error);
		replay->touched = touched;
		replay->touched_capacity = capacity;
	}
	replay->touched[replay->touched_count++] = ino;
	return EXT_OK;
}

/* An inode as Linux would take it: in use, with a name, undamaged. */
static enum ext_status get_inode(struct replay *replay, ext_ino ino, struct ext_inode *inode,
				 struct ext_error *error)
{
	const enum ext_status status = ext_inode_read(ext_editor_filesystem(replay->editor), ino,
						      inode, replay->raw, error);

	if (status != EXT_OK)
		return status;
	return inode->links == 0 || inode->mode == 0 || inode->checksum == EXT_CHECKSUM_BAD
		       ? EXT_END
		       : EXT_OK;
}

static enum ext_status put_links(struct replay *replay, ext_ino ino, uint16_t links,
				 struct ext_error *error)
{
	put(&((struct ext_raw_inode *)(void *)replay->raw)->i_links_count, links);
	return ext_editor_write_inode(replay->editor, ino, replay->raw, error);
}

/* i_blocks from what is mapped, since blocks were allocated anew. */
static enum ext_status count_blocks(struct replay *replay, ext_ino ino, struct ext_error *error)
{
	const struct ext_superblock *sb = replay->superblock;
	struct ext_inode inode;
	uint64_t blocks = 0;
	enum ext_status status;

	ext_inode_decode(sb, ino, replay->raw, &inode);
	status = inode_mapped_blocks(ext_editor_filesystem(replay->editor), &inode, &blocks, error);
	if (status != EXT_OK)
		return status;
	/* Linux forgets the attribute block here; it belongs to the count. */
	if (inode.xattr_block != 0)
		blocks += sb->cluster_blocks;
	inode_put_sectors(sb, replay->raw, blocks << (sb->block_size_log2 - SECTOR_LOG2));
	return EXT_OK;
}

static enum ext_status replay_inode(struct replay *replay,
				    const struct ext_fast_commit_record *record,
				    struct ext_error *error)
{
	const struct ext_superblock *sb = replay->superblock;
	struct ext_raw_inode *core = (struct ext_raw_inode *)(void *)replay->raw;
	struct ext_raw_extent_header *header =
		(struct ext_raw_extent_header *)(void *)core->i_block;
	const size_t size = record->raw.size < sb->inode_size ? record->raw.size : sb->inode_size;
	struct ext_inode inode;
	enum ext_status status;

	status = ext_inode_read(ext_editor_filesystem(replay->editor), record->inode, &inode,
				replay->raw, error);
	if (status != EXT_OK)
		return status;
	const bool was_orphan = inode.links == 0 && inode.mode != 0;
	const struct le32 chain = core->i_dtime;

	memcpy(replay->raw, record->raw.data, I_BLOCK_AT);
	/*
	 * Of an inode without names the field is a link of the orphan chain as it was in memory;
	 * the chain to go by is that of the last full commit.
	 */
	if (get(core->i_links_count) == 0) {
		put(&core->i_dtime, 0U);
		if (was_orphan)
			core->i_dtime = chain;
	}
	memcpy(replay->raw + GENERATION_AT, record->raw.data + GENERATION_AT, size - GENERATION_AT);
	if (get(core->i_flags) & EXT_INODE_EXTENTS) {
		if (get(header->eh_magic) != EXTENT_MAGIC) {
			memset(core->i_block, 0, sizeof core->i_block);
			put(&header->eh_magic, EXTENT_MAGIC);
			put(&header->eh_max, ROOT_MAX);
		}
	} else if (get(core->i_flags) & EXT_INODE_INLINE_DATA) {
		/* What was mapped before the data moved into the inode. */
		if (ext_inode_maps_blocks(&inode) && inode.links != 0)
			status = inode_mark_mapped(replay->editor, &inode, false, NULL, error);
		memcpy(core->i_block, record->raw.data + I_BLOCK_AT, sizeof core->i_block);
	} else if (!ext_inode_maps_blocks(&inode) || inode.all_zero) {
		memcpy(core->i_block, record->raw.data + I_BLOCK_AT, sizeof core->i_block);
	}
	if (status == EXT_OK && !(get(core->i_flags) & EXT_INODE_INLINE_DATA))
		status = count_blocks(replay, record->inode, error);
	if (status == EXT_OK)
		status = ext_editor_write_inode(replay->editor, record->inode, replay->raw, error);
	if (status == EXT_OK)
		status = ext_editor_mark_inode(replay->editor, record->inode, true,
					       (get(core->i_mode) & 0xf000) == 0x4000, error);
	return status;
}

/* One stretch of an added range: a hole, or one extent. */
static enum ext_status add_stretch(struct replay *replay, struct extent_edit *edit,
				   const struct extent *wanted, const struct extent *found,
				   struct ext_error *error)
{
	enum ext_status status;

	if (found->length > 0) {
		const ext_block old = found->physical + (wanted->logical - found->logical);

		if (old == wanted->physical && found->unwritten == wanted->unwritten)
			return EXT_OK;
		status = extent_edit_remove(edit, wanted->logical,
					    wanted->logical + wanted->length - 1,
					    old != wanted->physical, error);
		if (status != EXT_OK)
			return status;
	}
	status = extent_edit_insert(edit, wanted, error);
	if (status != EXT_OK)
		return status;
	return ext_editor_mark_blocks(replay->editor, wanted->physical, wanted->length, true,
				      error);
}

static enum ext_status add_range(struct replay *replay, struct extent_edit *edit,
				 const struct ext_fast_commit_record *record,
				 struct ext_error *error)
{
	uint32_t done = 0;

	while (done < record->range_length) {
		struct extent wanted = {
			.logical = record->logical + done,
			.physical = record->physical + done,
			.unwritten = record->unwritten,
		};
		struct extent found;
		uint64_t hole, length = record->range_length - done;
		enum ext_status status =
			extent_edit_find(edit, wanted.logical, &found, &hole, error);

		if (status != EXT_OK)
			return status;
		if (found.length > 0)
			hole = found.length - (wanted.logical - found.logical);
		length = min_u64(length, hole);
		wanted.length = (uint32_t)length;
		status = add_stretch(replay, edit, &wanted, &found, error);
		if (status != EXT_OK)
			return status;
		done += wanted.length;
	}
	return EXT_OK;
}

/*
 * A file that left its inode in this fast commit is still an inline one when its ranges come. Linux
 * takes its content for a block map then; where that leads out of the filesystem it notes an error
 * in the superblock, and with an error noted it leaves the orphans alone.
 */
static bool linux_misreads(const struct replay *replay, const struct ext_fast_commit_record *record,
			   const struct ext_inode *inode)
{
	const struct ext_superblock *sb = replay->superblock;
	const uint64_t end =
		min_u64((uint64_t)record->logical + record->range_length, DIRECT_POINTERS);

	if (!(inode->flags & EXT_INODE_INLINE_DATA))
		return false;
	for (uint64_t i = record->logical; i < end; i++) {
		struct le32 pointer;

		memcpy(&pointer, inode->i_block + i * sizeof pointer, sizeof pointer);
		if (get(pointer) != 0 &&
		    (get(pointer) <= sb->first_data_block || get(pointer) >= sb->block_count))
			return true;
	}
	return false;
}

static enum ext_status replay_range(struct replay *replay,
				    const struct ext_fast_commit_record *record,
				    struct ext_error *error)
{
	struct extent_edit *edit;
	struct ext_inode inode;
	uint64_t end;
	enum ext_status status = get_inode(replay, record->inode, &inode, error);

	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	end = (uint64_t)record->logical + record->range_length;
	if (linux_misreads(replay, record, &inode))
		replay->has_upset_linux = true;
	if (record->range_length == 0 || !(inode.flags & EXT_INODE_EXTENTS))
		return EXT_OK;
	if (end > (uint64_t)UINT32_MAX + 1 ||
	    (record->tag == EXT_FAST_COMMIT_ADD_RANGE &&
	     (record->physical < replay->superblock->first_data_block ||
	      !range_inside(record->physical, record->range_length,
			    replay->superblock->block_count))))
		return ext_fail(error, EXT_CORRUPT, EXT_FAST_COMMIT_RECORD, (struct ext_place){0},
				0);
	status = extent_edit_open(replay->editor, record->inode, replay->raw, &replay->reserved,
				  &edit, error);
	if (status != EXT_OK)
		return status;
	if (record->tag == EXT_FAST_COMMIT_ADD_RANGE)
		status = add_range(replay, edit, record, error);
	else
		status =
			extent_edit_remove(edit, record->logical, (uint32_t)(end - 1), true, error);
	/* What was done is kept even when the rest could not be. */
	const enum ext_status finished = extent_edit_finish(edit, status == EXT_OK ? error : NULL);

	extent_edit_close(edit);
	if (status == EXT_OK)
		status = finished;
	if (status == EXT_OK)
		status = count_blocks(replay, record->inode, error);
	if (status == EXT_OK)
		status = ext_editor_write_inode(replay->editor, record->inode, replay->raw, error);
	return status;
}

static enum ext_status add_name(struct replay *replay, const struct ext_fast_commit_record *record,
				uint8_t file_type, struct ext_error *error)
{
	const struct new_entry entry = {
		.name = record->name, .inode = record->inode, .file_type = file_type};
	struct directory_edit edit;
	enum ext_status status = directory_edit_open(&edit, replay->editor, &replay->reserved,
						     record->parent, error);

	if (status != EXT_OK)
		return status;
	status = directory_edit_add(&edit, &entry, error);
	if (status == EXT_OK)
		status = directory_edit_finish(&edit, error);
	directory_edit_clear(&edit);
	return status;
}

static enum ext_status make_directory(struct replay *replay,
				      const struct ext_fast_commit_record *record,
				      struct ext_error *error)
{
	struct directory_edit edit;
	enum ext_status status =
		directory_edit_open(&edit, replay->editor, &replay->reserved, record->inode, error);

	if (status != EXT_OK)
		return status;
	status = directory_edit_make(&edit, record->parent, error);
	if (status == EXT_OK)
		status = directory_edit_finish(&edit, error);
	directory_edit_clear(&edit);
	return status;
}

static enum ext_status replay_name(struct replay *replay,
				   const struct ext_fast_commit_record *record,
				   struct ext_error *error)
{
	const bool is_new = record->tag == EXT_FAST_COMMIT_CREAT;
	struct ext_inode inode;
	enum ext_status status;

	if (is_new) {
		status = ext_editor_mark_inode(replay->editor, record->inode, true, false, error);
		if (status != EXT_OK)
			return status;
	}
	status = get_inode(replay, record->inode, &inode, error);
	if (status == EXT_END && !is_new)
		return EXT_OK;
	if (status == EXT_END)
		return ext_fail(error, EXT_CORRUPT, EXT_FAST_COMMIT_RECORD, (struct ext_place){0},
				0);
	if (status == EXT_OK && is_new && inode.type == EXT_TYPE_DIRECTORY)
		status = make_directory(replay, record, error);
	if (status != EXT_OK)
		return status;
	status = add_name(replay, record, (uint8_t)inode.type, error);
	/* A name that is there already is no fault: the block may have come to the disk before. */
	if (status != EXT_OK && status != EXT_END)
		return status;

	const bool added = status == EXT_OK;

	status = get_inode(replay, record->inode, &inode, error);
	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	if (is_new)
		return put_links(replay, record->inode, 1, error);
	return added ? put_links(replay, record->inode, (uint16_t)(inode.links + 1), error)
		     : EXT_OK;
}

static enum ext_status replay_unlink(struct replay *replay,
				     const struct ext_fast_commit_record *record,
				     struct ext_error *error)
{
	struct directory_edit edit;
	struct ext_inode inode;
	uint64_t freed;
	enum ext_status status = get_inode(replay, record->inode, &inode, error);

	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	status = directory_edit_open(&edit, replay->editor, &replay->reserved, record->parent,
				     error);
	if (status != EXT_OK)
		return status == EXT_MEMORY ? status : EXT_OK;
	status = directory_edit_remove(&edit, record->name, record->inode, error);
	if (status == EXT_OK)
		status = directory_edit_finish(&edit, error);
	directory_edit_clear(&edit);
	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	status = get_inode(replay, record->inode, &inode, error);
	if (status != EXT_OK)
		return status == EXT_END ? EXT_OK : status;
	if (inode.links > 1)
		return put_links(replay, record->inode, (uint16_t)(inode.links - 1), error);
	/* The last name: nobody can have the file open, so it goes at once. */
	return inode_delete(replay->editor, record->inode, &freed, error);
}

static enum ext_status replay_record(struct replay *replay,
				     const struct ext_fast_commit_record *record,
				     struct ext_error *error)
{
	enum ext_status status = EXT_OK;

	switch (record->tag) {
	case EXT_FAST_COMMIT_CREAT:
	case EXT_FAST_COMMIT_LINK:
	case EXT_FAST_COMMIT_UNLINK:
		status = touch(replay, record->parent, error);
		if (status != EXT_OK)
			return status;
		if (record->tag == EXT_FAST_COMMIT_UNLINK)
			return replay_unlink(replay, record, error);
		status = touch(replay, record->inode, error);
		return status == EXT_OK ? replay_name(replay, record, error) : status;
	case EXT_FAST_COMMIT_ADD_RANGE:
	case EXT_FAST_COMMIT_DEL_RANGE:
		status = touch(replay, record->inode, error);
		return status == EXT_OK ? replay_range(replay, record, error) : status;
	case EXT_FAST_COMMIT_INODE:
		status = touch(replay, record->inode, error);
		return status == EXT_OK ? replay_inode(replay, record, error) : status;
	case EXT_FAST_COMMIT_PAD:
	case EXT_FAST_COMMIT_TAIL:
	case EXT_FAST_COMMIT_HEAD:
		break;
	}
	return EXT_OK;
}

/* Calls `take` for each record that counts, in order. */
static enum ext_status for_each_record(
	struct replay *replay,
	enum ext_status (*take)(struct replay *replay, const struct ext_fast_commit_record *record,
				struct ext_error *error),
	struct ext_journal_result *result, struct ext_error *error)
{
	const struct ext_journal *journal = replay->journal;
	const uint32_t size = journal->superblock.block_size;
	struct log_reader reader;
	uint32_t first, end, left = journal->summary.fast_commit_records;
	enum ext_status status = log_reader_init(&reader, journal, true, error);

	if (status != EXT_OK)
		return status;
	journal_fast_commit_area(journal, &first, &end);
	for (uint32_t log = first; log < end && left > 0 && status == EXT_OK; log++) {
		const uint8_t *bytes = log_reader_block(&reader, log);
		struct ext_fast_commit_cursor cursor;
		struct ext_fast_commit_record record;

		if (!bytes)
			break;
		ext_fast_commit_cursor_init(&cursor, replay->superblock,
					    (struct ext_span){bytes, size});
		while (left > 0 && ext_fast_commit_next(&cursor, &record, NULL) == EXT_OK) {
			left--;
			status = take(replay, &record, error);
			if (status == EXT_MEMORY)
				break;
			if (result) {
				result->fast_commit_records++;
				if (status != EXT_OK) {
					result->fast_commit_failures++;
					journal_report(journal, EXT_FAST_COMMIT_RECORD, log,
						       result->fast_commit_records, 0, 0);
				}
			}
			status = EXT_OK;
		}
	}
	log_reader_clear(&reader);
	return status;
}

static enum ext_status reserve(struct replay *replay, const struct ext_fast_commit_record *record,
			       struct ext_error *error)
{
	if (record->tag != EXT_FAST_COMMIT_ADD_RANGE ||
	    !range_inside(record->physical, record->range_length, replay->superblock->block_count))
		return EXT_OK;
	if (replay->reserved.count == replay->reserved_capacity) {
		const size_t capacity =
			replay->reserved_capacity ? replay->reserved_capacity * 2 : 64;
		struct reserved_range *ranges =
			realloc(replay->reserved.ranges, capacity * sizeof *ranges);

		if (!ranges)
			return ext_no_memory(error);
		replay->reserved.ranges = ranges;
		replay->reserved_capacity = capacity;
	}
	replay->reserved.ranges[replay->reserved.count++] =
		(struct reserved_range){.block = record->physical, .length = record->range_length};
	return EXT_OK;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct reserved_range *left = a, *right = b;

	return (left->block > right->block) - (left->block < right->block);
}

static int compare_numbers(const void *a, const void *b)
{
	const ext_ino left = *(const ext_ino *)a, right = *(const ext_ino *)b;

	return (left > right) - (left < right);
}

/* The orphans of the last full commit, sorted. */
static enum ext_status collect_orphans(struct replay *replay, ext_ino **orphans, size_t *count,
				       struct ext_error *error)
{
	struct ext_orphans *cursor;
	struct ext_orphan orphan;
	size_t capacity = 0;
	enum ext_status status =
		ext_orphans_open(ext_editor_filesystem(replay->editor), NULL, &cursor, error);

	if (status != EXT_OK)
		return status;
	while (ext_orphans_next(cursor, &orphan) == EXT_OK) {
		if (*count == capacity) {
			const size_t larger = capacity ? capacity * 2 : 16;
			ext_ino *grown = realloc(*orphans, larger * sizeof *grown);

			if (!grown) {
				status = ext_no_memory(error);
				break;
			}
			*orphans = grown;
			capacity = larger;
		}
		(*orphans)[(*count)++] = orphan.inode;
	}
	ext_orphans_close(cursor);
	if (*count > 0)
		qsort(*orphans, *count, sizeof **orphans, compare_numbers);
	return status;
}

/*
 * What came of a touched inode. A block that one record freed may have been given to another file
 * by an earlier record: in the end everything that the inodes map is in use. One that has lost its
 * last name while it was open stands on no list, because only a full commit would have put it
 * there; it goes as the orphans go. Linux refuses to mount then.
 */
static enum ext_status settle_inode(struct replay *replay, ext_ino ino, const ext_ino *orphans,
				    size_t orphan_count, struct ext_error *error)
{
	struct ext_inode inode;
	bool used = false;
	uint64_t freed;

	if (ext_inode_read(ext_editor_filesystem(replay->editor), ino, &inode, NULL, NULL) !=
	    EXT_OK)
		return EXT_OK;
	if (inode.links != 0)
		return inode.mode != 0 && inode.checksum != EXT_CHECKSUM_BAD
			       ? inode_mark_mapped(replay->editor, &inode, true, NULL, error)
			       : EXT_OK;
	if (inode.mode == 0 || ino < replay->superblock->first_inode ||
	    ext_editor_inode_is_used(replay->editor, ino, &used, NULL) != EXT_OK || !used ||
	    (orphan_count > 0 &&
	     bsearch(&ino, orphans, orphan_count, sizeof *orphans, compare_numbers)))
		return EXT_OK;
	return inode_delete(replay->editor, ino, &freed, error);
}

/*
 * An inode number that was an orphan's may come back as a new file's, which cuts the chain: whoever
 * stands on it now is looked at in the end.
 */
static enum ext_status touch_orphans(struct replay *replay, struct ext_error *error)
{
	ext_ino *orphans = NULL;
	size_t count = 0;
	enum ext_status status = collect_orphans(replay, &orphans, &count, error);

	for (size_t i = 0; status == EXT_OK && i < count; i++)
		status = touch(replay, orphans[i], error);
	free(orphans);
	return status;
}

static enum ext_status settle_touched(struct replay *replay, struct ext_error *error)
{
	ext_ino *orphans = NULL;
	size_t orphan_count = 0;
	enum ext_status status = collect_orphans(replay, &orphans, &orphan_count, error);

	if (replay->touched_count > 0)
		qsort(replay->touched, replay->touched_count, sizeof *replay->touched,
		      compare_numbers);
	for (size_t i = 0; status == EXT_OK && i < replay->touched_count; i++)
		if (i == 0 || replay->touched[i] != replay->touched[i - 1])
			status = settle_inode(replay, replay->touched[i], orphans, orphan_count,
					      error);
	free(orphans);
	return status;
}

enum ext_status journal_replay_fast_commits(struct ext_journal *journal, struct ext_source *overlay,
					    struct ext_journal_result *result,
					    struct ext_error *error)
{
	struct replay replay = {.journal = journal};
	enum ext_status status = ext_editor_open(overlay, NULL, &replay.editor, error);

	/* Without a superblock to go by, the replayed blocks are all there is. */
	if (status != EXT_OK)
		return status == EXT_MEMORY ? status : EXT_OK;
	replay.superblock = ext_filesystem_superblock(ext_editor_filesystem(replay.editor));
	replay.raw = malloc(replay.superblock->inode_size);
	status = replay.raw ? for_each_record(&replay, reserve, NULL, error) : ext_no_memory(error);
	if (replay.reserved.count > 0)
		qsort(replay.reserved.ranges, replay.reserved.count, sizeof *replay.reserved.ranges,
		      compare_ranges);
	if (status == EXT_OK)
		status = touch_orphans(&replay, error);
	if (status == EXT_OK)
		status = for_each_record(&replay, replay_record, result, error);
	if (status == EXT_OK)
		status = settle_touched(&replay, error);
	if (status == EXT_OK)
		status = ext_editor_finish(replay.editor, error);
	ext_editor_close(replay.editor);
	if (status == EXT_OK && replay.has_upset_linux)
		status = journal_note_error(overlay, error);
	free(replay.reserved.ranges);
	free(replay.touched);
	free(replay.raw);
	return status;
}
