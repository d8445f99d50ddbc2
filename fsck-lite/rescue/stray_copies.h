/* SPDX-License-Identifier: MIT */
/*
 * Copies in the log that no descriptor block claims any more: of the transaction that the head has
 * overwritten in part, or behind a damaged descriptor. Where they belong is not written anywhere;
 * inode table blocks tell it by their content, directory blocks need not be told.
 */
#ifndef RESCUE_STRAY_COPIES_H
#define RESCUE_STRAY_COPIES_H

#include <ext/journal.h>

struct stray_copy {
	uint32_t log_block;
	ext_ino first; /* of an inode table block: its first inode; 0: something else */
};

struct stray_copies {
	struct stray_copy *items; /* in the order of the log: later ones are newer */
	size_t count, size;
};

/*
 * Finds them. `filesystem` is the one that the journal belongs to; its inode tables are read when
 * there is something to compare with them. Fails with MEMORY.
 */
enum ext_status stray_copies_find(const struct ext_filesystem *filesystem,
				  const struct ext_journal *journal,
				  const struct ext_journal_history *history,
				  struct stray_copies *strays, struct ext_error *error);
void stray_copies_clear(struct stray_copies *strays);

#endif
