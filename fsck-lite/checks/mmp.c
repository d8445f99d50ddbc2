/* SPDX-License-Identifier: MIT */
/*
 * The block that keeps two machines from mounting one filesystem. Invariants: it lies in the
 * filesystem, begins as one, has its checksum; and nobody else claims to have the filesystem open.
 * Doc: ext4/mmp.rst.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/mmp.h>

#include "checks/checks.h"
#include "checks/report.h"

static void report(const struct checks *checks, enum ext_problem problem, const char *field,
		   uint64_t found, uint64_t expected, const char *name)
{
	struct ext_finding finding = {.problem = problem,
				      .place = {.structure = EXT_AT_MMP,
						.has = EXT_HAS_BLOCK,
						.block = checks->superblock->mmp_block,
						.field = field},
				      .found = found,
				      .low = expected,
				      .high = expected};
	const size_t length = name ? strlen(name) : 0;

	if (length > 0) {
		memcpy(finding.name, name, length);
		finding.name_length = (uint8_t)length;
	}
	ext_report(checks->sink, &finding);
}

static void check_block(const struct checks *checks, const struct ext_mmp *mmp)
{
	if (mmp->magic != EXT_MMP_MAGIC) {
		report(checks, EXT_MMP_MAGIC_WRONG, "mmp_magic", mmp->magic, EXT_MMP_MAGIC, NULL);
		return;
	}
	if (mmp->checksum == EXT_CHECKSUM_BAD)
		report(checks, EXT_MMP_CHECKSUM, "mmp_checksum", mmp->checksum_stored,
		       mmp->checksum_computed, NULL);
	if (mmp->sequence != EXT_MMP_CLEAN)
		report(checks, EXT_MMP_IN_USE, "mmp_seq", mmp->sequence, EXT_MMP_CLEAN,
		       mmp->node_name[0] ? mmp->node_name : "(no name)");
}

void check_mmp(struct checks *checks)
{
	const struct ext_superblock *sb = checks->superblock;
	uint8_t *block;
	struct ext_mmp mmp;

	if (!ext_has_incompat(sb, EXT_INCOMPAT_MMP))
		return;
	if (sb->mmp_block <= sb->first_data_block || sb->mmp_block >= sb->block_count) {
		report_superblock(checks->sink, EXT_MMP_BLOCK_RANGE, "s_mmp_block", sb->mmp_block,
				  (uint64_t)sb->first_data_block + 1, sb->block_count - 1);
		return;
	}
	block = checks_memory(checks, sb->block_size);
	if (block && ext_filesystem_read_blocks(checks->filesystem, sb->mmp_block, 1, block,
						NULL) == EXT_OK) {
		ext_mmp_decode(sb, (struct ext_span){block, sb->block_size}, &mmp);
		check_block(checks, &mmp);
	}
	free(block);
}
