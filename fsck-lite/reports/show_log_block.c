/* SPDX-License-Identifier: MIT */
/*
 * `show journal N`: one block of the log and what it is, annotated with --hex; and the records of
 * the fast commits, one a line.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "exit.h"
#include "reports/show.h"
#include "reports/text.h"

const char *show_checksum_name(enum ext_checksum_state state)
{
	return state == EXT_CHECKSUM_OK ? "ok" : state == EXT_CHECKSUM_BAD ? "bad" : "none";
}

static void show_record_json(struct show *show, const struct ext_fast_commit_record *record)
{
	struct json *json = show->json;

	json_object(json, NULL);
	json_text(json, "tag", ext_fast_commit_tag_name(record->tag));
	if (record->inode != 0)
		json_u64(json, "inode", record->inode);
	if (record->parent != 0)
		json_u64(json, "parent", record->parent);
	if (record->name.size > 0)
		json_name(json, "name", (const char *)record->name.data, record->name.size);
	if (record->range_length > 0) {
		json_u64(json, "logical", record->logical);
		json_u64(json, "blocks", record->range_length);
	}
	if (record->tag == EXT_FAST_COMMIT_ADD_RANGE) {
		json_u64(json, "physical", record->physical);
		json_bool(json, "unwritten", record->unwritten);
	}
	if (record->tag == EXT_FAST_COMMIT_HEAD || record->tag == EXT_FAST_COMMIT_TAIL)
		json_u64(json, "sequence", record->sequence);
	json_end_object(json);
}

static void show_record(struct show *show, const struct ext_fast_commit_record *record)
{
	const uint64_t last = (uint64_t)record->logical + record->range_length - 1;

	if (show->json) {
		show_record_json(show, record);
		return;
	}
	printf("    %-10s", ext_fast_commit_tag_name(record->tag));
	switch (record->tag) {
	case EXT_FAST_COMMIT_ADD_RANGE:
		printf("inode %" PRIu32 ", file blocks %" PRIu32 " to %" PRIu64 " at block %" PRIu64
		       "%s",
		       record->inode, record->logical, last, record->physical,
		       record->unwritten ? ", unwritten" : "");
		break;
	case EXT_FAST_COMMIT_DEL_RANGE:
		printf("inode %" PRIu32 ", file blocks %" PRIu32 " to %" PRIu64, record->inode,
		       record->logical, last);
		break;
	case EXT_FAST_COMMIT_CREAT:
	case EXT_FAST_COMMIT_LINK:
	case EXT_FAST_COMMIT_UNLINK:
		printf("inode %" PRIu32 " in directory %" PRIu32 ": ", record->inode,
		       record->parent);
		text_name(stdout, (const char *)record->name.data, record->name.size);
		break;
	case EXT_FAST_COMMIT_INODE:
		printf("inode %" PRIu32 ", %zu bytes", record->inode, record->raw.size);
		break;
	case EXT_FAST_COMMIT_HEAD:
	case EXT_FAST_COMMIT_TAIL:
		printf("transaction %" PRIu32, record->sequence);
		break;
	case EXT_FAST_COMMIT_PAD:
		break;
	}
	putchar('\n');
}

void show_fast_commits(struct show *show, const struct ext_journal *journal)
{
	const struct ext_journal_superblock *sb = ext_journal_get_superblock(journal);
	uint32_t left = ext_journal_summary(journal)->fast_commit_records;
	uint8_t *bytes = malloc(sb->block_size);

	if (!bytes)
		return;
	if (show->json)
		json_array(show->json, "fast_commit_log");
	else
		puts("\nFast commits, to be replayed behind them");
	for (uint32_t log = sb->end + 1; log < sb->length && left > 0; log++) {
		struct ext_fast_commit_cursor cursor;
		struct ext_fast_commit_record record;

		if (ext_journal_block_read(journal, log, bytes, NULL) != EXT_OK)
			break;
		ext_fast_commit_cursor_init(&cursor, show->superblock,
					    (struct ext_span){bytes, sb->block_size});
		while (left > 0 && ext_fast_commit_next(&cursor, &record, NULL) == EXT_OK) {
			show_record(show, &record);
			left--;
		}
	}
	if (show->json)
		json_end_array(show->json);
	free(bytes);
}

static void annotate_tags(struct annotate *annotate, const struct ext_journal_superblock *sb,
			  struct ext_span block)
{
	struct ext_journal_tag_cursor cursor;
	struct ext_journal_tag tag;

	annotate_structure(annotate, "journal_header", 0, "descriptor block");
	ext_journal_tag_cursor_init(&cursor, sb, block);
	while (ext_journal_tag_next(&cursor, &tag) == EXT_OK) {
		size_t at = tag.at;

		annotate_structure(annotate,
				   sb->checksum_version == 3 ? "journal_tag3" : "journal_tag", at,
				   NULL);
		if (sb->checksum_version != 3 && sb->incompat & EXT_JOURNAL_INCOMPAT_64BIT)
			annotate_structure(annotate, "journal_tag_high", at + 8, NULL);
		if (sb->checksum_version == 2)
			annotate_structure(annotate, "journal_tag_pad", at + sb->tag_size - 2,
					   NULL);
		at += sb->tag_size;
		if (!(tag.flags & EXT_JOURNAL_TAG_SAME_UUID))
			annotate_structure(annotate, "journal_tag_uuid", at, NULL);
	}
}

static void annotate_revokes(struct annotate *annotate, const struct ext_journal_superblock *sb,
			     struct ext_span block)
{
	struct ext_journal_revoke_cursor cursor;
	const struct ext_place place = {.structure = EXT_AT_JOURNAL};
	ext_block revoked;

	annotate_structure(annotate, "revoke_header", 0, NULL);
	if (ext_journal_revoke_cursor_init(&cursor, sb, block, place, NULL) != EXT_OK)
		return;
	for (;;) {
		const size_t at = cursor.at;

		if (ext_journal_revoke_next(&cursor, &revoked) != EXT_OK)
			break;
		annotate_structure(annotate,
				   cursor.record_size == 8 ? "revoke_entry64" : "revoke_entry", at,
				   NULL);
	}
}

static void annotate_fast_commit(struct show *show, struct annotate *annotate,
				 struct ext_span block)
{
	static const struct {
		const char *value;
		uint32_t name_at; /* bytes of the value before a name or an inode */
	} layouts[] = {
		[EXT_FAST_COMMIT_ADD_RANGE] = {"fc_add_range", 16},
		[EXT_FAST_COMMIT_DEL_RANGE] = {"fc_del_range", 12},
		[EXT_FAST_COMMIT_CREAT] = {"fc_dentry", 8},
		[EXT_FAST_COMMIT_LINK] = {"fc_dentry", 8},
		[EXT_FAST_COMMIT_UNLINK] = {"fc_dentry", 8},
		[EXT_FAST_COMMIT_INODE] = {"fc_inode", 4},
		[EXT_FAST_COMMIT_PAD] = {NULL, 0},
		[EXT_FAST_COMMIT_TAIL] = {"fc_tail", 8},
		[EXT_FAST_COMMIT_HEAD] = {"fc_head", 8},
	};
	struct ext_fast_commit_cursor cursor;
	struct ext_fast_commit_record record;

	ext_fast_commit_cursor_init(&cursor, show->superblock, block);
	while (ext_fast_commit_next(&cursor, &record, NULL) == EXT_OK) {
		const size_t value_at = record.at + 4;

		annotate_structure(annotate, "fc_tl", record.at,
				   ext_fast_commit_tag_name(record.tag));
		if (layouts[record.tag].value)
			annotate_structure(annotate, layouts[record.tag].value, value_at, NULL);
		if (record.name.size > 0)
			annotate_bytes(annotate, value_at + layouts[record.tag].name_at,
				       record.name.size, "name", "Name of the entry",
				       EXT_SHOW_TEXT);
		if (record.raw.size >= 128)
			annotate_structure(annotate, "inode", value_at + 4, NULL);
	}
}

