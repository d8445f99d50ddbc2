/* SPDX-License-Identifier: MIT */
/*
 * A view of the filesystem in which damaged metadata blocks are replaced by the newest good version
 * that the journal still holds: inodes one by one, nodes of maps, directory blocks, attribute
 * blocks. In memory, on an overlay; what is good on disk stays as it is.
 */
#ifndef RESCUE_HEAL_H
#define RESCUE_HEAL_H

#include <ext/journal.h>

#include "image.h"
#include "rescue/stray_copies.h"

struct healing {
	struct ext_journal *journal;
	struct ext_journal_history *history; /* NULL: no journal, nothing to heal from */
	struct stray_copies strays;	     /* log blocks outside of that history */
	struct ext_source *overlay;
	struct ext_filesystem *filesystem; /* on the overlay, its descriptors taken as stale */
	uint64_t inodes, map_blocks, directory_blocks, xattr_blocks; /* put back */
};

/* Builds the view; a lost journal only means that nothing is put back. Fails with MEMORY. */
enum ext_status heal_open(const struct opened_image *image, struct healing *healing,
			  struct ext_error *error);
void heal_close(struct healing *healing);

/*
 * The newest version of `block` that `fits` accepts, read into `buffer`. False when there is none.
 */
bool heal_find(const struct healing *healing, ext_block block,
	       bool (*fits)(const void *context, struct ext_span bytes), const void *context,
	       uint8_t *buffer);

/* Puts `bytes`, a block's worth, in the place of `block`. */
bool heal_put(struct healing *healing, ext_block block, const uint8_t *bytes);

/* Where inode tables are: the first inode of the table block at `block`; 0 when it is none. */
struct table_index;
struct table_index *table_index_new(const struct ext_filesystem *filesystem);
ext_ino table_index_find(const struct table_index *index, ext_block block);
void table_index_free(struct table_index *index);

#endif
