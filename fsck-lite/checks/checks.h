/* SPDX-License-Identifier: MIT */
/*
 * What `check` looks at beyond the survey, one family of invariants a file. Families that need
 * every inode, block run or entry ride on the survey's passes as its observer; the others run
 * before or after it. Findings are all that comes out.
 */
#ifndef CHECKS_CHECKS_H
#define CHECKS_CHECKS_H

#include "accounting/survey.h"
#include "checks/inode_cache.h"
#include "image.h"

/* What was seen of the resize inode's lists. One thread sees them all. */
struct resize_lists {
	ext_group *copies; /* other groups with a superblock; NULL: not known yet */
	uint32_t copy_count;
	uint32_t right_in_quarter, right_behind; /* lists that are as they must be */
	bool is_unread;				 /* part of them cannot be read */
};

/* What the families keep between passes. Each owns its part, behind a pointer. */
struct checks {
	struct survey_observer observer; /* first: what the survey calls */
	const struct opened_image *image;
	const struct ext_filesystem *filesystem;
	const struct ext_superblock *superblock;
	/* The primary table, where no copy took its place and some of it had to be made up. */
	struct ext_filesystem *judged;
	struct ext_sink *sink; /* thread-safe */
	struct lock lock;
	ext_group wiped_groups; /* descriptors of the primary table that are zeros */
	bool is_published;	/* --profile=image: leftovers count, too */
	/* Something was not judged for want of memory: what was found is not all there is. */
	_Atomic bool out_of_memory;

	struct xattr_checks
		*xattrs; /* checks/xattrs.c: shared attribute blocks, values in inodes */
	struct directory_checks *directories; /* checks/directories.c, checks/htree.c */
	struct quota_checks *quotas;	      /* checks/quotas.c: usage by owner */
	struct resize_lists resize;	      /* checks/resize.c */
	struct inode_cache inode_cache;	      /* checks/inode_cache.c; has a lock of its own */
};

/* Sets up all families; `image` and `sink` are borrowed. False when there is no memory. */
bool checks_init(struct checks *checks, const struct opened_image *image, struct ext_sink *sink);
void checks_clear(struct checks *checks);

/* Memory for a look at something, to be freed; NULL when there is none, which is remembered. */
void *checks_memory(struct checks *checks, size_t size);

/* Before the survey: what follows from superblock and descriptors alone. */
void checks_before(struct checks *checks);

/* After the survey: what needs the whole. */
void checks_after(struct checks *checks, struct survey *survey);

/* The families. Each reports through the sink that it is given. */

/* checks/superblock.c: geometry, features, times, reserved fields, journal and quota pointers. */
void check_superblock(struct checks *checks);
/* checks/source.c: what is read instead of the primary superblock and table, and why. */
void check_source(struct checks *checks);
/* The same file: what would be held against a superblock that had to be made up. */
void checks_ignore_made_up(bool ignored[EXT_PROBLEM_COUNT]);
/* checks/mmp.c: the block against multiple mounts. */
void check_mmp(struct checks *checks);
/* checks/orphans.c: the features of the orphan file. */
void check_orphan_file(struct checks *checks);
/* checks/resize.c: the resize inode, whose tree blocks the survey has shown. */
void see_resize_block(struct checks *checks, const struct ext_run *run, struct ext_span block);
void check_resize_inode(struct checks *checks);
/* checks/groups.c: flags and counts of descriptors. */
void check_groups(struct checks *checks);
/* The same file: where one descriptor of another table points. */
void check_group_places(const struct checks *checks, ext_group group,
			const struct ext_group_descriptor *descriptor);
/* checks/inodes.c: mode, flags, size, blocks, times, special inodes. True: a symlink whose target,
 * in its first block, is yet to be looked at. */
bool check_inode(struct checks *checks, const struct survey *survey, const struct ext_inode *inode,
		 const uint8_t *raw, const struct inode_facts *facts, struct ext_sink *sink);
/* checks/present.c: what of a file the image holds no more. */
void check_run_present(const struct survey *survey, const struct ext_inode *inode,
		       const struct ext_run *run, struct ext_sink *sink);
/* checks/published.c: leftovers, and what differs from build to build; after the survey. */
void check_published(struct checks *checks, const struct survey *survey);
/* checks/links.c: link counts and names, after the survey. */
void check_links(struct checks *checks, struct survey *survey);

#endif
