/* SPDX-License-Identifier: MIT */
/*
 * What the root reaches. Each directory knows the one that names it; a directory is reached if the
 * way up ends at the root. When all are, so is every inode with a name. Only when some are not, the
 * entries of the reached ones are read again, to tell whom they name.
 */
#include "config.h"

#include "accounting/scan.h"

/*
 * Climbs from a directory until something is known, then writes the answer on the way it came.
 * Loops are found by meeting a directory that is itself pending.
 */
static uint8_t climb(struct survey *survey, struct directory *from)
{
	struct directory *at = from;
	uint8_t answer;

	for (;;) {
		struct directory *parent;

		if (at->reach == REACH_PENDING) {
			const struct ext_finding finding = {.problem = EXT_DIRECTORY_LOOP,
							    .place = {.structure = EXT_AT_INODE,
								      .has = EXT_HAS_INODE,
								      .inode = at->ino}};

			ext_report(survey->options.sink, &finding);
			/* Cut here, so that nobody who follows parents goes round. */
			at->parent = 0;
			at->is_loop = 1;
			answer = REACH_LOST;
			break;
		}
		if (at->reach != REACH_UNKNOWN) {
			answer = at->reach;
			break;
		}
		at->reach = REACH_PENDING;
		parent = at->parent ? survey_directory(survey, at->parent) : NULL;
		if (!parent) {
			answer = REACH_LOST;
			break;
		}
		at = parent;
	}
	for (at = from; at && at->reach == REACH_PENDING;) {
		at->reach = answer;
		at = at->parent ? survey_directory(survey, at->parent) : NULL;
	}
	return answer;
}

static bool is_reached(const struct directory *directory)
{
	return directory->reach == REACH_ROOT;
}

static void mark_reached(void *context, const struct entry_place *place,
			 const struct ext_dirent *entry)
{
	struct survey *survey = context;

	(void)place;
	inode_states_mark(&survey->inodes, entry->inode, STATE_REACHED);
}

/* A directory that only a lost one's entry in a loop names is no more reached than the loop. */
static enum ext_status mark_all(struct survey *survey, uint64_t lost, struct ext_error *error)
{
	const struct directory_visitor visitor = {is_reached, mark_reached, survey};

	if (lost == 0) {
		/* No directory is lost, so that every name leads to the root. */
		inode_states_reach_named(&survey->inodes);
		return EXT_OK;
	}
	return scan_entries(survey, &visitor, error);
}

enum ext_status scan_reach(struct survey *survey, struct ext_error *error)
{
	struct directory *root = survey_directory(survey, EXT_INO_ROOT);
	uint64_t lost = 0;
	enum ext_status status;

	if (root)
		root->reach = REACH_ROOT;
	for (size_t i = 0; i < survey->directory_count; i++)
		if (climb(survey, &survey->directories[i]) == REACH_LOST)
			lost++;
	status = mark_all(survey, lost, error);
	if (root)
		inode_states_mark(&survey->inodes, EXT_INO_ROOT, STATE_NAMED | STATE_REACHED);
	return status;
}
