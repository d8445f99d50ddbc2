/* SPDX-License-Identifier: MIT */
/*
 * Fields by their names, bits of bitmaps and entries of directories by what they stand for.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include <ext/field.h>

#include "reports/changes.h"
#include "reports/text.h"

enum { VALUE_SIZE = 200, SMALL_INODE = 128 };

static void change(struct changes *changes, const char *what, const char *before, const char *after)
{
	struct show *show = changes->show;

	if (changes->count++ >= CHANGES_MOST)
		return;
	if (show->json) {
		json_object(show->json, NULL);
		json_bytes(show->json, "field", what, strlen(what));
		if (before)
			json_bytes(show->json, "before", before, strlen(before));
		if (after)
			json_bytes(show->json, "after", after, strlen(after));
		json_end_object(show->json);
	} else {
		fputs("      ", stdout);
		text_name(stdout, what, strlen(what));
		if (before && after)
			printf("  %s -> %s", before, after);
		putchar('\n');
	}
}

/* Fields of one structure that differ; `prefix` stands before their names. */
static void compare_fields(struct changes *changes, const char *layout_name, const char *prefix,
			   struct ext_span before, struct ext_span after)
{
	const struct ext_layout *layout = ext_layout_by_name(layout_name);

	for (size_t i = 0; layout && i < layout->field_count; i++) {
		const struct ext_field *field = &layout->fields[i];
		const size_t size = ext_field_size(field);
		const unsigned elements = field->type == EXT_FIELD_BYTES ? 1 : field->count;

		if (field->at + size > before.size || field->at + size > after.size ||
		    memcmp(before.data + field->at, after.data + field->at, size) == 0)
			continue;
		for (unsigned element = 0; element < elements; element++) {
			char old[VALUE_SIZE], new[VALUE_SIZE], name[80];

			ext_field_show(field, element, before, old, sizeof old);
			ext_field_show(field, element, after, new, sizeof new);
			if (strcmp(old, new) == 0)
				continue;
			if (elements > 1)
				snprintf(name, sizeof name, "%s%s[%u]", prefix, field->name,
					 element);
			else
				snprintf(name, sizeof name, "%s%s", prefix, field->name);
			change(changes, name, old, new);
		}
	}
}

static struct ext_span part(struct ext_span bytes, size_t at, size_t size)
{
	if (at > bytes.size)
		at = bytes.size;
	if (size > bytes.size - at)
		size = bytes.size - at;
	return (struct ext_span){bytes.data + at, size};
}

void changes_of_inode(struct changes *changes, const char *prefix, struct ext_span before,
		      struct ext_span after)
{
	compare_fields(changes, "inode", prefix, before, after);
	if (before.size <= SMALL_INODE)
		return;
	compare_fields(changes, "inode_extra", prefix, part(before, SMALL_INODE, SIZE_MAX),
		       part(after, SMALL_INODE, SIZE_MAX));
}

static void compare_inode_table(struct changes *changes, const struct block_name *name,
				struct ext_span before, struct ext_span after)
{
	const uint32_t size = changes->show->superblock->inode_size;

	for (uint32_t i = 0; i < name->inodes; i++) {
		char prefix[40];

		snprintf(prefix, sizeof prefix, "inode %" PRIu32 " ", name->first_inode + i);
		changes_of_inode(changes, prefix, part(before, (size_t)i * size, size),
				 part(after, (size_t)i * size, size));
	}
}

static void compare_descriptors(struct changes *changes, ext_block block, struct ext_span before,
				struct ext_span after)
{
	const struct ext_superblock *sb = changes->show->superblock;
	const uint32_t size = sb->descriptor_size;
	struct block_fixed use;

	if (block_fixed_uses(changes->show->filesystem, block, &use, 1) == 0)
		return;
	for (uint32_t i = 0; (i + 1) * size <= before.size; i++) {
		char prefix[40];

		snprintf(prefix, sizeof prefix, "group %" PRIu32 " ",
			 use.index * sb->descriptors_per_block + i);
		compare_fields(changes, "group_descriptor", prefix,
			       part(before, (size_t)i * size, size),
			       part(after, (size_t)i * size, size));
		if (size >= 64)
			compare_fields(changes, "group_descriptor_high", prefix,
				       part(before, (size_t)i * size + 32, size - 32),
				       part(after, (size_t)i * size + 32, size - 32));
	}
}

