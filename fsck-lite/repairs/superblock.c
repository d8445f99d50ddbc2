/* SPDX-License-Identifier: MIT */
/*
 * Puts superblock and descriptors back: one list of writes, from the view that open_image chose.
 * Copies that hold are left alone. In place of a stale descriptor comes one with counts, checksums
 * and flags made from the bitmaps and inode tables.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/choose.h>
#include <ext/copies.h>

#include "accounting/survey.h"
#include "cancel.h"
#include "complain.h"
#include "exit.h"
#include "repairs/resize_inode.h"
#include "repairs/superblock.h"

struct repair {
	const struct opened_image *image;
	struct ext_source *source;
	const struct ext_superblock *superblock;
	uint8_t primary[EXT_SUPERBLOCK_SIZE];
	uint8_t *table; /* the whole descriptor table as it shall be */
	size_t size;
	uint8_t *before, *after; /* a block each */
	struct plan *plan;
};

static int no_memory(void)
{
	complain("out of memory");
	return EXIT_CANNOT_RUN;
}

/* One descriptor block of the new table; what lies behind its end stays as it is on the disk. */
static void descriptor_block(const struct repair *repair, uint32_t index, uint8_t *block)
{
	const uint32_t block_size = repair->superblock->block_size;
	const size_t at = (size_t)index * block_size;
	const size_t left = repair->size - at;

	memcpy(block, repair->table + at, left < block_size ? left : block_size);
}

/* Plans the write of one descriptor block at `block`; unreadable blocks count as zeros. */
static int plan_descriptors(struct repair *repair, enum planned_phase phase, ext_group group,
			    uint32_t index, ext_block block, const char *why)
{
	const struct ext_superblock *sb = repair->superblock;
	struct planned_write write = {.kind = PLANNED_DESCRIPTORS,
				      .phase = phase,
				      .group = group,
				      .index = index,
				      .offset = block << sb->block_size_log2,
				      .length = sb->block_size,
				      .why = why,
				      .before = repair->before,
				      .after = repair->after};

	if (ext_source_read(repair->source, write.offset, repair->before, sb->block_size, NULL) !=
	    EXT_OK)
		memset(repair->before, 0, sb->block_size);
	memcpy(repair->after, repair->before, sb->block_size);
	descriptor_block(repair, index, repair->after);
	return plan_add(repair->plan, &write) ? EXIT_CLEAN : no_memory();
}

static int plan_superblock(struct repair *repair, enum planned_phase phase, ext_group group,
			   const char *why)
{
	uint8_t before[EXT_SUPERBLOCK_SIZE], after[EXT_SUPERBLOCK_SIZE];
	const struct planned_write write = {
		.kind = PLANNED_SUPERBLOCK,
		.phase = phase,
		.group = group,
		.offset = ext_superblock_copy_offset(repair->superblock, group),
		.length = EXT_SUPERBLOCK_SIZE,
		.why = why,
		.before = before,
		.after = after};

	if (ext_source_read(repair->source, write.offset, before, sizeof before, NULL) != EXT_OK)
		memset(before, 0, sizeof before);
	ext_superblock_make_copy(repair->primary, group, after);
	return plan_add(repair->plan, &write) ? EXIT_CLEAN : no_memory();
}

/* Takes over the table that the filesystem was opened with, brought up to date where it is stale.
 */
