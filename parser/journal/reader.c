/* SPDX-License-Identifier: MIT */
/* Log blocks in order, read in pieces as large as the log's runs allow. */
#include "config.h"

#include <stdlib.h>

#include "bytes/checked.h"
#include "journal/journal.h"

enum { PIECE_BYTES = 1 << 18, SMALL_PIECE_BLOCKS = 1 };

enum ext_status log_reader_init(struct log_reader *reader, const struct ext_journal *journal,
				bool ahead, struct ext_error *error)
{
	const uint32_t size = journal->superblock.block_size;
	const uint32_t capacity = ahead ? PIECE_BYTES / size : SMALL_PIECE_BLOCKS;

	*reader = (struct log_reader){.journal = journal, .capacity = capacity};
	reader->buffer = malloc((size_t)capacity * size);
	return reader->buffer ? EXT_OK : ext_no_memory(error);
}

void log_reader_clear(struct log_reader *reader)
{
	free(reader->buffer);
	*reader = (struct log_reader){0};
}

const struct log_run *journal_find_run(const struct ext_journal *journal, uint32_t log)
{
	uint32_t low = 0, high = journal->run_count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const struct log_run *run = &journal->runs[middle];

		if (log < run->log)
			high = middle;
		else if (log - run->log >= run->length)
			low = middle + 1;
		else
			return run;
	}
	return NULL;
}

enum ext_status ext_journal_block_offset(const struct ext_journal *journal, uint32_t log,
					 uint64_t *offset, struct ext_error *error)
{
	const struct log_run *run = journal_find_run(journal, log);

	if (!run)
		return ext_corrupt(error, EXT_JOURNAL_LENGTH, journal_place(journal, log), log, 0,
				   journal->summary.present_blocks);
	*offset = run->offset + (uint64_t)(log - run->log) * journal->superblock.block_size;
	return EXT_OK;
}

enum ext_status ext_journal_block_read(const struct ext_journal *journal, uint32_t log,
				       uint8_t *buffer, struct ext_error *error)
{
	uint64_t offset = 0;
	const enum ext_status status = ext_journal_block_offset(journal, log, &offset, error);

	if (status != EXT_OK)
		return status;
	return ext_source_read(journal->source, offset, buffer, journal->superblock.block_size,
			       error);
}

bool log_reader_holds(const struct log_reader *reader, uint32_t log)
{
	return log >= reader->first && log - reader->first < reader->count;
}

const uint8_t *log_reader_block(struct log_reader *reader, uint32_t log)
{
	const uint32_t size = reader->journal->superblock.block_size;

	if (!log_reader_holds(reader, log)) {
		const struct log_run *run = journal_find_run(reader->journal, log);

		reader->count = 0;
		if (!run)
			return NULL;

		const uint32_t in_run = log - run->log;
		uint32_t count = run->length - in_run;

		if (count > reader->capacity)
			count = reader->capacity;
		if (ext_source_read(reader->journal->source, run->offset + (uint64_t)in_run * size,
				    reader->buffer, (size_t)count * size, NULL) != EXT_OK) {
			/* One bad sector must not hide the blocks around it. */
			count = 1;
			if (ext_source_read(reader->journal->source,
					    run->offset + (uint64_t)in_run * size, reader->buffer,
					    size, NULL) != EXT_OK)
				return NULL;
		}
		reader->first = log;
		reader->count = count;
	}
	return reader->buffer + (size_t)(log - reader->first) * size;
}
