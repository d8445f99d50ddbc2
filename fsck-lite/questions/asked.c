/* SPDX-License-Identifier: MIT */
/* Looks up what was found, and takes codes from it. */
#include "config.h"

#include <stdlib.h>

#include "questions/asked.h"

void questions_unask(const struct questions *questions, enum ext_problem problem, uint32_t code)
{
	findings_unask(questions->findings, problem, code);
}

void questions_unask_codes(const struct questions *questions, uint64_t at, enum ext_problem problem,
			   uint32_t least)
{
	const char *codes = ext_problem_text(problem)->e2fsck;

	while (*codes) {
		char *end;
		const unsigned long code = strtoul(codes, &end, 16);

		if (code >= least && at != 0)
			findings_unask_one(questions->findings, at, (uint32_t)code);
		else if (code >= least)
			findings_unask(questions->findings, problem, (uint32_t)code);
		for (codes = end; *codes == ' ';)
			codes++;
	}
}

bool questions_have(const struct questions *questions, enum ext_problem problem)
{
	return findings_count(questions->findings, problem) > 0;
}

bool questions_next(const struct questions *questions, enum ext_problem problem, uint64_t *at,
		    struct ext_finding *finding)
{
	return (*at & UINT32_MAX) < QUESTIONS_LOOKED_AT &&
	       findings_next(questions->findings, at, finding) && finding->problem == problem;
}

bool questions_have_inode(const struct questions *questions, enum ext_problem problem, ext_ino ino)
{
	struct ext_finding finding;

	for (uint64_t at = findings_begin(problem);
	     questions_next(questions, problem, &at, &finding);)
		if (finding.place.inode == ino)
			return true;
	return false;
}

bool questions_have_group(const struct questions *questions, enum ext_problem problem,
			  ext_group group)
{
	struct ext_finding finding;

	for (uint64_t at = findings_begin(problem);
	     questions_next(questions, problem, &at, &finding);)
		if (finding.place.group == group)
			return true;
	return false;
}

bool questions_have_any(const struct questions *questions, const enum ext_problem *problems,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (questions_have(questions, problems[i]))
			return true;
	return false;
}

bool questions_have_place_out_of_range(const struct questions *questions)
{
	static const enum ext_problem places[] = {EXT_GROUP_BLOCK_BITMAP_RANGE,
						  EXT_GROUP_INODE_BITMAP_RANGE,
						  EXT_GROUP_INODE_TABLE_RANGE};

	return questions_have_any(questions, places, sizeof places / sizeof *places);
}

bool questions_hide_group(const struct questions *questions, ext_group group)
{
	struct ext_finding finding;

	for (uint64_t at = findings_begin(EXT_GROUP_ITABLE_UNUSED);
	     questions_next(questions, EXT_GROUP_ITABLE_UNUSED, &at, &finding);)
		if (finding.place.group == group &&
		    finding.found > questions->survey->superblock->inodes_per_group)
			return true;
	return false;
}

bool questions_have_no_journal(const struct questions *questions)
{
	static const enum ext_problem problems[] = {EXT_JOURNAL_INODE, EXT_JOURNAL_HOLE};
	struct ext_finding finding;

	/* The first code is that of a journal which e2fsck drops. */
	for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
		for (uint64_t at = findings_begin(problems[i]);
		     questions_next(questions, problems[i], &at, &finding);)
			if (ext_finding_asks(&finding, 0))
				return true;
	return false;
}

bool questions_have_no_root(const struct questions *questions)
{
	return questions_have(questions, EXT_ROOT_MISSING) ||
	       questions_have(questions, EXT_ROOT_NOT_DIRECTORY);
}
