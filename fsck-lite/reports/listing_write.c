/* SPDX-License-Identifier: MIT */
/* Directory entries as text and as JSON. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "reports/listing.h"
#include "reports/text.h"

enum { TARGET_MAX = 4096 };

size_t listing_symlink(struct listing *listing, const struct ext_inode *inode, char *target,
		       size_t size)
{
	const struct ext_superblock *superblock = ext_filesystem_superblock(listing->filesystem);
	struct ext_error error;
	size_t length = 0;
	char shown[256];

	if (!listing->mapping &&
	    ext_mapping_new(listing->filesystem, &listing->mapping, &error) != EXT_OK)
		return 0;
	if (ext_symlink_read(listing->mapping, inode, target, size, &length, &error) != EXT_OK) {
		findings_aloud_error(listing->findings, &error);
		return 0;
	}
	if (length > size)
		length = size;
	/* Two bytes of length, then ciphertext. */
	if (inode->flags & EXT_INODE_ENCRYPT && length > 2) {
		length = ext_encrypted_name(superblock, target + 2,
					    length - 2 > EXT_NAME_MAX ? EXT_NAME_MAX : length - 2,
					    true, shown);
		memcpy(target, shown, length);
	}
	return length;
}

static bool read_inode(struct listing *listing, const struct listing_entry *entry,
		       struct ext_inode *inode)
{
	struct ext_error error;

	if (ext_inode_read(listing->filesystem, entry->inode, inode, NULL, &error) == EXT_OK)
		return true;
	findings_aloud_error(listing->findings, &error);
	return false;
}

static bool is_device(const struct ext_inode *inode)
{
	return inode->type == EXT_TYPE_CHARACTER || inode->type == EXT_TYPE_BLOCK;
}

/* The size column: bytes, or the numbers of a device. */
static void size_text(const struct ext_inode *inode, char text[TEXT_SHORT])
{
	uint32_t major, minor;

	if (is_device(inode)) {
		ext_inode_device(inode, &major, &minor);
		snprintf(text, TEXT_SHORT, "%" PRIu32 ", %" PRIu32, major, minor);
	} else {
		snprintf(text, TEXT_SHORT, "%" PRIu64, inode->size);
	}
}

struct widths {
	int inode, links, uid, gid, size;
};

static void widen(int *width, uint64_t value)
{
	char text[TEXT_SHORT];
	const int length = snprintf(text, sizeof text, "%" PRIu64, value);

	if (length > *width)
		*width = length;
}

static struct widths measure(struct listing *listing, const struct listing_style *style)
{
	struct widths widths = {1, 1, 1, 1, 1};

	for (size_t i = 0; i < listing->count; i++) {
		struct ext_inode inode;
		char text[TEXT_SHORT];

		widen(&widths.inode, listing->entries[i].inode);
		if (!style->long_format ||
		    ext_inode_read(listing->filesystem, listing->entries[i].inode, &inode, NULL,
				   NULL) != EXT_OK)
			continue;
		widen(&widths.links, inode.links);
		widen(&widths.uid, inode.uid);
		widen(&widths.gid, inode.gid);
		size_text(&inode, text);
		if ((int)strlen(text) > widths.size)
			widths.size = (int)strlen(text);
	}
	return widths;
}

/* As Linux lists what it cannot read. */
static void print_unknown(const struct widths *widths)
{
	printf("?--------- %*s %*s %*s %*s %23s ", widths->links, "?", widths->uid, "?",
	       widths->gid, "?", widths->size, "?", "?");
}

static void print_attributes(const struct ext_inode *inode, const struct widths *widths)
{
	char mode[TEXT_SHORT], size[TEXT_SHORT], time[TEXT_SHORT];

	size_text(inode, size);
	printf("%s %*u %*" PRIu32 " %*" PRIu32 " %*s %23s ", text_mode(mode, inode->mode),
	       widths->links, (unsigned)inode->links, widths->uid, inode->uid, widths->gid,
	       inode->gid, widths->size, size, text_time(time, inode->mtime.seconds));
}

