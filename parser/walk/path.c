/* SPDX-License-Identifier: MIT */
/*
 * From a path to an inode, one directory after another from the root. Symlinks are not followed:
 * whoever reads a damaged image wants what is there, not what it points at. Names are compared as
 * stored; in encrypted directories also as Linux shows them without the key, in casefolded ones
 * also without regard to the case of ASCII letters.
 */
#include "config.h"

#include <string.h>

#include <ext/directory.h>

#include "structure/filesystem.h"

static enum ext_status no_such_path(ext_ino ino, struct ext_error *error)
{
	const struct ext_place place = {
		.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = ino};

	return ext_fail(error, EXT_ARGUMENT, EXT_NO_SUCH_PATH, place, 0);
}

static char ascii_lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static bool folds_equal(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

enum match { MATCH_NONE, MATCH_ALIKE, MATCH_EXACT };

static enum match match_name(const struct ext_superblock *superblock,
			     const struct ext_inode *directory, const struct ext_dirent *entry,
			     const char *name, size_t length)
{
	char shown[256];

	if (entry->name_length == length && memcmp(entry->name, name, length) == 0)
		return MATCH_EXACT;
	if (directory->flags & EXT_INODE_CASEFOLD && entry->name_length == length &&
	    folds_equal(entry->name, name, length))
		return MATCH_ALIKE;
	if (directory->flags & EXT_INODE_ENCRYPT &&
	    ext_dirent_shown_name(superblock, directory, entry, shown) == length &&
	    memcmp(shown, name, length) == 0)
		return MATCH_ALIKE;
	return MATCH_NONE;
}

/* Keeps the first thing that hides names. */
struct damage {
	struct ext_sink sink;
	bool is_seen;
	struct ext_finding first;
};

static void note_damage(struct ext_sink *sink, const struct ext_finding *finding)
{
	struct damage *damage = (struct damage *)(void *)sink;

	/* A wrong checksum hides nothing: the block is read all the same. */
	if (damage->is_seen || finding->problem == EXT_DIRECTORY_CHECKSUM ||
	    finding->problem == EXT_HTREE_ROOT_CHECKSUM ||
	    finding->problem == EXT_HTREE_NODE_CHECKSUM)
		return;
	damage->is_seen = true;
	damage->first = *finding;
}

enum ext_status ext_directory_lookup(const struct ext_filesystem *filesystem, ext_ino ino,
				     const char *name, size_t length, struct ext_dirent *found,
				     struct ext_error *error)
{
	struct ext_directory *directory;
	struct ext_dirent entry;
	enum match best = MATCH_NONE;
	struct damage damage = {.sink = {note_damage}};
	enum ext_status status = ext_directory_open(filesystem, ino, &directory, error);

	if (status != EXT_OK)
		return status;
	while (best != MATCH_EXACT &&
	       (status = ext_directory_next(directory, &entry, &damage.sink, error)) == EXT_OK) {
		const enum match match =
			match_name(&filesystem->superblock, ext_directory_inode(directory), &entry,
				   name, length);

		if (match > best) {
			best = match;
			*found = entry;
			found->name = NULL;
		}
	}
	ext_directory_close(directory);
	if (best != MATCH_NONE)
		return EXT_OK;
	if (status != EXT_END)
		return status;
	if (damage.is_seen)
		return ext_corrupt(error, damage.first.problem, damage.first.place,
				   damage.first.found, damage.first.low, damage.first.high);
	return no_such_path(ino, error);
}

/* "#12": the inode that has no name, or none that can be found. */
static bool is_inode_number(const char *path, uint64_t *ino)
{
	uint64_t number = 0;

	if (*path++ != '#' || *path == '\0')
		return false;
	for (; *path; path++) {
		if (*path < '0' || *path > '9' || number > UINT32_MAX)
			return false;
		number = number * 10 + (uint64_t)(*path - '0');
	}
	*ino = number;
	return true;
}

enum ext_status ext_path_lookup(const struct ext_filesystem *filesystem, const char *path,
				ext_ino *ino, struct ext_error *error)
{
	ext_ino current = EXT_INO_ROOT;
	uint64_t number;

	if (is_inode_number(path, &number)) {
		if (number == 0 || number > filesystem->superblock.inode_count)
			return no_such_path((ext_ino)(number & UINT32_MAX), error);
		*ino = (ext_ino)number;
		return EXT_OK;
	}
	for (;;) {
		struct ext_dirent entry;
		enum ext_status status;
		size_t length;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length == 0)
			break;
		status = ext_directory_lookup(filesystem, current, path, length, &entry, error);
		if (status != EXT_OK)
			return status;
		current = entry.inode;
		path += length;
	}
	*ino = current;
	return EXT_OK;
}
