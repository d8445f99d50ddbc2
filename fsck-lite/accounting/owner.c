/* SPDX-License-Identifier: MIT */
/* The owner of one block, and the path of one inode. */
#include "config.h"

#include <string.h>

#include <ext/directory.h>

#include "accounting/owner.h"
#include "cancel.h"

enum {
	READ_SIZE = 1 << 20,
	STEPS_MAX = 10000, /* directories above one another: beyond any path that can be used */
};

struct uses {
	struct block_fixed *list;
	unsigned count, most;
};

static void add_use(struct uses *uses, enum block_purpose purpose, ext_group group, uint64_t index)
{
	if (uses->count < uses->most)
		uses->list[uses->count++] = (struct block_fixed){purpose, group, (uint32_t)index};
}

static bool is_in(ext_block block, ext_block first, uint64_t count)
{
	return block >= first && block - first < count;
}

/* What the layout puts at the start of a group. */
static void group_uses(const struct ext_superblock *superblock, ext_block block, ext_group group,
		       struct uses *uses)
{
	struct ext_group_layout layout;

	ext_group_layout(superblock, group, &layout);
	if (layout.has_superblock && block == layout.superblock_block)
		add_use(uses, PURPOSE_SUPERBLOCK, group, 0);
	if (is_in(block, layout.descriptors_start, layout.descriptor_blocks))
		add_use(uses, PURPOSE_DESCRIPTORS, group, block - layout.descriptors_start);
	if (is_in(block, layout.descriptors_start + layout.descriptor_blocks,
		  layout.reserved_blocks))
		add_use(uses, PURPOSE_RESERVED_DESCRIPTORS, group,
			block - layout.descriptors_start - layout.descriptor_blocks);
}

unsigned block_fixed_uses(const struct ext_filesystem *filesystem, ext_block block,
			  struct block_fixed *list, unsigned most)
{
	const struct ext_superblock *superblock = ext_filesystem_superblock(filesystem);
	struct uses uses = {list, 0, most};

	if (block < superblock->first_data_block)
		add_use(&uses, PURPOSE_BOOT, 0, 0);
	else
		group_uses(superblock, block,
			   (ext_group)((block - superblock->first_data_block) /
				       superblock->blocks_per_group),
			   &uses);
	if (ext_has_incompat(superblock, EXT_INCOMPAT_MMP) && block == superblock->mmp_block)
		add_use(&uses, PURPOSE_MMP, 0, 0);
	/* With flex_bg the bitmaps and tables of a group may lie in any other. */
	for (ext_group group = 0; group < superblock->group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(filesystem, group, &descriptor);
		if (!descriptor.readable)
			continue;
		if (block == descriptor.block_bitmap)
			add_use(&uses, PURPOSE_BLOCK_BITMAP, group, 0);
		if (block == descriptor.inode_bitmap)
			add_use(&uses, PURPOSE_INODE_BITMAP, group, 0);
		if (is_in(block, descriptor.inode_table, superblock->inode_table_blocks))
			add_use(&uses, PURPOSE_INODE_TABLE, group, block - descriptor.inode_table);
	}
	return uses.count;
}

struct search {
	const struct ext_filesystem *filesystem;
	ext_block block;
	struct block_owner *owners;
	unsigned count, most;
	struct ext_mapping *mapping;
};

static void add_owner(struct search *search, const struct ext_inode *inode, enum owner_role role,
		      uint64_t logical, unsigned depth)
{
	if (search->count < search->most)
		search->owners[search->count] = (struct block_owner){
			.inode = *inode,
			.role = role,
			.logical = logical,
			.depth = depth,
			.is_deleted = inode->links == 0 && inode->dtime != 0,
		};
	search->count++;
}

static void search_inode(struct search *search, const struct ext_inode *inode)
{
	struct ext_run run;

	if (inode->xattr_block == search->block)
		add_owner(search, inode, OWNER_XATTR, 0, 0);
	if (!ext_inode_maps_blocks(inode))
		return;
	ext_mapping_start(search->mapping, inode, 0, NULL);
	while (ext_mapping_next(search->mapping, &run) == EXT_OK) {
		if (!is_in(search->block, run.physical, run.length))
			continue;
		if (run.kind == EXT_RUN_TREE)
			add_owner(search, inode, OWNER_TREE, run.logical, run.depth);
		else
			add_owner(search, inode,
				  run.kind == EXT_RUN_DATA ? OWNER_DATA : OWNER_UNWRITTEN,
				  run.logical + (search->block - run.physical), 0);
	}
}

/* Could the inode own anything? Reserved ones may have neither mode nor links. */
static bool may_own(const struct ext_superblock *superblock, const struct ext_inode *inode)
{
	return !inode->all_zero && (inode->mode != 0 || inode->number < superblock->first_inode);
}

