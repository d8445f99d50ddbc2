/* SPDX-License-Identifier: MIT */
/* Prints the writes of a repair as changes of fields. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <ext/copies.h>

#include "reports/plan.h"
#include "reports/text.h"

enum { LISTED_GROUPS = 16 };

static bool has_magic(const uint8_t *raw)
{
	return raw[0x38] == (EXT_MAGIC & 0xff) && raw[0x39] == EXT_MAGIC >> 8;
}

static void print_value(const struct ext_field *field, unsigned index, const uint8_t *bytes,
			size_t size)
{
	char text[300];

	ext_field_show(field, index, (struct ext_span){bytes, size}, text, sizeof text);
	fputs(text, stdout);
}

static void print_superblock(const struct planned_write *write)
{
	struct ext_copy_difference difference;
	size_t cursor = 0;

	if (!has_magic(write->before)) {
		puts("    written whole: there is no superblock there");
		return;
	}
	while (ext_copy_next_difference(write->before, write->after, &cursor, &difference)) {
		printf("    %-26s ", difference.field->name);
		print_value(difference.field, difference.index, write->before, write->length);
		fputs(" -> ", stdout);
		print_value(difference.field, difference.index, write->after, write->length);
		putchar('\n');
	}
}

/* The fields of one half of a descriptor that change, on one line. */
static void print_half(const struct ext_layout *layout, const uint8_t *before, const uint8_t *after)
{
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct ext_field *field = &layout->fields[i];
		const struct ext_span old = {before, layout->size}, new = {after, layout->size};

		if (ext_field_get(field, 0, old) == ext_field_get(field, 0, new))
			continue;
		printf(" %s ", field->name);
		print_value(field, 0, before, layout->size);
		fputs(" -> ", stdout);
		print_value(field, 0, after, layout->size);
		putchar(';');
	}
}

static void print_descriptors(const struct opened_image *image, const struct planned_write *write,
			      bool verbose)
{
	const struct ext_superblock *sb = image->superblock;
	const struct ext_layout *low = ext_layout_by_name("group_descriptor");
	const struct ext_layout *high = ext_layout_by_name("group_descriptor_high");
	const ext_group first = write->index * sb->descriptors_per_block;
	ext_group changed = 0;

	for (uint32_t i = 0; i < sb->descriptors_per_block && first + i < sb->group_count; i++) {
		const uint8_t *before = write->before + (size_t)i * sb->descriptor_size;
		const uint8_t *after = write->after + (size_t)i * sb->descriptor_size;

		if (memcmp(before, after, sb->descriptor_size) == 0)
			continue;
		if (++changed > LISTED_GROUPS && !verbose)
			continue;
		printf("    group %" PRIu32 ":", first + i);
		print_half(low, before, after);
		if (sb->descriptor_size >= low->size + high->size)
			print_half(high, before + low->size, after + low->size);
		putchar('\n');
	}
	if (changed > LISTED_GROUPS && !verbose)
		printf("    and %" PRIu32 " more groups (-v lists them)\n",
		       changed - LISTED_GROUPS);
}

void plan_text(const struct opened_image *image, const struct plan *plan, bool verbose)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct planned_write *write = &plan->writes[i];

		printf("  byte %" PRIu64 ", group %" PRIu32 ": %s\n", image->start + write->offset,
		       write->group, write->why);
		if (write->kind == PLANNED_SUPERBLOCK)
			print_superblock(write);
		else if (write->kind == PLANNED_DESCRIPTORS)
			print_descriptors(image, write, verbose);
	}
}

static void print_proof(const struct opened_image *image, const char *when,
			const struct proof *proof)
{
	char text[TEXT_SHORT];

	if (!proof->opens) {
		printf("  %s: the primary superblock cannot be used\n", when);
		return;
	}
	printf("  %s: the root reaches %" PRIu64 " inode%s and %s", when, proof->reached_inodes,
	       text_plural(proof->reached_inodes),
	       text_size(text, proof->reached_blocks * image->superblock->block_size));
	printf("; %" PRIu64 " lost\n", proof->lost_inodes);
}

void plan_text_proof(const struct opened_image *image, const struct proof *before,
		     const struct proof *after)
{
	puts("Proved on a copy in memory:");
	print_proof(image, "before", before);
	print_proof(image, "after ", after);
}

void plan_json(struct json *json, const struct opened_image *image, const struct plan *plan)
{
	static const char *const kinds[] = {"superblock", "group descriptors",
					    "reserved descriptor block"};

	json_array(json, "plan");
	for (size_t i = 0; i < plan->count; i++) {
		const struct planned_write *write = &plan->writes[i];
		struct ext_copy_difference difference;
		size_t cursor = 0;

		json_object(json, NULL);
		json_text(json, "structure", kinds[write->kind]);
		json_u64(json, "group", write->group);
		json_u64(json, "offset", image->start + write->offset);
		json_u64(json, "length", write->length);
		json_text(json, "why", write->why);
		if (write->kind == PLANNED_SUPERBLOCK && has_magic(write->before)) {
			json_array(json, "fields");
			while (ext_copy_next_difference(write->before, write->after, &cursor,
							&difference))
				json_text(json, NULL, difference.field->name);
			json_end_array(json);
		}
		json_end_object(json);
	}
	json_end_array(json);
}

void plan_json_proof(struct json *json, const char *key, const struct proof *proof)
{
	json_object(json, key);
	json_bool(json, "opens", proof->opens);
	if (proof->opens) {
		json_u64(json, "reached_inodes", proof->reached_inodes);
		json_u64(json, "reached_blocks", proof->reached_blocks);
		json_u64(json, "lost_inodes", proof->lost_inodes);
	}
	json_end_object(json);
}
