/* SPDX-License-Identifier: MIT */
/* One inode under inspection: what the checks of single inodes hand to each other. */
#ifndef CHECKS_INSPECTION_H
#define CHECKS_INSPECTION_H

#include "checks/checks.h"
#include "checks/report.h"
#include "checks/xattr_shares.h"

struct inspection {
	struct checks *checks;
	const struct survey *survey;
	const struct ext_superblock *superblock;
	const struct ext_inode *inode;
	const uint8_t *raw; /* inode_size bytes */
	const struct inode_facts *facts;
	struct ext_sink *sink;
	struct ext_inode_leftovers leftovers;

	/* What values of attributes in inodes of their own add. */
	struct value_share values;
};

static inline void inspection_report(const struct inspection *inspection, enum ext_problem problem,
				     const char *field, uint64_t found, uint64_t low, uint64_t high)
{
	report_inode(inspection->sink, problem, inspection->inode->number, field, found, low, high);
}

/* checks/inode_flags.c: flags against features, types and what is in i_block. */
void inspect_flags(const struct inspection *inspection);
/* checks/inode_type.c: what each file type may keep in the inode. True: a symlink whose target is
 * in a block. */
bool inspect_type(const struct inspection *inspection);
/* checks/inode_space.c: size, count of blocks, shape of the map. */
void inspect_space(const struct inspection *inspection);
/* checks/special_inodes.c: inodes with a number of their own. False: nothing else is to be asked.
 */
bool inspect_special(const struct inspection *inspection);
/* checks/xattrs.c: attributes in the inode and in its block; counts what values add. */
void inspect_xattrs(struct inspection *inspection);
/* checks/quotas.c: the inode's share of its owners' quota. */
void inspect_quota(const struct inspection *inspection);

/* The size with its high half, whatever the type. */
static inline uint64_t inspection_size(const struct inspection *inspection)
{
	return (inspection->inode->size & UINT32_MAX) | (uint64_t)inspection->leftovers.size_high
								<< 32;
}

/* The clusters that the inode is charged with. */
static inline uint64_t inspection_clusters(const struct inspection *inspection)
{
	const struct ext_superblock *sb = inspection->superblock;
	const ext_block block = inspection->inode->xattr_block;
	const bool has_block = block >= sb->first_data_block && block != 0 &&
			       block < sb->block_count && ext_has_compat(sb, EXT_COMPAT_EXT_ATTR);

	return inspection->facts->clusters + has_block + inspection->values.clusters;
}

/* Word `index` of i_block. */
static inline uint32_t inspection_word(const struct inspection *inspection, unsigned index)
{
	const uint8_t *bytes = inspection->inode->i_block + (size_t)index * 4;

	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* Does i_block begin like the root of a tree of extents? */
bool inspection_has_extent_root(const struct inspection *inspection);
/* The inline data of the inode: how many bytes there is room for, or false without. */
bool inspection_inline_size(const struct inspection *inspection, uint64_t *size);

#endif
