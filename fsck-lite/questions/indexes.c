/* SPDX-License-Identifier: MIT */
/* What e2fsck asks of the indexes of directories. */
#include "config.h"

#include "questions/families.h"

/* An index whose root does not hold is dropped, and with it what else is wrong in it. */
void weigh_indexes(const struct questions *questions)
{
	static const enum ext_problem below[] = {
		EXT_HTREE_LIMIT,       EXT_HTREE_COUNT,
		EXT_HTREE_ORDER,       EXT_HTREE_NODE,
		EXT_HTREE_BLOCK_RANGE, EXT_HTREE_LEAF_MISSING,
		EXT_HTREE_BLOCK_TWICE, EXT_HTREE_BLOCK_UNREFERENCED,
		EXT_HTREE_HASH_LOW,    EXT_HTREE_HASH_HIGH};
	struct ext_finding finding;

	if (questions->stop > STOPS_IN_PASS_2)
		return;
	for (size_t i = 0; i < sizeof below / sizeof *below; i++)
		for (uint64_t at = findings_begin(below[i]);
		     questions_next(questions, below[i], &at, &finding);)
			if (questions_have_inode(questions, EXT_HTREE_ROOT_CHECKSUM,
						 finding.place.inode) ||
			    (below[i] == EXT_HTREE_LIMIT && finding.place.logical == 0 &&
			     questions->survey->superblock->has_metadata_csum))
				for (uint32_t code = 0x020034; code <= 0x020040; code++)
					findings_unask_one(questions->findings, at, code);
}