enum ext_status owner_search(const struct ext_filesystem *filesystem, ext_block block,
			     struct block_owner *owners, unsigned most, unsigned *count,
			     struct ext_sink *sink, struct ext_error *error)
{
	const struct ext_superblock *superblock = ext_filesystem_superblock(filesystem);
	struct search search = {
		.filesystem = filesystem, .block = block, .owners = owners, .most = most};
	struct ext_inode_table *table = NULL;
	struct ext_inode_run run;
	enum ext_status status = ext_mapping_new(filesystem, &search.mapping, error);

	if (status == EXT_OK)
		status = ext_inode_table_open(filesystem, 0, superblock->group_count, false,
					      READ_SIZE, &table, error);
	while (status == EXT_OK && (status = ext_inode_table_next(table, &run)) == EXT_OK) {
		if (cancelled()) {
			status = ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0},
					  0);
			break;
		}
		if (!run.raw) {
			const struct ext_finding finding = ext_finding_of_error(&run.error);

			ext_report(sink, &finding);
			continue;
		}
		for (uint32_t i = 0; i < run.count; i++) {
			struct ext_inode inode;

			ext_inode_decode(superblock, run.first + i,
					 run.raw + (size_t)i * superblock->inode_size, &inode);
			if (may_own(superblock, &inode))
				search_inode(&search, &inode);
		}
	}
	ext_inode_table_close(table);
	ext_mapping_free(search.mapping);
	*count = search.count;
	return status == EXT_END ? EXT_OK : status;
}

static bool is_dot(const struct ext_dirent *entry)
{
	return (entry->name_length == 1 && entry->name[0] == '.') ||
	       (entry->name_length == 2 && memcmp(entry->name, "..", 2) == 0);
}

/* A name of `ino` in one directory. */
static bool name_in(const struct ext_filesystem *filesystem, struct ext_directory *directory,
		    ext_ino ino, char name[256])
{
	struct ext_dirent entry;

	while (ext_directory_next(directory, &entry, NULL, NULL) == EXT_OK) {
		if (entry.inode != ino || is_dot(&entry))
			continue;
		ext_dirent_shown_name(ext_filesystem_superblock(filesystem),
				      ext_directory_inode(directory), &entry, name);
		return true;
	}
	return false;
}

/* Any directory that names `ino`; 0 when there is none. */
static ext_ino find_parent(const struct ext_filesystem *filesystem, ext_ino ino, char name[256])
{
	const struct ext_superblock *superblock = ext_filesystem_superblock(filesystem);
	struct ext_inode_table *table;
	struct ext_inode_run run;
	ext_ino found = 0;

	if (ext_inode_table_open(filesystem, 0, superblock->group_count, false, READ_SIZE, &table,
				 NULL) != EXT_OK)
		return 0;
	while (found == 0 && !cancelled() && ext_inode_table_next(table, &run) == EXT_OK) {
		for (uint32_t i = 0; run.raw && i < run.count && found == 0; i++) {
			const uint8_t *raw = run.raw + (size_t)i * superblock->inode_size;
			struct ext_directory *directory;
			struct ext_inode inode;

			ext_inode_decode(superblock, run.first + i, raw, &inode);
			if (inode.type != EXT_TYPE_DIRECTORY || inode.links == 0 ||
			    ext_directory_open_inode(filesystem, &inode, raw, &directory, NULL) !=
				    EXT_OK)
				continue;
			if (name_in(filesystem, directory, ino, name))
				found = inode.number;
			ext_directory_close(directory);
		}
	}
	ext_inode_table_close(table);
	return found;
}

/* The directory that ".." of `ino` names, when that one has a name for it; else any that has one.
 */
static ext_ino parent_of(const struct ext_filesystem *filesystem, ext_ino ino, char name[256])
{
	struct ext_directory *directory;
	struct ext_dirent dotdot;

	if (ext_directory_lookup(filesystem, ino, "..", 2, &dotdot, NULL) == EXT_OK &&
	    ext_directory_open(filesystem, dotdot.inode, &directory, NULL) == EXT_OK) {
		const bool found = name_in(filesystem, directory, ino, name);

		ext_directory_close(directory);
		if (found)
			return dotdot.inode;
	}
	return find_parent(filesystem, ino, name);
}

bool owner_path(const struct ext_filesystem *filesystem, ext_ino ino, char *path, size_t size)
{
	size_t at = size; /* the path grows from the buffer's end to its beginning */

	if (size < 2)
		return false;
	path[--at] = '\0';
	if (ino == EXT_INO_ROOT)
		path[--at] = '/';
	for (unsigned step = 0; ino != EXT_INO_ROOT; step++) {
		char name[256];
		const ext_ino parent = step < STEPS_MAX ? parent_of(filesystem, ino, name) : 0;
		size_t length;

		if (parent == 0)
			return false;
		length = strlen(name);
		if (at < length + 1)
			return false;
		at -= length;
		memcpy(path + at, name, length);
		path[--at] = '/';
		ino = parent;
	}
	memmove(path, path + at, size - at);
	return true;
}
