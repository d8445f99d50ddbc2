/* SPDX-License-Identifier: MIT */
/*
 * Reads the superblock copies and descriptor tables at the places where they must lie, and judges
 * each against a superblock that is taken as right. Which one is right: choose.c.
 */
#include "config.h"

#include <string.h>

#include <ext/copies.h>

#include "bytes/checked.h"
#include "walk/evidence.h"

static enum ext_copy_state judge(const uint8_t reference_raw[1024],
				 const struct ext_superblock *reference,
				 const struct ext_copy *copy)
{
	const struct ext_superblock *sb = &copy->superblock;

	if (copy->raw[0x38] != (EXT_MAGIC & 0xff) || copy->raw[0x39] != EXT_MAGIC >> 8)
		return EXT_COPY_MISSING;
	if (!copy->decoded)
		return EXT_COPY_DAMAGED;
	/* Another filesystem's, unless the checksum says that these bytes are nobody's. */
	if (!ext_superblock_same_filesystem(reference, sb))
		return sb->checksum == EXT_CHECKSUM_BAD ? EXT_COPY_DAMAGED : EXT_COPY_FOREIGN;
	if (sb->checksum == EXT_CHECKSUM_BAD || !ext_superblock_is_placed(sb, copy->offset) ||
	    !ext_superblock_is_later(reference_raw, copy->raw))
		return EXT_COPY_DAMAGED;
	return EXT_COPY_VALID;
}

static void judge_table(struct ext_filesystem *fs, struct ext_copy *copy)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(fs);
	ext_group missing = 0;
	uint64_t digest = UINT64_C(0xcbf29ce484222325);

	for (ext_group group = 0; group < sb->group_count; group++) {
		const struct ext_group_locations where = group_locations(fs, group);

		if (!where.readable ||
		    (where.block_bitmap == 0 && where.inode_bitmap == 0 && where.inode_table == 0))
			missing++;
		else if (!group_is_plausible(fs, group))
			copy->bad_descriptors++;
		digest = locations_digest(digest, &where);
	}
	copy->locations = digest;
	if (missing == sb->group_count)
		copy->descriptors = EXT_TABLE_MISSING;
	else
		copy->descriptors =
			missing + copy->bad_descriptors == 0 ? EXT_TABLE_VALID : EXT_TABLE_DAMAGED;
	copy->bad_descriptors += missing;
}

enum ext_status ext_copy_read(struct ext_source *source, const uint8_t reference[1024],
			      ext_group group, bool table, struct ext_copy *copy,
			      struct ext_error *error)
{
	const struct ext_open_options options = {
		.superblock = reference, .copy_group = group, .stale_descriptors = group != 0};
	struct ext_place place = {.structure = EXT_AT_SUPERBLOCK, .has = EXT_HAS_OFFSET};
	struct ext_superblock sb;
	struct ext_filesystem *fs;
	enum ext_status status = ext_superblock_decode(reference, place, &sb, NULL, error);

	if (status != EXT_OK)
		return status;
	*copy = (struct ext_copy){.group = group, .offset = ext_superblock_copy_offset(&sb, group)};
	copy->block = copy->offset >> sb.block_size_log2;
	place.offset = copy->offset;
	if (ext_source_read(source, copy->offset, copy->raw, sizeof copy->raw, NULL) != EXT_OK)
		memset(copy->raw, 0, sizeof copy->raw);
	copy->decoded =
		ext_superblock_decode(copy->raw, place, &copy->superblock, NULL, NULL) == EXT_OK;
	copy->state = judge(reference, &sb, copy);
	if (!table)
		return EXT_OK;
	status = ext_filesystem_open(source, &options, &fs, error);
	if (status != EXT_OK)
		return status;
	copy->has_table = true;
	judge_table(fs, copy);
	ext_filesystem_close(fs);
	return EXT_OK;
}
