/* SPDX-License-Identifier: MIT */
/* The block for multiple mount protection: who has the filesystem open. */
#ifndef EXT_MMP_H
#define EXT_MMP_H

#include <ext/superblock.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EXT_MMP_MAGIC UINT32_C(0x004d4d50)
#define EXT_MMP_CLEAN UINT32_C(0xff4d4d50) /* nobody has it open */
#define EXT_MMP_FSCK UINT32_C(0xe24d4d50)  /* a check has */

struct ext_mmp {
	uint32_t magic, sequence;
	int64_t time;	    /* of the last update, seconds since 1970 */
	char node_name[65]; /* terminated here */
	char device_name[33];
	uint32_t check_interval; /* seconds */
	uint32_t checksum_stored, checksum_computed;
	enum ext_checksum_state checksum;
};

/* Decodes the block's first 1024 bytes, which must be there. The magic is for the caller to judge.
 */
void ext_mmp_decode(const struct ext_superblock *superblock, struct ext_span block,
		    struct ext_mmp *mmp);

#ifdef __cplusplus
}
#endif

#endif