static enum text_color color_of(enum ext_file_type type)
{
	switch (type) {
	case EXT_TYPE_DIRECTORY:
		return TEXT_BOLD;
	case EXT_TYPE_SYMLINK:
		return TEXT_GREEN;
	case EXT_TYPE_CHARACTER:
	case EXT_TYPE_BLOCK:
	case EXT_TYPE_FIFO:
	case EXT_TYPE_SOCKET:
		return TEXT_YELLOW;
	case EXT_TYPE_UNKNOWN:
	case EXT_TYPE_REGULAR:
		break;
	}
	return TEXT_PLAIN;
}

static void print_name(const struct listing *listing, const struct listing_entry *entry,
		       enum ext_file_type type, bool colors)
{
	const enum text_color color = color_of(type);

	if (color != TEXT_PLAIN)
		fputs(text_color(colors, color), stdout);
	text_name(stdout, listing->names + entry->name_at, entry->name_length);
	if (color != TEXT_PLAIN)
		fputs(text_color(colors, TEXT_PLAIN), stdout);
}

void listing_print(struct listing *listing, const struct listing_style *style)
{
	const struct widths widths = measure(listing, style);

	for (size_t i = 0; i < listing->count; i++) {
		const struct listing_entry *entry = &listing->entries[i];
		struct ext_inode inode;
		char target[TARGET_MAX];
		size_t length;

		if (style->inode_numbers)
			printf("%*" PRIu32 " ", widths.inode, entry->inode);
		if (!style->long_format) {
			print_name(listing, entry, (enum ext_file_type)entry->type, style->colors);
			putchar('\n');
			continue;
		}
		if (!read_inode(listing, entry, &inode)) {
			print_unknown(&widths);
			print_name(listing, entry, EXT_TYPE_UNKNOWN, style->colors);
			putchar('\n');
			continue;
		}
		print_attributes(&inode, &widths);
		print_name(listing, entry, inode.type, style->colors);
		if (inode.type == EXT_TYPE_SYMLINK &&
		    (length = listing_symlink(listing, &inode, target, sizeof target)) > 0) {
			fputs(" -> ", stdout);
			text_name(stdout, target, length);
		}
		putchar('\n');
	}
}

static void write_time(struct json *json, const char *key, const struct ext_time *time)
{
	json_object(json, key);
	json_i64(json, "seconds", time->seconds);
	json_u64(json, "nanoseconds", time->nanoseconds);
	json_end_object(json);
}

static const char *type_name(enum ext_file_type type)
{
	static const char *const names[] = {"unknown", "regular", "directory", "character",
					    "block",   "fifo",	  "socket",    "symlink"};

	return names[type];
}

void listing_write_inode(struct listing *listing, struct json *json, const struct ext_inode *inode)
{
	char text[TARGET_MAX];
	uint32_t major, minor;
	size_t length;

	json_text(json, "type", type_name(inode->type));
	json_u64(json, "mode", inode->mode);
	json_text(json, "mode_text", text_mode(text, inode->mode));
	json_u64(json, "links", inode->links);
	json_u64(json, "uid", inode->uid);
	json_u64(json, "gid", inode->gid);
	json_u64(json, "size", inode->size);
	json_u64(json, "sectors", inode->sectors);
	if (is_device(inode)) {
		ext_inode_device(inode, &major, &minor);
		json_u64(json, "device_major", major);
		json_u64(json, "device_minor", minor);
	}
	write_time(json, "mtime", &inode->mtime);
	write_time(json, "atime", &inode->atime);
	write_time(json, "ctime", &inode->ctime);
	if (inode->has_crtime)
		write_time(json, "crtime", &inode->crtime);
	if (inode->type == EXT_TYPE_SYMLINK &&
	    (length = listing_symlink(listing, inode, text, sizeof text)) > 0)
		json_name(json, "target", text, length);
}

void listing_write(struct listing *listing, struct json *json)
{
	for (size_t i = 0; i < listing->count; i++) {
		const struct listing_entry *entry = &listing->entries[i];
		struct ext_inode inode;

		json_object(json, NULL);
		json_name(json, "name", listing->names + entry->name_at, entry->name_length);
		json_u64(json, "inode", entry->inode);
		if (read_inode(listing, entry, &inode))
			listing_write_inode(listing, json, &inode);
		json_end_object(json);
	}
}
