/* SPDX-License-Identifier: MIT */
/*
 * `show super` and `show group`: the superblock, or the copy at a block, and a group with what its
 * descriptor points at and what its bitmaps count.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "exit.h"
#include "reports/show.h"
#include "reports/text.h"
#include "target.h"

static void show_features(struct show *show, const struct ext_superblock *superblock)
{
	char text[16];
	const char *feature;
	int column = 0;

	if (show->json) {
		json_array(show->json, "features");
		for (unsigned i = 0; (feature = ext_superblock_feature(superblock, i, text)); i++)
			json_text(show->json, NULL, feature);
		json_end_array(show->json);
		return;
	}
	printf("  features             ");
	for (unsigned i = 0; (feature = ext_superblock_feature(superblock, i, text)); i++) {
		const int length = (int)strlen(feature) + 1;

		if (column + length > 74) {
			printf("\n%23s", "");
			column = 0;
		}
		printf(" %s", feature);
		column += length;
	}
	putchar('\n');
}

static void show_state(struct show *show, const struct ext_superblock *superblock)
{
	char text[64];

	snprintf(text, sizeof text, "%s%s%s",
		 superblock->state & EXT_STATE_CLEAN ? "clean" : "not clean",
		 superblock->state & EXT_STATE_ERRORS ? ", with errors" : "",
		 superblock->state & EXT_STATE_ORPHANS ? ", orphans being recovered" : "");
	show_text(show, "state", text);
}

static void show_summary(struct show *show, const struct ext_superblock *superblock)
{
	char uuid[40];

	show_text(show, "type", ext_superblock_type(superblock));
	ext_uuid_show(superblock->uuid, uuid);
	show_text(show, "uuid", uuid);
	show_name(show, "label", superblock->volume_name, strlen(superblock->volume_name));
	show_name(show, "last_mounted_on", superblock->last_mounted,
		  strlen(superblock->last_mounted));
	show_state(show, superblock);
	show_features(show, superblock);
	show_size(show, "block_size", superblock->block_size);
	if (superblock->cluster_blocks > 1)
		show_size(show, "cluster_size", superblock->cluster_size);
	show_u64(show, "blocks", superblock->block_count);
	show_size(show, "size", superblock->block_count << superblock->block_size_log2);
	show_u64(show, "free_blocks", superblock->free_block_count);
	show_u64(show, "reserved_blocks", superblock->reserved_block_count);
	show_u64(show, "inodes", superblock->inode_count);
	show_u64(show, "free_inodes", superblock->free_inode_count);
	show_size(show, "inode_size", superblock->inode_size);
	show_u64(show, "groups", superblock->group_count);
	show_u64(show, "blocks_per_group", superblock->blocks_per_group);
	show_u64(show, "inodes_per_group", superblock->inodes_per_group);
	show_size(show, "descriptor_size", superblock->descriptor_size);
	show_seconds(show, "made", superblock->mkfs_time);
	show_seconds(show, "last_mounted", superblock->mount_time);
	show_seconds(show, "last_written", superblock->write_time);
	show_seconds(show, "last_checked", superblock->check_time);
	show_u64(show, "mounts_since_check", superblock->mount_count);
	if (superblock->error_count > 0)
		show_u64(show, "errors_recorded", superblock->error_count);
	show_u64(show, "copy_of_group", superblock->copy_group);
	show_checksum(show, superblock->checksum, superblock->checksum_stored,
		      superblock->checksum_computed, 8);
}

int show_super(struct show *show, const char *operand)
{
	struct ext_place place = {.structure = EXT_AT_SUPERBLOCK, .has = EXT_HAS_OFFSET};
	uint8_t raw[EXT_SUPERBLOCK_SIZE];
	const struct ext_span span = {raw, sizeof raw};
	struct ext_superblock superblock;
	struct ext_error error;
	uint64_t offset = show->image->superblock_offset;
	uint64_t block;
	int status = EXIT_CLEAN;

	if (operand && !target_number(operand, &block)) {
		complain("show super: `%s' is no block number", operand);
		return EXIT_WRONG_USAGE;
	}
	if (operand) {
		if (block > UINT64_MAX >> show->superblock->block_size_log2)
			block = UINT64_MAX >> show->superblock->block_size_log2;
		offset = show_block_offset(show, block);
		/* The primary is at byte 1024 whatever the block size. */
		if (offset < EXT_SUPERBLOCK_OFFSET)
			offset = EXT_SUPERBLOCK_OFFSET;
	}
	place.offset = offset;
	if (ext_source_read(image_view(show->image), offset, raw, sizeof raw, &error) != EXT_OK) {
		complain_error(show->image->path, &error);
		return EXIT_CANNOT_RUN;
	}
	if (!show->json)
		show_heading(show, "Superblock at byte %" PRIu64, show->image->start + offset);
	if (show->hex) {
		struct annotate annotate;

		show_dump_begin(show, &annotate, "bytes", span, offset);
		annotate_structure(&annotate, "superblock", 0, NULL);
		annotate_end(&annotate);
		return EXIT_CLEAN;
	}
	show_begin(show, "super");
	show_u64(show, "offset", show->image->start + offset);
	if (ext_superblock_decode(raw, place, &superblock, &show->findings->sink, &error) ==
	    EXT_OK) {
		show_summary(show, &superblock);
	} else {
		complain_error(show->image->path, &error);
		status = EXIT_CANNOT_RUN;
	}
	show->indent--;
	if (!show->json) {
		putchar('\n');
		show_heading(show, "Fields that are not zero");
	}
	show_fields(show, "fields", "superblock", span, span.size);
	show->indent++;
	show_end(show);
	return status;
}

