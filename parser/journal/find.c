/* SPDX-License-Identifier: MIT */
/*
 * Finding the journal: the journal inode, the copy of its block map that the superblock keeps, or a
 * device of its own; and which blocks of the image are the log's.  Doc: ext4/journal.rst, "External
 * Journal" for that layout.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "journal/journal.h"

#include <ext/mapping.h>
#include <ext/extent_node.h>

enum {
	SUPERBLOCK_BYTES = 1024,
	BACKUP_IS_BLOCKS = 1,  /* s_jnl_backup_type */
	BACKUP_SIZE_HIGH = 15, /* in s_jnl_blocks, behind 15 words of i_block */
	BACKUP_SIZE_LOW = 16,
	SUPERBLOCK_CHECKSUM_AT = 0x3fc,
};

static bool add_run(struct ext_journal *journal, uint32_t log, uint32_t length, uint64_t offset)
{
	if (journal->run_count > 0) {
		struct log_run *last = &journal->runs[journal->run_count - 1];
		const uint64_t size = (uint64_t)last->length
				      << journal->filesystem->superblock.block_size_log2;

		if (last->log + last->length == log && last->offset + size == offset) {
			last->length += length;
			return true;
		}
	}
	if (journal->run_count == journal->run_capacity) {
		const uint32_t capacity = journal->run_capacity ? journal->run_capacity * 2 : 16;
		struct log_run *runs = realloc(journal->runs, (size_t)capacity * sizeof *runs);

		if (!runs)
			return false;
		journal->runs = runs;
		journal->run_capacity = capacity;
	}
	journal->runs[journal->run_count++] =
		(struct log_run){.log = log, .length = length, .offset = offset};
	return true;
}

/* Of what is wrong with the map, which others report, notes whether some was not read, and what
 * Linux and e2fsck follow no map with, though we do. */
struct map_sink {
	struct ext_sink sink;
	bool is_unread, is_refused;
};

static void note_map(struct ext_sink *sink, const struct ext_finding *finding)
{
	struct map_sink *const noted = (struct map_sink *)sink;

	if (finding->problem == EXT_EXTENT_UNREADABLE ||
	    finding->problem == EXT_BLOCK_MAP_UNREADABLE)
		noted->is_unread = true;
	if (finding->problem == EXT_EXTENT_MAX)
		noted->is_refused = true;
}

/* The runs of a journal that is a file. */
static enum ext_status map_inode(struct ext_journal *journal, const struct ext_inode *inode,
				 struct ext_error *error)
{
	const struct ext_superblock *sb = &journal->filesystem->superblock;
	const uint64_t blocks = inode->size >> sb->block_size_log2;
	struct map_sink noted = {.sink = {.report = note_map}};
	struct ext_mapping *mapping;
	struct ext_run run;
	enum ext_status status = ext_mapping_new(journal->filesystem, &mapping, error);

	if (status != EXT_OK)
		return status;
	journal->run_count = 0;
	ext_mapping_start(mapping, inode, 0, &noted.sink);
	while (ext_mapping_next(mapping, &run) == EXT_OK) {
		uint64_t length = run.length;

		if (run.kind != EXT_RUN_DATA || run.logical >= blocks)
			continue;
		length = min_u64(length, blocks - run.logical);
		if (!add_run(journal, run.logical, (uint32_t)length,
			     run.physical << sb->block_size_log2)) {
			ext_mapping_free(mapping);
			return ext_no_memory(error);
		}
	}
	journal->is_unread = noted.is_unread;
	journal->is_refused = noted.is_refused;
	ext_mapping_free(mapping);
	return EXT_OK;
}

/* Reads and checks the journal superblock at log block 0. */
static enum ext_status read_superblock(struct ext_journal *journal, uint64_t offset,
				       struct ext_sink *sink, struct ext_error *error)
{
	const struct ext_superblock *sb = &journal->filesystem->superblock;
	const struct ext_place place = journal_place(journal, 0);
	uint8_t bytes[SUPERBLOCK_BYTES];
	struct ext_journal_superblock decoded;
	enum ext_status status;

	status = ext_source_read(journal->source, offset, bytes, sizeof bytes, error);
	if (status != EXT_OK)
		return status;
	status = ext_journal_superblock_decode((struct ext_span){bytes, sizeof bytes}, place,
					       &decoded, sink, error);
	if (status != EXT_OK)
		return status;
	if (decoded.block_size != sb->block_size)
		return ext_corrupt(error, EXT_JOURNAL_BLOCK_SIZE, place, decoded.block_size,
				   sb->block_size, sb->block_size);
	journal->superblock = decoded;
	journal->has_superblock = true;
	return EXT_OK;
}

