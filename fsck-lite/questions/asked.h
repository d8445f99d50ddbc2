/* SPDX-License-Identifier: MIT */
/* The findings as evidence for one another: how they are asked for, and weighed. */
#ifndef QUESTIONS_ASKED_H
#define QUESTIONS_ASKED_H

#include "accounting/findings.h"
#include "checks/checks.h"

/* Where e2fsck -n stops; later passes are greater. */
enum stop {
	STOPS_AT_SUPERBLOCK, /* a repair stops there, too */
	STOPS_AT_JOURNAL,
	STOPS_IN_PASS_1,
	STOPS_IN_PASS_1B,
	STOPS_IN_PASS_2,
	STOPS_IN_PASS_3,
	STOPS_IN_PASS_4,
	STOPS_NOWHERE,
};

/* So many findings of a problem are held against others, at most: each against each takes time. */
enum { QUESTIONS_LOOKED_AT = 1000 };

struct questions {
	struct findings *findings;
	const struct checks *checks;
	const struct survey *survey;
	bool has_copy; /* of the descriptors, which e2fsck reads through as well */
	enum stop stop;
};

/* Goes over the first findings of one problem: true while `finding` is the next of them. `at`
 * begins as findings_begin has it. */
bool questions_next(const struct questions *questions, enum ext_problem problem, uint64_t *at,
		    struct ext_finding *finding);

/* `code` is not asked of any finding of `problem`. */
void questions_unask(const struct questions *questions, enum ext_problem problem, uint32_t code);

/* All codes of the row from `least` on are not asked, of the finding at `at` or (0) of any. */
void questions_unask_codes(const struct questions *questions, uint64_t at, enum ext_problem problem,
			   uint32_t least);

/* Is there a finding of `problem`; of one of these; at this inode; in this group? */
bool questions_have(const struct questions *questions, enum ext_problem problem);
bool questions_have_any(const struct questions *questions, const enum ext_problem *problems,
			size_t count);
bool questions_have_inode(const struct questions *questions, enum ext_problem problem, ext_ino ino);
bool questions_have_group(const struct questions *questions, enum ext_problem problem,
			  ext_group group);

/* Does a descriptor point out of the filesystem, or out of its group where it must not? */
bool questions_have_place_out_of_range(const struct questions *questions);
/* More inodes of this group are said to be never used than it has: e2fsck -n reads none of them. */
bool questions_hide_group(const struct questions *questions, ext_group group);
/* A journal that e2fsck drops, and makes anew. */
bool questions_have_no_journal(const struct questions *questions);
/* A root that e2fsck makes anew, or would. */
bool questions_have_no_root(const struct questions *questions);

#endif
