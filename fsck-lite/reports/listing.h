/* SPDX-License-Identifier: MIT */
/*
 * The entries of one directory, sorted by name, as `ls` prints them: names alone, in long lines, or
 * as JSON. Some 24 bytes and the name are kept of each; inodes are read again when they are printed
 * with all they have.
 */
#ifndef REPORTS_LISTING_H
#define REPORTS_LISTING_H

#include <ext/directory.h>

#include "findings_aloud.h"
#include "reports/json.h"

struct listing_entry {
	size_t name_at; /* in the listing's names */
	ext_ino inode;
	uint8_t name_length;
	uint8_t type;
};

struct listing {
	const struct ext_filesystem *filesystem; /* borrowed */
	struct findings_aloud *findings;	 /* borrowed; what is wrong goes there */
	struct ext_mapping *mapping;		 /* for the targets of symlinks */
	ext_ino directory;
	bool is_encrypted;
	char *names;
	size_t names_size, names_room;
	struct listing_entry *entries;
	size_t count, room;
};

/* An empty listing; to be cleared. */
void listing_init(struct listing *listing, const struct ext_filesystem *filesystem,
		  struct findings_aloud *findings);
void listing_clear(struct listing *listing);

/*
 * Replaces the entries by those of directory `ino`, without "." and "..". What is damaged goes to
 * the findings; fails as ext_directory_open does.
 */
enum ext_status listing_read(struct listing *listing, ext_ino ino, struct ext_error *error);

/* Replaces the entries by one that is known: a file that was named on the command line. */
enum ext_status listing_single(struct listing *listing, ext_ino ino, const char *name,
			       struct ext_error *error);

struct listing_style {
	bool long_format, inode_numbers, colors;
};

void listing_print(struct listing *listing, const struct listing_style *style);

/* An object for each entry, in the array that is open. `path` stands in it when it is not NULL. */
void listing_write(struct listing *listing, struct json *json);

/* All that JSON says of an inode: mode, links, owner, size, times ... in the object that is open.
 */
void listing_write_inode(struct listing *listing, struct json *json, const struct ext_inode *inode);

/*
 * Reads a symlink's target, as Linux shows it, into `target` (room for `size` bytes); returns its
 * length, or 0 when it cannot be had.
 */
size_t listing_symlink(struct listing *listing, const struct ext_inode *inode, char *target,
		       size_t size);

#endif