static enum ext_status try_inode(struct ext_journal *journal, const struct ext_inode *inode,
				 struct ext_error *error)
{
	enum ext_status status;

	if (inode->type != EXT_TYPE_REGULAR || inode->links == 0 || inode->size == 0)
		return ext_corrupt(error, EXT_JOURNAL_INODE, journal_place(journal, 0),
				   inode->number, 0, 0);
	status = map_inode(journal, inode, error);
	if (status != EXT_OK)
		return status;
	if (journal->run_count == 0 || journal->runs[0].log != 0)
		return ext_corrupt(error, EXT_JOURNAL_INODE, journal_place(journal, 0),
				   inode->number, 0, 0);
	return read_superblock(journal, journal->runs[0].offset, journal->sink, error);
}

/* An inode made from the copy of the journal inode's block map in the superblock. */
static bool inode_from_backup(const struct ext_superblock *sb, struct ext_inode *inode)
{
	if (sb->journal_backup_type != BACKUP_IS_BLOCKS)
		return false;
	*inode = (struct ext_inode){
		.number = sb->journal_inode,
		.mode = 0x8180,
		.type = EXT_TYPE_REGULAR,
		.links = 1,
		.size = (uint64_t)sb->journal_backup[BACKUP_SIZE_HIGH] << 32 |
			sb->journal_backup[BACKUP_SIZE_LOW],
	};
	for (size_t i = 0; i < sizeof inode->i_block / 4; i++) {
		struct le32 word;

		put(&word, sb->journal_backup[i]);
		memcpy(inode->i_block + 4 * i, &word, sizeof word);
	}
	/* The flags were not copied; an extent root shows by its magic. */
	if (((unsigned)inode->i_block[1] << 8 | inode->i_block[0]) == EXT_EXTENT_HEADER_MAGIC)
		inode->flags = EXT_INODE_EXTENTS;
	return inode->size != 0;
}

static void report_error(const struct ext_journal *journal, const struct ext_error *error)
{
	const struct ext_finding finding = ext_finding_of_error(error);

	ext_report(journal->sink, &finding);
}

/* What was said of the journal superblock once is not said again. */
static enum ext_status try_quietly(struct ext_journal *journal, const struct ext_inode *inode,
				   struct ext_error *error)
{
	struct ext_sink *const sink = journal->sink;
	enum ext_status status;

	journal->sink = NULL;
	status = try_inode(journal, inode, error);
	journal->sink = sink;
	return status;
}

/* Blocks from the first on that the map has, less than the inode's size asks for. */
static bool map_has_hole(const struct ext_journal *journal, const struct ext_inode *inode)
{
	return journal_blocks_present(journal) < inode->size >>
	       journal->filesystem->superblock.block_size_log2;
}

/* EXT_END when there is no copy, or none that is better than a map with a hole, or refused. */
static enum ext_status try_backup(struct ext_journal *journal, bool has_hole, bool is_refused)
{
	struct ext_inode inode;
	enum ext_status status;

	if (!inode_from_backup(&journal->filesystem->superblock, &inode))
		return EXT_END;
	status = try_quietly(journal, &inode, NULL);
	if (status == EXT_OK &&
	    ((has_hole && map_has_hole(journal, &inode)) || (is_refused && journal->is_refused)))
		return EXT_END;
	if (status == EXT_OK)
		journal->summary.home = EXT_JOURNAL_HOME_BACKUP;
	return status;
}

/* e2fsck takes a copy without a word, unless it is an extent tree, which it takes for a block map;
 * and makes a new journal where the copy is no use either. */
static void report_inode(const struct ext_journal *journal, const struct ext_error *error,
			 bool is_from_backup)
{
	struct ext_inode copy;
	const bool has_backup = is_from_backup &&
				inode_from_backup(&journal->filesystem->superblock, &copy) &&
				(copy.flags & EXT_INODE_EXTENTS) == 0;
	static const uint32_t asked[] = {0x00000f, 0x010034, 0x060001,
					 0x050006, 0x05000e, 0x05000f};
	struct ext_finding finding = ext_finding_of_error(error);

	for (size_t i = 0; has_backup && i < sizeof asked / sizeof *asked; i++)
		ext_finding_unasked(&finding, asked[i]);
	ext_report(journal->sink, &finding);
}