/* Set bits among the first `count`. */
static uint32_t count_bits(const uint8_t *bitmap, uint32_t count)
{
	uint32_t set = 0;

	for (uint32_t i = 0; i < count; i++)
		set += ext_bit_is_set(bitmap, i);
	return set;
}

static void show_bitmap_count(struct show *show, const char *key, enum ext_status status,
			      const uint8_t *bitmap, uint32_t bits,
			      enum ext_checksum_state checksum, const struct ext_error *error)
{
	static const char *const states[] = {"", ", its checksum holds", ", its checksum is wrong"};
	char text[80];

	if (status != EXT_OK) {
		findings_aloud_error(show->findings, error);
		return;
	}
	if (show->json) {
		json_u64(show->json, key, bits - count_bits(bitmap, bits));
		return;
	}
	snprintf(text, sizeof text, "%" PRIu32 "%s", bits - count_bits(bitmap, bits),
		 states[checksum]);
	show_text(show, key, text);
}

static void show_bitmaps(struct show *show, ext_group group,
			 const struct ext_group_descriptor *descriptor)
{
	const struct ext_superblock *superblock = show->superblock;
	const uint32_t clusters =
		(ext_group_block_count(superblock, group) + superblock->cluster_blocks - 1) >>
		superblock->cluster_log2;
	uint8_t *bitmap = malloc(superblock->block_size);
	enum ext_checksum_state checksum = EXT_CHECKSUM_NONE;
	struct ext_error error;
	enum ext_status status;

	if (!bitmap)
		return;
	if (descriptor->flags & EXT_GROUP_BLOCK_UNINIT) {
		show_text(show, "block_bitmap_state", "not initialised");
	} else {
		status = ext_block_bitmap_read(show->filesystem, group, bitmap, &checksum, &error);
		show_bitmap_count(show, "free_clusters_in_bitmap", status, bitmap, clusters,
				  checksum, &error);
	}
	if (descriptor->flags & EXT_GROUP_INODE_UNINIT) {
		show_text(show, "inode_bitmap_state", "not initialised");
	} else {
		status = ext_inode_bitmap_read(show->filesystem, group, bitmap, &checksum, &error);
		show_bitmap_count(show, "free_inodes_in_bitmap", status, bitmap,
				  superblock->inodes_per_group, checksum, &error);
	}
	free(bitmap);
}

int show_group(struct show *show, const char *operand)
{
	const struct ext_superblock *superblock = show->superblock;
	struct ext_group_descriptor descriptor;
	struct ext_group_layout layout;
	uint64_t number;
	ext_group group;

	if (!operand || !target_number(operand, &number)) {
		complain("show group: a group number is wanted");
		return EXIT_WRONG_USAGE;
	}
	if (number >= superblock->group_count) {
		complain("%s: there is no group %s; the last one is %" PRIu32, show->image->path,
			 operand, superblock->group_count - 1);
		return EXIT_CANNOT_RUN;
	}
	group = (ext_group)number;
	ext_group_read(show->filesystem, group, &descriptor);
	ext_group_layout(superblock, group, &layout);
	show_heading(show, "Group %" PRIu32, group);
	if (show->hex) {
		const struct ext_span raw = ext_group_raw(show->filesystem, group);
		const ext_block table =
			ext_descriptor_block(superblock, show->image->copy_group,
					     group / superblock->descriptors_per_block);
		struct annotate annotate;

		show_dump_begin(show, &annotate, "bytes", raw,
				show_block_offset(show, table) +
					(uint64_t)(group % superblock->descriptors_per_block) *
						superblock->descriptor_size);
		annotate_structure(&annotate, "group_descriptor", 0, NULL);
		if (raw.size >= 64)
			annotate_structure(&annotate, "group_descriptor_high", 32, NULL);
		annotate_end(&annotate);
		return EXIT_CLEAN;
	}
	show_begin(show, "group");
	if (show->json)
		show_u64(show, "number", group);
	show_range(show, "blocks", ext_group_first_block(superblock, group),
		   ext_group_block_count(superblock, group));
	show_range(show, "inodes", (uint64_t)group * superblock->inodes_per_group + 1,
		   superblock->inodes_per_group);
	if (layout.has_superblock)
		show_u64(show, "superblock_copy", layout.superblock_block);
	show_range(show, "descriptors", layout.descriptors_start, layout.descriptor_blocks);
	show_range(show, "reserved_descriptors",
		   layout.descriptors_start + layout.descriptor_blocks, layout.reserved_blocks);
	if (!descriptor.readable) {
		show_text(show, "descriptor", "could not be read");
	} else {
		show_u64(show, "block_bitmap", descriptor.block_bitmap);
		show_u64(show, "inode_bitmap", descriptor.inode_bitmap);
		show_range(show, "inode_table", descriptor.inode_table,
			   superblock->inode_table_blocks);
		show_u64(show, "free_clusters", descriptor.free_clusters);
		show_u64(show, "free_inodes", descriptor.free_inodes);
		show_bitmaps(show, group, &descriptor);
		show_u64(show, "directories", descriptor.directories);
		show_u64(show, "unused_inodes_at_end", descriptor.itable_unused);
		show_flags(show, "flags", "group_flags", descriptor.flags);
		show_checksum(show, descriptor.checksum, descriptor.checksum_stored,
			      descriptor.checksum_computed, 4);
	}
	show_end(show);
	return EXIT_CLEAN;
}
