/* SPDX-License-Identifier: MIT */
/*
 * A log without its superblock, read for what it gives away. The seed of its checksums follows from
 * any block that carries one, since a CRC runs backwards; that several blocks have the same seed
 * proves it, and that there are checksums at all. The size of tags is the one with which the
 * descriptors reach exactly from one header to the next.  Doc: ext4/journal.rst.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/endian.h"
#include "structure/filesystem.h"
#include "walk/checksum_seed.h"
#include "journal/log_survey.h"

enum {
	COMMIT_CHECKSUM_AT = 0x10,
	TAIL_SIZE = 4,
	SAMPLES_MOST = 32,  /* blocks from which the seed is computed; each costs a slow pass */
	TRIED_MOST = 200,   /* descriptors held against each layout */
	CRC32_TYPE = 1,	    /* h_chksum_type of version 1 */
	LEAST_LOG = 1024,   /* blocks that Linux leaves to the log beside fast commits */
	DEFAULT_AREA = 256, /* of fast commits, when the superblock does not say */
};

static bool add_header(struct log_survey *survey, const struct log_header *header)
{
	if (survey->count == survey->capacity) {
		const uint32_t capacity =
			survey->capacity ? survey->capacity + survey->capacity / 2 : 256;
		struct log_header *headers =
			realloc(survey->headers, (size_t)capacity * sizeof *headers);

		if (!headers)
			return false;
		survey->headers = headers;
		survey->capacity = capacity;
	}
	survey->headers[survey->count++] = *header;
	return true;
}

void log_survey_clear(struct log_survey *survey)
{
	free(survey->headers);
	*survey = (struct log_survey){0};
}

const struct log_header *log_survey_at(const struct log_survey *survey, uint32_t log)
{
	uint32_t low = 0, high = survey->count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (survey->headers[middle].log < log)
			low = middle + 1;
		else
			high = middle;
	}
	return low < survey->count && survey->headers[low].log == log ? &survey->headers[low]
								      : NULL;
}

/* Does the fast-commit area begin here: a HEAD record without features? */
static bool is_area_head(const uint8_t *bytes)
{
	static const uint8_t head[8] = {EXT_FAST_COMMIT_HEAD, 0, 8, 0, 0, 0, 0, 0};

	return memcmp(bytes, head, sizeof head) == 0;
}

static enum ext_status collect(struct log_survey *survey, struct log_reader *reader,
			       struct ext_error *error)
{
	const struct ext_journal *journal = reader->journal;
	const struct ext_journal_superblock *sb = &journal->superblock;

	for (uint32_t log = sb->first; log < sb->length; log++) {
		const uint8_t *bytes = log_reader_block(reader, log);
		const struct ext_span block = {bytes, sb->block_size};
		struct ext_journal_header decoded;
		struct ext_journal_commit commit;
		struct log_header header = {.log = log};

		if (!bytes)
			continue;
		if (survey->fast_commit_head == 0 && is_area_head(bytes))
			survey->fast_commit_head = log;
		if (!ext_journal_header_decode(block, &decoded) ||
		    (decoded.type != EXT_JOURNAL_DESCRIPTOR && decoded.type != EXT_JOURNAL_COMMIT &&
		     decoded.type != EXT_JOURNAL_REVOKE))
			continue;
		header.type = (uint8_t)decoded.type;
		header.sequence = decoded.sequence;
		if (decoded.type == EXT_JOURNAL_COMMIT) {
			ext_journal_commit_decode(sb, block, &commit);
			header.time = commit.time.seconds;
		}
		if (!add_header(survey, &header))
			return ext_no_memory(error);
	}
	return EXT_OK;
}