enum ext_status journal_find_internal(struct ext_journal *journal, struct ext_error *error)
{
	const struct ext_superblock *sb = &journal->filesystem->superblock;
	struct ext_inode inode;
	struct ext_error fault;
	enum ext_status status, backup;
	bool has_hole, is_refused;

	journal->source = journal->filesystem->source;
	journal->summary.inode = sb->journal_inode;
	journal->summary.home = EXT_JOURNAL_HOME_INODE;
	journal->first_log_block = 1;
	status = ext_inode_read(journal->filesystem, sb->journal_inode, &inode, NULL, &fault);
	if (status == EXT_OK)
		status = try_inode(journal, &inode, &fault);
	if (status == EXT_MEMORY)
		return ext_no_memory(error);
	journal->has_hole = has_hole = status == EXT_OK && map_has_hole(journal, &inode);
	/* Nor do they with an inode whose checksum does not hold. */
	is_refused =
		status == EXT_OK && (journal->is_refused || inode.checksum == EXT_CHECKSUM_BAD);
	if (status == EXT_OK && !is_refused && (!has_hole || journal->is_unread))
		return EXT_OK;
	if (is_refused)
		ext_corrupt(&fault, EXT_JOURNAL_INODE, journal_place(journal, 0), inode.number, 0,
			    0);
	else if (has_hole)
		ext_corrupt(&fault, EXT_JOURNAL_HOLE, journal_place(journal, 0),
			    inode.size >> sb->block_size_log2, 0, journal_blocks_present(journal));
	backup = status == EXT_UNSUPPORTED ? EXT_END : try_backup(journal, has_hole, is_refused);
	report_inode(journal, &fault, backup == EXT_OK);
	if (backup == EXT_MEMORY)
		return ext_no_memory(error);
	if (backup == EXT_OK) {
		journal->has_hole = false;
		return EXT_OK;
	}
	if (!has_hole && !is_refused) {
		journal->summary.damage = fault.problem;
		return EXT_OK;
	}
	/* Then what there is of the inode's map. */
	return try_quietly(journal, &inode, error);
}

/* The superblock of a journal device, at byte 1024 as any other. */
enum ext_status journal_find_external(struct ext_journal *journal, struct ext_error *error)
{
	const struct ext_superblock *sb = &journal->filesystem->superblock;
	uint8_t bytes[EXT_SUPERBLOCK_SIZE];
	const struct ext_raw_superblock *raw = (const struct ext_raw_superblock *)(void *)bytes;
	enum ext_problem problem = EXT_NO_PROBLEM;
	struct ext_error fault;

	journal->is_external = true;
	journal->summary.home = EXT_JOURNAL_HOME_EXTERNAL;
	if (!journal->source) {
		problem = EXT_JOURNAL_EXTERNAL_MISSING;
	} else if (ext_source_read(journal->source, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes,
				   &fault) != EXT_OK ||
		   get(raw->s_magic) != EXT_MAGIC ||
		   !(get(raw->s_feature_incompat) & EXT_INCOMPAT_JOURNAL_DEV)) {
		problem = EXT_JOURNAL_EXTERNAL_SUPERBLOCK;
	} else if (memcmp(raw->s_uuid, sb->journal_uuid, sizeof sb->journal_uuid) != 0) {
		problem = EXT_JOURNAL_UUID;
	}
	if (problem != EXT_NO_PROBLEM) {
		journal->summary.damage = problem;
		return EXT_OK;
	}
	if (get(raw->s_feature_ro_compat) & EXT_RO_METADATA_CSUM) {
		const uint32_t computed = crc32c(UINT32_MAX, bytes, SUPERBLOCK_CHECKSUM_AT);

		if (computed != get(raw->s_checksum))
			journal_report(journal, EXT_JOURNAL_EXTERNAL_CHECKSUM, 0,
				       get(raw->s_checksum), computed, computed);
	}

	/* In the next full block; log block numbers count from the start of the device. */
	const uint64_t at = sb->block_size == 1024 ? 2 : 1;

	const uint64_t blocks = ext_source_size(journal->source) >> sb->block_size_log2;
	uint64_t present = min_u64(blocks, UINT32_MAX);

	journal->first_log_block = (uint32_t)at + 1;
	if (read_superblock(journal, at << sb->block_size_log2, journal->sink, &fault) == EXT_OK) {
		present = min_u64(present, journal->superblock.length);
	} else {
		report_error(journal, &fault);
		journal->summary.damage = fault.problem;
	}
	if (!add_run(journal, 0, (uint32_t)present, 0))
		return ext_no_memory(error);
	return EXT_OK;
}
