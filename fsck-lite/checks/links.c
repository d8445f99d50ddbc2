/* SPDX-License-Identifier: MIT */
/*
 * Names against links, once all entries have been seen: link counts, and inodes in use that nothing
 * names. Where a whole tree is lost, only its top is reported: the rest hangs below it.
 */
#include "config.h"

#include "checks/checks.h"

enum { COUNTED_MAX = 65000 };

/* Directories beyond 65000 entries keep a count of 1, "unknown"; those without an index never get
 * there. */
static bool count_is_unknown(const struct ext_superblock *sb, const struct ext_inode *inode)
{
	return inode->type == EXT_TYPE_DIRECTORY && inode->links == 1 &&
	       (inode->flags & EXT_INODE_INDEX) != 0 && ext_has_ro_compat(sb, EXT_RO_DIR_NLINK);
}

static void report(struct checks *checks, enum ext_problem problem, ext_ino ino, uint64_t found,
		   uint64_t low)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_INODE,
			  .has = EXT_HAS_INODE,
			  .inode = ino,
			  .field = problem == EXT_LINK_COUNT_WRONG ? "i_links_count" : NULL},
		.found = found,
		.low = low,
		.high = low};

	ext_report(checks->sink, &finding);
}

/* An inode without a name, or whose links are not all accounted for. */
static void check_odd(struct checks *checks, const struct survey *survey, ext_ino ino,
		      uint8_t state)
{
	const struct directory *directory = NULL;
	struct ext_inode inode;
	uint64_t names;

	if ((state & STATE_TYPE) == EXT_TYPE_DIRECTORY)
		directory = survey_directory(survey, ino);
	if (ext_inode_read(survey->filesystem, ino, &inode, NULL, NULL) != EXT_OK)
		return;
	names = inode_states_names(&survey->inodes, ino, inode.links);
	if (!(state & STATE_NAMED) && !directory && ino != EXT_INO_ROOT) {
		/* Without names there is nothing to hold the count against. */
		report(checks,
		       inode.type == EXT_TYPE_REGULAR && inode.sectors == 0 && inode.size == 0
			       ? EXT_INODE_LOST_EMPTY
			       : EXT_INODE_LOST,
		       ino, inode.links, 0);
		return;
	}
	if (inode.type == EXT_TYPE_DIRECTORY && names > COUNTED_MAX) {
		if (!ext_has_ro_compat(survey->superblock, EXT_RO_DIR_NLINK))
			report(checks, EXT_LINK_COUNT_FEATURE, ino, names, COUNTED_MAX);
		if (inode.links != 1)
			report(checks, EXT_LINK_COUNT_WRONG, ino, inode.links, 1);
		return;
	}
	/* The missing names may stand where nothing could be read. */
	if (names < inode.links &&
	    (survey->directory_blocks_unreadable > 0 || survey->directory_maps_unread > 0 ||
	     survey->inodes_unreadable > 0))
		return;
	if (names == inode.links)
		return;
	if (!count_is_unknown(survey->superblock, &inode))
		report(checks, EXT_LINK_COUNT_WRONG, ino, inode.links, names);
	else if (directory && names > 1)
		report(checks, EXT_LINK_COUNT_OVERFLOW, ino, inode.links, names);
}

void check_links(struct checks *checks, struct survey *survey)
{
	struct inode_states *const inodes = &survey->inodes;

	inode_states_sort_crossed(inodes);
	if (inodes->crossed_lost)
		checks->out_of_memory = true;
	/* Names can be 65536 too many to a unit. */
	for (size_t i = 0; i < inodes->crossed_count; i++)
		if ((i == 0 || inodes->crossed[i] != inodes->crossed[i - 1]) &&
		    inode_states_links_left(inodes, inodes->crossed[i]) == 0 &&
		    !(inode_states_get(inodes, inodes->crossed[i]) & (STATE_ORPHAN | STATE_SYSTEM)))
			check_odd(checks, survey, inodes->crossed[i],
				  inode_states_get(inodes, inodes->crossed[i]));
	for (ext_ino ino = 0; (ino = inode_states_next_odd(&survey->inodes, ino + 1)) != 0;)
		check_odd(checks, survey, ino, inode_states_get(&survey->inodes, ino));
}
