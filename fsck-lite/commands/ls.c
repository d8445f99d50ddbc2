/* SPDX-License-Identifier: MIT */
/*
 * `ls`: names in a directory, or in a whole tree. A tree is walked without recursion, and every
 * directory in it once, so that a loop in a damaged tree, or one made by a hand, ends.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "commands/command.h"
#include "commands/refused.h"
#include "commands/rescued.h"
#include "complain.h"
#include "image.h"
#include "reports/head.h"
#include "reports/listing.h"
#include "reports/text.h"
#include "target.h"

/* Inodes beyond the reserved ones that an empty filesystem may use: lost+found, quota, orphan file.
 */
enum { SYSTEM_INODES = 8 };

/* A directory that is still to be listed; its path is its parent's path and its name. */
struct waiting {
	size_t path_length; /* bytes of the path that lead to it: its parent's */
	ext_ino inode;
	uint8_t name_length;
	char name[EXT_NAME_MAX];
};

struct walk {
	const struct options *options;
	struct opened_image image;
	struct findings_aloud findings;
	struct listing listing;
	struct listing_style style;
	struct json json;

	struct waiting *waiting; /* a stack */
	size_t waiting_count, waiting_room;
	char *path; /* of the directory under way */
	size_t path_length, path_room;
	ext_ino *seen; /* open addressing; 0 is free */
	size_t seen_count, seen_room;
	bool is_first;
};

static bool grow(void **array, size_t *room, size_t needed, size_t size)
{
	void *grown;
	size_t wanted = *room ? *room : 16;

	while (wanted < needed)
		wanted *= 2;
	if (wanted == *room)
		return true;
	grown = realloc(*array, wanted * size);
	if (!grown)
		return false;
	*array = grown;
	*room = wanted;
	return true;
}

static size_t slot_of(const ext_ino *seen, size_t room, ext_ino ino)
{
	size_t slot = (ino * UINT32_C(2654435761)) & (room - 1);

	while (seen[slot] != 0 && seen[slot] != ino)
		slot = (slot + 1) & (room - 1);
	return slot;
}

/* Puts `ino` into the set; EXT_END when it was there. */
static enum ext_status see(struct walk *walk, ext_ino ino)
{
	size_t slot;

	if (walk->seen_count * 2 >= walk->seen_room) {
		const size_t room = walk->seen_room ? walk->seen_room * 2 : 64;
		ext_ino *seen = calloc(room, sizeof *seen);

		if (!seen)
			return EXT_MEMORY;
		for (size_t i = 0; i < walk->seen_room; i++)
			if (walk->seen[i] != 0)
				seen[slot_of(seen, room, walk->seen[i])] = walk->seen[i];
		free(walk->seen);
		walk->seen = seen;
		walk->seen_room = room;
	}
	slot = slot_of(walk->seen, walk->seen_room, ino);
	if (walk->seen[slot] == ino)
		return EXT_END;
	walk->seen[slot] = ino;
	walk->seen_count++;
	return EXT_OK;
}

/* Is the entry a directory, by its inode where the entry does not say? */
static bool is_directory(const struct walk *walk, const struct listing_entry *entry)
{
	struct ext_inode inode;

	if (entry->type != EXT_TYPE_UNKNOWN)
		return entry->type == EXT_TYPE_DIRECTORY;
	return ext_inode_read(walk->image.filesystem, entry->inode, &inode, NULL, NULL) == EXT_OK &&
	       inode.type == EXT_TYPE_DIRECTORY;
}

/* Puts the directories of the listing on the stack, the last one lowest. */
static bool push_directories(struct walk *walk)
{
	const struct listing *listing = &walk->listing;

	for (size_t i = listing->count; i-- > 0;) {
		const struct listing_entry *entry = &listing->entries[i];
		struct waiting *waiting;
		void *array = walk->waiting;

		if (!is_directory(walk, entry))
			continue;
		if (!grow(&array, &walk->waiting_room, walk->waiting_count + 1,
			  sizeof *walk->waiting))
			return false;
		walk->waiting = array;
		waiting = &walk->waiting[walk->waiting_count++];
		waiting->path_length = walk->path_length;
		waiting->inode = entry->inode;
		waiting->name_length = entry->name_length;
		memcpy(waiting->name, listing->names + entry->name_at, entry->name_length);
	}
	return true;
}