/* Runs of bits that were set or cleared. */
static void compare_bitmaps(struct changes *changes, const struct block_name *name, bool inodes,
			    struct ext_span before, struct ext_span after)
{
	const struct ext_superblock *sb = changes->show->superblock;
	const uint32_t bits = inodes ? sb->inodes_per_group : sb->clusters_per_group;
	const uint64_t base = inodes ? (uint64_t)name->group * sb->inodes_per_group + 1
				     : ext_group_first_block(sb, name->group);
	const unsigned shift = inodes ? 0 : sb->cluster_log2;

	for (uint32_t bit = 0; bit < bits && bit / 8 < before.size; bit++) {
		const bool now = ext_bit_is_set(after.data, bit);
		const uint32_t first = bit;
		char text[120];

		if (ext_bit_is_set(before.data, bit) == now)
			continue;
		while (bit + 1 < bits && (bit + 1) / 8 < before.size &&
		       ext_bit_is_set(after.data, bit + 1) == now &&
		       ext_bit_is_set(before.data, bit + 1) != now)
			bit++;
		snprintf(text, sizeof text, "%s %" PRIu64 " to %" PRIu64,
			 inodes ? "inodes" : "blocks", base + ((uint64_t)first << shift),
			 base + ((uint64_t)(bit + 1) << shift) - 1);
		change(changes, text, now ? "free" : "in use", now ? "in use" : "free");
	}
}

/* Is there an entry of that name for that inode? */
static bool has_entry(const struct ext_superblock *sb, struct ext_span block,
		      const struct ext_dirent *wanted)
{
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	ext_dirent_cursor_init(&cursor, sb, block, 0, ext_directory_block_has_tail(sb, block));
	while (ext_dirent_next(&cursor, &entry, NULL) == EXT_OK)
		if (entry.inode == wanted->inode && entry.name_length == wanted->name_length &&
		    memcmp(entry.name, wanted->name, wanted->name_length) == 0)
			return true;
	return false;
}

static void compare_names(struct changes *changes, struct ext_span from, struct ext_span in,
			  const char *word)
{
	const struct ext_superblock *sb = changes->show->superblock;
	struct ext_dirent_cursor cursor;
	struct ext_dirent entry;

	ext_dirent_cursor_init(&cursor, sb, from, 0, ext_directory_block_has_tail(sb, from));
	while (ext_dirent_next(&cursor, &entry, NULL) == EXT_OK) {
		char text[64 + EXT_NAME_MAX];

		if (entry.inode == 0 || has_entry(sb, in, &entry))
			continue;
		snprintf(text, sizeof text, "name %s: %.*s (inode %" PRIu32 ")", word,
			 (int)entry.name_length, entry.name, entry.inode);
		change(changes, text, NULL, NULL);
	}
}

/* Whatever has no fields: where the bytes differ. */
static void compare_bytes(struct changes *changes, struct ext_span before, struct ext_span after)
{
	size_t at = 0;

	while (at < before.size) {
		size_t end;
		char text[64];

		if (before.data[at] == after.data[at]) {
			at++;
			continue;
		}
		for (end = at + 1; end < before.size && before.data[end] != after.data[end];)
			end++;
		snprintf(text, sizeof text, "bytes %zu to %zu", at, end - 1);
		change(changes, text, NULL, NULL);
		at = end;
	}
}

void changes_of_block(struct changes *changes, ext_block block, const struct block_name *name,
		      struct ext_span before, struct ext_span after)
{
	const struct ext_superblock *sb = changes->show->superblock;

	if (memcmp(before.data, after.data, before.size) == 0)
		return;
	if (name->first_inode != 0) {
		compare_inode_table(changes, name, before, after);
	} else if (strcmp(name->is, "group descriptors") == 0) {
		compare_descriptors(changes, block, before, after);
	} else if (strcmp(name->is, "block bitmap") == 0) {
		compare_bitmaps(changes, name, false, before, after);
	} else if (strcmp(name->is, "inode bitmap") == 0) {
		compare_bitmaps(changes, name, true, before, after);
	} else if (strcmp(name->is, "directory block") == 0) {
		compare_names(changes, before, after, "removed");
		compare_names(changes, after, before, "added");
	} else if (strcmp(name->is, "superblock") == 0) {
		const size_t at =
			block << sb->block_size_log2 < EXT_SUPERBLOCK_OFFSET
				? (size_t)(EXT_SUPERBLOCK_OFFSET - (block << sb->block_size_log2))
				: 0;

		compare_fields(changes, "superblock", "", part(before, at, EXT_SUPERBLOCK_SIZE),
			       part(after, at, EXT_SUPERBLOCK_SIZE));
	} else {
		compare_bytes(changes, before, after);
	}
	if (changes->count == 0)
		compare_bytes(changes, before, after);
}