static int make_table(struct repair *repair)
{
	const struct ext_superblock *sb = repair->superblock;
	const struct ext_open_options options = {.superblock = repair->primary};
	struct ext_filesystem *stored;
	struct ext_error error;
	uint8_t *changed;
	int status = EXIT_CLEAN;

	repair->size = (size_t)sb->group_count * sb->descriptor_size;
	repair->table = malloc(repair->size);
	changed = calloc(1, sb->group_count / 8 + 1);
	if (!repair->table || !changed) {
		free(changed);
		return no_memory();
	}
	memcpy(repair->table, ext_group_raw(repair->image->filesystem, 0).data, repair->size);
	if (ext_filesystem_open(repair->source, &options, &stored, &error) != EXT_OK) {
		complain_error(repair->image->path, &error);
		free(changed);
		return EXIT_CANNOT_RUN;
	}
	for (ext_group group = 0; group < sb->group_count; group++)
		if (memcmp(repair->table + (size_t)group * sb->descriptor_size,
			   ext_group_raw(stored, group).data, sb->descriptor_size) != 0)
			changed[group / 8] |= (uint8_t)(1u << group % 8);
	ext_filesystem_close(stored);
	if (ext_descriptors_refresh(repair->source, repair->primary, repair->table, repair->size,
				    changed, true, &error) != EXT_OK) {
		complain_error(repair->image->path, &error);
		status = EXIT_CANNOT_RUN;
	}
	free(changed);
	return status;
}

static int plan_primary(struct repair *repair)
{
	const struct ext_superblock *sb = repair->superblock;
	int status = plan_superblock(repair, PHASE_PRIMARY_SUPERBLOCK, 0, "the primary superblock");

	for (uint32_t index = 0; status == EXIT_CLEAN && index < sb->descriptor_blocks; index++)
		status = plan_descriptors(repair, PHASE_PRIMARY_DESCRIPTORS, 0, index,
					  ext_descriptor_block(sb, 0, index),
					  "the primary group descriptors");
	return status;
}

/* Does a block of descriptors on the disk point where the new table points, in every group? */
static bool block_agrees(const struct repair *repair, uint32_t index, ext_block block)
{
	const struct ext_superblock *sb = repair->superblock;
	const size_t at = (size_t)index * sb->block_size;
	const size_t left = repair->size - at;
	const size_t size = left < sb->block_size ? left : sb->block_size;

	if (ext_source_read(repair->source, block << sb->block_size_log2, repair->before,
			    sb->block_size, NULL) != EXT_OK)
		return false;
	for (size_t i = 0; i < size; i += sb->descriptor_size) {
		/* The three locations: bytes 0 to 11, and their high halves behind byte 32. */
		if (memcmp(repair->before + i, repair->table + at + i, 12) != 0 ||
		    (sb->descriptor_size >= 64 &&
		     memcmp(repair->before + i + 32, repair->table + at + i + 32, 12) != 0))
			return false;
	}
	return true;
}

/* Copies of the table: only blocks that point elsewhere are written; stale counts are no fault. */
static int plan_table_copies(struct repair *repair)
{
	const struct ext_superblock *sb = repair->superblock;
	int status = EXIT_CLEAN;

	for (uint32_t index = 0; index < sb->descriptor_blocks; index++) {
		ext_block block;
		ext_group group;

		for (uint32_t which = 1;
		     status == EXIT_CLEAN && ext_descriptor_copy(sb, index, which, &block, &group);
		     which++)
			if (!block_agrees(repair, index, block))
				status = plan_descriptors(repair, PHASE_COPY_DESCRIPTORS, group,
							  index, block,
							  "a damaged copy of the descriptors");
	}
	return status;
}

static int plan_superblock_copies(struct repair *repair)
{
	static const char *const why[] = {"", "a damaged copy", "a missing copy",
					  "another filesystem's superblock in the place of a copy"};
	const struct ext_superblock *sb = repair->superblock;
	int status = EXIT_CLEAN;

	for (ext_group group = ext_copy_next_group(sb, 0);
	     status == EXIT_CLEAN && group < sb->group_count;
	     group = ext_copy_next_group(sb, group)) {
		struct ext_copy copy;
		struct ext_error error;

		if (ext_copy_read(repair->source, repair->primary, group, false, &copy, &error) !=
		    EXT_OK) {
			complain_error(repair->image->path, &error);
			return EXIT_CANNOT_RUN;
		}
		if (copy.state != EXT_COPY_VALID && copy.offset < ext_source_size(repair->source))
			status = plan_superblock(repair, PHASE_COPY_SUPERBLOCKS, group,
						 why[copy.state]);
	}
	return status;
}

