/* SPDX-License-Identifier: MIT */
/* Directory entries gathered and sorted. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "reports/listing.h"

void listing_init(struct listing *listing, const struct ext_filesystem *filesystem,
		  struct findings_aloud *findings)
{
	*listing = (struct listing){.filesystem = filesystem, .findings = findings};
}

void listing_clear(struct listing *listing)
{
	ext_mapping_free(listing->mapping);
	free(listing->names);
	free(listing->entries);
	*listing = (struct listing){0};
}

/* Room for one more entry and `length` more bytes of names. */
static bool make_room(struct listing *listing, size_t length)
{
	if (listing->count == listing->room) {
		const size_t room = listing->room ? listing->room * 2 : 64;
		struct listing_entry *entries =
			realloc(listing->entries, room * sizeof *listing->entries);

		if (!entries)
			return false;
		listing->entries = entries;
		listing->room = room;
	}
	if (listing->names_room - listing->names_size < length) {
		const size_t room = listing->names_room * 2 + length + 1024;
		char *names = realloc(listing->names, room);

		if (!names)
			return false;
		listing->names = names;
		listing->names_room = room;
	}
	return true;
}

static enum ext_status add(struct listing *listing, const char *name, size_t length, ext_ino ino,
			   uint8_t type, struct ext_error *error)
{
	/* One byte more, so that there is a place for an empty name too. */
	if (length > EXT_NAME_MAX || !make_room(listing, length + 1))
		return ext_no_memory(error);
	memcpy(listing->names + listing->names_size, name, length);
	listing->entries[listing->count++] = (struct listing_entry){
		.name_at = listing->names_size,
		.inode = ino,
		.name_length = (uint8_t)length,
		.type = type,
	};
	listing->names_size += length;
	return EXT_OK;
}

/* In place and without a comparison function that would need the names from a global. */
static int compare(const struct listing *listing, const struct listing_entry *a,
		   const struct listing_entry *b)
{
	const uint8_t shorter = a->name_length < b->name_length ? a->name_length : b->name_length;
	const int order = memcmp(listing->names + a->name_at, listing->names + b->name_at, shorter);

	if (order != 0)
		return order;
	if (a->name_length != b->name_length)
		return a->name_length < b->name_length ? -1 : 1;
	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

/* Sinks entry `at` of the heap that the first `count` entries form. */
static void sink_down(struct listing *listing, size_t at, size_t count)
{
	struct listing_entry *entries = listing->entries;

	for (;;) {
		size_t child = 2 * at + 1;
		struct listing_entry swapped;

		if (child >= count)
			return;
		if (child + 1 < count && compare(listing, &entries[child], &entries[child + 1]) < 0)
			child++;
		if (compare(listing, &entries[at], &entries[child]) >= 0)
			return;
		swapped = entries[at];
		entries[at] = entries[child];
		entries[child] = swapped;
		at = child;
	}
}

static void sort(struct listing *listing)
{
	for (size_t at = listing->count / 2; at-- > 0;)
		sink_down(listing, at, listing->count);
	for (size_t end = listing->count; end-- > 1;) {
		const struct listing_entry last = listing->entries[end];

		listing->entries[end] = listing->entries[0];
		listing->entries[0] = last;
		sink_down(listing, 0, end);
	}
}

static bool is_dot(const struct ext_dirent *entry)
{
	return (entry->name_length == 1 && entry->name[0] == '.') ||
	       (entry->name_length == 2 && memcmp(entry->name, "..", 2) == 0);
}

enum ext_status listing_read(struct listing *listing, ext_ino ino, struct ext_error *error)
{
	const struct ext_superblock *superblock = ext_filesystem_superblock(listing->filesystem);
	struct ext_directory *directory;
	struct ext_dirent entry;
	char shown[256];
	enum ext_status status;

	listing->count = 0;
	listing->names_size = 0;
	listing->directory = ino;
	status = ext_directory_open(listing->filesystem, ino, &directory, error);
	if (status != EXT_OK)
		return status;
	listing->is_encrypted = (ext_directory_inode(directory)->flags & EXT_INODE_ENCRYPT) != 0;
	while ((status = ext_directory_next(directory, &entry, &listing->findings->sink, error)) ==
	       EXT_OK) {
		size_t length;

		if (is_dot(&entry))
			continue;
		length = ext_dirent_shown_name(superblock, ext_directory_inode(directory), &entry,
					       shown);
		status = add(listing, shown, length, entry.inode, entry.file_type, error);
		if (status != EXT_OK)
			break;
	}
	ext_directory_close(directory);
	if (status != EXT_END)
		return status;
	sort(listing);
	return EXT_OK;
}

enum ext_status listing_single(struct listing *listing, ext_ino ino, const char *name,
			       struct ext_error *error)
{
	size_t length = strlen(name);

	listing->count = 0;
	listing->names_size = 0;
	if (length > EXT_NAME_MAX)
		name += length - EXT_NAME_MAX;
	return add(listing, name, strlen(name), ino, EXT_TYPE_UNKNOWN, error);
}
