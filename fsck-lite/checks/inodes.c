/* SPDX-License-Identifier: MIT */
/* One inode: what its own bytes and its map say about each other. */
#include "config.h"

#include "checks/checks.h"

void check_inode(struct checks *checks, const struct survey *survey, const struct ext_inode *inode,
		 const uint8_t *raw, const struct inode_facts *facts, struct ext_sink *sink)
{
	(void)checks;
	(void)survey;
	(void)inode;
	(void)raw;
	(void)facts;
	(void)sink;
}
