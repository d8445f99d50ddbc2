/* SPDX-License-Identifier: MIT */
/*
 * Choices that somebody else has made: the copy that the user names, or a superblock made anew; and
 * the filesystem that a choice leads to.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/choose.h>
#include <ext/copies.h>

#include "structure/filesystem.h"
#include "walk/evidence.h"
#include "walk/rebuild.h"
#include "walk/refresh.h"
#include "walk/tables.h"

enum ext_status ext_choose_copy(struct ext_source *source, uint64_t offset,
				struct ext_choice *choice, struct ext_error *error)
{
	const struct ext_place place = {
		.structure = EXT_AT_SUPERBLOCK, .has = EXT_HAS_OFFSET, .offset = offset};
	struct ext_open_options options = {0};
	struct ext_superblock sb;
	struct ext_filesystem *fs;
	uint8_t *all;
	uint64_t block;
	enum ext_status status;

	*choice = (struct ext_choice){.superblock_offset = offset};
	status = ext_source_read(source, offset, choice->superblock, sizeof choice->superblock,
				 error);
	if (status == EXT_OK)
		status = ext_superblock_decode(choice->superblock, place, &sb, NULL, error);
	if (status != EXT_OK)
		return status;
	if (offset == EXT_SUPERBLOCK_OFFSET) {
		choice->as_stored = true;
		return EXT_OK;
	}
	choice->source = EXT_CHOICE_BACKUP;
	block = offset >> sb.block_size_log2;
	if (block > sb.first_data_block)
		choice->copy_group =
			(ext_group)((block - sb.first_data_block) / sb.blocks_per_group);
	options.superblock = choice->superblock;
	options.copy_group = choice->copy_group;
	status = ext_filesystem_open(source, &options, &fs, error);
	if (status != EXT_OK)
		return status;
	choice->descriptors_size = (size_t)sb.group_count * sb.descriptor_size;
	choice->descriptors = malloc(choice->descriptors_size);
	all = malloc(sb.group_count / 8 + 1);
	if (choice->descriptors && all) {
		memcpy(choice->descriptors, fs->descriptors, choice->descriptors_size);
		memset(all, 0xff, sb.group_count / 8 + 1);
		choice->replaced_groups = sb.group_count;
		status = ext_descriptors_refresh(source, choice->superblock, choice->descriptors,
						 choice->descriptors_size, all, false, error);
		if (status == EXT_OK)
			status = superblock_refresh(source, choice, error);
	} else {
		status = ext_no_memory(error);
	}
	free(all);
	ext_filesystem_close(fs);
	if (status != EXT_OK)
		ext_choice_clear(choice);
	return status;
}

enum ext_status ext_choose_rebuilt(struct ext_source *source, struct ext_choice *choice,
				   struct ext_error *error)
{
	struct ext_open_options options = {0};
	struct evidence root = {0, 0}, groups = {0, 0};
	struct assembled_table table = {0};
	struct ext_filesystem *fs;
	enum ext_status status;

	*choice = (struct ext_choice){.source = EXT_CHOICE_REBUILT,
				      .superblock_offset = EXT_SUPERBLOCK_OFFSET,
				      .doubts = EXT_DOUBT_MISSING};
	status = superblock_rebuild(source, choice->superblock, &choice->rebuilt, error);
	if (status == EXT_OK)
		status = table_assemble(source, choice->superblock, 0, &table, error);
	if (status != EXT_OK)
		return status;
	choice->descriptors = table.descriptors;
	choice->descriptors_size = table.size;
	choice->replaced_groups = table.replaced_count;
	choice->rebuilt_groups = table.rebuilt_count;
	table.descriptors = NULL;
	status = table_refresh(source, choice, &table, error);
	table_clear(&table);
	if (status == EXT_OK)
		status = superblock_refresh(source, choice, error);
	options.superblock = choice->superblock;
	options.descriptors = choice->descriptors;
	options.descriptors_size = choice->descriptors_size;
	if (status == EXT_OK)
		status = ext_filesystem_open(source, &options, &fs, error);
	if (status != EXT_OK) {
		ext_choice_clear(choice);
		return status;
	}
	evidence_of_root(fs, &root);
	evidence_of_samples(fs, &groups);
	choice->good = root.good + groups.good;
	choice->bad = root.bad + groups.bad;
	choice->sound = evidence_is_sound(&root);
	ext_filesystem_close(fs);
	return EXT_OK;
}

void ext_choice_clear(struct ext_choice *choice)
{
	free(choice->descriptors);
	choice->descriptors = NULL;
}

enum ext_status ext_choice_open(struct ext_source *source, const struct ext_choice *choice,
				struct ext_sink *sink, struct ext_filesystem **filesystem,
				struct ext_error *error)
{
	struct ext_open_options options = {.sink = sink};

	if (!choice->as_stored) {
		options.superblock = choice->superblock;
		options.descriptors = choice->descriptors;
		options.descriptors_size = choice->descriptors_size;
	}
	return ext_filesystem_open(source, &options, filesystem, error);
}

bool ext_choice_is_of(struct ext_source *source, const struct ext_choice *choice,
		      const struct ext_superblock *superblock)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	uint8_t raw[EXT_SUPERBLOCK_SIZE];
	struct ext_superblock chosen;

	if (choice->as_stored) {
		if (ext_source_read(source, choice->superblock_offset, raw, sizeof raw, NULL) !=
		    EXT_OK)
			return false;
	} else {
		memcpy(raw, choice->superblock, sizeof raw);
	}
	return ext_superblock_decode(raw, place, &chosen, NULL, NULL) == EXT_OK &&
	       ext_superblock_same_filesystem(&chosen, superblock) &&
	       ext_superblock_same_geometry(&chosen, superblock);
}
