/* SPDX-License-Identifier: MIT */
/* Names for many blocks at once: the layout's own by place, the rest by one pass over the inodes.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ext/directory.h>

#include "accounting/block_names.h"
#include "cancel.h"

enum { BUFFER_SIZE = 1 << 18, CLIMB_MOST = 256 };

struct found {
	ext_ino inode; /* 0: nobody's, or the layout's */
	uint8_t role;  /* enum owner_role */
	uint8_t type;  /* enum ext_file_type */
	uint64_t logical;
};

struct block_names {
	const struct ext_filesystem *filesystem; /* borrowed */
	const ext_block *blocks;		 /* borrowed */
	size_t count;
	struct found *found; /* one for each block */
	bool extents;
};

/* The first of the blocks that is not before `block`. */
static size_t first_at(const struct block_names *names, ext_block block)
{
	size_t low = 0, high = names->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (names->blocks[middle] < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void claim(struct block_names *names, const struct ext_inode *inode, enum owner_role role,
		  ext_block block, uint64_t length, uint64_t logical)
{
	for (size_t i = first_at(names, block);
	     i < names->count && names->blocks[i] - block < length; i++)
		if (names->found[i].inode == 0)
			names->found[i] = (struct found){
				.inode = inode->number,
				.role = (uint8_t)role,
				.type = (uint8_t)inode->type,
				.logical = role == OWNER_TREE
						   ? logical
						   : logical + (names->blocks[i] - block),
			};
}

static void claim_inode(struct block_names *names, struct ext_mapping *mapping,
			const struct ext_inode *inode)
{
	struct ext_run run;

	if (inode->xattr_block != 0)
		claim(names, inode, OWNER_XATTR, inode->xattr_block, 1, 0);
	/* It maps what the layout reserves; the layout's word is the better one. */
	if (!ext_inode_maps_blocks(inode) || inode->number == EXT_INO_RESIZE)
		return;
	ext_mapping_start(mapping, inode, 0, NULL);
	while (ext_mapping_next(mapping, &run) == EXT_OK)
		claim(names, inode,
		      run.kind == EXT_RUN_TREE	      ? OWNER_TREE
		      : run.kind == EXT_RUN_UNWRITTEN ? OWNER_UNWRITTEN
						      : OWNER_DATA,
		      run.physical, run.length, run.logical);
}

static enum ext_status search(struct block_names *names, struct ext_error *error)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(names->filesystem);
	struct ext_inode_table *table = NULL;
	struct ext_mapping *mapping;
	struct ext_inode_run run;
	enum ext_status status = ext_mapping_new(names->filesystem, &mapping, error);

	if (status == EXT_OK)
		status = ext_inode_table_open(names->filesystem, 0, sb->group_count, false,
					      BUFFER_SIZE, &table, error);
	while (status == EXT_OK && ext_inode_table_next(table, &run) == EXT_OK) {
		if (cancelled())
			status = ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0},
					  0);
		for (uint32_t i = 0; run.raw && i < run.count && status == EXT_OK; i++) {
			struct ext_inode inode;

			ext_inode_decode(sb, run.first + i, run.raw + (size_t)i * sb->inode_size,
					 &inode);
			if (inode.links != 0)
				claim_inode(names, mapping, &inode);
		}
	}
	ext_inode_table_close(table);
	ext_mapping_free(mapping);
	return status;
}

enum ext_status block_names_new(const struct ext_filesystem *filesystem, const ext_block *blocks,
				size_t count, struct block_names **names, struct ext_error *error)
{
	struct block_names *new = calloc(1, sizeof *new);
	enum ext_status status;

	if (!new)
		return ext_no_memory(error);
	new->filesystem = filesystem;
	new->blocks = blocks;
	new->count = count;
	new->extents =
		ext_has_incompat(ext_filesystem_superblock(filesystem), EXT_INCOMPAT_EXTENTS);
	new->found = calloc(count + 1, sizeof *new->found);
	status = new->found ? search(new, error) : ext_no_memory(error);
	if (status != EXT_OK) {
		block_names_free(new);
		return status;
	}
	*names = new;
	return EXT_OK;
}

void block_names_free(struct block_names *names)
{
	if (!names)
		return;
	free(names->found);
	free(names);
}

static bool name_fixed(const struct block_names *names, ext_block block, struct block_name *name)
{
	static const char *const words[] = {
		[PURPOSE_BOOT] = "boot block",
		[PURPOSE_SUPERBLOCK] = "superblock",
		[PURPOSE_DESCRIPTORS] = "group descriptors",
		[PURPOSE_RESERVED_DESCRIPTORS] = "reserved group descriptors",
		[PURPOSE_BLOCK_BITMAP] = "block bitmap",
		[PURPOSE_INODE_BITMAP] = "inode bitmap",
		[PURPOSE_INODE_TABLE] = "inode table",
		[PURPOSE_MMP] = "MMP block",
	};
	const struct ext_superblock *sb = ext_filesystem_superblock(names->filesystem);
	struct block_fixed use;

	if (block_fixed_uses(names->filesystem, block, &use, 1) == 0)
		return false;
	name->is = words[use.purpose];
	name->has_group = use.purpose != PURPOSE_BOOT && use.purpose != PURPOSE_MMP;
	name->group = use.group;
	if (use.purpose == PURPOSE_INODE_TABLE) {
		name->inodes = sb->block_size / sb->inode_size;
		name->first_inode = use.group * sb->inodes_per_group + use.index * name->inodes + 1;
	}
	return true;
}