/* Turns the path into that of a directory from the stack. */
static bool enter(struct walk *walk, const struct waiting *waiting)
{
	const bool is_slash =
		waiting->path_length > 0 && walk->path[waiting->path_length - 1] == '/';
	const size_t needed = waiting->path_length + waiting->name_length + 2u;
	void *path = walk->path;

	if (!grow(&path, &walk->path_room, needed, 1))
		return false;
	walk->path = path;
	walk->path_length = waiting->path_length;
	if (!is_slash)
		walk->path[walk->path_length++] = '/';
	memcpy(walk->path + walk->path_length, waiting->name, waiting->name_length);
	walk->path_length += waiting->name_length;
	return true;
}

static void print_directory(struct walk *walk)
{
	if (walk->options->json) {
		json_object(&walk->json, NULL);
		json_name(&walk->json, "path", walk->path, walk->path_length);
		json_u64(&walk->json, "inode", walk->listing.directory);
		json_array(&walk->json, "entries");
		listing_write(&walk->listing, &walk->json);
		json_end_array(&walk->json);
		json_end_object(&walk->json);
		return;
	}
	if (walk->options->recursive) {
		if (!walk->is_first)
			putchar('\n');
		text_name(stdout, walk->path, walk->path_length);
		puts(":");
	}
	walk->is_first = false;
	listing_print(&walk->listing, &walk->style);
}

/* Inodes in use by the descriptors' own count. */
static uint64_t inodes_in_use(const struct walk *walk)
{
	const struct ext_superblock *superblock = walk->image.superblock;
	uint64_t used = 0;

	for (ext_group group = 0; group < superblock->group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_locations(walk->image.filesystem, group, &descriptor);
		if (descriptor.readable && descriptor.free_inodes <= superblock->inodes_per_group)
			used += superblock->inodes_per_group - descriptor.free_inodes;
	}
	return used;
}

/*
 * A root without names on a filesystem that is in use: the answer is right and would mislead, since
 * what was there is still there.
 */
static void doubt_empty_root(const struct walk *walk)
{
	const uint32_t own = walk->image.superblock->first_inode + SYSTEM_INODES;
	const struct listing *listing = &walk->listing;
	const bool is_empty =
		listing->count == 0 ||
		(listing->count == 1 && listing->entries[0].name_length == 10 &&
		 memcmp(listing->names + listing->entries[0].name_at, "lost+found", 10) == 0);
	const uint64_t used = is_empty ? inodes_in_use(walk) : 0;

	if (used > own)
		complain("%s: the root directory holds nothing, but %" PRIu64
			 " inodes are in use; `fsck-lite df %s' shows what became of them",
			 walk->image.path, used, walk->image.path);
}

/* Lists the directory `ino`, whose path is set, and remembers those in it. */
static int list_directory(struct walk *walk, ext_ino ino)
{
	struct ext_error error;
	enum ext_status status = see(walk, ino);

	if (status == EXT_END) {
		complain("%s: %.*s: directory %lu is listed above; a second entry leads to it",
			 walk->image.path, (int)walk->path_length, walk->path, (unsigned long)ino);
		walk->findings.missing++;
		return EXIT_CLEAN;
	}
	if (status == EXT_OK)
		status = listing_read(&walk->listing, ino, &error);
	else
		status = ext_no_memory(&error);
	if (status == EXT_MEMORY) {
		complain_error(walk->image.path, &error);
		return EXIT_CANNOT_RUN;
	}
	if (status != EXT_OK) {
		findings_aloud_error(&walk->findings, &error);
		return EXIT_CLEAN;
	}
	print_directory(walk);
	if (ino == EXT_INO_ROOT)
		doubt_empty_root(walk);
	if (walk->options->recursive && !push_directories(walk)) {
		ext_no_memory(&error);
		complain_error(walk->image.path, &error);
		return EXIT_CANNOT_RUN;
	}
	return EXIT_CLEAN;
}

