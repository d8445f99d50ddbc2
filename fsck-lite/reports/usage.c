/* SPDX-License-Identifier: MIT */
/* The account, printed. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "reports/text.h"
#include "reports/usage.h"

struct owner_row {
	enum owner owner;
	const char *key;   /* in JSON */
	const char *label; /* for people */
};

/* In the order of the tree that people see: the filesystem itself, then who uses it. */
static const struct owner_row rows[] = {
	{OWNER_BOOT, "boot", "boot block"},
	{OWNER_SUPERBLOCKS, "superblocks", "superblock copies"},
	{OWNER_GROUP_DESCRIPTORS, "group_descriptors", "group descriptors"},
	{OWNER_RESERVED_GDT, "reserved_gdt", "reserved descriptor blocks"},
	{OWNER_BLOCK_BITMAPS, "block_bitmaps", "block bitmaps"},
	{OWNER_INODE_BITMAPS, "inode_bitmaps", "inode bitmaps"},
	{OWNER_INODE_TABLES, "inode_tables", "inode tables"},
	{OWNER_MMP, "mmp", "multi-mount protection"},
	{OWNER_JOURNAL, "journal", "journal"},
	{OWNER_QUOTA, "quota", "quota files"},
	{OWNER_OTHER_RESERVED, "other_reserved", "other reserved inodes"},
	{OWNER_DIRECTORIES, "directories", "directories"},
	{OWNER_FILES, "files", "files"},
	{OWNER_ORPHANS, "orphans", "deleted, still on the orphan list"},
	{OWNER_LOST, "lost", "lost: in use, but no directory leads there"},
	{OWNER_LEAKED, "leaked", "leaked: marked used, owned by nobody"},
	{OWNER_FREE, "free", "free"},
};

_Static_assert(sizeof rows / sizeof *rows == OWNER_COUNT, "a row for each owner");

static void write_counts(struct json *json, const struct survey *survey)
{
	json_object(json, "counts");
	json_u64(json, "superblock_free_blocks", survey->superblock->free_block_count);
	json_u64(json, "descriptors_free_blocks", survey->descriptors_free_blocks);
	json_u64(json, "bitmaps_free_blocks", survey->bitmaps_free_blocks);
	json_u64(json, "superblock_free_inodes", survey->superblock->free_inode_count);
	json_u64(json, "descriptors_free_inodes", survey->descriptors_free_inodes);
	json_u64(json, "bitmaps_free_inodes", survey->bitmaps_free_inodes);
	json_end_object(json);
}

void usage_json(struct json *json, const struct survey *survey, const struct kernel_df *df)
{
	json_object(json, "df");
	json_u64(json, "block_size", survey->superblock->block_size);
	json_u64(json, "blocks", df->blocks);
	json_u64(json, "used", df->blocks >= df->free ? df->blocks - df->free : 0);
	json_u64(json, "free", df->free);
	json_u64(json, "available", df->available);
	json_u64(json, "inodes", df->inodes);
	json_u64(json, "inodes_used",
		 df->inodes >= df->inodes_free ? df->inodes - df->inodes_free : 0);
	json_u64(json, "inodes_free", df->inodes_free);
	json_end_object(json);
	json_object(json, "owners");
	for (unsigned i = 0; i < OWNER_COUNT; i++)
		json_u64(json, rows[i].key, survey->owners[rows[i].owner]);
	json_end_object(json);
	json_object(json, "reachable");
	json_u64(json, "inodes", survey->reached_inodes);
	json_u64(json, "directories", survey->reached_directories);
	json_u64(json, "files", survey->reached_inodes - survey->reached_directories);
	json_u64(json, "blocks", survey->reached_blocks);
	json_end_object(json);
	json_object(json, "lost");
	json_u64(json, "inodes", survey->lost_inodes);
	json_u64(json, "blocks", survey->lost_blocks);
	json_end_object(json);
	write_counts(json, survey);
	json_u64(json, "shared_blocks", survey->shared_blocks);
	json_u64(json, "used_but_marked_free", survey->used_but_marked_free);
	if (survey->inodes_unreadable > 0 || survey->bitmaps_unreadable > 0) {
		json_object(json, "not_read");
		json_u64(json, "inodes", survey->inodes_unreadable);
		json_u64(json, "bitmaps", survey->bitmaps_unreadable);
		json_end_object(json);
	}
}

static void print_amount(FILE *out, uint64_t blocks, uint32_t block_size, bool human, int width)
{
	char text[TEXT_SHORT];

	if (human)
		fprintf(out, "%*s", width, text_size(text, blocks * block_size));
	else
		fprintf(out, "%*" PRIu64, width, blocks * (block_size / 1024));
}

void usage_text_df(FILE *out, const struct opened_image *image, const struct kernel_df *df,
		   bool human, bool with_head)
{
	const uint32_t block_size = image->superblock->block_size;
	const uint64_t used = df->blocks >= df->free ? df->blocks - df->free : 0;
	const uint64_t shared = used + df->available;

	if (with_head)
		fprintf(out, "%-20s %-4s %12s %12s %12s %5s %10s %10s\n", "Image", "Type",
			human ? "Size" : "1K-blocks", "Used", "Available", "Use%", "Inodes",
			"IUsed");
	text_name(out, image->path, strlen(image->path));
	fprintf(out, "%*s %-4s ", strlen(image->path) < 20 ? 20 - (int)strlen(image->path) : 0, "",
		ext_superblock_type(image->superblock));
	print_amount(out, df->blocks, block_size, human, 12);
	fputc(' ', out);
	print_amount(out, used, block_size, human, 12);
	fputc(' ', out);
	print_amount(out, df->available, block_size, human, 12);
	/* df rounds up. */
	if (shared > 0)
		fprintf(out, " %4" PRIu64 "%%", (used * 100 + shared - 1) / shared);
	else
		fprintf(out, " %5s", "-");
	fprintf(out, " %10" PRIu64 " %10" PRIu64 "\n", df->inodes,
		df->inodes >= df->inodes_free ? df->inodes - df->inodes_free : 0);
}

