/* SPDX-License-Identifier: MIT */
/*
 * The block for multiple mount protection, decoded. What its sequence means is left to callers.
 * Doc: ext4/mmp.rst.
 */
#include "config.h"

#include <string.h>

#include <ext/mmp.h>

#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "structure/checksum.h"

void ext_mmp_decode(const struct ext_superblock *sb, struct ext_span block, struct ext_mmp *mmp)
{
	const struct ext_raw_mmp *raw = (const struct ext_raw_mmp *)(const void *)block.data;

	memset(mmp, 0, sizeof *mmp);
	mmp->magic = get(raw->mmp_magic);
	mmp->sequence = get(raw->mmp_seq);
	mmp->time = (int64_t)get(raw->mmp_time);
	memcpy(mmp->node_name, raw->mmp_nodename, sizeof raw->mmp_nodename);
	memcpy(mmp->device_name, raw->mmp_bdevname, sizeof raw->mmp_bdevname);
	mmp->check_interval = get(raw->mmp_check_interval);
	if (!sb->has_metadata_csum)
		return;
	mmp->checksum_stored = get(raw->mmp_checksum);
	mmp->checksum_computed =
		crc32c(sb->checksum_seed, raw, offsetof(struct ext_raw_mmp, mmp_checksum));
	mmp->checksum = checksum_state(mmp->checksum_stored == mmp->checksum_computed);
}
