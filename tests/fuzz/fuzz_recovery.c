/* SPDX-License-Identifier: MIT */
/*
 * A whole image of any bytes, recovered: journal, fast commits and orphans on an overlay, then the
 * history of the log. Done twice: as it is, and with the checksums of the log put right, so that
 * what they would keep out comes in. Afterwards the filesystem on the overlay is opened and its
 * inodes are mapped, which must end whatever the recovery has made of it.
 */
#include "config.h"

#include "fuzz.h"

#include <ext/directory.h>
#include <ext/recovery.h>

#include "bytes/crc32c.h"

enum { MOST_INODES = 256, MOST_STEPS = 2000, MOST_VERSIONS = 300 };

static struct ext_sink sink = {fuzz_report};

static void walk_result(struct ext_source *view)
{
	struct ext_filesystem *filesystem;
	struct ext_mapping *mapping;
	struct ext_error error;
	struct ext_inode inode;
	struct ext_run run;

	if (ext_filesystem_open(view, NULL, &filesystem, &error) != EXT_OK) {
		fuzz_describe(&error);
		return;
	}

	const uint32_t count = ext_filesystem_superblock(filesystem)->inode_count;

	if (ext_mapping_new(filesystem, &mapping, NULL) == EXT_OK) {
		for (ext_ino ino = 1; ino <= count && ino <= MOST_INODES; ino++) {
			if (ext_inode_read(filesystem, ino, &inode, NULL, NULL) != EXT_OK)
				continue;
			ext_mapping_start(mapping, &inode, 0, NULL);
			for (unsigned i = 0; i < MOST_STEPS; i++)
				if (ext_mapping_next(mapping, &run) != EXT_OK)
					break;
		}
		ext_mapping_free(mapping);
	}
	ext_filesystem_close(filesystem);
}

static void look_back(struct ext_journal *journal)
{
	struct ext_journal_history *history;
	uint8_t *bytes = malloc(65536);
	uint32_t first, count;

	if (bytes && ext_journal_history_open(journal, &history, NULL) == EXT_OK) {
		const uint32_t versions = ext_journal_history_versions(history);
		const uint32_t transactions = ext_journal_history_transactions(history);

		for (uint32_t i = 0; i < versions && i < MOST_VERSIONS; i++) {
			struct ext_journal_version version;
			struct ext_journal_transaction transaction;

			ext_journal_history_version(history, i, &version);
			FUZZ_ASSERT(version.transaction < transactions);
			ext_journal_history_transaction(history, version.transaction, &transaction);
			ext_journal_history_find(history, version.block, &first, &count);
			FUZZ_ASSERT(first <= i && i < first + count);
			ext_journal_history_read(history, i, bytes, NULL);
		}
		ext_journal_history_close(history);
	}
	free(bytes);
}

static void recover(const uint8_t *data, size_t size)
{
	const struct ext_recovery_options options = {
		.ignore_recover_flag = true,
		.trust_damaged = true,
		.orphans = EXT_ORPHANS_ALWAYS,
		.sink = &sink,
	};
	struct ext_recovery *recovery;
	struct ext_source *source;
	struct ext_error error;

	if (ext_source_open_memory(data, size, &source, NULL) != EXT_OK)
		return;
	if (ext_recovery_open(source, &options, &recovery, &error) == EXT_OK) {
		if (ext_recovery_view(recovery))
			walk_result(ext_recovery_view(recovery));
		look_back(ext_recovery_journal(recovery));
		ext_recovery_close(recovery);
	} else {
		fuzz_describe(&error);
	}
	ext_source_close(source);
}

/* Putting checksums right, on a copy of the image. */

static uint8_t *log_block(uint8_t *image, size_t size, const struct ext_journal *journal,
			  uint32_t log)
{
	const uint32_t block_size = ext_journal_get_superblock(journal)->block_size;
	uint64_t offset;

	if (ext_journal_block_offset(journal, log, &offset, NULL) != EXT_OK || offset > size ||
	    size - offset < block_size)
		return NULL;
	return image + offset;
}

