/* SPDX-License-Identifier: MIT */
/*
 * Claiming blocks for owners, from several threads: each gathers runs in a buffer of its own and
 * hands them over in one go. Blocks become clusters here, and nowhere else.
 */
#ifndef ACCOUNTING_CLAIMS_H
#define ACCOUNTING_CLAIMS_H

#include "accounting/survey.h"

struct claim {
	uint64_t cluster;
	uint32_t count;
	uint8_t owner;
	bool is_xattr;	 /* may be claimed again by others */
	bool may_repeat; /* no fault when somebody has it already */
};

enum { CLAIMS = 512 };

struct claims {
	struct survey *survey;
	unsigned count;
	uint64_t last_cluster; /* of the inode at work: the end of one run may be the start of the
				  next */
	bool has_last;
	struct claim items[CLAIMS];
};

/* Starts on another inode: clusters are no longer expected to go on. */
static inline void claims_begin(struct claims *claims)
{
	claims->has_last = false;
}

void claims_add(struct claims *claims, ext_block block, uint32_t length, enum owner owner);

/* A block of attributes, which several inodes may share; or one that may have an owner already. */
void claims_add_xattr(struct claims *claims, ext_block block, enum owner owner);
void claims_add_quietly(struct claims *claims, ext_block block, uint32_t length, enum owner owner);

/* Hands over what has been gathered; takes the survey's lock. */
void claims_flush(struct claims *claims);

/* The blocks of `count` clusters from `cluster` on: the last one of the filesystem may be cut. */
uint64_t claims_blocks(const struct survey *survey, uint64_t cluster, uint64_t count);

/*
 * Claims everything whose place follows from superblock and descriptors; single-threaded. Two
 * structures in one place are reported to `sink`.
 */
void claims_of_layout(struct survey *survey, struct ext_sink *sink);

#endif