/* The seed that most of the sampled blocks agree on. */
static bool find_seed(const struct log_survey *survey, struct log_reader *reader, uint32_t *seed)
{
	const uint32_t size = reader->journal->superblock.block_size;
	uint32_t seeds[SAMPLES_MOST], count = 0, most = 0;
	const uint32_t stride = survey->count / SAMPLES_MOST + 1;

	for (uint32_t i = 0; i < survey->count && count < SAMPLES_MOST; i += stride) {
		const struct log_header *header = &survey->headers[i];
		const uint8_t *bytes = log_reader_block(reader, header->log);
		const size_t at =
			header->type == EXT_JOURNAL_COMMIT ? COMMIT_CHECKSUM_AT : size - TAIL_SIZE;

		if (bytes)
			seeds[count++] = checksum_seed_of_block((struct ext_span){bytes, size}, at);
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t agree = 0;

		for (uint32_t j = 0; j < count; j++)
			agree += seeds[j] == seeds[i];
		if (agree > most) {
			most = agree;
			*seed = seeds[i];
		}
	}
	/* Two that agree by chance: one in four milliards. */
	return most >= 2;
}

static bool has_version_1(const struct log_survey *survey, struct log_reader *reader)
{
	const struct ext_journal_superblock *sb = &reader->journal->superblock;

	for (uint32_t i = 0; i < survey->count; i++) {
		struct ext_journal_commit commit;
		const uint8_t *bytes;

		if (survey->headers[i].type != EXT_JOURNAL_COMMIT)
			continue;
		bytes = log_reader_block(reader, survey->headers[i].log);
		if (!bytes)
			continue;
		ext_journal_commit_decode(sb, (struct ext_span){bytes, sb->block_size}, &commit);
		if (commit.checksum_type == CRC32_TYPE && commit.checksum_size == 4)
			return true;
	}
	return false;
}

/* Do the tags of this descriptor end where the next header of its transaction stands? */
static bool layout_fits(const struct log_survey *survey, const struct ext_journal *journal,
			struct log_reader *reader, const struct log_header *header)
{
	const struct ext_journal_superblock *sb = &journal->superblock;
	const uint8_t *bytes = log_reader_block(reader, header->log);
	struct ext_journal_tag_cursor cursor;
	struct ext_journal_tag tag;
	const struct log_header *next;
	uint64_t tags = 0;

	if (!bytes)
		return false;
	ext_journal_tag_cursor_init(&cursor, sb, (struct ext_span){bytes, sb->block_size});
	while (ext_journal_tag_next(&cursor, &tag) == EXT_OK) {
		if (!journal_block_may_be_logged(journal, tag.block))
			return false;
		tags++;
	}
	next = log_survey_at(survey, journal_advance(journal, header->log, tags + 1));
	return next && next->sequence == header->sequence;
}

static uint32_t try_layout(const struct log_survey *survey, struct ext_journal *journal,
			   struct log_reader *reader, uint32_t incompat, uint32_t compat)
{
	const uint32_t stride = survey->count / TRIED_MOST + 1;
	uint32_t fits = 0;

	journal->superblock.incompat = incompat;
	journal->superblock.compat = compat;
	ext_journal_superblock_apply_features(&journal->superblock);
	for (uint32_t i = 0; i < survey->count; i += stride)
		if (survey->headers[i].type == EXT_JOURNAL_DESCRIPTOR)
			fits += layout_fits(survey, journal, reader, &survey->headers[i]);
	return fits;
}

/*
 * The features under which most descriptors can be followed. Linux gives the journal 64-bit numbers
 * when the filesystem has them, so that is tried first; only a better fit changes it.
 */
static void find_layout(const struct log_survey *survey, struct ext_journal *journal,
			struct log_reader *reader, bool has_seed)
{
	static const uint32_t versions[] = {EXT_JOURNAL_INCOMPAT_CSUM_V3,
					    EXT_JOURNAL_INCOMPAT_CSUM_V2};
	const uint32_t usual =
		ext_has_incompat(&journal->filesystem->superblock, EXT_INCOMPAT_64BIT)
			? EXT_JOURNAL_INCOMPAT_64BIT
			: 0;
	const uint32_t compat =
		!has_seed && has_version_1(survey, reader) ? EXT_JOURNAL_COMPAT_CHECKSUM : 0;
	uint32_t best = 0, best_fits = 0;

