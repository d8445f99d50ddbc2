/* SPDX-License-Identifier: MIT */
/*
 * What e2fsck asks of one fault depends on the others. With -n some faults make it stop in the
 * middle (stops.c): what comes later it asks only in a repair, which has mended what came before,
 * and what follows from the answer "no" it never asks. Here the codes of the rows are held against
 * all findings; what is wrong, and how badly, is not touched.
 */
#include "config.h"

#include "questions/families.h"
#include "questions/questions.h"
#include "questions/stops.h"

void weigh_questions(struct findings *findings, const struct checks *checks,
		     const struct survey *survey)
{
	struct questions questions = {.findings = findings,
				      .checks = checks,
				      .survey = survey,
				      .has_copy = checks->image->replaced_groups >
						  checks->image->rebuilt_groups};

	questions.stop = questions_stop(&questions);
	weigh_descriptors(&questions);
	weigh_counts(&questions);
	weigh_space(&questions);
	weigh_group_counts(&questions);
	weigh_names(&questions);
	weigh_bad_inodes(&questions);
	weigh_indexes(&questions);
	weigh_checksums(&questions);
	weigh_repaired_first(&questions);
	weigh_cleared(&questions);
	weigh_reserved(&questions);
	weigh_answers(&questions);
	weigh_cut_short(&questions);
	weigh_journal(&questions);
	if (survey->directory_count == 0)
		questions_unask(&questions, EXT_ROOT_MISSING, 0x020003);
}
