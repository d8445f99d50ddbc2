/* SPDX-License-Identifier: MIT */
/*
 * Claiming blocks for owners, from several threads: each gathers runs in a buffer of its own and
 * hands them over in one go. Blocks become clusters here, and nowhere else.
 */
#ifndef ACCOUNTING_CLAIMS_H
#define ACCOUNTING_CLAIMS_H

#include <ext/mapping.h>

#include "accounting/survey.h"

enum claim_ways {
	CLAIM_XATTR = 1,      /* may be claimed again by others */
	CLAIM_MAY_REPEAT = 2, /* no fault when somebody has it already */
};

struct claim {
	uint64_t cluster;
	uint64_t
		scattered; /* not 0: these of the 64 clusters from `cluster` on, a multiple of 64 */
	uint32_t count;	   /* otherwise: so many from `cluster` on */
	uint8_t owner;
	uint8_t ways;
};

/* Where the data of an inode ended so far, on disk and in the file. */
struct last_cluster {
	uint64_t physical, logical;
};

static const struct last_cluster no_cluster = {UINT64_MAX, UINT64_MAX};

enum { CLAIMS = 512 };

struct claims {
	struct survey *survey;
	unsigned count;
	struct claim items[CLAIMS];
};

/*
 * The clusters that a run adds to those of the same inode before: `last_cluster` (no_cluster at the
 * start) carries over from run to run. False when it adds none.
 */
bool claims_clusters(const struct ext_superblock *superblock, const struct ext_run *run,
		     struct last_cluster *last_cluster, uint64_t *first, uint64_t *last);

/* Claims clusters; `may_repeat`: no fault when somebody has them already. */
void claims_add(struct claims *claims, uint64_t cluster, uint32_t count, enum owner owner,
		bool may_repeat);

/* A block of attributes, which several inodes may share. */
void claims_add_xattr(struct claims *claims, ext_block block, enum owner owner);

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