static void put_number(uint8_t *bytes, uint32_t value)
{
	put((struct be32 *)(void *)bytes, value);
}

static void fix_tags(uint8_t *image, size_t size, const struct ext_journal *journal, uint32_t log,
		     uint8_t *block, uint32_t sequence)
{
	const struct ext_journal_superblock *sb = ext_journal_get_superblock(journal);
	struct ext_journal_tag_cursor cursor;
	struct ext_journal_tag tag;
	struct be32 number;

	put(&number, sequence);
	ext_journal_tag_cursor_init(&cursor, sb, (struct ext_span){block, sb->block_size});
	while (ext_journal_tag_next(&cursor, &tag) == EXT_OK && ++log < sb->end) {
		const uint8_t *copy = log_block(image, size, journal, log);

		if (copy && sb->checksum_version == 3)
			put_number(block + tag.at + 12,
				   crc32c(crc32c(sb->seed, &number, sizeof number), copy,
					  sb->block_size));
	}
}

static void fix_block(uint8_t *image, size_t size, const struct ext_journal *journal, uint32_t log)
{
	const struct ext_journal_superblock *sb = ext_journal_get_superblock(journal);
	uint8_t *block = log_block(image, size, journal, log);
	struct ext_journal_header header;
	uint8_t *checksum;

	if (!block || !ext_journal_header_decode((struct ext_span){block, sb->block_size}, &header))
		return;
	if (header.type == EXT_JOURNAL_DESCRIPTOR)
		fix_tags(image, size, journal, log, block, header.sequence);
	checksum = header.type == EXT_JOURNAL_COMMIT ? block + 16 : block + sb->block_size - 4;
	put_number(checksum, 0);
	put_number(checksum, crc32c(sb->seed, block, sb->block_size));
}

static void fix_fast_commits(uint8_t *image, size_t size, const struct ext_journal *journal,
			     const struct ext_superblock *superblock)
{
	const struct ext_journal_superblock *sb = ext_journal_get_superblock(journal);
	uint32_t checksum = 0;

	for (uint32_t log = sb->end + 1; log < sb->length; log++) {
		uint8_t *block = log_block(image, size, journal, log);
		const struct ext_span span = {block, sb->block_size};
		struct ext_fast_commit_cursor cursor;
		struct ext_fast_commit_record record;

		if (!block)
			return;
		ext_fast_commit_cursor_init(&cursor, superblock, span);
		while (ext_fast_commit_next(&cursor, &record, NULL) == EXT_OK) {
			checksum = ext_fast_commit_checksum(checksum, span, &record);
			if (record.tag != EXT_FAST_COMMIT_TAIL)
				continue;
			put((struct le32 *)(void *)(block + record.at + 8), checksum);
			checksum = 0;
		}
	}
}

static void fix_log(uint8_t *image, size_t size)
{
	struct ext_filesystem *filesystem = NULL;
	struct ext_journal *journal = NULL;
	struct ext_source *source = NULL;
	const struct ext_journal_superblock *sb;

	if (ext_source_open_memory(image, size, &source, NULL) != EXT_OK)
		return;
	if (ext_filesystem_open(source, NULL, &filesystem, NULL) == EXT_OK &&
	    ext_journal_open(filesystem, NULL, &journal, NULL) == EXT_OK) {
		sb = ext_journal_get_superblock(journal);
		for (uint32_t log = 1; sb && sb->checksum_version >= 2 && log < sb->end; log++)
			fix_block(image, size, journal, log);
		if (sb && sb->fast_commit_blocks > 1)
			fix_fast_commits(image, size, journal,
					 ext_filesystem_superblock(filesystem));
	}
	ext_journal_close(journal);
	ext_filesystem_close(filesystem);
	ext_source_close(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	recover(data, size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	fix_log(copy, size);
	recover(copy, size);
	free(copy);
	return 0;
}
