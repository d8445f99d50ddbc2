/* SPDX-License-Identifier: MIT */
/*
 * Finding the journal: the journal inode, the copy of its block map that the superblock keeps, or a
 * device of its own; and which blocks of the image are the log's. What stands in the log is read by
 * journal_scan.c.  Doc: ext4/journal.rst, "External Journal" for that layout.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "walk/journal.h"

#include <ext/mapping.h>

enum {
	SUPERBLOCK_BYTES = 1024,
	BACKUP_IS_BLOCKS = 1,  /* s_jnl_backup_type */
	BACKUP_SIZE_HIGH = 15, /* in s_jnl_blocks, behind 15 words of i_block */
	BACKUP_SIZE_LOW = 16,
	EXTENT_MAGIC = 0xf30a,
	SUPERBLOCK_CHECKSUM_AT = 0x3fc,
};

struct ext_place journal_place(const struct ext_journal *journal, uint32_t log)
{
	struct ext_place place = {
		.structure = log == 0 ? EXT_AT_JOURNAL_SUPERBLOCK : EXT_AT_JOURNAL,
		.has = EXT_HAS_LOGICAL,
		.logical = log,
	};

	if (!journal->is_external && journal->summary.inode != 0) {
		place.has |= EXT_HAS_INODE;
		place.inode = journal->summary.inode;
	}
	return place;
}

void journal_report(const struct ext_journal *journal, enum ext_problem problem, uint32_t log,
		    uint64_t found, uint64_t low, uint64_t high)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = journal_place(journal, log),
		.found = found,
		.low = low,
		.high = high,
	};

	ext_report(journal->sink, &finding);
}

uint32_t journal_advance(const struct ext_journal *journal, uint32_t log, uint64_t count)
{
	const struct ext_journal_superblock *sb = &journal->superblock;
	const uint64_t size = sb->end - sb->first;

	return (uint32_t)(sb->first + ((uint64_t)(log - sb->first) + count) % size);
}

bool journal_block_may_be_logged(const struct ext_journal *journal, ext_block block)
{
	const struct ext_superblock *sb = &journal->filesystem->superblock;

	if (block >= sb->block_count)
		return false;
	if (journal->is_external)
		return true;

	const uint64_t offset = block << sb->block_size_log2;

	for (uint32_t i = 0; i < journal->run_count; i++) {
		const struct log_run *run = &journal->runs[i];

		if (offset >= run->offset &&
		    (offset - run->offset) >> sb->block_size_log2 < run->length)
			return false;
	}
	return true;
}

bool logged_list_add(struct logged_list *list, ext_block block, uint16_t flags, uint32_t log,
		     uint32_t transaction)
{
	if (list->count == list->capacity) {
		const uint32_t capacity =
			list->capacity ? list->capacity + list->capacity / 2 : 256;
		struct logged_block *blocks =
			realloc(list->blocks, (size_t)capacity * sizeof *blocks);

		if (!blocks)
			return false;
		list->blocks = blocks;
		list->capacity = capacity;
	}
	list->blocks[list->count++] = (struct logged_block){
		.block_low = (uint32_t)block,
		.block_high = (uint16_t)(block >> 32),
		.flags = flags,
		.log = log,
		.transaction = transaction,
	};
	return true;
}

void logged_list_clear(struct logged_list *list)
{
	free(list->blocks);
	*list = (struct logged_list){0};
}

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

/* The runs of a journal that is a file. */
static enum ext_status map_inode(struct ext_journal *journal, const struct ext_inode *inode,
				 struct ext_error *error)
{
	const struct ext_superblock *sb = &journal->filesystem->superblock;
	const uint64_t blocks = inode->size >> sb->block_size_log2;
	struct ext_mapping *mapping;
	struct ext_run run;
	enum ext_status status = ext_mapping_new(journal->filesystem, &mapping, error);