static void print_row(FILE *out, const struct survey *survey, const char *label, int indent,
		      uint64_t blocks, bool human, const char *begin, const char *end)
{
	char text[TEXT_SHORT];
	const struct ext_superblock *sb = survey->superblock;

	fprintf(out, "%s%*s%-*s ", begin, indent, "", 46 - indent, label);
	if (human)
		fprintf(out, "%14s", text_size(text, blocks * sb->block_size));
	else
		fprintf(out, "%14s", text_count(text, blocks));
	fprintf(out, " %6s  ", text_share(text, blocks, sb->block_count));
	text_bar(out, blocks, sb->block_count, 20);
	fprintf(out, "%s\n", end);
}

static uint64_t sum_of(const struct survey *survey, enum owner first, enum owner last)
{
	uint64_t sum = 0;

	for (unsigned i = first; i <= (unsigned)last; i++)
		sum += survey->owners[i];
	return sum;
}

static void print_part(FILE *out, const struct survey *survey, const char *title, enum owner first,
		       enum owner last, bool human)
{
	print_row(out, survey, title, 2, sum_of(survey, first, last), human, "", "");
	for (unsigned i = first; i <= (unsigned)last; i++)
		if (survey->owners[rows[i].owner] > 0)
			print_row(out, survey, rows[i].label, 4, survey->owners[rows[i].owner],
				  human, "", "");
}

void usage_text_owners(FILE *out, const struct survey *survey, bool human, bool colors)
{
	char text[TEXT_SHORT];
	const struct ext_superblock *sb = survey->superblock;

	fprintf(out, "\n%sWho owns the %s blocks of %" PRIu32 " bytes%s\n",
		text_color(colors, TEXT_BOLD), text_count(text, sb->block_count), sb->block_size,
		text_color(colors, TEXT_PLAIN));
	print_part(out, survey, "the filesystem itself", OWNER_BOOT, OWNER_OTHER_RESERVED, human);
	print_part(out, survey, "reached from the root", OWNER_DIRECTORIES, OWNER_FILES, human);
	for (unsigned i = OWNER_ORPHANS; i <= OWNER_LEAKED; i++)
		if (survey->owners[i] > 0)
			print_row(out, survey, rows[i].label, 2, survey->owners[i], human,
				  text_color(colors, i == OWNER_ORPHANS ? TEXT_YELLOW : TEXT_RED),
				  text_color(colors, TEXT_PLAIN));
	print_row(out, survey, rows[OWNER_FREE].label, 2, survey->owners[OWNER_FREE], human, "",
		  "");
}

void usage_text_counts(FILE *out, const struct survey *survey)
{
	char a[TEXT_SHORT], b[TEXT_SHORT], c[TEXT_SHORT];
	const struct ext_superblock *sb = survey->superblock;

	fprintf(out, "\n%-24s %16s %16s %16s\n", "Free, counted by", "the superblock",
		"descriptors", "bitmaps");
	fprintf(out, "  %-22s %16s %16s %16s\n", "blocks", text_count(a, sb->free_block_count),
		text_count(b, survey->descriptors_free_blocks),
		text_count(c, survey->bitmaps_free_blocks));
	fprintf(out, "  %-22s %16s %16s %16s\n", "inodes", text_count(a, sb->free_inode_count),
		text_count(b, survey->descriptors_free_inodes),
		text_count(c, survey->bitmaps_free_inodes));
}

bool usage_text_verdict(FILE *out, const struct survey *survey, const struct kernel_df *df,
			bool colors)
{
	const uint64_t block_size = survey->superblock->block_size;
	const uint64_t used = df->blocks >= df->free ? df->blocks - df->free : 0;
	char a[TEXT_SHORT], b[TEXT_SHORT], c[TEXT_SHORT];

	if (survey->lost_inodes == 0 && survey->owners[OWNER_LEAKED] == 0 &&
	    survey->shared_blocks == 0 && survey->used_but_marked_free == 0)
		return false;
	fprintf(out, "\n%sdf and the directory tree disagree%s\n", text_color(colors, TEXT_BOLD),
		text_color(colors, TEXT_PLAIN));
	fprintf(out, "  df says that %s are used; the root reaches %s in %s inode%s.\n",
		text_size(a, used * block_size), text_size(b, survey->reached_blocks * block_size),
		text_count(c, survey->reached_inodes), text_plural(survey->reached_inodes));
	if (survey->lost_inodes > 0)
		fprintf(out, "  %s inode%s hold%s %s that no directory reaches: lost, not gone.\n",
			text_count(a, survey->lost_inodes), text_plural(survey->lost_inodes),
			survey->lost_inodes == 1 ? "s" : "",
			text_size(b, survey->lost_blocks * block_size));
	if (survey->owners[OWNER_LEAKED] > 0)
		fprintf(out, "  %s are marked used, but no inode owns them.\n",
			text_size(a, survey->owners[OWNER_LEAKED] * block_size));
	if (survey->used_but_marked_free > 0)
		fprintf(out, "  %s are in use, but marked free: a write could overwrite them.\n",
			text_size(a, survey->used_but_marked_free * block_size));
	if (survey->shared_blocks > 0)
		fprintf(out, "  %s have more than one owner.\n",
			text_size(a, survey->shared_blocks * block_size));
	return true;
}
