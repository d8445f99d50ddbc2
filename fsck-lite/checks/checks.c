/* SPDX-License-Identifier: MIT */
/* The families of checks, called in their order. */
#include "config.h"

#include <string.h>

#include "checks/checks.h"
#include "checks/quotas.h"
#include "checks/xattr_shares.h"

static void see_inode(struct survey_observer *observer, const struct survey *survey,
		      const struct ext_inode *inode, const uint8_t *raw,
		      const struct inode_facts *facts, struct ext_sink *sink)
{
	check_inode((struct checks *)(void *)observer, survey, inode, raw, facts, sink);
}

bool checks_init(struct checks *checks, const struct opened_image *image, struct ext_sink *sink)
{
	memset(checks, 0, sizeof *checks);
	checks->image = image;
	checks->filesystem = image->filesystem;
	checks->superblock = image->superblock;
	checks->sink = sink;
	checks->observer.inode = see_inode;
	lock_init(&checks->lock);
	return xattr_shares_init(checks) && quotas_init(checks);
}

void checks_clear(struct checks *checks)
{
	if (checks->filesystem)
		lock_clear(&checks->lock);
	ext_filesystem_close(checks->judged);
	xattr_shares_clear(checks);
	quotas_clear(checks);
	memset(checks, 0, sizeof *checks);
}

void checks_before(struct checks *checks)
{
	check_superblock(checks);
	check_groups(checks);
}

void checks_after(struct checks *checks, struct survey *survey)
{
	check_links(checks, survey);
	check_xattr_shares(checks, survey);
	check_quotas(checks);
}
