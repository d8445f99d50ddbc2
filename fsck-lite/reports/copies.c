/* SPDX-License-Identifier: MIT */
/* Prints what is known of each superblock copy; judges nothing. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/copies.h"
#include "reports/text.h"

static const char *const state_names[] = {"valid", "damaged", "missing", "foreign"};
static const char *const table_names[] = {"valid", "damaged", "missing"};
static const char *const checksum_names[] = {"none", "ok", "bad"};

const char *copies_layout(const struct ext_superblock *superblock)
{
	if (ext_has_incompat(superblock, EXT_INCOMPAT_META_BG))
		return "meta_bg";
	if (ext_has_compat(superblock, EXT_COMPAT_SPARSE_SUPER2))
		return "sparse_super2";
	return ext_has_ro_compat(superblock, EXT_RO_SPARSE_SUPER) ? "sparse_super" : "all_groups";
}

static const char *checksum_name(const struct ext_copy *copy)
{
	return copy->decoded ? checksum_names[copy->superblock.checksum] : "none";
}

void copies_text_head(const struct opened_image *image)
{
	const struct ext_superblock *sb = image->superblock;
	char uuid[37], made[TEXT_SHORT], size[TEXT_SHORT];

	ext_uuid_show(sb->uuid, uuid);
	text_name(stdout, image->path, strlen(image->path));
	printf(": %s", ext_superblock_type(sb));
	if (sb->volume_name[0]) {
		fputs(" \"", stdout);
		text_name(stdout, sb->volume_name, strlen(sb->volume_name));
		putchar('"');
	}
	printf(", %s, made %s\n", uuid, text_time(made, sb->mkfs_time));
	printf("%" PRIu64 " blocks of %s in %" PRIu32 " groups of %" PRIu32
	       "; copies as %s has them\n\n",
	       sb->block_count, text_size(size, sb->block_size), sb->group_count,
	       sb->blocks_per_group, copies_layout(sb));
	printf("%7s %12s %16s  %-8s %-9s %-12s %s\n", "group", "block", "byte", "state", "checksum",
	       "descriptors", "reaches");
}

void copies_text_view(const struct opened_image *image, const struct copy_view *view)
{
	char size[TEXT_SHORT];

	if (!view->known) {
		putchar('-');
		return;
	}
	printf("%" PRIu64 " director%s, %" PRIu64 " file%s, %s", view->directories,
	       view->directories == 1 ? "y" : "ies", view->files, text_plural(view->files),
	       text_size(size, view->blocks * image->superblock->block_size));
}

void copies_text_row(const struct opened_image *image, const struct ext_copy *copy,
		     const struct copy_view *view)
{
	printf("%7" PRIu32 " %12" PRIu64 " %16" PRIu64 "  %-8s %-9s %-12s ", copy->group,
	       copy->block, image->start + copy->offset, state_names[copy->state],
	       checksum_name(copy), copy->has_table ? table_names[copy->descriptors] : "-");
	copies_text_view(image, view);
	putchar('\n');
}

static void print_value(const struct ext_copy_difference *difference, const uint8_t raw[1024])
{
	char text[300];

	ext_field_show(difference->field, difference->index,
		       (struct ext_span){raw, EXT_SUPERBLOCK_SIZE}, text, sizeof text);
	fputs(text, stdout);
}

void copies_text_differences(const struct opened_image *image, const struct ext_copy *copy)
{
	struct ext_copy_difference difference;
	size_t cursor = 0;
	bool older = false;

	if (!copy->decoded)
		return;
	while (ext_copy_next_difference(image->superblock_raw, copy->raw, &cursor, &difference)) {
		if (difference.expected)
			continue;
		printf("  group %" PRIu32 ": %s is ", copy->group, difference.field->name);
		print_value(&difference, copy->raw);
		fputs(", should be ", stdout);
		print_value(&difference, image->superblock_raw);
		putchar('\n');
	}
	for (cursor = 0;
	     ext_copy_next_difference(image->superblock_raw, copy->raw, &cursor, &difference);) {
		/* Every copy differs in these two, and nobody wants to hear of it. */
		if (!difference.expected || strcmp(difference.field->name, "s_checksum") == 0 ||
		    strcmp(difference.field->name, "s_block_group_nr") == 0)
			continue;
		if (!older)
			printf("  group %" PRIu32 ": may be older, and is:", copy->group);
		older = true;
		printf(" %s", difference.field->name);
	}
	if (older)
		putchar('\n');
}

static void write_value(struct json *json, const char *key,
			const struct ext_copy_difference *difference, const uint8_t raw[1024])
{
	const struct ext_field *field = difference->field;
	const struct ext_span bytes = {raw, EXT_SUPERBLOCK_SIZE};
	char text[300];

	if (field->type != EXT_FIELD_BYTES &&
	    (field->show == EXT_SHOW_COUNT || field->show == EXT_SHOW_BLOCK ||
	     field->show == EXT_SHOW_INODE || field->show == EXT_SHOW_BYTESIZE)) {
		json_u64(json, key, ext_field_get(field, difference->index, bytes));
		return;
	}
	ext_field_show(field, difference->index, bytes, text, sizeof text);
	json_text(json, key, text);
}

void copies_json_view(struct json *json, const struct copy_view *view)
{
	if (!view->known)
		return;
	json_object(json, "view");
	json_u64(json, "directories", view->directories);
	json_u64(json, "files", view->files);
	json_u64(json, "blocks", view->blocks);
	json_end_object(json);
}

void copies_json_row(struct json *json, const struct opened_image *image,
		     const struct ext_copy *copy, const struct copy_view *view)
{
	struct ext_copy_difference difference;
	size_t cursor = 0;

	json_object(json, NULL);
	json_u64(json, "group", copy->group);
	json_u64(json, "block", copy->block);
	json_u64(json, "offset", image->start + copy->offset);
	json_text(json, "state", state_names[copy->state]);
	json_text(json, "checksum", checksum_name(copy));
	if (copy->has_table)
		json_text(json, "descriptors", table_names[copy->descriptors]);
	json_array(json, "differences");
	while (copy->decoded &&
	       ext_copy_next_difference(image->superblock_raw, copy->raw, &cursor, &difference)) {
		json_object(json, NULL);
		json_text(json, "field", difference.field->name);
		write_value(json, "primary", &difference, image->superblock_raw);
		write_value(json, "copy", &difference, copy->raw);
		json_bool(json, "expected", difference.expected);
		json_end_object(json);
	}
	json_end_array(json);
	copies_json_view(json, view);
	json_end_object(json);
}
