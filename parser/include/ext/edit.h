/* SPDX-License-Identifier: MIT */
/*
 * Changing a filesystem in memory: inodes, bitmaps, counts and blocks are written to an overlay,
 * with all checksums that go with them. The image below is never touched.
 */
#ifndef EXT_EDIT_H
#define EXT_EDIT_H

#include <ext/inode.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ext_editor;

/*
 * Opens the filesystem on `overlay` (borrowed) for changing. `options` as for ext_filesystem_open;
 * may be NULL. One editor at a time on an overlay; open other views of it anew after
 * ext_editor_finish.
 */
enum ext_status ext_editor_open(struct ext_source *overlay, const struct ext_open_options *options,
				struct ext_editor **editor, struct ext_error *error);

/* Closes without writing what ext_editor_finish has not. Accepts NULL. */
void ext_editor_close(struct ext_editor *editor);

/*
 * The filesystem with all changes made so far. Bitmaps and descriptors of changed groups lack their
 * checksums until ext_editor_finish.
 */
const struct ext_filesystem *ext_editor_filesystem(const struct ext_editor *editor);

/* Writes a whole block. Fails with CORRUPT (block-range), IO (image-truncated), MEMORY. */
enum ext_status ext_editor_write_block(struct ext_editor *editor, ext_block block,
				       const uint8_t *bytes, struct ext_error *error);

/* Sets the checksum of `raw` (inode_size bytes) and writes it as inode `ino`. */
enum ext_status ext_editor_write_inode(struct ext_editor *editor, ext_ino ino, uint8_t *raw,
				       struct ext_error *error);

/*
 * Marks blocks used or free, in whole clusters. What is so already stays; counts follow. Blocks
 * outside the filesystem are left out.
 */
enum ext_status ext_editor_mark_blocks(struct ext_editor *editor, ext_block block, uint64_t count,
				       bool used, struct ext_error *error);

/* The same for an inode; `directory` also counts in the group's directories. */
enum ext_status ext_editor_mark_inode(struct ext_editor *editor, ext_ino ino, bool used,
				      bool directory, struct ext_error *error);

enum ext_status ext_editor_block_is_used(struct ext_editor *editor, ext_block block, bool *used,
					 struct ext_error *error);
enum ext_status ext_editor_inode_is_used(struct ext_editor *editor, ext_ino ino, bool *used,
					 struct ext_error *error);

/*
 * The first free cluster at or after the one of `goal`, around the end; its first block. It is not
 * marked. EXT_END when there is none.
 */
enum ext_status ext_editor_find_free(struct ext_editor *editor, ext_block goal, ext_block *block,
				     struct ext_error *error);

/* Writes the checksums of what changed, the descriptors, and the superblock's counts. */
enum ext_status ext_editor_finish(struct ext_editor *editor, struct ext_error *error);

#ifdef __cplusplus
}
#endif

#endif
