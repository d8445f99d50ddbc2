/* SPDX-License-Identifier: MIT */
/*
 * A whole image of any bytes: opened, its groups, inodes, files, directories and attributes walked.
 * What is walked is limited, so that a run stays short; nothing in the library may need that limit.
 */
#include "config.h"

#include "fuzz.h"

#include <ext/directory.h>
#include <ext/xattr.h>

enum { MOST_GROUPS = 64, MOST_INODES = 512, MOST_STEPS = 2000 };

struct walk {
	const struct ext_filesystem *filesystem;
	struct ext_mapping *mapping;
	struct ext_sink sink;
	uint8_t *bitmap;
};

static void walk_groups(struct walk *walk)
{
	const ext_group count = ext_filesystem_superblock(walk->filesystem)->group_count;

	for (ext_group group = 0; group < count && group < MOST_GROUPS; group++) {
		struct ext_group_descriptor descriptor;
		enum ext_checksum_state checksum;

		ext_group_read(walk->filesystem, group, &descriptor);
		ext_block_bitmap_read(walk->filesystem, group, walk->bitmap, &checksum, NULL);
		ext_inode_bitmap_read(walk->filesystem, group, walk->bitmap, &checksum, NULL);
	}
}

static void walk_directory(struct walk *walk, ext_ino ino)
{
	struct ext_directory *directory;
	struct ext_dirent entry;
	struct ext_error error;

	if (ext_directory_open(walk->filesystem, ino, &directory, &error) != EXT_OK) {
		fuzz_describe(&error);
		return;
	}
	for (unsigned i = 0; i < MOST_STEPS; i++) {
		if (ext_directory_next(directory, &entry, &walk->sink, &error) != EXT_OK)
			break;
		/* The ".." of an inline directory is shown whatever it says. */
		FUZZ_ASSERT(entry.inode != 0 || entry.name_length == 2);
	}
	ext_directory_close(directory);
}

static void walk_attributes(struct walk *walk, ext_ino ino)
{
	struct ext_xattr_list *list;
	struct ext_xattr xattr;
	struct ext_span value;
	struct ext_error error;

	if (ext_xattr_list_open(walk->filesystem, ino, &list, &error) != EXT_OK) {
		fuzz_describe(&error);
		return;
	}
	for (unsigned i = 0; i < MOST_STEPS; i++)
		if (ext_xattr_list_next(list, &xattr, &value, &walk->sink, &error) != EXT_OK)
			break;
	ext_xattr_list_close(list);
}

static void walk_file(struct walk *walk, const struct ext_inode *inode)
{
	static const size_t most = 65536;
	struct ext_run run;
	size_t got;
	uint8_t *buffer = malloc(most);

	ext_mapping_start(walk->mapping, inode, 0, &walk->sink);
	for (unsigned i = 0; i < MOST_STEPS && ext_mapping_next(walk->mapping, &run) == EXT_OK; i++)
		FUZZ_ASSERT(run.length > 0);
	if (buffer) {
		ext_file_read(walk->mapping, inode, 0, buffer, most, &got, NULL);
		if (inode->type == EXT_TYPE_SYMLINK)
			ext_symlink_read(walk->mapping, inode, (char *)buffer, most, &got, NULL);
	}
	free(buffer);
}

static void walk_inodes(struct walk *walk)
{
	const uint32_t count = ext_filesystem_superblock(walk->filesystem)->inode_count;
	struct ext_inode inode;
	struct ext_error error;

	for (ext_ino ino = 1; ino <= count && ino <= MOST_INODES; ino++) {
		if (ext_inode_read(walk->filesystem, ino, &inode, NULL, &error) != EXT_OK) {
			fuzz_describe(&error);
			continue;
		}
		if (inode.mode == 0 && ino > EXT_INO_JOURNAL)
			continue;
		walk_file(walk, &inode);
		walk_attributes(walk, ino);
		if (inode.type == EXT_TYPE_DIRECTORY)
			walk_directory(walk, ino);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walk walk = {.sink = {fuzz_report}};
	struct ext_open_options options = {.sink = &walk.sink};
	struct ext_filesystem *filesystem = NULL;
	struct ext_source *source = NULL;
	struct ext_error error;
	ext_ino ino;

	if (ext_source_open_memory(data, size, &source, &error) != EXT_OK)
		return 0;
	if (ext_filesystem_open(source, &options, &filesystem, &error) != EXT_OK) {
		fuzz_describe(&error);
		goto out;
	}
	walk.filesystem = filesystem;
	walk.bitmap = malloc(ext_filesystem_superblock(filesystem)->block_size);
	if (!walk.bitmap || ext_mapping_new(filesystem, &walk.mapping, NULL) != EXT_OK)
		goto out;
	walk_groups(&walk);
	walk_inodes(&walk);
	ext_path_lookup(filesystem, "/a/b/c", &ino, NULL);
out:
	ext_mapping_free(walk.mapping);
	free(walk.bitmap);
	ext_filesystem_close(filesystem);
	ext_source_close(source);
	return 0;
}
