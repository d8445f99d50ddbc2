/* SPDX-License-Identifier: MIT */
/*
 * Adding and removing directory entries in memory, in linear, indexed and inline directories, as
 * Linux does it: the same block is chosen, split or appended, because a directory's size shows.
 */
#ifndef EDIT_DIRECTORY_EDIT_H
#define EDIT_DIRECTORY_EDIT_H

#include "bytes/span.h"
#include "edit/extent_edit.h"

#include <ext/directory.h>
#include <ext/edit.h>

struct new_entry {
	struct ext_span name;
	ext_ino inode;
	uint8_t file_type;
};

/* A directory being changed. The inode is written by directory_edit_finish. */
struct directory_edit {
	struct ext_editor *editor;
	const struct ext_filesystem *filesystem;
	const struct ext_superblock *superblock;
	const struct reserved_ranges *reserved;
	ext_ino ino;
	uint8_t *raw;		/* whole inode */
	struct ext_inode inode; /* decoded from it */
	uint32_t seed;
	uint8_t *block;	     /* the block at hand */
	ext_logical logical; /* its place in the directory */
	ext_block physical;
};

enum ext_status directory_edit_open(struct directory_edit *edit, struct ext_editor *editor,
				    const struct reserved_ranges *reserved, ext_ino ino,
				    struct ext_error *error);
void directory_edit_clear(struct directory_edit *edit);
enum ext_status directory_edit_finish(struct directory_edit *edit, struct ext_error *error);

/* Writes a new directory's "." and "..". */
enum ext_status directory_edit_make(struct directory_edit *edit, ext_ino parent,
				    struct ext_error *error);

/* EXT_END when there is an entry of that name already. */
enum ext_status directory_edit_add(struct directory_edit *edit, const struct new_entry *entry,
				   struct ext_error *error);

/* Removes the entry of that name if it is for `inode`. EXT_END when there is none. */
enum ext_status directory_edit_remove(struct directory_edit *edit, struct ext_span name,
				      ext_ino inode, struct ext_error *error);

/* Blocks (directory_block_edit.c). */

uint32_t directory_block_count(const struct directory_edit *edit);

/* Where the entries of a block end: before the checksum. */
uint32_t directory_entries_end(const struct directory_edit *edit);

/* Reads block `logical` into `bytes`. */
enum ext_status directory_block_read(struct directory_edit *edit, ext_logical logical,
				     uint8_t *bytes, struct ext_error *error);

/* Sets the checksum that the kind of block has, and writes it. */
enum ext_status directory_block_write(struct directory_edit *edit, ext_logical logical,
				      enum ext_directory_block_kind kind, uint8_t *bytes,
				      struct ext_error *error);

/* Adds a block at the end. */
enum ext_status directory_block_append(struct directory_edit *edit, ext_logical *logical,
				       struct ext_error *error);

/* Where a block lies; CORRUPT when the directory has none there. */
enum ext_status directory_block_locate(struct directory_edit *edit, ext_logical logical,
				       ext_block *physical, struct ext_error *error);

void directory_set_size(struct directory_edit *edit, uint64_t size);

/* After a change of the raw inode's map. */
void directory_decode_again(struct directory_edit *edit);

/* Fills a block with "." and "..". */
void directory_make_first_block(struct directory_edit *edit, ext_ino parent, uint8_t *block);

/* For directories in their inode (inline_directory_edit.c). */

static inline bool directory_is_inline(const struct directory_edit *edit)
{
	return (edit->inode.flags & EXT_INODE_INLINE_DATA) != 0;
}

/* Where a name stands: in edit->block, which is block `logical`, or in the inode. */
struct found_entry {
	uint8_t *bytes;
	uint32_t at, before, end;
	ext_logical logical;
};

bool inline_directory_find(struct directory_edit *edit, struct ext_span name,
			   struct found_entry *found);

/* False when it is full. */
bool inline_directory_add(struct directory_edit *edit, const struct new_entry *entry);

/* Moves a full one to a block of its own. */
enum ext_status inline_directory_leave(struct directory_edit *edit, struct ext_error *error);

/* Entries in a block or in an inode. */

/* Bytes that an entry with a name of this length takes at least. */
uint32_t directory_entry_size(size_t name_length);
uint32_t directory_record_length(const struct directory_edit *edit, const uint8_t *bytes,
				 uint32_t at);
void directory_put_record_length(const struct directory_edit *edit, uint8_t *bytes, uint32_t at,
				 uint32_t length);

/* A record that the next one can be found behind. */
bool directory_record_is_sound(const struct directory_edit *edit, const uint8_t *bytes, uint32_t at,
			       uint32_t end, uint32_t *length);

/* Puts the entry in the first place where it fits in bytes from .. end. False when there is none.
 */
bool directory_put_entry(const struct directory_edit *edit, uint8_t *bytes, uint32_t from,
			 uint32_t end, const struct new_entry *entry);

/* Byte of the entry with that name in from .. end, and of the one before it; false: not there. */
bool directory_find_entry(const struct directory_edit *edit, const uint8_t *bytes, uint32_t from,
			  uint32_t end, struct ext_span name, uint32_t *at, uint32_t *before);

/* For the index (htree_edit.c). */

/*
 * The leaf where a name belongs. UNSUPPORTED or CORRUPT when the index cannot be followed.
 */
enum ext_status htree_find_leaf(struct directory_edit *edit, struct ext_span name,
				ext_logical *leaf, struct ext_error *error);

/* Adds to an indexed directory, splitting what is full. */
enum ext_status htree_add(struct directory_edit *edit, const struct new_entry *entry,
			  struct ext_error *error);

/* Makes a directory of one full block an indexed one, and adds the entry. */
enum ext_status htree_make(struct directory_edit *edit, const struct new_entry *entry,
			   struct ext_error *error);

#endif
