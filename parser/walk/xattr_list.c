/* SPDX-License-Identifier: MIT */
/*
 * All extended attributes of an inode: those in it, those in its attribute block, and values from
 * inodes of their own. What cannot be had is reported and left out.
 * Doc: ext4/attributes.rst; for the reference count and hash of a value's inode format-facts
 * "ea_inode".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/xattr.h>

#include "bytes/checked.h"
#include "structure/filesystem.h"

enum {
	VALUE_MAX = 1 << 24, /* bytes: what Linux allows a value in an inode */
};

enum stage { STAGE_INODE, STAGE_BLOCK, STAGE_END };

struct ext_xattr_list {
	const struct ext_filesystem *filesystem;
	struct ext_inode inode;
	uint8_t *raw;
	uint8_t *block; /* NULL until it is read */
	uint8_t *value; /* of an ea_inode, until the next call */
	struct ext_mapping *mapping;
	struct ext_xattr_cursor cursor;
	enum stage stage;
	bool is_begun; /* the stage's cursor is set */
};

static struct ext_xattr_list *list_new(const struct ext_filesystem *filesystem)
{
	struct ext_xattr_list *list = calloc(1, sizeof *list);

	if (!list)
		return NULL;
	list->filesystem = filesystem;
	list->raw = malloc(filesystem->superblock.inode_size);
	if (list->raw)
		return list;
	ext_xattr_list_close(list);
	return NULL;
}

enum ext_status ext_xattr_list_open(const struct ext_filesystem *filesystem, ext_ino ino,
				    struct ext_xattr_list **list, struct ext_error *error)
{
	struct ext_xattr_list *opened = list_new(filesystem);
	enum ext_status status;

	if (!opened)
		return ext_no_memory(error);
	status = ext_inode_read(filesystem, ino, &opened->inode, opened->raw, error);
	if (status != EXT_OK) {
		ext_xattr_list_close(opened);
		return status;
	}
	*list = opened;
	return EXT_OK;
}

enum ext_status ext_xattr_list_open_raw(const struct ext_filesystem *filesystem,
					const struct ext_inode *inode, const uint8_t *raw,
					struct ext_xattr_list **list, struct ext_error *error)
{
	struct ext_xattr_list *opened = list_new(filesystem);

	if (!opened)
		return ext_no_memory(error);
	opened->inode = *inode;
	memcpy(opened->raw, raw, filesystem->superblock.inode_size);
	*list = opened;
	return EXT_OK;
}

void ext_xattr_list_close(struct ext_xattr_list *list)
{
	if (!list)
		return;
	ext_mapping_free(list->mapping);
	free(list->value);
	free(list->block);
	free(list->raw);
	free(list);
}

const struct ext_inode *ext_xattr_list_inode(const struct ext_xattr_list *list)
{
	return &list->inode;
}

static struct ext_place place_of(const struct ext_xattr_list *list, enum stage stage)
{
	struct ext_place place = {
		.structure = EXT_AT_XATTR, .has = EXT_HAS_INODE, .inode = list->inode.number};

	if (stage == STAGE_BLOCK) {
		place.has |= EXT_HAS_BLOCK;
		place.block = list->inode.xattr_block;
	}
	return place;
}

static void report_fault(const struct ext_xattr_list *list, struct ext_sink *sink,
			 const struct ext_error *error)
{
	struct ext_finding finding = ext_finding_of_error(error);

	finding.place = place_of(list, list->stage);
	finding.place.has |= error->place.has & EXT_HAS_OFFSET;
	finding.place.offset = error->place.offset;
	finding.place.field = error->place.field;
	ext_report(sink, &finding);
}

static void report_value(const struct ext_xattr_list *list, struct ext_sink *sink,
			 enum ext_problem problem, const struct ext_xattr *xattr, uint64_t found,
			 uint64_t low, uint64_t high)
{
	struct ext_finding finding = {.problem = problem,
				      .place = place_of(list, list->stage),
				      .found = found,
				      .low = low,
				      .high = high};
	char name[sizeof finding.name + 64];
	const size_t length = ext_xattr_name(xattr, name, sizeof name);

	finding.place.has |= EXT_HAS_OFFSET;
	finding.place.offset = xattr->at;
	finding.name_length = (uint8_t)min_u64(length, sizeof finding.name);
	memcpy(finding.name, name, finding.name_length);
	ext_report(sink, &finding);
}

static enum ext_status begin_block(struct ext_xattr_list *list, struct ext_sink *sink,
				   struct ext_error *error)
{
	const struct ext_superblock *superblock = &list->filesystem->superblock;
	const struct ext_span bytes = {NULL, superblock->block_size};
	struct ext_span block = bytes;
	struct ext_xattr_header header;
	enum ext_status status;

