/* SPDX-License-Identifier: MIT */
/* Prints what a search found; what the finds mean was decided before. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/copies.h"
#include "reports/finds.h"
#include "reports/text.h"

enum { LISTED_GROUPS = 16 };

static const char *kind_name(enum ext_find_kind kind)
{
	static const char *const names[] = {"filesystem", "older", "journal", "nested",
					    "external_journal"};

	return names[kind];
}

static const char *const checksum_names[] = {"none", "ok", "bad"};

static const char *kind_in_words(const struct ext_found_filesystem *one)
{
	switch (one->kind) {
	case EXT_FIND_FILESYSTEM:
		break;
	case EXT_FIND_OLDER:
		return "older filesystem, overwritten by a newer one:";
	case EXT_FIND_JOURNAL:
		return one->count == 1 ? "stray copy inside its own filesystem, as journals hold:"
				       : "stray copies inside their own filesystem:";
	case EXT_FIND_NESTED:
		return "inside another filesystem, an image in a file or a leftover:";
	case EXT_FIND_EXTERNAL_JOURNAL:
		return "external journal:";
	}
	return "";
}

static void print_one(const struct finds_report *report, size_t index)
{
	const struct ext_found_filesystem *one = &report->found->filesystems[index];
	const struct ext_superblock *sb = &one->superblock;
	const bool cut = one->end > report->size;
	char uuid[37], text[TEXT_SHORT];
	size_t bad = 0;

	ext_uuid_show(sb->uuid, uuid);
	printf("%3zu  ", index + 1);
	if (one->kind != EXT_FIND_FILESYSTEM)
		printf("%s ", kind_in_words(one));
	printf("%s", ext_superblock_type(sb));
	if (sb->volume_name[0]) {
		fputs(" \"", stdout);
		text_name(stdout, sb->volume_name, strlen(sb->volume_name));
		putchar('"');
	}
	printf(" %s\n     made %s", uuid, text_time(text, sb->mkfs_time));
	printf(", last written %s\n", text_time(text, sb->write_time));
	printf("     begins at byte %" PRIu64 ", would end at byte %" PRIu64 "%s\n",
	       report->start + one->start, report->start + one->end,
	       cut ? ", beyond the end of the image" : "");
	printf("     %" PRIu64 " blocks of %s", sb->block_count, text_size(text, sb->block_size));
	printf(" in %" PRIu32 " groups of %" PRIu32 ", %s\n", sb->group_count, sb->blocks_per_group,
	       copies_layout(sb));
	printf("     %zu cop%s, in group%s", one->count, one->count == 1 ? "y" : "ies",
	       text_plural(one->count));
	for (size_t i = 0; i < one->count; i++) {
		if (i < LISTED_GROUPS)
			printf(" %" PRIu32, one->finds[i].group);
		bad += one->finds[i].checksum == EXT_CHECKSUM_BAD;
	}
	if (one->count > LISTED_GROUPS)
		fputs(" ...", stdout);
	if (bad > 0)
		printf("; %zu with a wrong checksum", bad);
	putchar('\n');
	if (report->is_sound[index])
		puts("     it can be read: the copies lead to its root");
}

void finds_text(const struct finds_report *report)
{
	char text[TEXT_SHORT];

	text_name(stdout, report->image, strlen(report->image));
	printf(": %zu found in %s\n", report->found->count, text_size(text, report->size));
	for (size_t i = 0; i < report->found->count; i++) {
		putchar('\n');
		print_one(report, i);
	}
	if (report->best < report->found->count) {
		const struct ext_found_filesystem *best = &report->found->filesystems[report->best];

		printf("\nbest: number %zu: %s\n", report->best + 1, report->reason);
		if (report->start + best->start > 0)
			printf("      read it with --offset %" PRIu64 "\n",
			       report->start + best->start);
	}
}

static const char *state_of(const struct finds_report *report, size_t index,
			    const struct ext_find *find)
{
	const struct ext_found_filesystem *one = &report->found->filesystems[index];

	if (find->checksum == EXT_CHECKSUM_BAD)
		return "damaged";
	if (one->kind == EXT_FIND_FILESYSTEM || report->is_sound[index] || index == report->best)
		return "valid";
	return "foreign";
}

static void write_copies(struct json *json, const struct finds_report *report)
{
	json_array(json, "copies");
	for (size_t i = 0; i < report->found->count; i++) {
		const struct ext_found_filesystem *one = &report->found->filesystems[i];

		for (size_t j = 0; j < one->count; j++) {
			const struct ext_find *find = &one->finds[j];

			json_object(json, NULL);
			json_u64(json, "group", find->group);
			json_u64(json, "block",
				 (find->offset - one->start) >> one->superblock.block_size_log2);
			json_u64(json, "offset", report->start + find->offset);
			json_text(json, "state", state_of(report, i, find));
			json_text(json, "checksum", checksum_names[find->checksum]);
			json_u64(json, "filesystem", i);
			json_end_object(json);
		}
	}
	json_end_array(json);
}

static void write_filesystems(struct json *json, const struct finds_report *report)
{
	json_array(json, "filesystems");
	for (size_t i = 0; i < report->found->count; i++) {
		const struct ext_found_filesystem *one = &report->found->filesystems[i];
		const struct ext_superblock *sb = &one->superblock;
		char uuid[37];

		ext_uuid_show(sb->uuid, uuid);
		json_object(json, NULL);
		json_text(json, "kind", kind_name(one->kind));
		json_text(json, "type", ext_superblock_type(sb));
		json_text(json, "uuid", uuid);
		json_name(json, "label", sb->volume_name, strlen(sb->volume_name));
		json_i64(json, "made", sb->mkfs_time);
		json_i64(json, "written", sb->write_time);
		json_u64(json, "start", report->start + one->start);
		json_u64(json, "end", report->start + one->end);
		json_u64(json, "block_size", sb->block_size);
		json_u64(json, "blocks", sb->block_count);
		json_u64(json, "groups", sb->group_count);
		json_u64(json, "blocks_per_group", sb->blocks_per_group);
		json_text(json, "layout", copies_layout(sb));
		json_u64(json, "copies", one->count);
		if (one->kind == EXT_FIND_JOURNAL || one->kind == EXT_FIND_NESTED)
			json_u64(json, "inside", one->inside);
		json_bool(json, "readable", report->is_sound[i]);
		json_end_object(json);
	}
	json_end_array(json);
}

void finds_json(struct json *json, const struct finds_report *report)
{
	if (report->best < report->found->count) {
		const struct ext_found_filesystem *best = &report->found->filesystems[report->best];

		json_text(json, "layout", copies_layout(&best->superblock));
	}
	write_copies(json, report);
	if (report->best < report->found->count) {
		const struct ext_found_filesystem *best = &report->found->filesystems[report->best];

		json_object(json, "best");
		json_u64(json, "block",
			 (best->finds[0].offset - best->start) >> best->superblock.block_size_log2);
		json_u64(json, "offset", report->start + best->finds[0].offset);
		json_u64(json, "filesystem", report->best);
		json_text(json, "reason", report->reason);
		json_end_object(json);
	}
	write_filesystems(json, report);
	json_u64(json, "searched", report->size);
}