static void dump_block(struct show *show, const struct ext_journal_superblock *sb, uint32_t number,
		       struct ext_span block, uint64_t offset)
{
	struct ext_journal_header header;
	struct annotate annotate;
	const bool has_tail = sb->tail_size > 0;

	show_dump_begin(show, &annotate, "bytes", block, offset);
	if (number == 0) {
		annotate_structure(&annotate, "journal_superblock", 0, NULL);
	} else if (number > sb->end && sb->fast_commit_blocks > 1) {
		annotate_fast_commit(show, &annotate, block);
	} else if (ext_journal_header_decode(block, &header)) {
		if (header.type == EXT_JOURNAL_DESCRIPTOR)
			annotate_tags(&annotate, sb, block);
		else if (header.type == EXT_JOURNAL_REVOKE)
			annotate_revokes(&annotate, sb, block);
		else if (header.type == EXT_JOURNAL_COMMIT)
			annotate_structure(&annotate, "journal_commit", 0, NULL);
		else
			annotate_structure(&annotate, "journal_header", 0, NULL);
		if (has_tail &&
		    (header.type == EXT_JOURNAL_DESCRIPTOR || header.type == EXT_JOURNAL_REVOKE))
			annotate_structure(&annotate, "journal_tail", block.size - 4, NULL);
	}
	annotate_end(&annotate);
}