	for (unsigned i = 0; i < (has_seed ? 4 : 2); i++) {
		const uint32_t wide = i & 1 ? usual ^ EXT_JOURNAL_INCOMPAT_64BIT : usual;
		const uint32_t incompat = wide | (has_seed ? versions[i >> 1] : 0);
		const uint32_t fits = try_layout(survey, journal, reader, incompat, compat);

		if (i == 0 || fits > best_fits) {
			best = incompat;
			best_fits = fits;
		}
	}
	for (uint32_t i = 0; i < survey->count; i++)
		if (survey->headers[i].type == EXT_JOURNAL_REVOKE)
			best |= EXT_JOURNAL_INCOMPAT_REVOKE;
	journal->superblock.incompat = best;
	ext_journal_superblock_apply_features(&journal->superblock);
}

/* Fast commits, when the filesystem has them, take the end of the log. */
static void find_area(const struct log_survey *survey, struct ext_journal *journal)
{
	struct ext_journal_superblock *sb = &journal->superblock;
	uint32_t blocks = DEFAULT_AREA;

	sb->end = sb->length;
	if (!ext_has_compat(&journal->filesystem->superblock, EXT_COMPAT_FAST_COMMIT))
		return;
	/* The block before the first record is the area's, too. */
	if (survey->fast_commit_head > 0)
		blocks = sb->length - survey->fast_commit_head + 1;
	if (blocks > sb->length || sb->length - blocks < LEAST_LOG)
		return;
	sb->incompat |= EXT_JOURNAL_INCOMPAT_FAST_COMMIT;
	sb->fast_commit_blocks = blocks;
	sb->end = sb->length - blocks;
}

static void judge_headers(struct log_survey *survey, struct log_reader *reader)
{
	const struct ext_journal_superblock *sb = &reader->journal->superblock;

	for (uint32_t i = 0; i < survey->count; i++) {
		struct log_header *header = &survey->headers[i];
		const uint8_t *bytes = log_reader_block(reader, header->log);
		const struct ext_span block = {bytes, sb->block_size};
		struct ext_journal_commit commit;

		if (!bytes)
			continue;
		if (header->type == EXT_JOURNAL_COMMIT) {
			ext_journal_commit_decode(sb, block, &commit);
			header->sound = commit.checksum != EXT_CHECKSUM_BAD;
		} else {
			header->sound = ext_journal_tail_checksum(sb, block) != EXT_CHECKSUM_BAD;
		}
	}
}

enum ext_status log_survey_take(struct log_survey *survey, struct ext_journal *journal,
				uint32_t first, struct ext_error *error)
{
	struct ext_journal_superblock *sb = &journal->superblock;
	struct log_reader reader = {0};
	bool has_seed;
	enum ext_status status;

	*survey = (struct log_survey){0};
	*sb = (struct ext_journal_superblock){
		.version = 2,
		.block_size = journal->filesystem->superblock.block_size,
		.length = journal_blocks_present(journal),
		.first = first,
		.user_count = 1,
	};
	sb->end = sb->length;
	if (sb->length <= first)
		return EXT_END;
	status = log_reader_init(&reader, journal, true, error);
	if (status == EXT_OK)
		status = collect(survey, &reader, error);
	if (status == EXT_OK && survey->count == 0)
		status = EXT_END;
	if (status == EXT_OK) {
		find_area(survey, journal);
		has_seed = find_seed(survey, &reader, &sb->seed);
		find_layout(survey, journal, &reader, has_seed);
		find_area(survey, journal);
		judge_headers(survey, &reader);
	}
	log_reader_clear(&reader);
	return status;
}