	if (list->inode.xattr_block == 0)
		return EXT_END;
	list->block = malloc(superblock->block_size);
	if (!list->block)
		return ext_no_memory(error);
	block.data = list->block;
	status = ext_filesystem_read_blocks(list->filesystem, list->inode.xattr_block, 1,
					    list->block, error);
	if (status == EXT_CORRUPT)
		error->problem = EXT_XATTR_BLOCK_RANGE;
	if (status == EXT_OK)
		status = ext_xattr_header(superblock, list->inode.xattr_block, block, &header,
					  error);
	if (status == EXT_OK && header.checksum == EXT_CHECKSUM_BAD) {
		const struct ext_finding finding = {.problem = EXT_XATTR_CHECKSUM,
						    .place = place_of(list, STAGE_BLOCK),
						    .found = header.checksum_stored,
						    .low = header.checksum_computed,
						    .high = header.checksum_computed};

		ext_report(sink, &finding);
	}
	if (status == EXT_OK)
		status = ext_xattr_block_begin(superblock, block, &list->cursor, error);
	return status;
}

/* Reads the value from its inode. What is wrong is reported; OK only when there is a value. */
static enum ext_status read_value(struct ext_xattr_list *list, const struct ext_xattr *xattr,
				  struct ext_span *value, struct ext_sink *sink,
				  struct ext_error *error)
{
	const struct ext_filesystem *filesystem = list->filesystem;
	const struct ext_superblock *superblock = &filesystem->superblock;
	const uint64_t image_size = ext_source_size(filesystem->source);
	struct ext_inode inode;
	uint32_t hash;
	size_t got = 0;

	if (!ext_has_incompat(superblock, EXT_INCOMPAT_EA_INODE)) {
		report_value(list, sink, EXT_XATTR_VALUE_BLOCK, xattr, xattr->value_inode, 0, 0);
		return EXT_CORRUPT;
	}
	if (xattr->value_inode < superblock->first_inode ||
	    xattr->value_inode > superblock->inode_count ||
	    ext_inode_read(filesystem, xattr->value_inode, &inode, NULL, error) != EXT_OK) {
		report_value(list, sink, EXT_XATTR_INODE_RANGE, xattr, xattr->value_inode,
			     superblock->first_inode, superblock->inode_count);
		return EXT_CORRUPT;
	}
	if (inode.type != EXT_TYPE_REGULAR) {
		report_value(list, sink, EXT_XATTR_INODE_WRONG, xattr, xattr->value_inode, 0, 0);
		return EXT_CORRUPT;
	}
	if (inode.size != xattr->value_size || inode.size > VALUE_MAX || inode.size > image_size) {
		report_value(list, sink, EXT_XATTR_INODE_SIZE, xattr, xattr->value_size, inode.size,
			     inode.size);
		return EXT_CORRUPT;
	}
	if (!(inode.flags & EXT_INODE_EA_INODE))
		report_value(list, sink, EXT_XATTR_INODE_FLAG, xattr, xattr->value_inode, 0, 0);
	if (!list->mapping) {
		const enum ext_status status = ext_mapping_new(filesystem, &list->mapping, error);

		if (status != EXT_OK)
			return status;
	}
	free(list->value);
	list->value = malloc((size_t)inode.size + 1);
	if (!list->value)
		return ext_no_memory(error);
	if (ext_file_read(list->mapping, &inode, 0, list->value, (size_t)inode.size, &got, error) !=
	    EXT_OK) {
		report_fault(list, sink, error);
		return EXT_CORRUPT;
	}
	*value = (struct ext_span){list->value, got};
	hash = ext_xattr_value_hash(superblock, *value);
	/* Lustre's inodes have their owner there, and no hash. */
	if (hash != (uint32_t)inode.atime.seconds &&
	    (uint32_t)inode.mtime.seconds != list->inode.number)
		report_value(list, sink, EXT_XATTR_INODE_HASH, xattr, (uint32_t)inode.atime.seconds,
			     hash, hash);
	return EXT_OK;
}

enum ext_status ext_xattr_list_next(struct ext_xattr_list *list, struct ext_xattr *xattr,
				    struct ext_span *value, struct ext_sink *sink,
				    struct ext_error *error)
{
	const struct ext_superblock *superblock = &list->filesystem->superblock;
	const struct ext_span raw = {list->raw, superblock->inode_size};
	struct ext_error own = {0};
	enum ext_status status;

	if (!error)
		error = &own;
	while (list->stage != STAGE_END) {
		if (!list->is_begun)
			status = list->stage == STAGE_INODE
					 ? ext_xattr_inode_begin(superblock, raw, &list->cursor,
								 error)
					 : begin_block(list, sink, error);
		else
			status = ext_xattr_next(&list->cursor, xattr, error);
		if (status == EXT_MEMORY)
			return status;
		if (status != EXT_OK) {
			if (status != EXT_END)
				report_fault(list, sink, error);
			list->stage++;
			list->is_begun = false;
			continue;
		}
		if (!list->is_begun) {
			list->is_begun = true;
			continue;
		}
		if (xattr->value_inode != 0) {
			status = read_value(list, xattr, value, sink, error);
			if (status == EXT_MEMORY)
				return status;
			if (status == EXT_OK)
				return EXT_OK;
			continue;
		}
		if (xattr->value.data) {
			*value = xattr->value;
			return EXT_OK;
		}
		report_value(list, sink,
			     xattr->home == EXT_XATTR_IN_BLOCK ? EXT_XATTR_BLOCK_VALUE
							       : EXT_XATTR_INODE_VALUE,
			     xattr, xattr->value_offset, xattr->value_size,
			     list->cursor.space.size);
	}
	return EXT_END;
}
