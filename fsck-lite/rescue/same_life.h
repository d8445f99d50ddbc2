/* SPDX-License-Identifier: MIT */
/*
 * Inode numbers are used again. Whether an old name was that of the file that has the number now,
 * or of an earlier one, tell the time at which it was made, and its older versions in the journal.
 */
#ifndef RESCUE_SAME_LIFE_H
#define RESCUE_SAME_LIFE_H

#include "rescue/heal.h"
#include "rescue/records.h"

enum life { LIFE_UNKNOWN, LIFE_SAME, LIFE_OTHER };

/* When `record` was true, did its number mean this `inode`? */
enum life same_life(const struct healing *healing, const struct name_record *record,
		    const struct ext_inode *inode);

/*
 * Of a name that a living directory has no more: did the inode have more links then than now, or
 * is the name the old one of a file that was renamed? True when it cannot be told.
 */
bool had_more_links(const struct healing *healing, const struct name_record *record,
		    const struct ext_inode *inode);

#endif