	if (status != EXT_OK)
		return status;
	journal->run_count = 0;
	ext_mapping_start(mapping, inode, 0, NULL);
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
	ext_mapping_free(mapping);
	return EXT_OK;
}

/* How many log blocks are there without a gap. */
static uint32_t blocks_present(const struct ext_journal *journal)
{
	uint32_t present = 0;

	for (uint32_t i = 0; i < journal->run_count && journal->runs[i].log == present; i++)
		present += journal->runs[i].length;
	return present;
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
	if (((unsigned)inode->i_block[1] << 8 | inode->i_block[0]) == EXTENT_MAGIC)
		inode->flags = EXT_INODE_EXTENTS;
	return inode->size != 0;
}

static void report_error(const struct ext_journal *journal, const struct ext_error *error)
{
	const struct ext_finding finding = ext_finding_of_error(error);

	ext_report(journal->sink, &finding);
}

static enum ext_status find_internal(struct ext_journal *journal, struct ext_error *error)
{
	const struct ext_superblock *sb = &journal->filesystem->superblock;
	struct ext_inode inode;
	struct ext_error fault;
	enum ext_status status;

	journal->source = journal->filesystem->source;
	journal->summary.inode = sb->journal_inode;
	journal->summary.home = EXT_JOURNAL_HOME_INODE;
	status = ext_inode_read(journal->filesystem, sb->journal_inode, &inode, NULL, &fault);
	if (status == EXT_OK)
		status = try_inode(journal, &inode, &fault);
	if (status == EXT_OK)
		return EXT_OK;
	if (status == EXT_MEMORY) {
		if (error)
			*error = fault;
		return status;
	}
	report_error(journal, &fault);
	if (inode_from_backup(sb, &inode) && status != EXT_UNSUPPORTED) {
		struct ext_sink *const sink = journal->sink;

		/* What the copy is wrong about, the inode was as well. */
		journal->sink = NULL;
		status = try_inode(journal, &inode, NULL);
		journal->sink = sink;
		if (status == EXT_MEMORY)
			return ext_no_memory(error);
		if (status == EXT_OK) {
			journal->summary.home = EXT_JOURNAL_HOME_BACKUP;
			return EXT_OK;
		}
	}
	journal->summary.damage = fault.problem;
	return EXT_OK;
}

/* The superblock of a journal device, at byte 1024 as any other. */
static enum ext_status find_external(struct ext_journal *journal, struct ext_error *error)
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

	if (read_superblock(journal, at << sb->block_size_log2, journal->sink, &fault) != EXT_OK) {
		report_error(journal, &fault);
		journal->summary.damage = fault.problem;
		return EXT_OK;
	}

	const uint64_t blocks = ext_source_size(journal->source) >> sb->block_size_log2;
	const uint32_t present = (uint32_t)min_u64(blocks, journal->superblock.length);

	if (!add_run(journal, 0, present, 0))
		return ext_no_memory(error);
	return EXT_OK;
}