static int list_tree(struct walk *walk, ext_ino ino)
{
	int status = list_directory(walk, ino);

	while (status == EXIT_CLEAN && walk->waiting_count > 0) {
		const struct waiting waiting = walk->waiting[--walk->waiting_count];

		if (cancelled())
			return EXIT_CANCELLED;
		if (!enter(walk, &waiting)) {
			struct ext_error error;

			ext_no_memory(&error);
			complain_error(walk->image.path, &error);
			return EXIT_CANNOT_RUN;
		}
		status = list_directory(walk, waiting.inode);
	}
	return status;
}

static int list_file(struct walk *walk, ext_ino ino, const char *path)
{
	struct ext_error error;

	if (listing_single(&walk->listing, ino, path, &error) != EXT_OK) {
		complain_error(walk->image.path, &error);
		return EXIT_CANNOT_RUN;
	}
	if (walk->options->json)
		listing_write(&walk->listing, &walk->json);
	else
		listing_print(&walk->listing, &walk->style);
	return EXIT_CLEAN;
}

static int list_path(struct walk *walk, const char *path)
{
	void *copy = NULL;
	struct ext_inode inode;
	struct ext_error error;
	int status;

	status = target_by_path(&walk->image, path, &inode, NULL);
	if (status != EXIT_CLEAN)
		return status;
	if (inode.type != EXT_TYPE_DIRECTORY) {
		if (walk->options->json)
			json_array(&walk->json, "entries");
		status = list_file(walk, inode.number, path);
		if (walk->options->json)
			json_end_array(&walk->json);
		return status;
	}
	walk->path_length = strlen(path);
	while (walk->path_length > 1 && path[walk->path_length - 1] == '/')
		walk->path_length--;
	if (!grow(&copy, &walk->path_room, walk->path_length + 1, 1)) {
		ext_no_memory(&error);
		complain_error(walk->image.path, &error);
		return EXIT_CANNOT_RUN;
	}
	walk->path = copy;
	memcpy(walk->path, path, walk->path_length);
	if (walk->options->json)
		json_array(&walk->json, "directories");
	status = list_tree(walk, inode.number);
	if (walk->options->json)
		json_end_array(&walk->json);
	return status;
}

int command_ls(const struct options *options)
{
	const char *path = options->operand_count > 1 ? options->operands[1] : "/";
	struct walk walk = {.options = options, .is_first = true};
	int status;

	if (options->lost || options->deleted)
		return list_rescued(options);
	walk.findings = findings_aloud_for(options_image(options));
	walk.style = (struct listing_style){
		.long_format = options->long_format,
		.inode_numbers = options->inode_numbers,
		.colors = text_has_colors(options->color),
	};
	status = open_image(options, options_image(options), &walk.image, &walk.findings.sink);
	if (status == EXIT_CLEAN) {
		/* What is wrong with the superblock has been said and hides no name. */
		walk.findings.missing = 0;
		listing_init(&walk.listing, walk.image.filesystem, &walk.findings);
		if (options->json) {
			json_open(&walk.json, stdout, false);
			head_begin_document(&walk.json, "ls", &walk.image);
		}
		status = list_path(&walk, path);
		if (options->json) {
			findings_aloud_write(&walk.findings, &walk.json);
			json_end_object(&walk.json);
			json_close(&walk.json);
		}
		if (status == EXIT_CLEAN && walk.findings.missing > 0)
			status = EXIT_CANNOT_RUN;
		listing_clear(&walk.listing);
	}
	(void)refused("ls", &walk.image, options, status);
	findings_aloud_end(&walk.findings);
	free(walk.waiting);
	free(walk.path);
	free(walk.seen);
	close_image(&walk.image);
	return status;
}
