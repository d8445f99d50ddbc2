/* SPDX-License-Identifier: MIT */
/* Places as byte regions: structures by their address, fields by the layout tables. */
#include "config.h"

#include <stdio.h>

#include <ext/field.h>
#include <ext/inode.h>

#include "reports/region.h"

/* By its own name, or that of its low half: findings speak of joined numbers. */
static const struct ext_field *find_field(const struct ext_layout *layout, const char *name)
{
	const struct ext_field *field = ext_field_by_name(layout, name);
	char low[48];

	if (field)
		return field;
	snprintf(low, sizeof low, "%s_lo", name);
	return ext_field_by_name(layout, low);
}

/* The layouts in which a field of this structure may stand, and where it begins. */
static bool narrow(const struct ext_place *place, struct region *region)
{
	static const struct {
		enum ext_structure structure;
		const char *layout;
		uint32_t at;
	} homes[] = {
		{EXT_AT_SUPERBLOCK, "superblock", 0},
		{EXT_AT_GROUP_DESCRIPTOR, "group_descriptor", 0},
		{EXT_AT_GROUP_DESCRIPTOR, "group_descriptor_high", 32},
		{EXT_AT_INODE, "inode", 0},
		{EXT_AT_INODE, "inode_extra", 128},
		{EXT_AT_DIRENT, "dirent", 0},
	};

	for (size_t i = 0; place->field && i < sizeof homes / sizeof *homes; i++) {
		const struct ext_layout *layout = homes[i].structure == place->structure
							  ? ext_layout_by_name(homes[i].layout)
							  : NULL;
		const struct ext_field *field = layout ? find_field(layout, place->field) : NULL;

		if (!field || homes[i].at + field->at + ext_field_size(field) > region->length)
			continue;
		region->offset += homes[i].at + field->at;
		region->length = ext_field_size(field);
		return true;
	}
	return false;
}

static bool region_of_group(const struct opened_image *image, const struct ext_place *place,
			    struct region *region)
{
	const struct ext_superblock *sb = image->superblock;
	struct ext_group_descriptor group;

	if (place->group >= sb->group_count)
		return false;
	ext_group_locations(image->filesystem, place->group, &group);
	region->length = sb->block_size;
	switch ((unsigned)place->structure) {
	case EXT_AT_BLOCK_BITMAP:
		region->offset = group.block_bitmap << sb->block_size_log2;
		return true;
	case EXT_AT_INODE_BITMAP:
		region->offset = group.inode_bitmap << sb->block_size_log2;
		return true;
	case EXT_AT_INODE_TABLE:
		region->offset = group.inode_table << sb->block_size_log2;
		region->length = (uint64_t)sb->inode_table_blocks << sb->block_size_log2;
		return true;
	case EXT_AT_GROUP_DESCRIPTOR:
		region->offset = ext_descriptor_block(sb, image->copy_group,
						      place->group / sb->descriptors_per_block)
				 << sb->block_size_log2;
		region->offset +=
			(uint64_t)(place->group % sb->descriptors_per_block) * sb->descriptor_size;
		region->length = sb->descriptor_size;
		return true;
	default:
		return false;
	}
}

static bool region_of_structure(const struct opened_image *image, const struct ext_place *place,
				struct region *region)
{
	const struct ext_superblock *sb = image->superblock;

	if (place->has & EXT_HAS_BLOCK) {
		if (place->block >= sb->block_count)
			return false;
		region->offset = place->block << sb->block_size_log2;
		region->length = sb->block_size;
		if ((place->has & EXT_HAS_OFFSET) && place->offset < sb->block_size) {
			region->offset += place->offset;
			region->length -= place->offset;
			/* The head of an entry; its name behind it may be what is damaged. */
			if (place->structure == EXT_AT_DIRENT && region->length > 8)
				region->length = 8;
		}
		return true;
	}
	if (place->has & EXT_HAS_OFFSET) {
		*region = (struct region){place->offset, 1};
		return true;
	}
	if (place->structure == EXT_AT_SUPERBLOCK) {
		*region = (struct region){image->superblock_offset, EXT_SUPERBLOCK_SIZE};
		return true;
	}
	if (place->has & EXT_HAS_INODE) {
		region->length = sb->inode_size;
		return ext_inode_offset(image->filesystem, place->inode, &region->offset, NULL) ==
		       EXT_OK;
	}
	if (place->has & EXT_HAS_GROUP)
		return region_of_group(image, place, region);
	return false;
}

bool region_of(const struct opened_image *image, const struct ext_place *place,
	       struct region *region)
{
	if (!image->superblock || !region_of_structure(image, place, region))
		return false;
	(void)narrow(place, region);
	region->offset += image->start;
	return true;
}