static void judge(struct ext_journal *journal, bool ignore_recover_flag, bool trust_damaged)
{
	struct ext_journal_summary *summary = &journal->summary;
	const struct ext_journal_superblock *jsb = &journal->superblock;

	summary->recover_flag =
		ext_has_incompat(&journal->filesystem->superblock, EXT_INCOMPAT_RECOVER);
	if (!journal->has_superblock) {
		/* A journal that nobody needs does no harm by being away. */
		summary->state = summary->damage == EXT_JOURNAL_EXTERNAL_MISSING &&
						 !summary->recover_flag && !ignore_recover_flag
					 ? EXT_JOURNAL_CLEAN
					 : EXT_JOURNAL_DAMAGED;
		if (journal->is_external)
			journal_report(journal, summary->damage, 0, 0, 0, 0);
		return;
	}
	/* Nothing in it can be trusted then, least of all where the log begins. Linux refuses. */
	if (journal->superblock.checksum == EXT_CHECKSUM_BAD && !trust_damaged) {
		summary->state = EXT_JOURNAL_DAMAGED;
		summary->damage = EXT_JOURNAL_SUPERBLOCK_CHECKSUM;
	}
	if (!journal->is_external && jsb->user_count > 1)
		journal_report(journal, EXT_JOURNAL_USERS, 0, jsb->user_count, 0, 1);
	summary->present_blocks = blocks_present(journal);
	if (summary->present_blocks < jsb->length)
		journal_report(journal, EXT_JOURNAL_LENGTH, 0, jsb->length, 0,
			       summary->present_blocks);
	summary->end_sequence = jsb->sequence;
	if (summary->state == EXT_JOURNAL_DAMAGED)
		return;
	summary->state = EXT_JOURNAL_CLEAN;
	if (jsb->start == 0)
		return;
	if (summary->recover_flag || ignore_recover_flag) {
		summary->state = EXT_JOURNAL_DIRTY;
		return;
	}
	summary->discarded = true;
	journal_report(journal, EXT_JOURNAL_RECOVER_CLEAR, 0, jsb->start, 0, 0);
}

/* Without the feature the decoded superblock leaves the field out. */
static void report_unannounced(const struct ext_journal *journal)
{
	uint8_t bytes[EXT_SUPERBLOCK_SIZE];
	const struct ext_raw_superblock *raw =
		(const struct ext_raw_superblock *)(const void *)bytes;

	if (ext_source_read(journal->filesystem->source, EXT_SUPERBLOCK_OFFSET, bytes, sizeof bytes,
			    NULL) == EXT_OK &&
	    get(raw->s_magic) == EXT_MAGIC && get(raw->s_rev_level) > 0 &&
	    get(raw->s_journal_inum) != 0)
		journal_report(journal, EXT_JOURNAL_HAS_JOURNAL, 0, get(raw->s_journal_inum), 0, 0);
}

enum ext_status ext_journal_open(const struct ext_filesystem *filesystem,
				 const struct ext_journal_options *options,
				 struct ext_journal **journal, struct ext_error *error)
{
	static const struct ext_journal_options defaults;
	const struct ext_superblock *sb = &filesystem->superblock;
	struct ext_journal *new = calloc(1, sizeof *new);
	enum ext_status status = EXT_OK;

	if (!new)
		return ext_no_memory(error);
	if (!options)
		options = &defaults;
	new->filesystem = filesystem;
	new->sink = options->sink;
	if (!ext_has_compat(sb, EXT_COMPAT_HAS_JOURNAL)) {
		new->summary.recover_flag = ext_has_incompat(sb, EXT_INCOMPAT_RECOVER);
		if (new->summary.recover_flag)
			journal_report(new, EXT_JOURNAL_RECOVER_SET, 0, 0, 0, 0);
		report_unannounced(new);
		*journal = new;
		return EXT_OK;
	}
	if (sb->journal_inode != 0) {
		status = find_internal(new, error);
	} else {
		new->source = options->external;
		status = find_external(new, error);
	}
	if (status != EXT_OK) {
		ext_journal_close(new);
		return status;
	}
	judge(new, options->ignore_recover_flag, options->trust_damaged);
	*journal = new;
	return EXT_OK;
}

void ext_journal_close(struct ext_journal *journal)
{
	if (!journal)
		return;
	free(journal->runs);
	logged_list_clear(&journal->logged);
	revoke_table_clear(&journal->revokes);
	free(journal);
}

const struct ext_journal_summary *ext_journal_summary(const struct ext_journal *journal)
{
	return &journal->summary;
}

const struct ext_journal_superblock *ext_journal_get_superblock(const struct ext_journal *journal)
{
	return journal->has_superblock ? &journal->superblock : NULL;
}

struct ext_source *ext_journal_source(const struct ext_journal *journal)
{
	return journal->source;
}
