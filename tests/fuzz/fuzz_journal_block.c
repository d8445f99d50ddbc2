/* SPDX-License-Identifier: MIT */
/* Journal blocks of any bytes: the superblock first, then a block read as each kind in turn. */
#include "config.h"

#include "fuzz.h"

#include <ext/journal.h>

static void read_block(const struct ext_journal_superblock *journal,
		       const struct ext_superblock *superblock, struct ext_span block)
{
	const struct ext_place place = {.structure = EXT_AT_JOURNAL};
	struct ext_journal_tag_cursor tags;
	struct ext_journal_revoke_cursor revokes;
	struct ext_fast_commit_cursor records;
	struct ext_fast_commit_record record;
	struct ext_journal_commit commit;
	struct ext_journal_header header;
	struct ext_journal_tag tag;
	uint32_t checksum = 0;
	ext_block number;

	ext_journal_header_decode(block, &header);
	ext_journal_tail_checksum(journal, block);
	ext_journal_tag_cursor_init(&tags, journal, block);
	for (unsigned i = 0; ext_journal_tag_next(&tags, &tag) == EXT_OK; i++) {
		FUZZ_ASSERT(i < block.size && tag.at < block.size);
		ext_journal_tag_checksum(journal, &tag, 1, block);
	}
	if (ext_journal_revoke_cursor_init(&revokes, journal, block, place, NULL) == EXT_OK)
		for (unsigned i = 0; ext_journal_revoke_next(&revokes, &number) == EXT_OK; i++)
			FUZZ_ASSERT(i < block.size);
	ext_journal_commit_decode(journal, block, &commit);
	ext_fast_commit_cursor_init(&records, superblock, block);
	for (unsigned i = 0; ext_fast_commit_next(&records, &record, NULL) == EXT_OK; i++) {
		FUZZ_ASSERT(i < block.size && record.at < block.size);
		checksum = ext_fast_commit_checksum(checksum, block, &record);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ext_place place = {.structure = EXT_AT_JOURNAL_SUPERBLOCK};
	struct ext_sink sink = {fuzz_report};
	struct ext_journal_superblock journal;
	struct ext_superblock superblock;
	struct ext_error error;
	uint8_t raw[1024];
	uint8_t *blocks = calloc(2, FUZZ_BLOCK_SIZE);

	fuzz_fill_superblock(raw);
	if (!blocks || ext_superblock_decode(raw, place, &superblock, NULL, NULL) != EXT_OK)
		goto out;
	memcpy(blocks, data,
	       size < (size_t)2 * FUZZ_BLOCK_SIZE ? size : (size_t)2 * FUZZ_BLOCK_SIZE);
	if (ext_journal_superblock_decode((struct ext_span){blocks, FUZZ_BLOCK_SIZE}, place,
					  &journal, &sink, &error) == EXT_OK)
		read_block(&journal, &superblock,
			   (struct ext_span){blocks + FUZZ_BLOCK_SIZE, FUZZ_BLOCK_SIZE});
	else
		fuzz_describe(&error);
out:
	free(blocks);
	return 0;
}