static const char *content_word(const struct block_names *names, const struct found *found)
{
	switch ((enum owner_role)found->role) {
	case OWNER_XATTR:
		return "attribute block";
	case OWNER_TREE:
		return names->extents ? "extent node" : "indirect block";
	case OWNER_UNWRITTEN:
		return "unwritten block";
	case OWNER_DATA:
		break;
	}
	if (found->inode == EXT_INO_JOURNAL)
		return "journal block";
	if (found->inode == ext_filesystem_superblock(names->filesystem)->orphan_file_inode)
		return "orphan file block";
	if (found->type == EXT_TYPE_DIRECTORY)
		return "directory block";
	return found->type == EXT_TYPE_SYMLINK ? "symlink target" : "file data";
}

void block_names_get(const struct block_names *names, ext_block block, struct block_name *name)
{
	const size_t i = first_at(names, block);
	const struct found *found;

	*name = (struct block_name){.is = "unowned"};
	if (name_fixed(names, block, name) || i == names->count || names->blocks[i] != block)
		return;
	found = &names->found[i];
	if (found->inode == 0)
		return;
	name->is = content_word(names, found);
	name->inode = found->inode;
	name->is_directory = found->type == EXT_TYPE_DIRECTORY;
	name->has_logical = found->role != OWNER_XATTR;
	name->logical = found->logical;
}

size_t block_name_text(const struct block_name *name, char *text, size_t size)
{
	int length;

	if (name->first_inode != 0)
		length = snprintf(text, size,
				  "%s of group %" PRIu32 ", inodes %" PRIu32 " to %" PRIu32,
				  name->is, name->group, name->first_inode,
				  name->first_inode + name->inodes - 1);
	else if (name->has_group)
		length = snprintf(text, size, "%s of group %" PRIu32, name->is, name->group);
	else if (name->inode != 0 && name->has_logical)
		length = snprintf(text, size, "%s %" PRIu64 " of inode %" PRIu32, name->is,
				  name->logical, name->inode);
	else if (name->inode != 0)
		length = snprintf(text, size, "%s of inode %" PRIu32, name->is, name->inode);
	else
		length = snprintf(text, size, "%s", name->is);
	return length < 0 ? 0 : (size_t)length;
}

/* The parent of a directory, from its "..". */
static ext_ino parent_of(const struct ext_filesystem *filesystem, ext_ino ino)
{
	struct ext_directory *directory;
	struct ext_dirent entry;
	ext_ino parent = 0;

	if (ext_directory_open(filesystem, ino, &directory, NULL) != EXT_OK)
		return 0;
	while (parent == 0 && ext_directory_next(directory, &entry, NULL, NULL) == EXT_OK)
		if (entry.name_length == 2 && memcmp(entry.name, "..", 2) == 0)
			parent = entry.inode;
	ext_directory_close(directory);
	return parent;
}

/* Puts "/name" before what stands at `at` in `path`; false when it is not there or does not fit. */
static bool prepend_name(const struct ext_filesystem *filesystem, ext_ino parent, ext_ino ino,
			 char *path, size_t *at)
{
	struct ext_directory *directory;
	struct ext_dirent entry;
	bool done = false;

	if (ext_directory_open(filesystem, parent, &directory, NULL) != EXT_OK)
		return false;
	while (!done && ext_directory_next(directory, &entry, NULL, NULL) == EXT_OK) {
		const bool is_dots = (entry.name_length == 1 && entry.name[0] == '.') ||
				     (entry.name_length == 2 && memcmp(entry.name, "..", 2) == 0);

		if (entry.inode != ino || is_dots || entry.name_length + (size_t)1 > *at)
			continue;
		*at -= entry.name_length;
		memcpy(path + *at, entry.name, entry.name_length);
		path[--*at] = '/';
		done = true;
	}
	ext_directory_close(directory);
	return done;
}

bool directory_path(const struct ext_filesystem *filesystem, ext_ino ino, char *path, size_t size)
{
	size_t at = size - 1;

	path[at] = '\0';
	if (ino == EXT_INO_ROOT)
		path[--at] = '/';
	for (unsigned i = 0; ino != EXT_INO_ROOT; i++) {
		const ext_ino parent = parent_of(filesystem, ino);

		if (parent == 0 || parent == ino || i == CLIMB_MOST ||
		    !prepend_name(filesystem, parent, ino, path, &at))
			return false;
		ino = parent;
	}
	memmove(path, path + at, size - at);
	return true;
}
