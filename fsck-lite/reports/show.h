/* SPDX-License-Identifier: MIT */
/*
 * What the parts of `show` share: a report that comes as labelled lines, as JSON, or as an
 * annotated hex dump, from the same calls. One file for each structure: show_super.c, show_group.c
 * ...
 */
#ifndef REPORTS_SHOW_H
#define REPORTS_SHOW_H

#include <ext/directory.h>
#include <ext/xattr.h>

#include "complain.h"
#include "findings_aloud.h"
#include "image.h"
#include "reports/annotate.h"
#include "reports/json.h"

struct show {
	const struct options *options;
	struct opened_image *image;
	const struct ext_filesystem *filesystem; /* of the image */
	const struct ext_superblock *superblock; /* of the filesystem */
	struct findings_aloud *findings;
	struct json *json; /* NULL: text */
	bool hex, colors;
	unsigned indent; /* of text, in steps of two */
};

/*
 * The views. Each takes the operand behind its name (NULL when there is none), prints, and returns
 * the exit status; what cannot be had is complained of.
 */
int show_super(struct show *show, const char *operand);
int show_group(struct show *show, const char *operand);
int show_inode(struct show *show, const char *operand);
int show_directory(struct show *show, const char *operand);
int show_extents(struct show *show, const char *operand);
int show_xattrs(struct show *show, const char *operand);
int show_block(struct show *show, const char *operand);
int show_journal(struct show *show, const char *operand);

/* Parts of it (show_log_block.c): one block of the log; the records of the fast commits. */
int show_log_block(struct show *show, const struct ext_journal *journal, uint32_t number);
void show_fast_commits(struct show *show, const struct ext_journal *journal);

/* "ok", "bad" or "none". */
const char *show_checksum_name(enum ext_checksum_state state);

/* With --history: every version that the journal holds, oldest first, and what changed. */
int show_block_history(struct show *show, ext_block block);
int show_inode_history(struct show *show, ext_ino ino);

/* Lines and members. `key` is JSON's; text has it with blanks for underlines. */
void show_heading(struct show *show, const char *format, ...) PRINTF_LIKE(2, 3);
void show_begin(struct show *show, const char *key);
void show_end(struct show *show);
void show_u64(struct show *show, const char *key, uint64_t value);
void show_hex(struct show *show, const char *key, uint64_t value, unsigned digits);
void show_text(struct show *show, const char *key, const char *text);
void show_name(struct show *show, const char *key, const char *name, size_t length);
void show_size(struct show *show, const char *key, uint64_t bytes);
const char *show_confidence(enum ext_confidence confidence);
void show_time(struct show *show, const char *key, const struct ext_time *time);
void show_seconds(struct show *show, const char *key, int64_t seconds);
void show_checksum(struct show *show, enum ext_checksum_state state, uint32_t stored,
		   uint32_t computed, unsigned digits);
/* first .. first + count - 1; nothing when count is 0. */
void show_range(struct show *show, const char *key, uint64_t first, uint64_t count);
/* The names of the bits of `value` that are set, from a table of flags.def. */
void show_flags(struct show *show, const char *key, const char *table, uint64_t value);

/* Every field of a structure that is not zero (all of them in JSON), with its meaning. */
void show_fields(struct show *show, const char *key, const char *layout, struct ext_span bytes,
		 size_t length);

/* A dump of `bytes`, which lie at `offset` from the start of the filesystem. */
void show_dump_begin(struct show *show, struct annotate *annotate, const char *key,
		     struct ext_span bytes, uint64_t offset);

/* Byte offset of a block within the filesystem. */
static inline uint64_t show_block_offset(const struct show *show, ext_block block)
{
	return block << show->superblock->block_size_log2;
}

const char *show_type_name(enum ext_file_type type);

/* Annotated dumps of whole blocks and inodes, for the views and for `show block`. */
void show_dump_inode(struct show *show, const char *key, struct ext_span raw, uint64_t offset);
void show_dump_directory_block(struct show *show, const char *key, struct ext_span block,
			       uint64_t offset, enum ext_directory_block_kind kind);
void show_dump_tree_block(struct show *show, const char *key, struct ext_span block,
			  uint64_t offset, bool is_extents);
void show_dump_xattr_block(struct show *show, const char *key, struct ext_span block,
			   uint64_t offset);
/* The pieces of the above that stand inside another dump. */
void annotate_extent_node(struct annotate *annotate, struct ext_span node, size_t at, size_t size);
void annotate_dirents(struct annotate *annotate, const struct ext_superblock *superblock,
		      struct ext_span bytes, size_t base, size_t at, size_t size, bool has_tail);
void annotate_xattrs(struct annotate *annotate, struct ext_xattr_cursor *cursor, size_t base);

#endif