static const char *log_block_kind(const struct ext_journal_superblock *sb, uint32_t number,
				  struct ext_span block, struct ext_journal_header *header)
{
	*header = (struct ext_journal_header){0};
	if (number == 0)
		return "journal superblock";
	if (number >= sb->end && sb->fast_commit_blocks > 0)
		return number == sb->end ? "unused block before the fast-commit area"
					 : "fast-commit area";
	if (!ext_journal_header_decode(block, header))
		return "logged copy, or never used";
	switch (header->type) {
	case EXT_JOURNAL_DESCRIPTOR:
		return "descriptor block";
	case EXT_JOURNAL_COMMIT:
		return "commit block";
	case EXT_JOURNAL_REVOKE:
		return "revoke block";
	}
	return "unknown block";
}

int show_log_block(struct show *show, const struct ext_journal *journal, uint32_t number)
{
	const struct ext_journal_superblock *sb = ext_journal_get_superblock(journal);
	struct ext_journal_header header;
	struct ext_journal_commit commit;
	struct ext_error error;
	struct ext_span block;
	uint64_t offset = 0;
	uint8_t *bytes;

	if (!sb || ext_journal_block_offset(journal, number, &offset, NULL) != EXT_OK) {
		complain("%s: the journal has no block %" PRIu32, show->image->path, number);
		return EXIT_CANNOT_RUN;
	}
	bytes = malloc(sb->block_size);
	if (!bytes || ext_journal_block_read(journal, number, bytes, &error) != EXT_OK) {
		complain("%s: journal block %" PRIu32 " could not be read", show->image->path,
			 number);
		free(bytes);
		return EXIT_CANNOT_RUN;
	}
	block = (struct ext_span){bytes, sb->block_size};
	show_heading(show, "Journal block %" PRIu32, number);
	show_begin(show, "log_block");
	if (show->json)
		show_u64(show, "number", number);
	show_u64(show, "offset", offset);
	show_text(show, "is", log_block_kind(sb, number, block, &header));
	if (header.type != 0)
		show_u64(show, "sequence", header.sequence);
	if (header.type == EXT_JOURNAL_COMMIT) {
		ext_journal_commit_decode(sb, block, &commit);
		show_time(show, "time", &commit.time);
		show_text(show, "checksum", show_checksum_name(commit.checksum));
	} else if (header.type != 0 && sb->tail_size > 0) {
		show_text(show, "checksum",
			  show_checksum_name(ext_journal_tail_checksum(sb, block)));
	}
	if (show->hex) {
		if (!show->json)
			putchar('\n');
		dump_block(show, sb, number, block, offset);
	}
	show_end(show);
	free(bytes);
	return EXIT_CLEAN;
}
