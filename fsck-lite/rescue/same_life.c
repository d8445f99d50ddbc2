/* SPDX-License-Identifier: MIT */
/* A file's life begins with its creation time and ends with a change of generation. */
#include "config.h"

#include <stdlib.h>

#include "rescue/same_life.h"

/* The newest version of `ino` from transaction `most` or before it. */
static bool version_at(const struct healing *healing, ext_ino ino, uint32_t most,
		       struct ext_inode *inode)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(healing->filesystem);
	uint8_t *buffer = NULL;
	uint32_t first, count;
	uint64_t offset;
	bool found = false;

	if (ext_inode_offset(healing->filesystem, ino, &offset, NULL) != EXT_OK)
		return false;
	ext_journal_history_find(healing->history, offset >> sb->block_size_log2, &first, &count);
	while (count-- > 0 && !found) {
		struct ext_journal_version version;
		const uint8_t *raw;

		ext_journal_history_version(healing->history, first + count, &version);
		if (version.transaction > most || version.confidence == EXT_CONFIDENCE_DOUBTFUL)
			continue;
		if (!buffer && !(buffer = malloc(sb->block_size)))
			break;
		if (ext_journal_history_read(healing->history, first + count, buffer, NULL) !=
		    EXT_OK)
			continue;
		raw = buffer + (offset & (sb->block_size - 1));
		ext_inode_decode(sb, ino, raw, inode);
		found = ext_inode_checksum(sb, ino, raw, NULL, NULL) != EXT_CHECKSUM_BAD;
	}
	free(buffer);
	return found;
}

static bool is_after(const struct ext_time *time, const struct ext_time *other)
{
	return time->seconds != other->seconds ? time->seconds > other->seconds
					       : time->nanoseconds > other->nanoseconds;
}

static enum life compare_times(const struct ext_time *born, const struct ext_time *then)
{
	return is_after(born, then) ? LIFE_OTHER : LIFE_SAME;
}

static bool knows_birth(const struct ext_inode *inode)
{
	return inode->has_crtime && inode->crtime.seconds != 0;
}

/* A directory's blocks stay as they were when it was deleted. */
static enum life since_deletion(const struct healing *healing, ext_ino directory,
				const struct ext_inode *inode)
{
	struct ext_inode parent;
	struct ext_time then = {.nanoseconds = UINT32_MAX};

	if (!knows_birth(inode) || directory == 0 ||
	    ext_inode_read(healing->filesystem, directory, &parent, NULL, NULL) != EXT_OK ||
	    parent.type != EXT_TYPE_DIRECTORY || parent.links != 0 || parent.dtime == 0)
		return LIFE_UNKNOWN;
	then.seconds = parent.dtime;
	return compare_times(&inode->crtime, &then);
}

/*
 * The remains of an entry in a living directory. It was removed before the directory changed last,
 * and made after the directory was. Whoever removes a link changes the inode but not its content,
 * and the directory in the same moment; one that got the number later was written last of all.
 */
static enum life since_removal(const struct healing *healing, ext_ino directory,
			       const struct ext_inode *inode)
{
	struct ext_inode parent;

	if (directory == 0 ||
	    ext_inode_read(healing->filesystem, directory, &parent, NULL, NULL) != EXT_OK ||
	    parent.type != EXT_TYPE_DIRECTORY || parent.links == 0)
		return LIFE_UNKNOWN;
	if (knows_birth(inode) && is_after(&inode->crtime, &parent.ctime))
		return LIFE_OTHER;
	if (knows_birth(inode) && knows_birth(&parent) && is_after(&parent.crtime, &inode->crtime))
		return LIFE_SAME;
	return is_after(&inode->ctime, &inode->mtime) && !is_after(&inode->ctime, &parent.mtime)
		       ? LIFE_SAME
		       : LIFE_UNKNOWN;
}

enum life same_life(const struct healing *healing, const struct name_record *record,
		    const struct ext_inode *inode)
{
	struct ext_journal_transaction transaction;
	struct ext_inode then;
	uint32_t index;

	if (records_is_now(record))
		return LIFE_SAME;
	if (records_is_stray(record))
		return LIFE_UNKNOWN;
	if (records_is_slack(record))
		return since_removal(healing, record->parent, inode);
	if (!records_transaction(record, &index))
		return since_deletion(healing, record->parent, inode);
	if (version_at(healing, inode->number, index, &then) && then.links > 0)
		return then.generation == inode->generation ? LIFE_SAME : LIFE_OTHER;
	ext_journal_history_transaction(healing->history, index, &transaction);
	if (!knows_birth(inode) || transaction.time.seconds == 0)
		return LIFE_UNKNOWN;
	return compare_times(&inode->crtime, &transaction.time);
}

bool had_more_links(const struct healing *healing, const struct name_record *record,
		    const struct ext_inode *inode)
{
	struct ext_inode then;
	uint32_t index;

	return !records_transaction(record, &index) ||
	       !version_at(healing, inode->number, index, &then) || then.links > inode->links;
}