int superblock_repair_plan(const struct opened_image *image, struct plan *plan)
{
	struct repair repair = {.image = image,
				.source = image_view(image),
				.superblock = image->superblock,
				.plan = plan};
	int status;

	ext_superblock_make_copy(image->superblock_raw, 0, repair.primary);
	repair.before = calloc(1, image->superblock->block_size);
	repair.after = calloc(1, image->superblock->block_size);
	status = repair.before && repair.after ? make_table(&repair) : no_memory();
	if (status == EXIT_CLEAN)
		status = plan_primary(&repair);
	if (status == EXIT_CLEAN)
		status = resize_inode_plan(image, plan);
	if (status == EXIT_CLEAN)
		status = plan_table_copies(&repair);
	if (status == EXIT_CLEAN)
		status = plan_superblock_copies(&repair);
	free(repair.before);
	free(repair.after);
	free(repair.table);
	return status;
}

static int survey_for_proof(const struct options *options, const struct opened_image *image,
			    const struct ext_filesystem *filesystem, struct proof *proof)
{
	struct survey_options survey_options = {.stop = cancelled};
	struct survey survey;
	struct ext_error error;
	int status = EXIT_CLEAN;

	survey_options.threads = options_threads(options);
	if (survey_run(filesystem, &survey_options, &survey, &error) != EXT_OK) {
		complain_error(image->path, &error);
		return EXIT_CANNOT_RUN;
	}
	if (survey.stopped)
		status = EXIT_CANCELLED;
	*proof = (struct proof){true,
				survey.reached_inodes,
				survey.reached_blocks,
				survey.lost_inodes,
				survey.used_but_marked_free,
				survey.shared_blocks};
	survey_clear(&survey);
	return status;
}

/* The primary of `source`, as a mount would see it. */
static int prove_primary(const struct options *options, const struct opened_image *image,
			 struct ext_source *source, struct proof *proof)
{
	struct ext_filesystem *filesystem;
	int status;

	*proof = (struct proof){.opens = false};
	if (ext_filesystem_open(source, NULL, &filesystem, NULL) != EXT_OK)
		return EXIT_CLEAN;
	status = survey_for_proof(options, image, filesystem, proof);
	ext_filesystem_close(filesystem);
	return status;
}

int superblock_repair_prove(const struct options *options, const struct opened_image *image,
			    const struct plan *plan, struct proof *before, struct proof *chosen,
			    struct proof *after)
{
	struct ext_source *overlay;
	struct ext_error error;
	int status;

	if (ext_source_open_overlay(image_view(image), 512, &overlay, &error) != EXT_OK) {
		complain_error(image->path, &error);
		return EXIT_CANNOT_RUN;
	}
	status = prove_primary(options, image, overlay, before);
	for (size_t i = 0; status == EXIT_CLEAN && i < plan->count; i++)
		if (ext_overlay_write(overlay, plan->writes[i].offset, plan->writes[i].after,
				      plan->writes[i].length, &error) != EXT_OK) {
			complain_error(image->path, &error);
			status = EXIT_CANNOT_RUN;
		}
	if (status == EXIT_CLEAN)
		status = survey_for_proof(options, image, image->filesystem, chosen);
	if (status == EXIT_CLEAN)
		status = prove_primary(options, image, overlay, after);
	ext_source_close(overlay);
	return status;
}

bool superblock_repair_holds(const struct proof *before, const struct proof *chosen,
			     const struct proof *after, const char **why)
{
	*why = NULL;
	if (!after->opens)
		*why = "the filesystem could not be opened afterwards";
	else if (after->reached_inodes < before->reached_inodes ||
		 after->reached_inodes < chosen->reached_inodes)
		*why = "fewer files would be reached than before";
	else if (after->reached_blocks < before->reached_blocks ||
		 after->reached_blocks < chosen->reached_blocks)
		*why = "fewer blocks would be reached than before";
	else if (after->used_but_marked_free > chosen->used_but_marked_free ||
		 after->shared_blocks > chosen->shared_blocks)
		*why = "more blocks in use would be marked free, or owned twice";
	return *why == NULL;
}
